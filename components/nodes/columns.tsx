'use client';
// The columns of a table of nodes: what they show and how they sort; and a node on a phone.
import Link from 'next/link';
import type { ReactElement, ReactNode } from 'react';
import { describeRange } from '../../core/ranges/describe-range.ts';
import { countOf, formatDuration, formatMegabytes } from '../../lib/format.ts';
import { bridgeOf } from '../fleet/bridge-facts.ts';
import { Flash } from '../fleet/Flash.tsx';
import { Links } from '../fleet/Links.tsx';
import { loadOf, type MeshNode } from '../fleet/mesh-view.ts';
import { NodeState } from '../fleet/NodeState.tsx';
import { useServerNow } from '../fleet/use-mesh.ts';
import { useClusterPath } from '../frame/use-cluster.ts';
import { sortRows, type Column, type Sort } from '../table/column.ts';
import type { PhoneLines } from '../table/table-props.ts';
import { Badge } from '../ui/Badge.tsx';
import { StateMark, StateShape } from '../ui/StateMark.tsx';

type NodeColumn = Column<MeshNode>;

const nanosecondsPerMs = 1e6;
const states = ['bad', 'lost', 'warn', 'busy', 'ok'] as const;
const dash = <span className="text-fg-3">–</span>;
const mono = (text: string): ReactElement => (text === '' ? dash : <span className="font-mono">{text}</span>);

const name: NodeColumn = {
  id: 'name',
  title: 'Node',
  sortBy: (node) => node.name,
  cell: (node) => <NodeName node={node} />,
};
const state: NodeColumn = {
  id: 'state',
  title: 'Mesh',
  // `lost 59 minutes ago` fits.
  width: 9.5,
  sortBy: (node) => states.indexOf(node.state),
  cell: (node) => <StateWithAge node={node} />,
};
const links: NodeColumn = {
  id: 'links',
  title: 'Links',
  hint: 'Links held, of links wanted',
  align: 'end',
  width: 5,
  sortBy: (node) => (node.facts.State === 'member' ? node.peers.length : undefined),
  cell: (node) => <Links node={node} />,
};
const bridge: NodeColumn = {
  id: 'bridge',
  title: 'Bridge',
  hint: 'Bridge and its uplink',
  width: 9,
  sortBy: (node) => bridgeOf(node)?.name,
  cell: (node) => <BridgeCell node={node} />,
};
const vms: NodeColumn = {
  id: 'vms',
  title: 'VMs',
  align: 'end',
  width: 4,
  sortBy: ({ host }) => host?.VMs,
  cell: ({ host }) => (host === null ? dash : <Flash value={String(host.VMs)} />),
};
const load: NodeColumn = {
  id: 'load',
  title: 'Load / CPUs',
  hint: 'Load average of a minute, and CPUs',
  align: 'end',
  width: 7,
  sortBy: (node) => loadOf(node) ?? undefined,
  cell: loadCell,
};
const memory: NodeColumn = {
  id: 'memory',
  title: 'Memory used',
  hint: 'Memory used, of memory there is',
  align: 'end',
  width: 10,
  sortBy: ({ host }) => host?.MemUsed,
  cell: ({ host }) =>
    host === null ? (
      dash
    ) : (
      <>
        <Flash value={formatMegabytes(host.MemUsed)} />
        <span className="text-fg-3"> of {formatMegabytes(host.MemTotal)}</span>
      </>
    ),
};
const address: NodeColumn = {
  id: 'address',
  title: 'Address',
  hint: 'Preferred address',
  width: 8.5,
  sortBy: ({ facts }) => facts.Addresses[0],
  cell: ({ facts }) => mono(facts.Addresses[0] ?? ''),
};
const version: NodeColumn = {
  id: 'version',
  title: 'meshd',
  hint: 'Version of meshd',
  width: 5,
  sortBy: ({ host }) => host?.Version,
  cell: ({ host }) => mono(host?.Version ?? ''),
};
const uptime: NodeColumn = {
  id: 'uptime',
  title: 'Up',
  hint: 'Time since it booted',
  align: 'end',
  width: 5,
  sortBy: ({ host }) => host?.Uptime,
  cell: ({ host }) => (host === null ? dash : formatDuration(host.Uptime / nanosecondsPerMs)),
};

/** Names of peers need the mesh: `meshColumns`. */
const peers: NodeColumn = {
  id: 'peers',
  title: 'Peers',
  hint: 'Nodes with which a link is up',
  sortBy: (node) => node.peers.length,
  cell: () => null,
};

