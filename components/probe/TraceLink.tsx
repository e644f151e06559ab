// The way from a VM to the page that traces a path from it.
import { Route } from 'lucide-react';
import Link from 'next/link';
import type { ReactElement } from 'react';
import { useClusterPath } from '../frame/use-cluster.ts';
import { Button } from '../ui/Button.tsx';
import { tracePath } from './trace-choice.ts';

export function TraceLink({ namespace, from }: { namespace: string; from: string }): ReactElement {
  const withCluster = useClusterPath();
  return (
    <Button
      size="sm"
      icon={<Route aria-hidden="true" className="size-4" />}
      render={<Link href={withCluster(tracePath({ namespace, from }))} prefetch={false} />}
    >
      Trace to…
    </Button>
  );
}
