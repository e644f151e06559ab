// What this host knows about its bridge. A look runs some dozens of programs. So this host looks only while somebody
// watches: when Open vSwitch's database or the folder of transactions has changed, but at most every 10 s, and each minute in
// any case. A look is valid until the next one; a look that saw a transaction or an alarm is valid for 10 s only.
import { stat } from 'node:fs/promises';
import type { BridgeSummary } from '../contract/bridge.ts';
import { summariseBridge } from '../core/plans/bridge/judge/summary.ts';
import { defaultBridge } from '../core/plans/bridge/plan/inputs.ts';
import { observeBridge } from '../host/bridge/look.ts';
import { localRunner } from '../host/runner.ts';

const shortestMs = 10_000;
const longestMs = 60_000;
const stampedPaths = [
  '/etc/openvswitch/conf.db',
  '/var/lib/openvswitch/conf.db',
  '/var/lib/meshd/bridge',
  '/etc/network/interfaces',
];

export interface BridgeLookComponents {
  /** Of this machine, as it is now. */
  readonly observe: () => Promise<BridgeSummary>;
  /** Changes when the bridge may have changed; empty where there is no Open vSwitch. */
  readonly stamp: () => Promise<string>;
  /** ms, monotonic. */
  readonly now: () => number;
  readonly onError: (error: unknown) => void;
}

export class BridgeLook {
  private readonly components: BridgeLookComponents;
  private last: BridgeSummary | null = null;
  private lastStamp = '';
  private lookedAt = -Infinity;
  private isLooking = false;

  constructor(components: BridgeLookComponents) {
    this.components = components;
  }

  /** The bridge as last seen; null before the first look. When a new look is due, a later call gets its result. */
  async latest(): Promise<BridgeSummary | null> {
    const age = this.components.now() - this.lookedAt;
    if (!this.isLooking && age >= shortestMs) {
      const stamp = await this.components.stamp();
      const mayPass = this.last !== null && (this.last.transaction !== '' || this.last.alarms.length > 0);
      if (stamp !== '' && (mayPass || age >= longestMs || stamp !== this.lastStamp)) void this.look(stamp);
    }
    return this.last;
  }

  private async look(stamp: string): Promise<void> {
    this.isLooking = true;
    this.lookedAt = this.components.now();
    this.lastStamp = stamp;
    try {
      this.last = await this.components.observe();
    } catch (error) {
      this.components.onError(error);
    } finally {
      this.isLooking = false;
    }
  }
}

/** One look at this machine. @throws AppError */
export async function observeOwnBridge(): Promise<BridgeSummary> {
  return summariseBridge(await observeBridge(localRunner, defaultBridge));
}

/** Times of the files that a change of the bridge touches. */
export async function stampBridge(): Promise<string> {
  const times = await Promise.all(
    stampedPaths.map((path) =>
      stat(path).then(
        ({ mtimeMs, ino }) => `${ino}:${mtimeMs}`,
        () => '',
      ),
    ),
  );
  const [etc, lib] = times;
  return etc === '' && lib === '' ? '' : times.join(' ');
}