export const nodeColumns: readonly NodeColumn[] = [
  ...[name, state, links, bridge, vms, load, memory, address, version, uptime],
];
/** Beside the selected node, which shows all of it. */
export const fewNodeColumns: readonly NodeColumn[] = [name, state, links, vms, load, memory];
/** What the URL may sort by, whether it is shown or not. */
export const sortedColumns: readonly NodeColumn[] = [...nodeColumns, peers];

/** `nameOf`: a node's name by its id. `isBeside`: beside the picture, where it is narrow. */
export function meshColumns(nameOf: (id: string) => string, isBeside: boolean): readonly NodeColumn[] {
  const named: NodeColumn = { ...peers, cell: (node) => mono(peersText(node, nameOf)) };
  if (!isBeside) return [name, state, links, named, version];
  return [
    { ...name, width: 8 },
    { ...state, width: 7 },
    { ...links, width: 4 },
    { ...named, width: 6.5 },
  ];
}

/** `nodes` come by name, as a MeshView has them, and those with equal values stay so. */
export function sortNodes(nodes: readonly MeshNode[], sort: Sort): readonly MeshNode[] {
  if (sort.column === 'name') return sort.isDescending ? nodes.toReversed() : nodes;
  return sortRows(sortedColumns, nodes, sort);
}

const peersText = (node: MeshNode, nameOf: (id: string) => string): string => describeRange(node.peers.map(nameOf));

function NodeName({ node }: { node: MeshNode }): ReactElement {
  const withCluster = useClusterPath();
  return (
    <Link
      href={withCluster(`/nodes/${encodeURIComponent(node.name)}`)}
      className="rounded-sm font-mono font-medium hover:text-accent hover:underline"
    >
      {node.name} {node.facts.Head ? <Badge>head</Badge> : null}
    </Link>
  );
}

/** Only what is lost has an age to show, and follows the clock. */
function StateWithAge({ node }: { node: MeshNode }): ReactElement {
  return node.facts.LostAt === null ? <NodeState node={node} now={0} /> : <LostState node={node} />;
}

function LostState({ node }: { node: MeshNode }): ReactElement {
  return <NodeState node={node} now={useServerNow()} />;
}

function BridgeCell({ node }: { node: MeshNode }): ReactElement {
  const of = bridgeOf(node);
  if (of === null || of.name === '')
    return of?.alarms[0] === undefined ? dash : <StateMark state="bad">left over</StateMark>;
  return (
    <span className="font-mono" title={of.isRebootSafe ? 'Comes back at the next boot' : of.reboot}>
      <StateMark state={of.state}>
        {of.name}
        <span className="text-fg-3"> {of.uplink === '' ? 'no uplink' : of.uplink}</span>
      </StateMark>
    </span>
  );
}

function loadCell(node: MeshNode): ReactNode {
  const of = loadOf(node);
  if (node.host === null || of === null) return dash;
  return (
    <>
      <Flash value={of.toFixed(2)} />
      <span className="text-fg-3"> / {node.host.CPUs}</span>
    </>
  );
}

/** On a phone; `aside`: what stands at the end of both lines, below what it is called. */
function phoneLines(node: MeshNode, called: string, aside: ReactNode): PhoneLines {
  return {
    title: (
      <span className="flex items-center gap-2 font-mono">
        <StateShape state={node.state} />
        <span className="min-w-0 truncate">
          {node.name} {node.facts.Head ? <Badge>head</Badge> : null}
        </span>
      </span>
    ),
    detail: (
      <>
        {node.word}
        {node.added === null ? '' : `, ${node.added.addresses[0] ?? ''}`}
        {node.facts.State === 'member' ? `, ${countOf(node.peers.length, 'link')}` : ''}
        {node.host === null ? '' : `, ${countOf(node.host.VMs, 'VM')}`}
      </>
    ),
    aside: (
      <>
        <span className="block text-xs text-fg-3">{called}</span>
        {aside}
      </>
    ),
  };
}

export const nodeLines = (node: MeshNode): PhoneLines =>
  phoneLines(node, 'load / CPUs', <span className="numbers">{loadCell(node)}</span>);

export const meshLines = (node: MeshNode, nameOf: (id: string) => string): PhoneLines =>
  phoneLines(node, 'peers', <span className="block max-w-32 truncate">{mono(peersText(node, nameOf))}</span>);
