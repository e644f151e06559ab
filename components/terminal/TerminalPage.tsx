'use client';
// A prompt on any node: cluster and node in the URL, so that a link opens it.
import { useMemo, type ReactElement } from 'react';
import { compareNames } from '../../core/ranges/natural-order.ts';
import { useFleetPart } from '../../lib/use-console.ts';
import { PageHeader } from '../frame/PageHeader.tsx';
import { useCluster } from '../frame/use-cluster.ts';
import { useSession } from '../frame/use-session.tsx';
import { useUrlState } from '../frame/use-url-state.ts';
import { Badge } from '../ui/Badge.tsx';
import { EmptyState } from '../ui/EmptyState.tsx';
import { Select } from '../ui/Select.tsx';
import { Connecting, NodeTerminal } from './NodeTerminal.tsx';

export function TerminalPage(): ReactElement {
  const nodes = useFleetPart(({ view }) => view.nodes);
  const status = useFleetPart((fleet) => fleet.status);
  const cluster = useCluster();
  const session = useSession();
  const url = useUrlState();
  const names = useMemo(
    () =>
      [...nodes.values()]
        .filter((node) => node.Cluster === cluster?.Id && node.State === 'member')
        .map(({ Name }) => Name)
        .sort(compareNames),
    [nodes, cluster?.Id],
  );
  const wanted = url.get('node');
  // A node that left stays chosen: its terminal says why nothing answers.
  const node = wanted !== '' ? wanted : cluster?.AttachedTo || (names[0] ?? '');
  const shown = names.includes(node) || node === '' ? names : [node, ...names];
  const isViewer = session?.user.role === 'viewer';
  // The server's page knows neither fleet nor reader: it says what it waits for, and the prompt takes its place.
  const isLoading = status === 'loading' || session === null;
  return (
    <>
      <PageHeader
        title="Terminal"
        state={isViewer ? <Badge>read only: commands that look</Badge> : undefined}
        actions={
          node === '' ? null : (
            <Select
              isMono
              aria-label="Node"
              value={node}
              onValueChange={(next) => {
                url.set({ node: next });
              }}
              options={shown.map((name) => ({ value: name, label: name }))}
              className="min-w-40"
            />
          )
        }
      />
      {node !== '' && (isLoading || cluster !== null) ? (
        <NodeTerminal
          key={node}
          cluster={cluster?.Id ?? null}
          {...(cluster ? { engine: cluster.Engine } : {})}
          node={node}
          role={session?.user.role ?? null}
        />
      ) : isLoading ? (
        <Connecting to="the cluster" />
      ) : (
        <EmptyState title="No node to talk to">Once a cluster is deployed, its nodes take commands here.</EmptyState>
      )}
    </>
  );
}
