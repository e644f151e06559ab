'use client';
// The line above a console: which VM this is, who else is there, who types, and what can be done. It never covers the picture.
import {
  Camera,
  ClipboardPaste,
  Ellipsis,
  Eye,
  Keyboard,
  KeyboardOff,
  Maximize,
  Minimize2,
  Scaling,
} from 'lucide-react';
import Link from 'next/link';
import type { ReactElement, ReactNode } from 'react';
import type { FleetVm } from '../../contract/fleet.ts';
import type { ConsoleWatcher } from '../../contract/streams.ts';
import { defaultNamespace } from '../../core/namespaces.ts';
import { useClusterPath } from '../frame/use-cluster.ts';
import { useRefusal } from '../frame/use-session.tsx';
import { Badge } from '../ui/Badge.tsx';
import { Button } from '../ui/Button.tsx';
import { copyText } from '../ui/CopyButton.tsx';
import { IconButton } from '../ui/IconButton.tsx';
import { Menu, MenuItem } from '../ui/Menu.tsx';
import { StateMark } from '../ui/StateMark.tsx';
import { useToast } from '../ui/Toast.tsx';
import { Tooltip } from '../ui/Tooltip.tsx';
import type { ScreenHandle } from './handle.ts';
import { KeysMenu } from './KeysMenu.tsx';
import { PhoneKeyboard } from './PhoneKeyboard.tsx';
import { stateLook } from '../vms/vm-states.ts';
import { describeOthers, keyboardOf } from './watchers.ts';

export interface IdentityBarProps {
  readonly vm: FleetVm;
  readonly node: string;
  readonly watchers: readonly ConsoleWatcher[];
  /** Null until something is drawn. */
  readonly handle: ScreenHandle | null;
  readonly isLive: boolean;
  /** The choice between the VM's consoles. */
  readonly choice: ReactNode;
  /** Null where nothing is scaled. */
  readonly isScaled: boolean | null;
  readonly isFull: boolean;
  /** What does the same in a shell. */
  readonly commands: readonly { readonly label: string; readonly command: string }[];
  readonly onTake: () => void;
  readonly onPaste: () => void;
  readonly onScale: () => void;
  readonly onFull: () => void;
}

export function IdentityBar(props: IdentityBarProps): ReactElement {
  const { vm, node, watchers, handle, isLive, isScaled, isFull, commands } = props;
  const withCluster = useClusterPath();
  const refusal = useRefusal('operator');
  const { isMine, owner } = keyboardOf(watchers);
  const whyNot = !isLive
    ? 'The console is not connected.'
    : isMine
      ? ''
      : refusal || `${owner === '' ? 'Nobody' : owner} has the keyboard: take it first.`;
  return (
    <header className="flex min-h-8 shrink-0 flex-wrap items-center gap-x-3 border-b bg-surface-1 pr-1 pl-3 max-md:pl-4">
      {/* On a phone one line, and the buttons another one: what is too long is cut. */}
      <div className="flex min-h-8 min-w-0 flex-1 items-center gap-x-3 max-md:basis-full max-md:gap-x-2.5">
        <h1 className="max-w-2/5 shrink-0 truncate font-mono text-sm font-semibold">{vm.Name}</h1>
        <Link
          href={withCluster(`/nodes/${encodeURIComponent(node)}`)}
          className="max-w-1/4 shrink-0 truncate font-mono text-sm text-fg-2 hover:text-fg-1"
        >
          {node}
        </Link>
        {vm.Namespace === defaultNamespace ? null : <Badge>{vm.Namespace}</Badge>}
        <StateMark state={stateLook(vm).tone} className="text-sm text-fg-2">
          {stateLook(vm).word}
        </StateMark>
        <Others watchers={watchers} />
        <KeyboardOwner isLive={isLive} isMine={isMine} owner={owner} refusal={refusal} onTake={props.onTake} />
      </div>
      {props.choice}
      <div className="flex items-center max-md:ml-auto">
        <PhoneKeyboard handle={handle} disabledReason={whyNot} />
        <KeysMenu handle={handle} disabledReason={whyNot} />
        <IconButton label="Paste" icon={<ClipboardPaste />} disabledReason={whyNot} onClick={props.onPaste} />
        {isScaled === null ? null : (
          <IconButton label="Fit into the window" icon={<Scaling />} isPressed={isScaled} onClick={props.onScale} />
        )}
        <IconButton
          label={handle?.kind === 'serial' ? 'Save the text' : 'Save a screenshot'}
          icon={<Camera />}
          disabledReason={isLive ? '' : 'The console is not connected.'}
          onClick={() => handle?.save(fileName(vm.Name, new Date()))}
        />
        <IconButton
          label={isFull ? 'Leave full screen' : 'Full screen'}
          icon={isFull ? <Minimize2 /> : <Maximize />}
          onClick={props.onFull}
        />
        <Commands commands={commands} />
      </div>
    </header>
  );
}

