// Where the VLANs of a namespace live: a row for each, a square for each node, filled where VMs are on it. Those that the VMs join light up.
import { useMemo, type ReactElement } from 'react';
import { compareNames } from '../../core/ranges/natural-order.ts';
import { describeRange } from '../../core/ranges/describe-range.ts';
import { countOf } from '../../lib/format.ts';
import { cx } from '../ui/cx.ts';
import { Panel } from '../ui/Panel.tsx';
import { lansOf, type ClusterRows, type LanChoice } from './cluster-facts.ts';
import type { LaunchValues } from './launch-values.ts';

export function LanMap({ form, rows }: { form: LaunchValues; rows: ClusterRows }): ReactElement {
  const namespace = form.namespace.trim();
  const lans = useMemo(() => lansOf(rows, namespace), [rows, namespace]);
  const nodes = useMemo(
    () =>
      [...rows.nodes.values()]
        .filter((node) => node.Cluster === rows.cluster && node.State === 'member')
        .map(({ Name }) => Name)
        .sort(compareNames),
    [rows.nodes, rows.cluster],
  );
  const fresh = form.networks.filter((name) => !lans.some(({ alias }) => alias === name));
  const all: LanChoice[] = [
    ...lans,
    ...fresh.map((alias) => ({
      alias,
      vlan: Number(form.vlans[alias] || 0),
      vmsOn: new Map<string, number>(),
      vms: 0,
    })),
  ];
  return (
    <Panel title="Where the VLANs are">
      {all.length === 0 ? (
        <p className="text-fg-2">The namespace has no VLANs yet.</p>
      ) : (
        <ul className="flex flex-col gap-3">
          {all.map((lan) => (
            <LanRow
              key={`${lan.alias} ${lan.vlan}`}
              lan={lan}
              nodes={nodes}
              isChosen={form.networks.includes(lan.alias)}
            />
          ))}
        </ul>
      )}
    </Panel>
  );
}

function LanRow({
  lan,
  nodes,
  isChosen,
}: {
  lan: LanChoice;
  nodes: readonly string[];
  isChosen: boolean;
}): ReactElement {
  const on = [...lan.vmsOn.keys()].sort(compareNames);
  return (
    <li className={cx('flex flex-col gap-1', !isChosen && 'opacity-60')}>
      <p className="flex items-baseline gap-2 text-sm">
        <span className="font-mono font-medium">{lan.alias}</span>
        <span className="font-mono text-fg-3">{lan.vlan === 0 ? 'new' : lan.vlan}</span>
        {isChosen ? <span className="ml-auto text-accent">these VMs join it</span> : null}
      </p>
      <div aria-hidden="true" className="flex flex-wrap gap-0.5">
        {nodes.map((node) => (
          <span
            key={node}
            title={`${node}: ${countOf(lan.vmsOn.get(node) ?? 0, 'VM')}`}
            className={cx(
              'size-3 rounded-sm border',
              (lan.vmsOn.get(node) ?? 0) > 0
                ? isChosen
                  ? 'border-accent bg-accent'
                  : 'border-fg-3 bg-fg-3'
                : 'border-line-strong bg-surface-2',
            )}
          />
        ))}
      </div>
      <p className="text-xs text-fg-3">
        {lan.vms === 0 ? 'No VMs on it' : `${countOf(lan.vms, 'VM')} on ${describeRange(on)}`}
      </p>
    </li>
  );
}
