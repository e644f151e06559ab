// The verdicts of one VLAN by path, looked up once for a whole matrix; and what is said of a single path. Pure.
import type { BadPath, ProbeCause, ProbedNode, ProbeResult, ProbeVerdict } from '../../contract/probe.ts';
import { describeCause, describeVlans } from '../../core/probe/texts.ts';
import { verdictLooks } from './verdict-looks.tsx';

export interface VlanVerdicts {
  readonly vlan: number;
  readonly nodes: readonly ProbedNode[];
  readonly isStale: boolean;
  readonly badOf: (from: string, to: string) => BadPath | undefined;
  readonly of: (from: string, to: string) => ProbeVerdict;
}

export function vlanVerdicts(result: ProbeResult, vlan: number, isStale: boolean): VlanVerdicts {
  const bad = new Map<string, BadPath>();
  for (const path of result.bad) if (path.vlan === vlan) bad.set(`${path.from} ${path.to}`, path);
  const states = new Map(result.nodes.map(({ name, state }) => [name, state]));
  const isTested = result.vlans.some((each) => each.vlan === vlan);
  const badOf = (from: string, to: string): BadPath | undefined => bad.get(`${from} ${to}`);
  return {
    ...{ vlan, nodes: result.nodes, isStale, badOf },
    of: (from, to) => {
      if (isStale || !isTested) return 'unknown';
      const ends = [states.get(from), states.get(to)];
      if (ends.includes('silent')) return 'silent';
      if (ends.some((state) => state !== 'ok')) return 'unknown';
      return badOf(from, to)?.verdict ?? 'ok';
    },
  };
}

/** `blocked`, `on VLAN 130`: the verdict of a path in words. */
export function pathWord(verdict: ProbeVerdict, arrivedOn: readonly number[] = []): string {
  const tagged = arrivedOn.filter((vlan) => vlan !== 0);
  return verdict === 'other-vlan' && tagged.length > 0 ? `on ${describeVlans(tagged)}` : verdictLooks[verdict].word;
}

/** Why a path has its verdict: of a bad one what explains it, else which of its ends was not tested and why. */
export function reasonsOf(
  result: ProbeResult,
  verdicts: VlanVerdicts,
  { from, to }: Pick<BadPath, 'from' | 'to'>,
): string[] {
  if (verdicts.isStale) return ['Measured over an hour ago: probe again.'];
  const idle = verdicts.nodes.filter(({ name, state }) => state !== 'ok' && (name === from || name === to));
  if (idle.length > 0) return idle.map(({ name, reason }) => `${name}: ${reason}.`);
  if (!verdicts.badOf(from, to)) return [];
  return result.causes
    .filter((cause) => cause.vlans.includes(verdicts.vlan) && touches(cause, from, to))
    .map((cause) => describeCause(cause, result));
}

function touches({ kind, groups, or }: ProbeCause, from: string, to: string): boolean {
  const names = [...groups.flat(), ...or];
  const isOf = (name: string): boolean => names.includes(name);
  return kind === 'port' || kind === 'bridge-port' ? isOf(from) || isOf(to) : isOf(from) && isOf(to);
}
