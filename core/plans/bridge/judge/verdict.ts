// Whether a NIC may go into the bridge, and how: facts and a choice in, findings out. What blocks and what warns is in the tables
// node-rows.ts and uplink-rows.ts. observe/ looks at a node, plan/ decides what is then done.
import type { BridgeFacts, BridgeMethod, NicFacts, OvsBridgeFacts } from '../observe/facts.ts';
import { findingsOf, type BridgeFinding } from './finding.ts';
import { driftOf, nodeRows } from './node-rows.ts';
import { chooseMethod, findUplink, type BridgeChoice } from './uplink.ts';
import { memberRows, methodRows, nicRows } from './uplink-rows.ts';

/**
 * What is there already. `right`: bridge, uplink and addresses are as wanted and come back at boot. `unproven`: they are as
 * wanted, but the next boot would not bring them back, or what it reads is not as it was committed. `partial`: some of it, to be
 * completed. `absent`: nothing.
 */
export type BridgePresence = 'right' | 'unproven' | 'partial' | 'absent';

export interface BridgeVerdict {
  readonly presence: BridgePresence;
  /** The NIC that is or will be in the bridge; null when it is unknown. */
  readonly uplink: NicFacts | null;
  readonly method: BridgeMethod;
  readonly datapath: 'system' | 'netdev';
  /** Who made what is there, in words; empty when nothing is there. */
  readonly madeBy: string;
  /** Blocking ones first. */
  readonly findings: readonly BridgeFinding[];
}

export function judgeBridge(
  facts: BridgeFacts,
  choice: BridgeChoice,
  purpose: 'ensure' | 'remove' = 'ensure',
): BridgeVerdict {
  const bridge = facts.ovs.bridges.find(({ name }) => name === choice.bridge) ?? null;
  const uplink = findUplink(facts, choice, bridge);
  const datapath = choice.datapath === 'auto' ? datapathOf(facts, bridge) : choice.datapath;
  const method = choice.method === 'auto' ? chooseMethod(facts, uplink) : choice.method;
  const presence = judgePresence(facts, bridge, uplink);
  const node = { facts, choice, bridge, datapath, method };
  const uplinkRows = [...memberRows, ...(presence === 'right' ? [] : nicRows), ...methodRows];
  const findings = [
    ...findingsOf(nodeRows, { ...node, uplink }),
    ...(uplink === null ? [] : findingsOf(uplinkRows, { ...node, uplink })),
  ];
  // What is right already is left alone, so that nothing can go wrong. What speaks against putting a NIC in says nothing about
  // taking it out.
  const ids = purpose === 'remove' ? removalIds : presence === 'right' ? lastingIds : null;
  const counted = ids === null ? findings : findings.filter(({ id }) => ids.has(id));
  return {
    ...{ presence, uplink, method, datapath, madeBy: bridge === null ? '' : describeMaker(bridge) },
    findings: counted.sort((a, b) => rank(a) - rank(b)),
  };
}

/** Findings that matter even where nothing will be done. */
const lastingIds = new Set(['drift', 'transaction', 'transaction-stuck']);

/** Those that matter where the bridge is taken away. */
const removalIds = new Set([
  'systemd',
  'disk',
  'proxmox',
  'checkpoint',
  'transaction',
  'transaction-stuck',
  'ovs-down',
  'no-uplink',
  'only-path',
]);

function rank(finding: BridgeFinding): number {
  return finding.level === 'block' ? 0 : 1;
}

/** The one that the bridge has, and the kernel's for a new one where there is its module. */
function datapathOf(facts: BridgeFacts, bridge: OvsBridgeFacts | null): 'system' | 'netdev' {
  const isUserspace = bridge === null ? !facts.ovs.hasKernelModule : bridge.datapathType === 'netdev';
  return isUserspace ? 'netdev' : 'system';
}

function judgePresence(facts: BridgeFacts, bridge: OvsBridgeFacts | null, uplink: NicFacts | null): BridgePresence {
  if (bridge === null) return 'absent';
  if (uplink?.ovsBridge !== bridge.name) return 'partial';
  const hasAddresses = uplink.addresses.some(({ scope }) => scope === 'global');
  if (hasAddresses) return 'partial';
  return facts.rebootDoubts?.length === 0 && driftOf(facts, bridge.name).length === 0 ? 'right' : 'unproven';
}

function describeMaker(bridge: OvsBridgeFacts): string {
  const ids = Object.keys(bridge.externalIds);
  if (ids.some((id) => id.startsWith('meshdeck-'))) return 'Meshdeck';
  if (bridge.ports.some((port) => port.startsWith('mega_tap')))
    return 'minimega, or by hand with VMs of minimega on it';
  return 'hand or by another program';
}
