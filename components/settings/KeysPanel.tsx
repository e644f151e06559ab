'use client';
// The console's keys for root on the nodes: what they are, who has them, and how to give all nodes a new one.
import Link from 'next/link';
import type { ReactElement } from 'react';
import type { ConsoleKeyView } from '../../contract/browser/nodes.ts';
import { rotateKeyKind } from '../../core/plans/kinds.ts';
import { describeRange } from '../../core/ranges/describe-range.ts';
import { countOf, formatInstant } from '../../lib/format.ts';
import { useLoaded } from '../actions/use-loaded.ts';
import { usePlanRefusal } from '../frame/use-session.tsx';
import { Button } from '../ui/Button.tsx';
import { CommandLine } from '../ui/CommandLine.tsx';
import { Notice } from '../ui/Notice.tsx';
import { Panel } from '../ui/Panel.tsx';
import { SkeletonRows } from '../ui/Skeleton.tsx';

export function KeysPanel(): ReactElement {
  const refusal = usePlanRefusal(rotateKeyKind);
  const { data: keys, error } = useLoaded('keys', (client) => client.call('keys.list', {}));
  return (
    <Panel
      title="The console's key"
      actions={
        <Button size="sm" disabledReason={refusal} render={<Link href="/rotate-key" />}>
          New key…
        </Button>
      }
    >
      <div className="flex flex-col gap-4">
        <p className="max-w-160 text-fg-2">
          The console logs in to the nodes as root with its own key; the private half is encrypted in the data folder. A
          rotation installs the new key next to the old one, proves it, and only then revokes the old one, node by node.
        </p>
        {error === '' ? null : (
          <Notice state="bad" role="alert">
            {error}
          </Notice>
        )}
        {keys === null ? (
          error === '' ? (
            <SkeletonRows label="Keys are loading" count={2} />
          ) : null
        ) : keys.length === 0 ? (
          <p className="text-fg-2">No key yet: it is made when you add the first nodes.</p>
        ) : (
          <ul className="flex flex-col gap-4">
            {keys.map((key) => (
              <KeyFacts key={key.id} value={key} />
            ))}
          </ul>
        )}
        <div className="max-w-160">
          <CommandLine command="meshdeck nodes rotate-key" />
        </div>
        <p className="max-w-160 text-sm text-fg-3">
          For a cluster that nobody else reaches, the guide also has{' '}
          <Link href="/passwordless-root" className="text-accent underline">
            root without a password
          </Link>
          .
        </p>
      </div>
    </Panel>
  );
}

function KeyFacts({ value: key }: { value: ConsoleKeyView }): ReactElement {
  return (
    <li className="flex min-w-0 flex-col gap-2">
      <dl className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-4 gap-y-1">
        <dt className="text-fg-3">Fingerprint</dt>
        <dd className="font-mono text-sm break-all">{key.fingerprint}</dd>
        <dt className="text-fg-3">Made</dt>
        <dd>{formatInstant(key.addedAt)}</dd>
        <dt className="text-fg-3">On</dt>
        <dd className="min-w-0">
          {key.nodes.length === 0 ? (
            'no node'
          ) : (
            <>
              {countOf(key.nodes.length, 'node')}:{' '}
              <span className="font-mono text-sm break-all">{describeRange(key.nodes)}</span>
            </>
          )}
        </dd>
      </dl>
      <CommandLine command={key.publicKey} label="Copy public key" />
    </li>
  );
}
