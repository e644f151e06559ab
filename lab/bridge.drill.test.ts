// All drills of the bridge's transaction, with a window of 30 s, and one with the real 120 s. `npm run drills`.
import { afterAll, beforeEach, expect, test } from 'vitest';
import { drills, type Drill, type Stage } from './bridge-drills.ts';
import { waitForState } from './bridge.ts';
import { openLab } from './lab.ts';
import { freshStage, runDrill } from './run-drill.ts';

const lab = openLab({ name: 'drills' });
let stage: Stage | null = null;

const realWindow: Drill = {
  name: 'the real window of 120 s',
  end: 'rolled-back',
  async run({ tryOut }) {
    const trial = await tryOut({ times: { settle: 3, inside: 20, window: 120, cap: 600 } });
    const { leftMs } = await trial.tx.readStatus();
    expect(leftMs).toBeGreaterThan(60_000);
    const startedAt = performance.now();
    await waitForState(trial.tx, 'rolling-back', (leftMs ?? 0) + 60_000);
    // Not before its time; the two clocks and the looks at it are a little apart.
    expect(performance.now() - startedAt).toBeGreaterThan((leftMs ?? 0) - 3_000);
    return trial;
  },
};

beforeEach(async () => {
  stage ??= await freshStage(lab);
});
afterAll(() => lab.down());

for (const drill of [...drills, realWindow]) {
  test(drill.name, async () => {
    if (stage === null) throw new Error('no lab');
    const current = stage;
    // If this drill fails, the next one gets a fresh lab.
    stage = null;
    await runDrill(drill, current);
    stage = current;
  });
}
