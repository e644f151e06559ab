'use client';
// The ways to a VM's screen and serial line.
import { Monitor, SquareTerminal } from 'lucide-react';
import Link from 'next/link';
import type { ReactElement } from 'react';
import { outcomeOf } from '../../core/vms/states.ts';
import { useClusterPath } from '../frame/use-cluster.ts';
import { Button } from '../ui/Button.tsx';
import { consolePath } from './consoles.ts';
import type { VmLine } from './vm-line.ts';
import { stateWord } from './vm-states.ts';

export function ConsoleLinks({ line }: { line: VmLine }): ReactElement {
  const withCluster = useClusterPath();
  const { is } = outcomeOf('screenshot', line.vm.State);
  const reason = is === 'works' ? '' : `${line.vm.Name} is ${stateWord(line.vm.State)}: it has no console now.`;
  return (
    <>
      <Button
        size="sm"
        icon={<Monitor aria-hidden="true" className="size-4" />}
        disabledReason={reason}
        render={<Link href={withCluster(consolePath(line, 'vnc'))} prefetch={false} />}
      >
        Screen
      </Button>
      <Button
        size="sm"
        icon={<SquareTerminal aria-hidden="true" className="size-4" />}
        disabledReason={reason}
        render={<Link href={withCluster(consolePath(line, 'serial'))} prefetch={false} />}
      >
        Serial line
      </Button>
    </>
  );
}
