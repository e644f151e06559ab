// From what nodes report to what people read: ProbeResult of the contract. Pure.
import type { BadPath, ProbeCause, ProbedNode, ProbeResult } from '../../contract/probe.ts';
import { findCauses, type Cause } from './causes.ts';
import { arrivedOn, findWrongPaths, joinRounds, verdictOf, type RoundOutcome, type WrongPath } from './matrix.ts';
import { staleAfterMs } from './stale.ts';

export interface ProbeOutcome {
  readonly atMs: number;
  /** In the order of their places in reports. */
  readonly nodes: readonly ProbedNode[];
  readonly vlans: ProbeResult['vlans'];
  readonly bigBytes: number;
  readonly first: RoundOutcome;
  /** Null when nothing was wrong in the first. */
  readonly second: RoundOutcome | null;
  readonly notCarried: ReadonlyMap<number, ReadonlySet<number>>;
  readonly unshielded: readonly string[];
}

export function describeOutcome(outcome: ProbeOutcome): ProbeResult {
  const { atMs, nodes, vlans, bigBytes, first, second, notCarried } = outcome;
  const last = second ?? first;
  const joined = second
    ? joinRounds(findWrongPaths(first), second)
    : { wrong: findWrongPaths(first), unsteady: new Map<number, number>() };
  const tested = nodes.flatMap(({ state }, place) => (state === 'ok' && last.reports.has(place) ? [place] : []));
  const nameOf = (place: number) => nodes[place]?.name ?? '';
  const wrong = withOwnFaults(joined.wrong, { tested, notCarried });
  return {
    atMs,
    staleAtMs: atMs + staleAfterMs,
    nodes: [...nodes],
    vlans,
    bigBytes,
    bad: badPaths(wrong, nameOf),
    causes: findCauses({ tested, wrong, notCarried }).map((cause) => namedCause(cause, nameOf)),
    unsteady: [...joined.unsteady].map(([vlan, paths]) => ({ vlan, paths })),
    flooded: tested.filter((place) => last.reports.get(place)?.isCut).map(nameOf),
    unshielded: [...outcome.unshielded],
  };
}

/** A probe's frames leave by the uplink whatever the bridge says of its VLANs; VMs' frames do not. */
function withOwnFaults(
  wrong: readonly WrongPath[],
  { tested, notCarried }: { tested: readonly number[]; notCarried: ProbeOutcome['notCarried'] },
): WrongPath[] {
  const isOwn = ({ vlan, from, to }: Pick<WrongPath, 'vlan' | 'from' | 'to'>) =>
    (notCarried.get(from)?.has(vlan) ?? false) || (notCarried.get(to)?.has(vlan) ?? false);
  const own = new Map<string, WrongPath>();
  for (const node of tested) {
    for (const vlan of notCarried.get(node) ?? []) {
      for (const other of tested) {
        if (other === node) continue;
        for (const [from, to] of [
          [node, other],
          [other, node],
        ] as const)
          own.set(`${vlan} ${from} ${to}`, { vlan, from, to, symptoms: ['blocked'] });
      }
    }
  }
  return [...wrong.filter((path) => !isOwn(path)), ...own.values()];
}

function badPaths(wrong: readonly WrongPath[], nameOf: (place: number) => string): BadPath[] {
  const blocked = new Set(
    wrong.filter(({ symptoms }) => symptoms.includes('blocked')).map(({ vlan, from, to }) => `${vlan} ${from} ${to}`),
  );
  return wrong.map(({ vlan, from, to, symptoms }) => ({
    vlan,
    from: nameOf(from),
    to: nameOf(to),
    verdict: verdictOf(symptoms, blocked.has(`${vlan} ${to} ${from}`)),
    arrivedOn: arrivedOn(symptoms),
  }));
}

function namedCause(
  { kind, symptom, vlans, groups, direction, or }: Cause,
  nameOf: (place: number) => string,
): ProbeCause {
  const isMoved = symptom.startsWith('on-');
  return {
    kind,
    symptom: isMoved ? 'other-vlan' : (symptom as Exclude<typeof symptom, `on-${number}`>),
    vlans: [...vlans],
    groups: groups.map((group) => group.map(nameOf)),
    direction,
    arrivedOn: isMoved ? Number(symptom.slice(3)) : 0,
    or: or.map(nameOf),
  };
}
