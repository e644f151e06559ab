'use client';
// A node while its bridge is being tried: what it checks, who has seen it, and the three things a person can say.
import { Check, X } from 'lucide-react';
import type { ReactElement } from 'react';
import type { TrialSignal } from '../../core/plans/bridge/plan/trial-signals.ts';
import { bridgeKind } from '../../core/plans/kinds.ts';
import { useAction } from '../actions/use-action.ts';
import { usePlanRefusal } from '../frame/use-session.tsx';
import { Button } from '../ui/Button.tsx';
import { describeLeft, type WatchedNode } from './bridge-view.ts';
import { useCountdown } from './use-countdown.ts';

export function BridgeTrial({ run, node }: { run: string; node: WatchedNode }): ReactElement | null {
  const action = useAction();
  const refusal = usePlanRefusal(bridgeKind);
  const { progress, step, args } = node;
  const leftMs = useCountdown(progress);
  if (!progress) return null;
  const say = (signal: TrialSignal) =>
    void action.run(async (client) => {
      await client.call('runs.signal', { run, step: step.key, signal });
    });
  // Before the change there is nothing to keep or to undo.
  const isOpen = progress.leftMs !== null && !['committing', 'committed', 'rolling-back'].includes(progress.state);
  const notOpen = isOpen ? refusal : 'There is nothing to decide on this node at this moment.';
  const held = progress.isHeld ? 'Held for you: it is kept only when you say so. ' : '';
  const isChecked = ['inside-ok', 'outside-ok'].includes(progress.state);
  return (
    <div className="flex min-w-0 flex-col gap-3">
      <div className="flex items-baseline gap-3">
        <p className="min-w-0 flex-1 break-words text-fg-2">
          {held}
          {progress.text}
        </p>
        {/* A screen reader says what is news, and not each second. */}
        <p className="sr-only" role="status">
          {held}
          {progress.news}
        </p>
        <span className="shrink-0 text-sm text-fg-2 numbers" aria-hidden="true">
          {leftMs === null ? '' : `${describeLeft(leftMs)} left`}
        </span>
      </div>
      <div className="grid gap-x-6 gap-y-3 sm:grid-cols-2">
        <CheckList
          title="From inside"
          items={progress.checks.map(({ name, ...check }) => ({ name: checkWords[name] ?? name, ...check }))}
        />
        <CheckList
          title="From outside"
          items={progress.witnesses.map(({ name, isSeen, text }) => ({ name, isOk: isSeen, text }))}
        />
      </div>
      {progress.outageMs === null ? null : (
        <p className="text-sm text-fg-3 numbers">
          {args.transaction.uplink} was without its addresses for {progress.outageMs} ms.
        </p>
      )}
      <div className="flex flex-wrap gap-2">
        <Button
          size="sm"
          variant="primary"
          isBusy={action.isBusy}
          disabledReason={notOpen === '' && !isChecked ? 'Its own checks have not passed yet.' : notOpen}
          onClick={() => {
            say('keep');
          }}
        >
          Keep
        </Button>
        <Button
          size="sm"
          isBusy={action.isBusy}
          disabledReason={notOpen}
          onClick={() => {
            say('undo');
          }}
        >
          Undo now
        </Button>
        <Button
          size="sm"
          isBusy={action.isBusy}
          disabledReason={notOpen === '' && progress.capLeftMs <= 0 ? 'It has all the time there is.' : notOpen}
          onClick={() => {
            say('more');
          }}
        >
          More time
        </Button>
      </div>
      {action.error === '' ? null : (
        <p role="alert" className="break-words text-bad">
          {action.error}
        </p>
      )}
    </div>
  );
}

const checkWords: Readonly<Record<string, string>> = {
  carrier: 'carrier of the uplink',
  addresses: 'addresses on the bridge',
  routes: 'routes',
  ovs: 'Open vSwitch',
  gateway: 'gateway answers',
  dns: 'DNS answers',
};

interface CheckItem {
  readonly name: string;
  readonly isOk: boolean;
  readonly text: string;
}

function CheckList({ title, items }: { title: string; items: readonly CheckItem[] }): ReactElement {
  return (
    <div className="min-w-0">
      <h3 className="text-xs font-medium text-fg-3">{title}</h3>
      {items.length === 0 ? <p className="text-sm text-fg-3">not looked yet</p> : null}
      <ul className="flex flex-col gap-1">
        {items.map(({ name, isOk, text }) => (
          <li key={name} className="flex items-start gap-1.5 text-sm">
            <span className="flex h-5 items-center">
              {isOk ? (
                <Check aria-hidden="true" className="size-4 text-ok" />
              ) : (
                <X aria-hidden="true" className="size-4 text-fg-3" />
              )}
            </span>
            <span className="min-w-0 break-words">
              {name}
              <span className="sr-only">{isOk ? ': yes' : ': not yet'}</span>
              {text === '' ? null : <span className="text-fg-3"> {text}</span>}
            </span>
          </li>
        ))}
      </ul>
    </div>
  );
}
