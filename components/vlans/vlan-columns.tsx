// VLANs as a table: the same as the map, for those who read it row by row.
import type { ProbeMarks } from '../probe/probe-marks.ts';
import { VerdictMark, verdictLooks } from '../probe/verdict-looks.tsx';
import type { Column } from '../table/column.ts';
import type { PhoneLines } from '../table/table-props.ts';
import { countOf } from '../../lib/format.ts';
import { FlagMarks } from './FlagMarks.tsx';
import { sortValues } from './vlan-choice.ts';
import { VmShare } from './VlanCell.tsx';
import type { MapNode, MapVlan } from './vlan-view.ts';
import { describeVlanOwner, nodesOf, shortName } from './vlan-words.ts';
import { describeVms } from './vm-count.ts';

const dash = <span className="text-fg-3">–</span>;

/** The same columns as long as the nodes and the last probe are the same. `marks` null: nobody probed. */
export function vlanColumns(
  nodes: readonly MapNode[],
  hasNamespaces: boolean,
  marks: ProbeMarks | null,
): readonly Column<MapVlan>[] {
  const columns: readonly Column<MapVlan>[] = [
    {
      id: 'alias',
      title: 'VLAN',
      hint: 'Alias',
      sortBy: sortValues.alias,
      cell: (vlan) => (
        <span className="flex items-center gap-2">
          <span className="min-w-0 truncate font-mono font-medium" title={vlan.alias}>
            {vlan.alias === '' ? dash : vlan.alias}
          </span>
          <FlagMarks vlan={vlan} />
        </span>
      ),
    },
    {
      id: 'vlan',
      title: 'Number',
      align: 'end',
      width: 5,
      sortBy: sortValues.vlan,
      cell: ({ vlan }) => <span className="font-mono">{vlan}</span>,
    },
    {
      id: 'namespace',
      title: 'Namespace',
      width: 9,
      sortBy: sortValues.namespace,
      cell: ({ namespace }) => (namespace === '' ? dash : <span title={namespace}>{namespace}</span>),
    },
    {
      id: 'vms',
      title: 'VMs',
      align: 'end',
      width: 5,
      sortBy: sortValues.vms,
      cell: ({ sum }) => (sum.total === 0 ? <span className="text-fg-3">0</span> : sum.total),
    },
    {
      id: 'running',
      title: 'Running',
      align: 'end',
      width: 6,
      sortBy: sortValues.running,
      cell: ({ sum }) =>
        sum.total === 0 ? (
          dash
        ) : (
          <span className="inline-flex items-center gap-1.5" title={describeVms(sum)}>
            <VmShare count={sum} />
            {sum.RUNNING}
          </span>
        ),
    },
    {
      id: 'nodes',
      title: 'On nodes',
      sortBy: sortValues.nodes,
      cell: (vlan) => {
        const text = nodesOf({ nodes }, vlan);
        return text === '' ? (
          dash
        ) : (
          <span className="font-mono" title={text}>
            {text}
          </span>
        );
      },
    },
    ...(marks === null ? [] : [probeColumn(marks)]),
    {
      id: 'owner',
      title: 'Decided by',
      hint: 'Node that decides on the number',
      width: 9,
      cell: (vlan) => <span className="font-mono">{describeVlanOwner({ nodes }, vlan)}</span>,
    },
    {
      id: 'pinned',
      title: 'Chosen by',
      hint: 'Who chose the number',
      width: 8,
      cell: ({ isPinned, isListed }) => (isListed ? (isPinned ? 'a person' : 'meshd') : dash),
    },
  ];
  return hasNamespaces ? columns : columns.filter(({ id }) => id !== 'namespace');
}

const probeColumn = (marks: ProbeMarks): Column<MapVlan> => ({
  id: 'probe',
  title: 'Probe',
  hint: 'Worst verdict of the last probe',
  width: 11,
  cell: ({ vlan }) => {
    const verdict = marks.worstOn(vlan);
    return verdict === null ? dash : <VerdictMark verdict={verdict} />;
  },
});

export function vlanLines(nodes: readonly MapNode[], marks: ProbeMarks | null): (vlan: MapVlan) => PhoneLines {
  return (vlan) => {
    const verdict = marks?.worstOn(vlan.vlan) ?? null;
    const where = nodesOf({ nodes }, vlan);
    return {
      title: (
        <span className="flex items-center gap-2">
          <span className="min-w-0 truncate font-mono">{shortName(vlan)}</span>
          <FlagMarks vlan={vlan} />
        </span>
      ),
      detail: [
        ...(vlan.alias === '' ? [] : [`${vlan.vlan}, ${vlan.namespace}`]),
        where === '' ? 'on no node' : `on ${where}`,
        ...(verdict === null ? [] : [`probe: ${verdictLooks[verdict].word}`]),
      ].join(', '),
      aside: (
        <span className="inline-flex items-center gap-1.5 numbers">
          {vlan.sum.total === 0 ? null : <VmShare count={vlan.sum} />}
          {countOf(vlan.sum.total, 'VM')}
        </span>
      ),
    };
  };
}
