// Nodes whose ifupdown files are as people write them: all cases, one after the other; `npm test` runs the first three.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stanzaCases, proveStanzas } from './bridge-stanzas.ts';
import { openLab } from './lab.ts';

const lab = openLab({ name: 'stanzadrill' });

beforeAll(async () => {
  await lab.down();
  const results = await lab.up({ nodes: stanzaCases.length, router: true });
  expect(results.filter(({ error }) => error !== null)).toEqual([]);
});
afterAll(() => lab.down());

test.each(stanzaCases.map((each, at) => [each.name, each, `node${at + 1}`] as const))(
  '%s: bridged, there after a power cut, and taken away again',
  { timeout: 600_000 },
  async (_name, each, node) => {
    await proveStanzas(lab, node, each);
  },
);
