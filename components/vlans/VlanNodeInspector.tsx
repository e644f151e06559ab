'use client';
// The selected node of the map: how its VLANs leave it, and which of them have VMs there.
import { ArrowUpRight } from 'lucide-react';
import Link from 'next/link';
import type { ReactElement } from 'react';
import { countOf } from '../../lib/format.ts';
import { Fact, FactList } from '../fleet/facts.tsx';
import { useClusterPath } from '../frame/use-cluster.ts';
import { Button } from '../ui/Button.tsx';
import { Notice } from '../ui/Notice.tsx';
import { StateMark } from '../ui/StateMark.tsx';
import { VlanCell } from './VlanCell.tsx';
import { Section } from './VlanInspector.tsx';
import type { MapNode, MapVlan, VlanMap } from './vlan-view.ts';
import { shortName } from './vlan-words.ts';
import { describeVms } from './vm-count.ts';

export interface VlanNodeInspectorProps {
  map: VlanMap;
  node: MapNode;
  onSelectVlan: (vlan: MapVlan) => void;
}

export function VlanNodeInspector({ map, node, onSelectVlan }: VlanNodeInspectorProps): ReactElement {
  const withCluster = useClusterPath();
  const name = encodeURIComponent(node.name);
  const here = map.vlans.filter(({ cells }) => cells.has(node.id));
  return (
    <div className="flex flex-col gap-5">
      {node.uplink === '' && here.length > 0 ? (
        <Notice state="warn" title="Its bridge has no uplink">
          VMs here meet only each other, on any VLAN. Put its NIC into the bridge.
        </Notice>
      ) : null}
      <div className="flex flex-wrap gap-2">
        <Button
          size="sm"
          icon={<ArrowUpRight className="size-4" />}
          render={<Link href={withCluster(`/nodes/${name}`)} />}
        >
          Open
        </Button>
        {node.uplink === '' ? (
          <Button size="sm" render={<Link href={withCluster(`/bridge?nodes=${name}`)} />}>
            Bridge
          </Button>
        ) : null}
      </div>
      <Section title="Node">
        <FactList>
          <Fact name="Mesh">
            <StateMark state={node.state === 'member' ? 'ok' : node.state === 'absent' ? 'lost' : 'bad'}>
              {node.state === 'member' ? 'in the mesh' : node.state === 'absent' ? 'not in the mesh' : 'revoked'}
            </StateMark>
          </Fact>
          <Fact name="Bridge" isMono>
            {node.bridge === null || node.bridge === '' ? '–' : node.bridge}
          </Fact>
          <Fact name="Uplink" isMono>
            {node.uplink === null || node.uplink === '' ? '–' : node.uplink}
          </Fact>
        </FactList>
      </Section>
      <Section title={countOf(here.length, 'VLAN')}>
        {here.length === 0 ? <p className="text-fg-3">No VM here is on a VLAN.</p> : null}
        <ul>
          {here.map((vlan) => (
            <li key={vlan.key}>
              <button
                type="button"
                onClick={() => onSelectVlan(vlan)}
                title={describeVms(vlan.cells.get(node.id) ?? vlan.sum)}
                className="flex min-h-8 w-full items-center gap-2 rounded-sm text-left text-sm hover:text-accent max-md:min-h-11"
              >
                <span className="min-w-0 truncate font-mono">{shortName(vlan)}</span>
                {vlan.alias === '' ? null : <span className="font-mono text-fg-3">{vlan.vlan}</span>}
                <span className="min-w-0 truncate text-fg-3">{vlan.namespace}</span>
                <span className="ml-auto">
                  <VlanCell count={vlan.cells.get(node.id) ?? null} />
                </span>
              </button>
            </li>
          ))}
        </ul>
      </Section>
    </div>
  );
}
