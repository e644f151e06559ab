// Nodes whose ifupdown files are as people write them, side by side; more of them are drills.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stanzaCases, proveStanzas } from './bridge-stanzas.ts';
import { openLab } from './lab.ts';

const lab = openLab({ name: 'stanzas' });
const cases = stanzaCases.slice(0, 3);

beforeAll(async () => {
  await lab.down();
  const results = await lab.up({ nodes: cases.length, router: true });
  expect(results.filter(({ error }) => error !== null)).toEqual([]);
});
afterAll(() => lab.down());

test.concurrent.each(cases.map((each, at) => [each.name, each, `node${at + 1}`] as const))(
  '%s: bridged, there after a power cut, and taken away again',
  async (_name, each, node) => {
    await proveStanzas(lab, node, each);
  },
);
