'use client';
// The right side of the wizard while one types: the launch as one sentence, and on the step about networks where each VLAN lives.
import { useMemo, type ReactElement } from 'react';
import { describeLaunch } from '../../core/plans/vms/sentence.ts';
import { formatMegabytes } from '../../lib/format.ts';
import { useUrlState } from '../frame/use-url-state.ts';
import { Panel } from '../ui/Panel.tsx';
import { imagesOf, lansOf, type ClusterRows } from './cluster-facts.ts';
import { LanMap } from './LanMap.tsx';
import type { LaunchValues } from './launch-values.ts';
import { useClusterRows } from './use-cluster-rows.ts';
import { usePlacement, type LivePlacement } from './use-placement.ts';

export function LaunchOutlook({ form }: { form: LaunchValues }): ReactElement {
  const rows = useClusterRows();
  const placement = usePlacement(form, rows);
  const isAboutNetworks = useUrlState().get('step') === 'network';
  return (
    <div className="flex flex-col gap-4">
      {isAboutNetworks ? <LanMap form={form} rows={rows} /> : null}
      <Panel title="What will happen">
        <div className="flex flex-col gap-3">
          <p>{useSentence(form, rows, placement)}</p>
          <ol className="flex list-decimal flex-col gap-1 pl-5 text-fg-2">
            <li>The namespace and its new VLANs are made</li>
            <li>Nodes that lack an image get a copy, which is checked</li>
            <li>The VMs are launched node by node, in waves, and started</li>
          </ol>
          <p className="text-sm text-fg-3">
            First the nodes are only asked; a plan shows every command before anything runs. An undo ends exactly these
            VMs.
          </p>
        </div>
      </Panel>
    </div>
  );
}

function useSentence(form: LaunchValues, rows: ClusterRows, { placed, names }: LivePlacement): string {
  const lans = useMemo(() => lansOf(rows, form.namespace.trim()), [rows, form.namespace]);
  const images = useMemo(() => imagesOf(rows).images, [rows]);
  if (names.length === 0 || placed === null) {
    const size = /^\d+$/.test(form.memory) ? `${formatMegabytes(Number(form.memory))} each` : '';
    return `VMs of ${size || 'one size'}. Name them on the third step, and this says where they go.`;
  }
  if (placed.byNode.size === 0) return `${names.length} VMs, for which no node has room.`;
  const files = form.boot === 'disk' ? form.disks : form.boot === 'kernel' ? [form.kernel, form.initrd] : [form.cdrom];
  const copies = new Map<string, string[]>();
  for (const node of placed.byNode.keys()) {
    const lacks = files.filter((file) => {
      const image = images.find(({ name }) => name === file.split(',', 1)[0]);
      return image !== undefined && !image.nodes.includes(node);
    });
    const text = lacks.join(' and ');
    if (text !== '') copies.set(text, [...(copies.get(text) ?? []), node]);
  }
  const networks = form.networks.map((name) => {
    if (/^\d+$/.test(name)) return name;
    const known = lans.find(({ alias }) => alias === name)?.vlan;
    return `${name} (${known ?? (form.vlans[name] || 'new')})`;
  });
  const sentence = describeLaunch({ byNode: placed.byNode, networks, copies, namespace: form.namespace });
  return placed.left.length === 0 ? sentence : `Of ${names.length} VMs, these have room: ${sentence}`;
}
