// One drill: it begins and ends with a node as installed. For `npm test` and `npm run drills`.
import { expect } from 'vitest';
import { isReachable, observeNetwork, removeBridge, waitForState } from './bridge.ts';
import { openStage, type Drill, type Stage } from './bridge-drills.ts';
import type { Outage } from './bridge.ts';
import type { Lab } from './lab.ts';

/** The node as it was: every drill has to restore it. */
export async function observeQuietly({ lab, node, sh }: Stage): Promise<string> {
  // IPv6 asks for a second whether a fresh link-local address is free.
  await expect.poll(() => sh('ip -o address')).not.toContain('tentative');
  // A transaction writes how it ended before its service exits.
  await expect.poll(() => sh("systemctl list-units --all --plain --no-legend 'meshdeck-bridge*'")).toBe('');
  return observeNetwork(lab, node);
}

/** A wait for a DHCP server or for spanning tree takes longer than this on any machine, the change itself about a second. */
const outageDeadlineMs = 10_000;

/** It was reached again soon, and before the rollback at the window's end would have brought it back. */
export function expectBackWithin(windowSeconds: number, { longestMs }: Outage): void {
  expect(longestMs, 'ms out of reach').toBeLessThan(Math.min(windowSeconds * 1_000, outageDeadlineMs));
}

/** A lab of one node with a gateway, fresh: leftovers of a failed drill must not make others fail. */
export async function freshStage(lab: Lab): Promise<Stage> {
  await lab.down();
  const results = await lab.up({ nodes: 1, router: true });
  expect(results.filter(({ error }) => error !== null)).toEqual([]);
  return openStage(lab, 'node1');
}

export async function runDrill(drill: Drill, stage: Stage): Promise<void> {
  const before = await observeQuietly(stage);
  try {
    const { tx } = await drill.run(stage);
    const status = await waitForState(tx, ['rolled-back', 'rollback-failed', 'committed'], 120_000);
    expect(status.state, JSON.stringify(status)).toBe(drill.end);
    // A switch port that listens takes its time.
    await expect.poll(() => isReachable(stage.address)).toBe(true);
    await expect.poll(() => stage.sh('readlink /var/lib/meshd/bridge/pending')).toBe('');
  } finally {
    await drill.mend?.(stage);
  }
  if (drill.end === 'committed' && !drill.isTakenAway) await removeBridge(stage.lab, stage.node);
  await expect.poll(() => observeQuietly(stage), { interval: 500 }).toBe(before);
  expect(await isReachable(stage.address)).toBe(true);
}
