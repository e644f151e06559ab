'use client';
// The selected VLAN: what is odd about it and how to fix that, facts, and its VMs by node.
import { ListFilter, Trash2 } from 'lucide-react';
import Link from 'next/link';
import { lazy, memo, Suspense, useMemo } from 'react';
import type { ReactElement, ReactNode } from 'react';
import { useShellCommand } from '../fleet/use-shell-command.ts';
import { Fact, FactList } from '../fleet/facts.tsx';
import { useCluster, useClusterPath } from '../frame/use-cluster.ts';
import { useRefusal } from '../frame/use-session.tsx';
import { Button } from '../ui/Button.tsx';
import { CommandLine } from '../ui/CommandLine.tsx';
import { Notice } from '../ui/Notice.tsx';
import { SkeletonRows } from '../ui/Skeleton.tsx';
import { StateMark } from '../ui/StateMark.tsx';
import { fixesOf, type VlanFix } from './vlan-fixes.ts';
import type { VlanSource } from './vlan-source.ts';
import type { MapNode, MapVlan } from './vlan-view.ts';
import type { VlanEdit } from './VlanDialogs.tsx';
import { nodesOf } from './vlan-words.ts';
import { VlanMembers, vmsPath } from './VlanMembers.tsx';
import { describeVms } from './vm-count.ts';

// Few VLANs are looked at so closely.
const VlanProbe = lazy(async () => ({ default: (await import('../probe/VlanProbe.tsx')).VlanProbe }));
const VlanDhcp = lazy(async () => ({ default: (await import('../dhcp/VlanDhcp.tsx')).VlanDhcp }));

export interface VlanInspectorProps {
  nodes: readonly MapNode[];
  /** Other VLANs with its alias or its number, and itself. */
  relatives: readonly MapVlan[];
  source: VlanSource;
  vlan: MapVlan;
  /** Its VMs stand first; null: all nodes as they come. */
  node: MapNode | null;
  onSelect: (vlan: string | null, node: string | null) => void;
  onEdit: (edit: VlanEdit) => void;
}

/** Rendered again only when something that it shows became another object. */
export const VlanInspector = memo(function VlanInspector(props: VlanInspectorProps): ReactElement {
  const { nodes, relatives, source, vlan, node, onSelect, onEdit } = props;
  const map = useMemo(() => ({ nodes, vlans: relatives }), [nodes, relatives]);
  const attached = useCluster()?.AttachedTo ?? '';
  const withCluster = useClusterPath();
  const refusal = useRefusal('operator');
  const fixes = useMemo(() => fixesOf(vlan, { map, vmsOn: source.vmsOn, attached }), [vlan, map, source, attached]);
  const vms = useMemo(() => source.vmsOn(vlan), [source, vlan]);
  const owner = map.nodes.find(({ id }) => id === vlan.owner);
  const where = nodesOf(map, vlan);
  return (
    <div className="flex flex-col gap-5">
      {fixes.map((fix) => (
        <Fix key={fix.flag} fix={fix}>
          {fix.action === 'join' ? (
            <Button size="sm" variant="primary" disabledReason={refusal} onClick={() => onEdit({ is: 'join', vlan })}>
              Join…
            </Button>
          ) : null}
        </Fix>
      ))}
      <div className="flex flex-wrap gap-2">
        {vlan.sum.total === 0 ? null : (
          <Button
            size="sm"
            icon={<ListFilter className="size-4" />}
            render={<Link href={withCluster(vmsPath(vlan))} />}
          >
            Show its VMs
          </Button>
        )}
        {vlan.isListed ? (
          <Button
            size="sm"
            variant="ghost"
            icon={<Trash2 className="size-4" />}
            disabledReason={refusal}
            onClick={() => onEdit({ is: 'delete', vlan })}
          >
            Delete…
          </Button>
        ) : null}
      </div>
      <Section title="VLAN">
        <FactList>
          <Fact name="Number" isMono>
            {vlan.vlan}
          </Fact>
          <Fact name="Alias" isMono>
            {vlan.alias === '' ? '–' : vlan.alias}
          </Fact>
          <Fact name="Namespace" isMono>
            {vlan.namespace === '' ? '–' : vlan.namespace}
          </Fact>
          <Fact name="VMs">{describeVms(vlan.sum)}</Fact>
          <Fact name="Nodes" isMono>
            {where === '' ? '–' : where}
          </Fact>
          <Fact name="Decided by" isMono>
            {owner === undefined ? (
              '–'
            ) : (
              <Link
                href={withCluster(`/mesh?node=${encodeURIComponent(owner.name)}`)}
                className="rounded-sm hover:text-accent hover:underline"
              >
                {owner.name}
              </Link>
            )}
            {owner === undefined || owner.state === 'member' ? null : (
              <StateMark state="lost" className="ml-2 font-sans">
                away
              </StateMark>
            )}
          </Fact>
          {vlan.isListed ? <Fact name="Chosen by">{vlan.isPinned ? 'a person' : 'meshd'}</Fact> : null}
        </FactList>
      </Section>
      <Section title="DHCP">
        <Suspense fallback={<SkeletonRows label="DHCP is loading" count={1} />}>
          <VlanDhcp vlan={vlan.vlan} vms={vms} onStart={() => onEdit({ is: 'dhcp', vlan })} />
        </Suspense>
      </Section>
      <Section title="Between the nodes">
        <Suspense fallback={<SkeletonRows label="The probe is loading" count={1} />}>
          <VlanProbe vlan={vlan.vlan} vms={vms} />
        </Suspense>
      </Section>
      <Section title={node === null ? 'VMs by node' : `VMs on ${node.name}, then on others`}>
        <VlanMembers nodes={nodes} vlan={vlan} vms={vms} first={node} onSelectNode={(id) => onSelect(vlan.key, id)} />
      </Section>
    </div>
  );
});

function Fix({ fix, children }: { fix: VlanFix; children: ReactNode }): ReactElement {
  const asCommand = useShellCommand();
  return (
    <div className="flex flex-col gap-2">
      <Notice state={fix.state} title={fix.title} action={children}>
        {fix.text}
      </Notice>
      {fix.commands.length === 0 ? null : (
        <CommandLine command={fix.commands.map(asCommand).join('\n')} label="Copy as command" />
      )}
    </div>
  );
}

export function Section({ title, children }: { title: string; children: ReactNode }): ReactElement {
  return (
    <section>
      <h3 className="mb-2 text-base font-semibold">{title}</h3>
      {children}
    </section>
  );
}
