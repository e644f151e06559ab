'use client';
// One console of a VM over the whole page: its screen, or a serial port. Which VM is in the path, which console in the query, so that a link opens it.
import { MonitorOff } from 'lucide-react';
import Link from 'next/link';
import { useEffect, useMemo, useState, type ReactElement } from 'react';
import type { FleetVm } from '../../contract/fleet.ts';
import { useShellCommand } from '../fleet/use-shell-command.ts';
import { fleetKeys } from '../../contract/fleet-keys.ts';
import { rowsOf } from '../../core/fleet-view.ts';
import { defaultNamespace } from '../../core/namespaces.ts';
import { noConsole, type ConsoleAddress, type ConsoleStream } from '../../lib/console-stream.ts';
import { useFleetPart, useReadable } from '../../lib/use-console.ts';
import { useCluster, useClusterPath } from '../frame/use-cluster.ts';
import { useUrlState } from '../frame/use-url-state.ts';
import { Button } from '../ui/Button.tsx';
import { cx } from '../ui/cx.ts';
import { EmptyState } from '../ui/EmptyState.tsx';
import { Notice } from '../ui/Notice.tsx';
import { SkeletonRows } from '../ui/Skeleton.tsx';
import { Spinner } from '../ui/Spinner.tsx';
import { ConsoleChoice } from './ConsoleChoice.tsx';
import { ConsoleNews } from './ConsoleNews.tsx';
import { vmOfPath, type ConsoleKind } from './console-path.ts';
import type { ScreenHandle } from './handle.ts';
import { IdentityBar } from './IdentityBar.tsx';
import { PasteDialog } from './PasteDialog.tsx';
import { SerialScreen } from './SerialScreen.tsx';
import { useFullScreen } from './use-full-screen.ts';
import { hasScreen, lineFor, socketPath } from './vm-words.ts';
import { VncScreen } from './VncScreen.tsx';
import { keyboardOf } from './watchers.ts';

export interface ConsolePageProps {
  /** Name of the node. */
  readonly node: string;
  /** Of the VM, or its id. */
  readonly name: string;
}

export function ConsolePage({ node, name }: ConsolePageProps): ReactElement {
  const status = useFleetPart((fleet) => fleet.status);
  const vms = useFleetPart(({ view }) => rowsOf(view, fleetKeys.vms));
  const nodes = useFleetPart(({ view }) => view.nodes);
  const cluster = useCluster();
  const withCluster = useClusterPath();
  const url = useUrlState();
  const namespace = url.get('namespace') || defaultNamespace;
  const row = [...nodes.values()].find((each) => each.Name === node && each.Cluster === cluster?.Id);
  const found = row ? vmOfPath(vms.values(), { nodeId: row.Id, name, namespace }) : null;
  const [known, setKnown] = useState(found);
  if (found !== null && found !== known) setKnown(found);
  // While its node goes, there may be a moment in which nobody says anything of it.
  const vm = found ?? (known !== null && row && row.State !== 'member' ? { ...known, State: 'LOST' as const } : null);
  if (status === 'loading') return <SkeletonRows label="The console is loading" />;
  if (vm === null || cluster === null) {
    return (
      <EmptyState
        icon={<MonitorOff />}
        title={`No VM is called ${name} on ${node}`}
        action={<Button render={<Link href={withCluster(`/nodes/${encodeURIComponent(node)}`)} />}>The node</Button>}
      >
        It may have been flushed, be on another node, or be in another namespace than {namespace}.
      </EmptyState>
    );
  }
  // Another VM is another console, with nothing left of this one.
  return <VmConsole key={`${vm.Node} ${vm.Id}`} cluster={cluster.Id} node={node} vm={vm} />;
}

interface VmConsoleProps {
  readonly cluster: string;
  readonly node: string;
  readonly vm: FleetVm;
}

