// What a node's facts say of its bridge, as pages read it. Pure.
import type { HostFacts } from '../../contract/watch.ts';
import type { State } from '../ui/StateMark.tsx';

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

/** Null while its meshd has not told. */
export function bridgeOf(facts: HostFacts | null): NodeBridgeView | null {
  if (facts?.Bridge === undefined) return null;
  const reboot = facts.BridgeReboot ?? '';
  const alarms = (facts.BridgeAlarms ?? '').split('\n').filter((line) => line !== '');
  const isRebootSafe = reboot === 'safe';
  return {
    name: facts.Bridge,
    uplink: facts.BridgeUplink ?? '',
    owner: facts.BridgeOwner ?? '',
    persistence: facts.BridgePersistence ?? '',
    reboot,
    isRebootSafe,
    alarms,
    state: alarms.length > 0 ? 'bad' : facts.Bridge === '' ? 'lost' : isRebootSafe ? 'ok' : 'warn',
  };
}
