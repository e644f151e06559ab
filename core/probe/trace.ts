// The path between two VMs as hops, from what their nodes say and what a probe found between these. Pure.
import type { ProbeResult } from '../../contract/probe.ts';
import type { TraceHop, TracedVm } from '../../contract/trace.ts';
import { describeCause, describeVerdict, vlanRanges } from './texts.ts';
import { verdictOfPath } from './verdicts.ts';

type Nic = TracedVm['nics'][number];
export interface TracedSide {
  readonly node: string;
  readonly vm: TracedVm;
}

export interface TraceInput {
  readonly from: TracedSide;
  readonly to: TracedSide;
  /** Null when it could not be made; `failure` has the reason then. */
  readonly probe: ProbeResult | null;
  readonly failure: string;
  readonly nowMs: number;
}

/** VLANs that both are on, the lowest first. */
export function sharedVlans(a: TracedVm, b: TracedVm): number[] {
  const vlansOf = ({ nics }: TracedVm) => nics.map(({ vlan }) => vlan).filter((vlan) => vlan > 0);
  const other = new Set(vlansOf(b));
  return [...new Set(vlansOf(a))].filter((vlan) => other.has(vlan)).sort((x, y) => x - y);
}

export function traceHops(input: TraceInput): TraceHop[] {
  const { from, to } = input;
  const shared = sharedVlans(from.vm, to.vm);
  if (shared.length === 0) return [noSharedVlan(from, to)];
  return shared.flatMap((vlan) => {
    const nics = [from, to].map(({ vm }) => vm.nics.find((nic) => nic.vlan === vlan));
    const [a, b] = nics;
    if (!a || !b) return [];
    const isLocal = from.node === to.node;
    const middle = isLocal ? sameBridge(vlan, { from, a, b }) : switchHops(vlan, input);
    return [
      ...sideHops(vlan, from, { nic: a, hasUplink: !isLocal }),
      ...middle,
      ...sideHops(vlan, to, { nic: b, hasUplink: !isLocal }).reverse(),
    ];
  });
}

function noSharedVlan(from: TracedSide, to: TracedSide): TraceHop {
  const on = ({ vm }: TracedSide) => {
    const vlans = vlanRanges(vm.nics.map(({ vlan }) => vlan).filter((vlan) => vlan > 0));
    return vlans.length === 0 ? `${vm.name} is on no VLAN` : `${vm.name} is on ${vlans.join(', ')}`;
  };
  const evidence = `they have no VLAN in common: ${on(from)}, ${on(to)}`;
  return { vlan: 0, node: from.node, place: 'vm', name: from.vm.name, state: 'broken', evidence };
}

/** From the VM outwards. */
function sideHops(
  vlan: number,
  { node, vm }: TracedSide,
  { nic, hasUplink }: { readonly nic: Nic; readonly hasUplink: boolean },
): TraceHop[] {
  const hop = (place: TraceHop['place'], name: string, failure: string, seen: string): TraceHop => ({
    ...{ vlan, node, place, name },
    ...(failure === '' ? { state: 'ok', evidence: seen } : { state: 'broken', evidence: failure }),
  });
  const { uplink } = vm;
  const taps = { missing: 'it does not exist', down: 'it is down', unheld: 'its VM does not hold it', up: '' };
  const wanted = `VLAN ${vlan} on ${nic.bridge}`;
  const portFailure =
    nic.port === '' ? 'the switch has no port for it' : nic.isPortRight ? '' : `it has ${nic.port}, not ${wanted}`;
  const uplinkFailure =
    uplink.whyNot !== ''
      ? uplink.whyNot
      : uplink.bridge !== nic.bridge
        ? `the VM is on ${nic.bridge}, and the uplink on ${uplink.bridge}`
        : uplink.passes.includes(vlan)
          ? ''
          : `its port on ${uplink.bridge} does not pass VLAN ${vlan}`;
  return [
    hop('vm', vm.name, vm.state === 'RUNNING' ? '' : `it is ${vm.state}`, vm.state),
    hop('tap', nic.tap, taps[nic.tapState], 'up, and its VM holds it'),
    hop('port', nic.tap, portFailure, nic.port),
    hop('bridge', nic.bridge, nic.portFailure, 'forwards for the port'),
    flowHop({ vlan, node, place: 'flows', name: nic.bridge }, nic.flows),
    ...(hasUplink
      ? [hop('uplink', uplink.name, uplinkFailure, `on ${uplink.bridge}, and passes VLAN ${vlan} tagged`)]
      : []),
  ];
}

