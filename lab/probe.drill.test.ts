// 100 probes of a network without faults: none of them finds one.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openLab } from './lab.ts';
import { runProbe, startProbedCluster } from './probed-cluster.ts';

const lab = openLab({ name: 'probes' });
beforeAll(() => startProbedCluster(lab, 4));
afterAll(() => lab.down());

test(
  '100 probes of 20 VLANs without a false alarm',
  async () => {
    const unsteady: unknown[] = [];
    for (let round = 0; round < 100; round += 1) {
      const { result } = await runProbe(lab, ['100-119']);
      expect(result, `probe ${round}`).toMatchObject({ bad: [], causes: [], flooded: [], unshielded: [] });
      expect(result.nodes.every(({ state }) => state === 'ok')).toBe(true);
      unsteady.push(...result.unsteady);
    }
    console.log(`paths that were tested twice: ${JSON.stringify(unsteady)}`);
  },
  60 * 60_000,
);
