'use client';
// The way to the launch wizard, wherever VMs are missed.
import { Plus } from 'lucide-react';
import Link from 'next/link';
import type { ReactElement } from 'react';
import { useClusterPath } from '../frame/use-cluster.ts';
import { useRefusal } from '../frame/use-session.tsx';
import { Button } from '../ui/Button.tsx';

export function LaunchButton(): ReactElement {
  const withCluster = useClusterPath();
  return (
    <Button
      variant="primary"
      icon={<Plus aria-hidden="true" className="size-4" />}
      disabledReason={useRefusal('operator')}
      render={<Link href={withCluster('/launch')} prefetch={false} />}
    >
      Launch VMs
    </Button>
  );
}
