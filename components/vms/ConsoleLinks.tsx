'use client';
// The ways to a VM's screen and serial line.
import { Monitor, SquareTerminal } from 'lucide-react';
import Link from 'next/link';
import type { ReactElement } from 'react';
import { outcomeOf } from '../../core/vms/states.ts';
import { useClusterPath } from '../frame/use-cluster.ts';
import { consolePath, type ConsoleKind } from '../screens/console-path.ts';
import { Button } from '../ui/Button.tsx';
import type { VmLine } from './vm-line.ts';
import { stateWord } from './vm-states.ts';

export function ConsoleLinks({ line }: { line: VmLine }): ReactElement {
  const withCluster = useClusterPath();
  const { is } = outcomeOf('screenshot', line.vm.State);
  const path = (kind: ConsoleKind) =>
    withCluster(consolePath({ node: line.node, name: line.vm.Name, namespace: line.vm.Namespace }, kind));
  const reason = is === 'works' ? '' : `${line.vm.Name} is ${stateWord(line.vm.State)}: it has no console now.`;
  const noSerial = line.vm.SerialPorts === 0 ? `${line.vm.Name} has no serial line: \`vm config serial-ports\`.` : '';
  return (
    <>
      <Button
        size="sm"
        icon={<Monitor aria-hidden="true" className="size-4" />}
        disabledReason={reason}
        render={<Link href={path('vnc')} prefetch={false} />}
      >
        Screen
      </Button>
      <Button
        size="sm"
        icon={<SquareTerminal aria-hidden="true" className="size-4" />}
        disabledReason={reason === '' ? noSerial : reason}
        render={<Link href={path('serial')} prefetch={false} />}
      >
        Serial line
      </Button>
    </>
  );
}
