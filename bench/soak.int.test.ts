import { beforeAll, expect, test } from 'vitest';
import { buildTree } from './meshds.ts';
import { runSoak } from './soak.ts';

beforeAll(() => buildTree(), 120_000);

const few = { nodes: 4, degree: 2, burners: 1, print: () => undefined };

test('a mesh that is only busy passes', async () => {
  const result = await runSoak({ ...few, minutes: 0.1, signal: new AbortController().signal });
  expect(result.drops).toEqual([]);
});

test('a node that is silent for long enough is reported, with the node that dropped it', async () => {
  const result = await runSoak({
    ...few,
    minutes: 0.15,
    signal: new AbortController().signal,
    onRunning: (cluster) => cluster.signal(2, 'SIGSTOP'),
  });
  expect(result.drops.length).toBeGreaterThan(0);
  expect(result.drops.join('\n')).toContain('dropped n2');
  expect(result.suspicions).toBeGreaterThan(0);
});
