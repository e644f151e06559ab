// Facts of a node as a list of name and value, the same in the inspector and on the node's page.
import type { ReactElement, ReactNode } from 'react';
import { formatAgo, formatDuration, formatInstant, formatMegabytes } from '../../lib/format.ts';
import { CopyButton } from '../ui/CopyButton.tsx';
import { Flash } from './Flash.tsx';
import { Links } from './Links.tsx';
import { NodeState } from './NodeState.tsx';
import type { MeshNode } from './mesh-view.ts';

export function FactList({ children }: { children: ReactNode }): ReactElement {
  return <dl className="grid grid-cols-[minmax(6.5rem,auto)_1fr] items-baseline gap-x-4 gap-y-1.5">{children}</dl>;
}

export function Fact({
  name,
  isMono = false,
  children,
}: {
  name: string;
  isMono?: boolean;
  children: ReactNode;
}): ReactElement {
  return (
    <>
      <dt className="text-sm text-fg-3">{name}</dt>
      <dd className={`min-w-0 break-words numbers ${isMono ? 'font-mono text-sm' : ''}`}>{children}</dd>
    </>
  );
}

const nanosecondsPerMs = 1e6;
/** What the host facts say is older than this: a second and a half is their pace. */
const oldFactsMs = 5000;

export function MeshFacts({ node, now }: { node: MeshNode; now: number }): ReactElement {
  const { facts } = node;
  return (
    <FactList>
      <Fact name="Mesh">
        <NodeState node={node} now={now} />
      </Fact>
      <Fact name="Links">
        <Links node={node} />
        {facts.Degree === null ? null : <span className="text-fg-3"> (degree {facts.Degree})</span>}
      </Fact>
      <Fact name="Role">{facts.Head ? 'head: holds the CA' : 'node'}</Fact>
      <Fact name="meshd" isMono>
        {node.host?.Version ?? '–'}
      </Fact>
      <Fact name={facts.Addresses.length > 1 ? 'Addresses' : 'Address'} isMono>
        {facts.Addresses.length === 0 ? '–' : facts.Addresses.map((address) => <div key={address}>{address}</div>)}
      </Fact>
      <Fact name="Node id" isMono>
        <span className="flex items-center gap-1">
          <span className="min-w-0 truncate" title={node.id}>
            {node.id.slice(0, 12)}…
          </span>
          <CopyButton text={node.id} label="Copy the node id" />
        </span>
      </Fact>
    </FactList>
  );
}

export function HostFactList({ node, now }: { node: MeshNode; now: number }): ReactElement {
  const { host } = node;
  if (host === null) {
    return <p className="text-fg-3">Not known: a node reports its host only while it is in the mesh.</p>;
  }
  const age = now - host.AsOf;
  const isOld = node.facts.State !== 'member' && age > oldFactsMs;
  return (
    <>
      {isOld ? (
        <p className="mb-2 text-sm text-warn" title={formatInstant(host.AsOf)}>
          As of {formatAgo(host.AsOf, now)}.
        </p>
      ) : null}
      <FactList>
        <Fact name="CPUs">{host.CPUs}</Fact>
        <Fact name="Load">
          <Flash value={host.Load} />
        </Fact>
        <Fact name="Memory">
          <Flash value={formatMegabytes(host.MemUsed)} />
          <span className="text-fg-3"> of {formatMegabytes(host.MemTotal)}</span>
          <Bar share={host.MemTotal > 0 ? host.MemUsed / host.MemTotal : 0} label="Memory used" />
        </Fact>
        <Fact name="Network">
          <Flash value={`${host.RxBps.toFixed(1)} in, ${host.TxBps.toFixed(1)} out`} />
          <span className="text-fg-3"> MB/s</span>
        </Fact>
        <Fact name="VMs">
          <Flash value={String(host.VMs)} />
        </Fact>
        <Fact name="Committed">
          {host.CPUCommit} vCPUs, {formatMegabytes(host.MemCommit)}
        </Fact>
        <Fact name="Up">{formatDuration(host.Uptime / nanosecondsPerMs)}</Fact>
      </FactList>
    </>
  );
}

function Bar({ share, label }: { share: number; label: string }): ReactElement {
  const percent = Math.round(100 * Math.min(1, Math.max(0, share)));
  return (
    <span
      role="meter"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={percent}
      className="mt-1 block h-1 rounded-full bg-surface-3"
    >
      <span
        className={`block h-1 rounded-full ${percent >= 90 ? 'bg-warn' : 'bg-accent'}`}
        style={{ width: `${percent}%` }}
      />
    </span>
  );
}