const countOf = (count: number, one: string) => `${count} ${count === 1 ? one : `${one}s`}`;

/** What OpenFlow lets the bridge do with the tap's frames. */
function flowHop(hop: Pick<TraceHop, 'vlan' | 'node' | 'place' | 'name'>, flows: Nic['flows']): TraceHop {
  const be = (state: TraceHop['state'], ...evidence: string[]): TraceHop => ({
    ...{ ...hop, state },
    evidence: evidence.filter((text) => text !== '').join('; '),
  });
  if (!flows) return be('unknown', 'its meshd does not tell flows: upgrade it');
  const { failure, ours, others, rest } = flows;
  if (failure !== '') return be('unknown', failure);
  const copied = ours.packets > 0 ? `the guest said its addresses in ${countOf(ours.packets, 'packet')}` : '';
  const foreign =
    others.flows > 0
      ? `${countOf(others.flows, 'flow')} of others ${others.flows === 1 ? 'takes' : 'take'} some of its frames first (${countOf(others.packets, 'packet')})`
      : '';
  if (!rest) return be('broken', 'no flow takes its frames, so the bridge drops them', foreign);
  const whose = rest.isOfPort ? 'of it' : 'of all ports';
  const packets = `${countOf(rest.packets, 'packet')} ${whose}`;
  if (rest.does === 'drop')
    return be('broken', `the flow of priority ${rest.priority} drops its frames: ${packets}`, foreign);
  if (rest.does === 'other')
    return be('unknown', `a flow of priority ${rest.priority} of others decides about its frames: ${packets}`, foreign);
  return be(others.flows > 0 ? 'unknown' : 'ok', `forwards as a switch (NORMAL): ${packets}`, foreign, copied);
}

function sameBridge(
  vlan: number,
  { from, a, b }: { readonly from: TracedSide; readonly a: Nic; readonly b: Nic },
): TraceHop[] {
  if (a.bridge === b.bridge) return [];
  const evidence = `${a.bridge} and ${b.bridge} are two bridges, and nothing joins them`;
  return [{ vlan, node: from.node, place: 'bridge', name: a.bridge, state: 'broken', evidence }];
}

/** What was found between both nodes, one hop for each direction. */
function switchHops(vlan: number, { from, to, probe, failure, nowMs }: TraceInput): TraceHop[] {
  return [[from.node, to.node] as const, [to.node, from.node] as const].map(([node, name]): TraceHop => {
    const hop = { vlan, node, place: 'switches', name } as const;
    if (!probe) return { ...hop, state: 'unknown', evidence: failure };
    const verdict = verdictOfPath(probe, { vlan, from: node, to: name }, nowMs);
    const path = probe.bad.find((each) => each.vlan === vlan && each.from === node && each.to === name);
    const causes = probe.causes.filter(({ vlans }) => vlans.includes(vlan)).map((cause) => describeCause(cause, probe));
    const said = describeVerdict(verdict, path?.arrivedOn);
    if (verdict === 'ok') return { ...hop, state: 'ok', evidence: 'frames arrived, small and big ones' };
    const isKnown = verdict !== 'unknown' && verdict !== 'silent';
    const reasons = probe.nodes.filter(({ state }) => state !== 'ok').map((each) => `${each.name}: ${each.reason}`);
    return {
      ...hop,
      state: isKnown ? 'broken' : 'unknown',
      evidence: [`${said}.`, ...(isKnown ? causes : reasons)].join(' '),
    };
  });
}

export const traceColumns = ['vlan', 'hop', 'node', 'place', 'name', 'state', 'evidence'] as const;

/** Rows that keep their order when they are sorted. */
export function traceRows(hops: readonly TraceHop[]): string[][] {
  const counts = new Map<number, number>();
  return hops.map(({ vlan, node, place, name, state, evidence }) => {
    const count = (counts.get(vlan) ?? 0) + 1;
    counts.set(vlan, count);
    const shown = place === 'switches' ? `to ${name}` : name;
    return [vlan === 0 ? '' : String(vlan), String(count), node, place, shown, state, evidence];
  });
}
