// Which paths of a probe are bad, and how, from what each node reports. Pure.
import type { ProbeVerdict } from '../../contract/probe.ts';
import type { Arrival, ProbeReport } from './arrivals.ts';
import type { ProbeRound } from './plan.ts';

/** What is wrong with a path. `on-130`: frames end up on VLAN 130, also if some arrive as they should. */
export type Symptom = 'blocked' | 'untagged' | 'big-lost' | 'doubled' | `on-${number}`;

/** A path with something wrong. Nodes are places in the run's list. */
export interface WrongPath {
  readonly vlan: number;
  readonly from: number;
  readonly to: number;
  readonly symptoms: readonly Symptom[];
}

export interface RoundOutcome {
  readonly round: Pick<ProbeRound, 'vlans' | 'copies'>;
  /** Of each node that sent all of its frames and reported, by its place. */
  readonly reports: ReadonlyMap<number, ProbeReport>;
}

export function symptomsOf(arrivals: readonly Arrival[], vlan: number): Symptom[] {
  if (arrivals.length === 0) return ['blocked'];
  const elsewhere = [...new Set(arrivals.map(({ arrived }) => arrived))].filter((arrived) => arrived !== vlan);
  const moved = elsewhere.map((arrived): Symptom => (arrived === 0 ? 'untagged' : `on-${arrived}`)).sort();
  const sizes = new Set(arrivals.map(({ size }) => size));
  return [
    ...moved,
    // Of small frames alone all may be lost by chance, and then something is wrong all the same.
    ...(sizes.has('big') ? [] : (['big-lost'] as const)),
    ...(arrivals.some(({ most }) => most > 1) ? (['doubled'] as const) : []),
  ];
}

export function findWrongPaths({ round, reports }: RoundOutcome): WrongPath[] {
  const wrong: WrongPath[] = [];
  for (const [to, report] of reports) {
    const odd = new Map<string, Arrival[]>();
    for (const arrival of report.odd) {
      const key = `${arrival.origin} ${arrival.vlan}`;
      const group = odd.get(key);
      if (group) group.push(arrival);
      else odd.set(key, [arrival]);
    }
    for (const [place, vlan] of round.vlans.entries()) {
      for (const from of reports.keys()) {
        if (from === to || report.whole[place]?.[from] === '1') continue;
        const symptoms = symptomsOf(odd.get(`${from} ${vlan}`) ?? [], vlan);
        if (symptoms.length > 0) wrong.push({ vlan, from, to, symptoms });
      }
    }
  }
  return wrong;
}

export interface JoinedRounds {
  readonly wrong: readonly WrongPath[];
  /** How many paths were wrong the first time alone, by VLAN. */
  readonly unsteady: ReadonlyMap<number, number>;
}

/** What is wrong both times. The second round tested all VLANs of wrong paths; a node that it has no report of is silent. */
export function joinRounds(first: readonly WrongPath[], second: RoundOutcome): JoinedRounds {
  const key = ({ vlan, from, to }: WrongPath) => `${vlan} ${from} ${to}`;
  const again = new Map(findWrongPaths(second).map((path) => [key(path), path.symptoms]));
  const unsteady = new Map<number, number>();
  const wrong = first.flatMap((path) => {
    if (!second.reports.has(path.from) || !second.reports.has(path.to)) return [];
    const symptoms = path.symptoms.filter((symptom) => again.get(key(path))?.includes(symptom));
    if (symptoms.length > 0) return [{ ...path, symptoms }];
    unsteady.set(path.vlan, (unsteady.get(path.vlan) ?? 0) + 1);
    return [];
  });
  return { wrong, unsteady };
}

/** The one word for a path with these symptoms, the worst of them. */
export function verdictOf(symptoms: readonly Symptom[], isBackBlocked: boolean): ProbeVerdict {
  const has = (test: (symptom: Symptom) => boolean) => symptoms.some(test);
  if (has((symptom) => symptom === 'blocked')) return isBackBlocked ? 'blocked' : 'blocked-one-way';
  if (has((symptom) => symptom === 'untagged')) return 'untagged';
  if (has((symptom) => symptom.startsWith('on-'))) return 'other-vlan';
  if (has((symptom) => symptom === 'big-lost')) return 'big-lost';
  return has((symptom) => symptom === 'doubled') ? 'doubled' : 'ok';
}

/** The VLANs that frames ended up on; 0 without a tag. */
export const arrivedOn = (symptoms: readonly Symptom[]): number[] =>
  symptoms.flatMap((symptom) =>
    symptom === 'untagged' ? [0] : symptom.startsWith('on-') ? [Number(symptom.slice(3))] : [],
  );
