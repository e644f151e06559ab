'use client';
// The console's key for root on the nodes: how to give all of them a new one.
import Link from 'next/link';
import type { ReactElement } from 'react';
import { usePlanRefusal } from '../frame/use-session.tsx';
import { Button } from '../ui/Button.tsx';
import { CommandLine } from '../ui/CommandLine.tsx';
import { Panel } from '../ui/Panel.tsx';

export function KeysPanel(): ReactElement {
  const refusal = usePlanRefusal('rotate-key');
  return (
    <Panel
      title="The console's key"
      actions={
        <Button size="sm" disabledReason={refusal} render={<Link href="/rotate-key" />}>
          New key…
        </Button>
      }
    >
      <div className="flex max-w-160 flex-col gap-3">
        <p className="text-fg-2">
          The console logs in to the nodes as root with a key of its own; its private half is encrypted in the data
          folder. A new key is installed beside the old one, proved, and only then the old one is revoked, node by node.
        </p>
        <CommandLine command="meshdeck nodes rotate-key" />
        <p className="text-sm text-fg-3">
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