function VmConsole({ cluster, node, vm }: VmConsoleProps): ReactElement {
  const asCommand = useShellCommand();
  const url = useUrlState();
  const kind: ConsoleKind = url.get('kind') === 'serial' ? 'serial' : 'vnc';
  const port = Number(url.get('port')) || 0;
  const isScaled = url.get('scale') !== 'off';
  const isTaking = url.get('keyboard') === 'take';
  const [stream, setStream] = useState<ConsoleStream | null>(null);
  const [handle, setHandle] = useState<ScreenHandle | null>(null);
  const [failure, setFailure] = useState('');
  const [isPasting, setIsPasting] = useState(false);
  const { isFull, toggle } = useFullScreen();
  const { link, watchers } = useReadable(stream?.state ?? null, noConsole);
  const lacksPort = kind === 'serial' && port >= vm.SerialPorts;
  const isWanted = hasScreen(vm) && !lacksPort;
  useEffect(() => stream?.want(isWanted), [stream, isWanted]);
  // The console says who is there as soon as the node has opened it.
  const isLive = link.at === 'open' && watchers.length > 0;
  const { isMine } = keyboardOf(watchers);
  useEffect(() => {
    if (!isTaking || !isLive) return;
    stream?.take();
    url.set({ keyboard: null });
  }, [isTaking, isLive, stream, url]);
  const { Id: id } = vm;
  const address = useMemo<ConsoleAddress>(
    () => ({ cluster, node, service: kind, args: kind === 'vnc' ? { vm: id } : { vm: id, port } }),
    [cluster, node, kind, id, port],
  );
  const shared = {
    ...{ address, isLive, hasKeyboard: isMine },
    ...{ onStream: setStream, onHandle: setHandle, onFailure: setFailure },
  };
  return (
    <div className={cx('flex min-h-0 flex-1 flex-col bg-surface-0', isFull && 'fixed inset-0 z-40')}>
      <IdentityBar
        {...{ vm, node, watchers, handle, isLive, isFull }}
        isScaled={kind === 'vnc' ? isScaled : null}
        choice={<ConsoleChoice kind={kind} port={port} ports={vm.SerialPorts} onChoose={(next) => url.set(next)} />}
        commands={commandsFor(vm, { kind, port, asCommand })}
        onTake={() => stream?.take()}
        onPaste={() => setIsPasting(true)}
        onScale={() => url.set({ scale: isScaled ? 'off' : null })}
        onFull={toggle}
      />
      <ConsoleNews
        {...{ cluster, node, vm, link }}
        lackingPort={lacksPort ? port : null}
        onRetry={() => stream?.connect()}
      />
      {failure === '' ? null : (
        <Notice
          state="bad"
          role="alert"
          title="The console did not open"
          action={<Button onClick={() => window.location.reload()}>Reload the page</Button>}
        >
          {failure}. Reload the page. If that does not help, see whether the console still runs.
        </Notice>
      )}
      <div className="relative min-h-48 flex-1">
        {kind === 'vnc' ? (
          <VncScreen key="vnc" {...shared} isScaled={isScaled} label={`Screen of ${vm.Name}`} />
        ) : (
          <SerialScreen key={`serial${port}`} {...shared} label={`Serial port ${port} of ${vm.Name}`} />
        )}
        {isWanted && !isLive && link.at !== 'waiting' && failure === '' ? (
          <p
            role="status"
            className="absolute inset-x-0 top-2 flex animate-late items-center justify-center gap-2 text-fg-2"
          >
            <Spinner />
            Connecting to {vm.Name}…
          </p>
        ) : null}
      </div>
      <PasteDialog open={isPasting} onOpenChange={setIsPasting} handle={handle} vm={vm.Name} />
    </div>
  );
}

function commandsFor(
  vm: FleetVm,
  { kind, port, asCommand }: { kind: ConsoleKind; port: number; asCommand: (line: string) => string },
): { label: string; command: string }[] {
  const screenshot = lineFor(vm, 'vm', 'screenshot', vm.Name, 'file', `${vm.Name}.png`);
  const socket = socketPath(vm, kind === 'vnc' ? 'vnc' : `serial${port}`);
  return [
    ...(kind === 'vnc' ? [{ label: 'a screenshot', command: asCommand(screenshot) }] : []),
    kind === 'vnc'
      ? { label: 'its VNC socket, on the node', command: socket }
      : { label: 'this port, on the node', command: `socat -,raw,echo=0,escape=0x1d UNIX-CONNECT:${socket}` },
  ];
}
