// A probe's result as a table, with few rows however many nodes there are: what is alike shares a row, nodes are ranges.
import type { BadPath, ProbeCause, ProbeResult, ProbeVerdict } from '../../contract/probe.ts';
import { compareNames } from '../ranges/natural-order.ts';
import { describeRange } from '../ranges/describe-range.ts';
import { describeCause, describeVerdict, vlanRanges } from './texts.ts';

export const probeColumns = ['vlan', 'alias', 'from', 'to', 'verdict', 'explanation'] as const;

export function probeRows(result: ProbeResult): string[][] {
  const tested = result.nodes.filter(({ state }) => state === 'ok').map(({ name }) => name);
  const byVlan = new Map<number, BadPath[]>();
  for (const path of result.bad) {
    const group = byVlan.get(path.vlan);
    if (group) group.push(path);
    else byVlan.set(path.vlan, [path]);
  }
  return [
    ...result.vlans.flatMap(({ vlan, alias }) =>
      vlanRows(result, { vlan, alias, bad: byVlan.get(vlan) ?? [], tested }),
    ),
    ...nodeRows(result),
  ];
}

/** Paths with one verdict: from each of some nodes to each of others. */
interface Block {
  readonly verdict: ProbeVerdict;
  readonly arrivedOn: readonly number[];
  readonly from: readonly string[];
  readonly to: readonly string[];
}

function vlanRows(
  result: ProbeResult,
  of: {
    readonly vlan: number;
    readonly alias: string;
    readonly bad: readonly BadPath[];
    readonly tested: readonly string[];
  },
): string[][] {
  const { vlan, alias, bad, tested } = of;
  const paths = tested.length * (tested.length - 1);
  const row = (from: string, to: string, ...rest: string[]) => [String(vlan), alias, from, to, ...rest];
  if (bad.length === 0 && paths > 0) return [row(describeRange(tested), 'each other', 'ok', '')];
  const good = paths - bad.length;
  const causes = result.causes.filter(({ vlans }) => vlans.includes(vlan));
  return [
    ...blocksOf(bad).map((block) =>
      row(
        describeRange(block.from),
        describeRange(block.to),
        describeVerdict(block.verdict, block.arrivedOn),
        causes
          .filter((cause) => explains(cause, block))
          .map((cause) => describeCause(cause, result))
          .join(' '),
      ),
    ),
    ...(good > 0 ? [row('', '', 'ok', `${good} of ${paths} paths`)] : []),
  ];
}

function blocksOf(bad: readonly BadPath[]): Block[] {
  // Both ways is one row: from the node with the most of them, which is where to look.
  const counts = new Map<string, number>();
  for (const { from, verdict } of bad) if (verdict === 'blocked') counts.set(from, (counts.get(from) ?? 0) + 1);
  const isSecond = ({ from, to }: BadPath) => {
    const more = (counts.get(to) ?? 0) - (counts.get(from) ?? 0);
    return more > 0 || (more === 0 && compareNames(to, from) < 0);
  };
  const kinds = new Map<string, { path: BadPath; targets: Map<string, string[]> }>();
  for (const path of bad) {
    if (path.verdict === 'blocked' && isSecond(path)) continue;
    const key = `${path.verdict} ${path.arrivedOn.join()}`;
    const kind = kinds.get(key) ?? { path, targets: new Map<string, string[]>() };
    kinds.set(key, kind);
    const targets = kind.targets.get(path.from);
    if (targets) targets.push(path.to);
    else kind.targets.set(path.from, [path.to]);
  }
  return [...kinds.values()].flatMap(({ path, targets }) => {
    const byTargets = new Map<string, { from: string[]; to: string[] }>();
    for (const [from, to] of targets) {
      const key = [...to].sort().join();
      const known = byTargets.get(key);
      if (known) known.from.push(from);
      else byTargets.set(key, { from: [from], to });
    }
    return [...byTargets.values()].map(({ from, to }) => ({ ...path, from, to }));
  });
}

/** Whether a cause is one of these paths: a block has paths of one kind, so its nodes tell. */
function explains({ kind, groups, symptom }: ProbeCause, { verdict, from, to }: Block): boolean {
  const names = [...from, ...to];
  const isOfKind = symptom === 'blocked' ? verdict.startsWith('blocked') : symptom === verdict;
  if (!isOfKind) return false;
  return kind === 'between' || kind === 'nowhere' ? true : groups.flat().every((name) => names.includes(name));
}

/** What a person should know about nodes, on all VLANs. */
function nodeRows(result: ProbeResult): string[][] {
  const vlans = vlanRanges(result.vlans.map(({ vlan }) => vlan)).join(',');
  const row = (node: string, verdict: string, explanation: string) => [vlans, '', node, '', verdict, explanation];
  const mtus = new Map<number, string[]>();
  for (const { name, state, mtu } of result.nodes) if (state === 'ok') mtus.set(mtu, [...(mtus.get(mtu) ?? []), name]);
  return [
    ...result.nodes
      .filter(({ state }) => state !== 'ok')
      .map(({ name, state, reason }) => row(name, describeVerdict(state === 'silent' ? 'silent' : 'unknown'), reason)),
    ...(mtus.size > 1
      ? [
          row(
            '',
            'note',
            `uplinks differ: ${[...mtus].map(([mtu, names]) => `${describeRange(names)} has MTU ${mtu}`).join(', ')}. Frames of the smallest were sent.`,
          ),
        ]
      : []),
    ...result.unsteady.map(({ vlan, paths }) => [
      ...[String(vlan), '', '', '', 'note'],
      `${paths} ${paths === 1 ? 'path' : 'paths'} lost frames or changed them at first, and not when tested again`,
    ]),
    ...(result.flooded.length > 0
      ? [
          row(
            describeRange(result.flooded),
            'note',
            'more frames came than were sent: look for a loop between switches',
          ),
        ]
      : []),
    ...(result.unshielded.length > 0
      ? [
          row(
            describeRange(result.unshielded),
            'note',
            'VMs there may get test frames: the node does not answer, or its meshd knows no probes',
          ),
        ]
      : []),
  ];
}
