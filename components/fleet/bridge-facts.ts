// What is known of a node's bridge, by its meshd or by the console's last look, as pages read it. Pure.
import type { RememberedBridge } from '../../contract/bridge.ts';
import type { State } from '../ui/StateMark.tsx';
import type { MeshNode } from './mesh-view.ts';

export interface NodeBridgeView {
  /** Empty: it has none. */
  readonly name: string;
  readonly uplink: string;
  readonly owner: string;
  readonly persistence: string;
  /** `safe`, or the reasons against a reboot. */
  readonly reboot: string;
  readonly isRebootSafe: boolean;
  /** What is wrong, each with what to do. */
  readonly alarms: readonly string[];
  readonly state: State;
}

/** `seen`: what the console saw last, while its meshd has not told. Null: neither is there. */
export function bridgeOf(
  { bridge: told, added }: Pick<MeshNode, 'bridge' | 'added'>,
  seen: RememberedBridge | null = added?.bridge ?? null,
): NodeBridgeView | null {
  if (told !== null) {
    const { Bridge, Uplink, Owner, Persistence, Reboot, Alarms } = told;
    const parts = { uplink: Uplink, owner: Owner, persistence: Persistence, reboot: Reboot, alarms: Alarms };
    return viewOf({ name: Bridge, ...parts });
  }
  if (!seen) return null;
  const { bridge, uplink, owner, persistence, reboot, alarms } = seen.summary;
  return viewOf({ name: bridge, uplink, owner, persistence, reboot, alarms });
}

function viewOf(told: Omit<NodeBridgeView, 'isRebootSafe' | 'state'>): NodeBridgeView {
  const isRebootSafe = told.reboot === 'safe';
  const state = told.alarms.length > 0 ? 'bad' : told.name === '' ? 'lost' : isRebootSafe ? 'ok' : 'warn';
  return { ...told, isRebootSafe, state };
}