function Others({ watchers }: { readonly watchers: readonly ConsoleWatcher[] }): ReactElement | null {
  const { summary, lines } = describeOthers(watchers);
  if (lines.length === 0) return null;
  return (
    <Tooltip
      side="bottom"
      content={
        <ul>
          {lines.map((line, at) => (
            <li key={`${line} ${at}`}>{line}</li>
          ))}
        </ul>
      }
    >
      <button
        type="button"
        aria-label={`${summary}: ${lines.join('; ')}`}
        className="inline-flex h-6 items-center gap-1 rounded-sm px-1 text-sm text-fg-2 hover:bg-surface-2"
      >
        <Eye aria-hidden="true" className="size-4" />
        <span className="max-md:hidden">{summary}</span>
        <span className="md:hidden">{lines.length}</span>
      </button>
    </Tooltip>
  );
}

interface KeyboardOwnerProps {
  readonly isLive: boolean;
  readonly isMine: boolean;
  readonly owner: string;
  readonly refusal: string;
  readonly onTake: () => void;
}

/** Who types; a screen reader hears when that changes. */
function KeyboardOwner({ isLive, isMine, owner, refusal, onTake }: KeyboardOwnerProps): ReactElement {
  const text = !isLive ? '' : isMine ? 'You type' : owner === '' ? 'Read only' : `${owner} types`;
  return (
    <>
      <span
        role="status"
        title={text}
        className="inline-flex min-w-0 shrink-20 items-center gap-1 text-sm text-fg-2 [&_svg]:size-4 [&_svg]:shrink-0"
      >
        {text === '' ? null : isMine ? <Keyboard aria-hidden="true" /> : <KeyboardOff aria-hidden="true" />}
        <span className="truncate">{text}</span>
      </span>
      {isLive && !isMine ? (
        <Button size="sm" className="h-6 max-md:h-8" disabledReason={refusal} onClick={onTake}>
          <span>
            Take<span className="max-md:sr-only"> the keyboard</span>
          </span>
        </Button>
      ) : null}
    </>
  );
}

function Commands({ commands }: Pick<IdentityBarProps, 'commands'>): ReactElement {
  const toast = useToast();
  return (
    <Menu trigger={<IconButton label="Copy as a command" icon={<Ellipsis />} />}>
      {commands.map(({ label, command }) => (
        <MenuItem
          key={label}
          onSelect={() => {
            void copyText(command).then((isCopied) =>
              toast({ title: isCopied ? 'Copied' : 'The browser refused to copy', description: command }),
            );
          }}
        >
          Copy: {label}
          <span className="block font-mono text-xs break-all text-fg-3">{command}</span>
        </MenuItem>
      ))}
    </Menu>
  );
}

/** `web1 2026-11-30 09.53.39`: in the reader's time, and a name on every system. */
function fileName(vm: string, at: Date): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const day = [at.getFullYear(), two(at.getMonth() + 1), two(at.getDate())].join('-');
  return `${vm} ${day} ${[at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join('.')}`;
}
