// Single verdicts out of a probe's result: of a path, of a VLAN, and of a node on a VLAN. Apart from what makes the result, since pages load it. Pure.
import type { BadPath, ProbeCause, ProbeResult, ProbeVerdict } from '../../contract/probe.ts';

/** What a result says of one path at a time: `unknown` for what was not tested, and for all of it once it is stale. */
export function verdictOfPath(
  result: ProbeResult,
  { vlan, from, to }: Pick<BadPath, 'vlan' | 'from' | 'to'>,
  nowMs: number,
): ProbeVerdict {
  const states = [from, to].map((name) => result.nodes.find((node) => node.name === name)?.state);
  if (nowMs >= result.staleAtMs || !result.vlans.some((each) => each.vlan === vlan) || from === to) return 'unknown';
  if (states.includes('silent')) return 'silent';
  if (states.some((state) => state !== 'ok')) return 'unknown';
  return result.bad.find((path) => path.vlan === vlan && path.from === from && path.to === to)?.verdict ?? 'ok';
}

const worstFirst: readonly ProbeVerdict[] = [
  ...(['blocked', 'blocked-one-way', 'untagged', 'other-vlan', 'big-lost', 'doubled'] as const),
  ...(['silent', 'unknown', 'ok'] as const),
];

/** `ok` of none. */
export function worstOf(verdicts: Iterable<ProbeVerdict>): ProbeVerdict {
  let worst = worstFirst.length - 1;
  for (const verdict of verdicts) worst = Math.min(worst, worstFirst.indexOf(verdict));
  return worstFirst[worst] ?? 'ok';
}

/** Of all paths on a VLAN the worst; `unknown` when no two nodes tested it, or it was tested too long ago. */
export function verdictOfVlan(result: ProbeResult, vlan: number, nowMs: number): ProbeVerdict {
  const isTested = result.vlans.some((each) => each.vlan === vlan);
  const able = result.nodes.filter(({ state }) => state === 'ok').length;
  if (!isTested || able < 2 || nowMs >= result.staleAtMs) return 'unknown';
  return worstOf(result.bad.filter((path) => path.vlan === vlan).map(({ verdict }) => verdict));
}

const ofSymptom = ({ symptom, direction }: ProbeCause): ProbeVerdict =>
  symptom === 'blocked' && direction !== 'both' ? 'blocked-one-way' : symptom;

/** What a result says of a node on a VLAN: what is wrong at its own port, or between it and others. */
export interface NodeVerdict {
  readonly verdict: ProbeVerdict;
  /** `true`: something is wrong on the way to it or from it, and another node's port explains it. */
  readonly isElsewhere: boolean;
}

/**
 * Of every node that the probe was to test on this VLAN, by name. A path with a fault has two ends: the one that explains it has the verdict, and the
 * other one is `ok`.
 */
export function nodeVerdicts(result: ProbeResult, vlan: number, nowMs: number): ReadonlyMap<string, NodeVerdict> {
  if (!result.vlans.some((each) => each.vlan === vlan)) return new Map();
  const blamed = new Map<string, ProbeVerdict>();
  for (const cause of result.causes) {
    if (!cause.vlans.includes(vlan)) continue;
    for (const name of [...cause.groups.flat(), ...cause.or])
      blamed.set(name, worstOf([blamed.get(name) ?? 'ok', ofSymptom(cause)]));
  }
  const touched = new Set(result.bad.filter((path) => path.vlan === vlan).flatMap(({ from, to }) => [from, to]));
  const isStale = nowMs >= result.staleAtMs;
  return new Map(
    result.nodes.map(({ name, state }): [string, NodeVerdict] => {
      if (isStale || state === 'unable') return [name, { verdict: 'unknown', isElsewhere: false }];
      if (state === 'silent') return [name, { verdict: 'silent', isElsewhere: false }];
      const verdict = blamed.get(name) ?? 'ok';
      return [name, { verdict, isElsewhere: verdict === 'ok' && touched.has(name) }];
    }),
  );
}
