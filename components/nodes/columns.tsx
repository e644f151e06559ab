// The columns that a table of nodes may have: what they show and how they sort. The caller chooses the columns.
import type { ReactElement } from 'react';
import { describeRange } from '../../core/ranges/describe-range.ts';
import { compareNames } from '../../core/ranges/natural-order.ts';
import { formatDuration, formatMegabytes } from '../../lib/format.ts';
import { bridgeOf } from '../fleet/bridge-facts.ts';
import { Flash } from '../fleet/Flash.tsx';
import { Links } from '../fleet/Links.tsx';
import { loadOf } from '../fleet/mesh-view.ts';
import type { MeshNode, MeshView } from '../fleet/mesh-view.ts';
import { Badge } from '../ui/Badge.tsx';
import { StateMark } from '../ui/StateMark.tsx';

export const columnNames = [
  'name',
  'state',
  'links',
  'peers',
  'bridge',
  'vms',
  'load',
  'memory',
  'address',
  'version',
  'uptime',
] as const;
export type ColumnName = (typeof columnNames)[number];

export interface ColumnLook {
  readonly header: string;
  /** Said in full by a screen reader and as a tooltip. */
  readonly title: string;
  readonly isNumber: boolean;
  readonly isMono: boolean;
}

const look = (header: string, title = header, kind: '' | 'number' | 'mono' = ''): ColumnLook => ({
  header,
  title,
  isNumber: kind === 'number',
  isMono: kind === 'mono',
});

export const columnLooks: Readonly<Record<ColumnName, ColumnLook>> = {
  name: look('Node', 'Node', 'mono'),
  state: look('Mesh'),
  links: look('Links', 'Links held, of links wanted', 'number'),
  peers: look('Peers', 'Nodes with which a link is up', 'mono'),
  bridge: look('Bridge', 'Bridge and its uplink', 'mono'),
  vms: look('VMs', 'VMs', 'number'),
  load: look('Load / CPUs', 'Load average of a minute, and CPUs', 'number'),
  memory: look('Memory used', 'Memory used, of memory there is', 'number'),
  address: look('Address', 'Preferred address', 'mono'),
  version: look('meshd', 'Version of meshd', 'mono'),
  uptime: look('Up', 'Time since it booted', 'number'),
};

const nanosecondsPerMs = 1e6;
const states = ['bad', 'lost', 'warn', 'busy', 'ok'] as const;

/** What a column sorts by; undefined stands last both ways. */
const sortValues: Readonly<Record<ColumnName, (node: MeshNode) => number | string | undefined>> = {
  name: (node) => node.name,
  state: (node) => states.indexOf(node.state),
  links: (node) => (node.facts.State === 'member' ? node.peers.length : undefined),
  peers: (node) => node.peers.length,
  bridge: (node) => bridgeOf(node)?.name,
  vms: (node) => node.host?.VMs,
  load: (node) => loadOf(node) ?? undefined,
  memory: (node) => node.host?.MemUsed,
  address: (node) => node.facts.Addresses[0],
  version: (node) => node.host?.Version,
  uptime: (node) => node.host?.Uptime,
};

export interface Sort {
  readonly column: ColumnName;
  readonly isDescending: boolean;
}

/** `nodes` come by name, as a MeshView has them, and those with equal values stay so. */
export function sortNodes(nodes: readonly MeshNode[], { column, isDescending }: Sort): readonly MeshNode[] {
  if (column === 'name') return isDescending ? nodes.toReversed() : nodes;
  const sign = isDescending ? -1 : 1;
  return nodes
    .map((node) => ({ node, value: sortValues[column](node) }))
    .sort(({ value: a }, { value: b }) => {
      if (a === undefined || b === undefined) return (a === undefined ? 1 : 0) - (b === undefined ? 1 : 0);
      return sign * (typeof a === 'number' && typeof b === 'number' ? a - b : compareNames(String(a), String(b)));
    })
    .map(({ node }) => node);
}

const dash = <span className="text-fg-3">–</span>;

/** A cell's content; the state column is the caller's, since it has a clock. */
export function NodeCell({ column, node, mesh }: { column: ColumnName; node: MeshNode; mesh: MeshView }): ReactElement {
  const { facts, host } = node;
  switch (column) {
    case 'name':
      return (
        <>
          {node.name} {facts.Head ? <Badge>head</Badge> : null}
        </>
      );
    case 'state':
      return <>{node.word}</>;
    case 'links':
      return <Links node={node} />;
    case 'peers': {
      const names = node.peers.map((id) => mesh.byId.get(id)?.name ?? id);
      return names.length === 0 ? dash : <>{describeRange(names)}</>;
    }
    case 'bridge': {
      const bridge = bridgeOf(node);
      if (bridge === null || bridge.name === '')
        return bridge?.alarms[0] === undefined ? dash : <StateMark state="bad">left over</StateMark>;
      return (
        <span title={bridge.isRebootSafe ? 'Comes back at the next boot' : bridge.reboot}>
          <StateMark state={bridge.state}>
            {bridge.name}
            <span className="text-fg-3"> {bridge.uplink === '' ? 'no uplink' : bridge.uplink}</span>
          </StateMark>
        </span>
      );
    }
    case 'vms':
      return host === null ? dash : <Flash value={String(host.VMs)} />;
    case 'load': {
      const load = loadOf(node);
      return host === null || load === null ? (
        dash
      ) : (
        <>
          <Flash value={load.toFixed(2)} />
          <span className="text-fg-3"> / {host.CPUs}</span>
        </>
      );
    }
    case 'memory':
      return host === null ? (
        dash
      ) : (
        <>
          <Flash value={formatMegabytes(host.MemUsed)} />
          <span className="text-fg-3"> of {formatMegabytes(host.MemTotal)}</span>
        </>
      );
    case 'address':
      return facts.Addresses[0] === undefined ? dash : <>{facts.Addresses[0]}</>;
    case 'version':
      return host === null ? dash : <>{host.Version}</>;
    case 'uptime':
      return host === null ? dash : <>{formatDuration(host.Uptime / nanosecondsPerMs)}</>;
  }
}

/** `load` or `-load`, as the URL has it; anything else: by name. */
export function parseSort(text: string): Sort {
  const isDescending = text.startsWith('-');
  const column = columnNames.find((name) => name === (isDescending ? text.slice(1) : text));
  return column === undefined ? { column: 'name', isDescending: false } : { column, isDescending };
}
