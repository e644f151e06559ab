'use client';
// The selected VM beside the table: what can be done with it, its facts and its NICs.
import { ArrowUpRight } from 'lucide-react';
import Link from 'next/link';
import type { ReactElement, ReactNode } from 'react';
import { useClusterPath } from '../frame/use-cluster.ts';
import { TraceLink } from '../probe/TraceLink.tsx';
import { Button } from '../ui/Button.tsx';
import { Notice } from '../ui/Notice.tsx';
import { adviceOn } from './advice.ts';
import { ConsoleLinks } from './ConsoleLinks.tsx';
import { useVmActions } from './use-vm-actions.ts';
import { VmFactList, NicList } from './vm-facts.tsx';
import { vmPath, type VmLine } from './vm-line.ts';
import type { VmSource } from './vm-source.ts';
import { VmActions } from './VmActions.tsx';
import { VmRunResult } from './VmRunResult.tsx';

export function VmInspector({ source, line }: { source: VmSource | null; line: VmLine }): ReactElement {
  const withCluster = useClusterPath();
  const acting = useVmActions(source);
  const advice = adviceOn(line);
  return (
    <div className="flex flex-col gap-5">
      {advice === null ? null : <Notice state={advice.state}>{advice.text}</Notice>}
      <div className="flex flex-wrap gap-2">
        <Button
          size="sm"
          icon={<ArrowUpRight aria-hidden="true" className="size-4" />}
          render={<Link href={withCluster(vmPath(line))} prefetch={false} />}
        >
          Open
        </Button>
        <ConsoleLinks line={line} />
        {line.nics.some(({ vlan }) => vlan > 0) ? (
          <TraceLink namespace={line.vm.Namespace} from={line.vm.Name} />
        ) : null}
      </div>
      <div className="flex flex-wrap gap-1.5">
        <VmActions acting={acting} vms={[line]} buttons={['start', 'stop', 'shutdown', 'kill']} />
      </div>
      <VmRunResult acting={acting} />
      <Section title="Facts">
        <VmFactList line={line} />
      </Section>
      <Section title="Network">
        <NicList nics={line.nics} />
      </Section>
    </div>
  );
}

function Section({ title, children }: { title: string; children: ReactNode }): ReactElement {
  return (
    <section>
      <h3 className="mb-2 text-base font-semibold">{title}</h3>
      {children}
    </section>
  );
}
