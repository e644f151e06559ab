'use client';
// Buttons for what can be done with some VMs, with the questions that some ask first, the command for each, and what became of each VM.
import { Copy, Ellipsis } from 'lucide-react';
import { useEffect, useRef, useState, type ReactElement } from 'react';
import { countOf } from '../../lib/format.ts';
import { useLack } from '../fleet/use-lack.ts';
import { useRefusal } from '../frame/use-session.tsx';
import { Button } from '../ui/Button.tsx';
import { ConfirmDialog } from '../ui/ConfirmDialog.tsx';
import { copyText } from '../ui/CopyButton.tsx';
import { Menu, MenuItem } from '../ui/Menu.tsx';
import { useToast } from '../ui/Toast.tsx';
import { onActionAsked } from './asked-actions.ts';
import { useShellCommand } from '../fleet/use-shell-command.ts';
import { commandText } from './command-text.ts';
import type { VmActing } from './use-vm-actions.ts';
import { consequencesOf, verbLooks } from './verbs.tsx';
import { fitFor, vmVerbs, type VmVerb, type VmWish } from './vm-commands.ts';
import type { VmLine } from './vm-line.ts';
import { WishDialog } from './WishDialog.tsx';

export interface VmActionsProps {
  readonly acting: VmActing;
  readonly vms: readonly VmLine[];
  /** Those that have a button; the others are in a menu. */
  readonly buttons?: readonly VmVerb[];
}

/** Verbs that need nothing but VMs. */
export type PlainVerb = Exclude<VmWish, { verb: 'save' | 'tag' | 'net connect' | 'net disconnect' }>['verb'];
const isPlain = (verb: VmVerb): verb is PlainVerb =>
  verb !== 'save' && verb !== 'tag' && verb !== 'net connect' && verb !== 'net disconnect';

export function VmActions({ acting, vms, buttons = vmVerbs }: VmActionsProps): ReactElement {
  const [asked, setAsked] = useState<VmVerb | null>(null);
  const refusal = useRefusal('operator');
  const cannotAsk = useLack('shutdown');
  const isBusy = acting.run?.isRunning === true;
  const pressed = (verb: VmVerb): void => {
    if (verbLooks[verb].asks !== null) setAsked(verb);
    else if (isPlain(verb)) acting.start({ verb }, fitFor(verb, vms).vms);
  };
  // The palette asks where this VM is shown alone.
  const only = vms.length === 1 ? vms[0] : undefined;
  const latest = useRef(pressed);
  useEffect(() => {
    latest.current = pressed;
  });
  const onlyKey = only?.key;
  useEffect(
    () => (onlyKey === undefined ? undefined : onActionAsked(onlyKey, (verb) => latest.current(verb))),
    [onlyKey],
  );
  const offers = vmVerbs.map((verb) => {
    const { vms: fitting, reason, rest } = fitFor(verb, vms);
    const { label, hint, asks, icon: Icon } = verbLooks[verb];
    const isSome = fitting.length > 0 && fitting.length < vms.length;
    return {
      verb,
      icon: <Icon aria-hidden="true" className="size-4" />,
      text: `${label}${isSome ? ` ${fitting.length}` : ''}${asks === null ? '' : '…'}`,
      title: isSome ? `${hint}. ${rest}.` : hint,
      disabledReason:
        refusal !== ''
          ? refusal
          : isBusy
            ? 'Another action runs: wait for its end.'
            : (verb === 'shutdown' || verb === 'reboot') && cannotAsk !== ''
              ? cannotAsk
              : reason,
    };
  });
  const inMenu = offers.filter(({ verb }) => !buttons.includes(verb));
  return (
    <>
      {offers
        .filter(({ verb }) => buttons.includes(verb))
        .map(({ verb, icon, text, title, disabledReason }) => (
          <Button
            key={verb}
            size="sm"
            icon={icon}
            title={title}
            disabledReason={disabledReason}
            onClick={() => pressed(verb)}
          >
            {text}
          </Button>
        ))}
      {inMenu.length === 0 ? null : (
        <Menu
          trigger={
            <Button size="sm" icon={<Ellipsis aria-hidden="true" className="size-4" />}>
              More
            </Button>
          }
        >
          {inMenu.map(({ verb, icon, text, disabledReason }) => (
            <MenuItem
              key={verb}
              icon={icon}
              isDanger={verbLooks[verb].asks === 'confirm'}
              disabledReason={disabledReason}
              onSelect={() => pressed(verb)}
            >
              {text}
            </MenuItem>
          ))}
        </Menu>
      )}
      <CopyMenu acting={acting} vms={vms} />
      <Question verb={asked} acting={acting} vms={vms} onClose={() => setAsked(null)} />
    </>
  );
}

/** The same as commands, for each verb that needs nothing but VMs. */
function CopyMenu({ acting, vms }: Pick<VmActionsProps, 'acting' | 'vms'>): ReactElement {
  const asCommand = useShellCommand();
  const toast = useToast();
  const copy = (verb: PlainVerb): void => {
    const commands = acting.commandsFor({ verb }, fitFor(verb, vms).vms);
    void copyText(commandText(commands, asCommand)).then((isCopied) =>
      toast(
        isCopied
          ? {
              title: `${countOf(commands.length, 'line')} copied`,
              description: `To be typed on ${acting.attached}.`,
              state: 'ok',
            }
          : { title: 'The browser refused to copy', state: 'bad' },
      ),
    );
  };
  return (
    <Menu
      trigger={
        <Button size="sm" variant="ghost" icon={<Copy aria-hidden="true" className="size-4" />}>
          As command
        </Button>
      }
    >
      {vmVerbs.filter(isPlain).map((verb) => {
        const { vms: fitting, reason } = fitFor(verb, vms);
        const [first, ...more] = acting.commandsFor({ verb }, fitting);
        return (
          <MenuItem key={verb} disabledReason={reason} onSelect={() => copy(verb)}>
            {verbLooks[verb].label}
            {first === undefined ? null : (
              <span className="block max-w-80 truncate font-mono text-sm text-fg-3">{first.line}</span>
            )}
            {more.length === 0 ? null : (
              <span className="block text-sm text-fg-3">and {countOf(more.length, 'more line')}</span>
            )}
          </MenuItem>
        );
      })}
    </Menu>
  );
}

interface QuestionProps extends Pick<VmActionsProps, 'acting' | 'vms'> {
  verb: VmVerb | null;
  onClose: () => void;
}

function Question({ verb, acting, vms, onClose }: QuestionProps): ReactElement | null {
  const asCommand = useShellCommand();
  if (verb === 'kill' || verb === 'flush') {
    const fitting = fitFor(verb, vms).vms;
    const { label } = verbLooks[verb];
    const what = fitting.length === 1 ? (fitting[0]?.vm.Name ?? '') : countOf(fitting.length, 'VM');
    return (
      <ConfirmDialog
        open
        onOpenChange={(open) => (open ? undefined : onClose())}
        title={`${label} ${what}`}
        consequences={consequencesOf(verb, fitting)}
        name={fitting.length === 1 ? what : `${verb} ${what}`}
        action={`${label} ${what}`}
        command={commandText(acting.commandsFor({ verb }, fitting), asCommand)}
        onConfirm={() => {
          acting.start({ verb }, fitting);
          return Promise.resolve();
        }}
      />
    );
  }
  if (verb === null || isPlain(verb)) return null;
  return <WishDialog verb={verb} acting={acting} vms={vms} onClose={onClose} />;
}
