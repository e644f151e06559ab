'use client';
// Whether the machine is fit to be a node, as the console saw it when it looked last.
import Link from 'next/link';
import type { ReactElement } from 'react';
import type { KnownNode } from '../../contract/known-nodes.ts';
import { addNodesKind } from '../../core/plans/kinds.ts';
import { formatAgo, formatInstant } from '../../lib/format.ts';
import { useLoaded } from '../actions/use-loaded.ts';
import { checkPath } from '../fleet/check-path.ts';
import { useClusterPath } from '../frame/use-cluster.ts';
import { usePlanRefusal } from '../frame/use-session.tsx';
import { FindingsList } from '../runs/FindingsList.tsx';
import { worstFirst } from '../runs/findings.ts';
import { Button } from '../ui/Button.tsx';
import { Notice } from '../ui/Notice.tsx';
import { Panel } from '../ui/Panel.tsx';
import { Skeleton } from '../ui/Skeleton.tsx';

export interface ChecksPanelProps {
  readonly name: string;
  /** Null: the console has no login there. */
  readonly known: KnownNode | null;
  /** The server's clock: the age of the check is counted against it. */
  readonly now: number;
}

export function ChecksPanel({ name, known, now }: ChecksPanelProps): ReactElement {
  const withCluster = useClusterPath();
  const adding = usePlanRefusal(addNodesKind);
  const link = (label: string, path: string, variant: 'primary' | 'ghost') => (
    <Button size="sm" variant={variant} disabledReason={adding} render={<Link href={withCluster(path)} />}>
      {label}
    </Button>
  );
  if (known === null) {
    return (
      <Panel title="Checks">
        <div className="flex flex-col items-start gap-3">
          <p className="text-fg-2">The console has no login there. Add the node, and it is looked at.</p>
          {link('Add it', `/add-nodes?nodes=${encodeURIComponent(name)}`, 'primary')}
        </div>
      </Panel>
    );
  }
  const path = (install: boolean) => checkPath({ nodes: name, port: known.port, install });
  if (known.checkedAt === null) {
    return (
      <Panel title="Checks">
        <div className="flex flex-col items-start gap-3">
          <p className="text-fg-2">Not looked at yet: KVM, Open vSwitch, QEMU, disk, memory, clock and names.</p>
          {link('Look at it', path(false), 'primary')}
        </div>
      </Panel>
    );
  }
  return (
    <Panel title="Checks" actions={link('Look again', path(false), 'ghost')}>
      <div className="flex flex-col items-start gap-3">
        <Findings node={known.id} checkedAt={known.checkedAt} />
        {known.missing.length === 0 ? null : link('Install what is missing', path(true), 'primary')}
        <p className="text-sm text-fg-3" title={formatInstant(known.checkedAt)}>
          As the console saw it {formatAgo(known.checkedAt, now)}.
        </p>
      </div>
    </Panel>
  );
}

/** Loaded for this node only: the findings of all nodes would be megabytes. */
function Findings({ node, checkedAt }: { node: string; checkedAt: number }): ReactElement {
  const { data, error } = useLoaded(`${node} ${checkedAt}`, (client) => client.call('nodes.checks', { node }));
  return (
    <div className="w-full">
      {error === '' ? null : (
        <Notice state="bad" title="What was found cannot be shown">
          {error}
        </Notice>
      )}
      {data === null && error === '' ? <Skeleton className="h-12" /> : null}
      <FindingsList findings={worstFirst(data?.findings ?? [])} />
    </div>
  );
}
