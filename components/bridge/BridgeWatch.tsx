'use client';
// A bridge run while nodes are being tried: one countdown for all who look, per node what it checks and who has seen it, and
// the three things a person can say. When a node is over: how it went, what it most likely was, and the evidence.
import { Check, X } from 'lucide-react';
import { useEffect, useState, type ReactElement } from 'react';
import type { RunView, StepSignal } from '../../contract/plans.ts';
import type { BridgeProgress } from '../../core/plans/bridge/step-args.ts';
import { useAction } from '../actions/use-action.ts';
import { useRefusal } from '../frame/use-session.tsx';
import { Button } from '../ui/Button.tsx';
import { Panel } from '../ui/Panel.tsx';
import type { State } from '../ui/StateMark.tsx';
import { describeLeft, mostUrgent, watchedNodes, type WatchedNode } from './bridge-view.ts';
import { BridgeOutcome } from './BridgeOutcome.tsx';
import { NodeTitle } from './NodeTitle.tsx';

export function BridgeWatch({ run }: { run: RunView }): ReactElement | null {
  const nodes = watchedNodes(run);
  const atWork = nodes.filter(({ progress }) => progress !== null);
  const over = nodes.filter(({ state, result }) => result !== null || state === 'failed' || state === 'undo-failed');
  const urgent = mostUrgent(atWork);
  if (atWork.length === 0 && over.length === 0) return null;
  return (
    <>
      {urgent ? <Countdown key={urgent.step.key} node={urgent} /> : null}
      <div className="grid items-start gap-4 empty:hidden xl:grid-cols-2">
        {atWork.map((node) => (
          <NodeWatch key={node.step.key} run={run.id} node={node} />
        ))}
        {over.map((node) => (
          <BridgeOutcome key={node.step.key} run={run.id} node={node} />
        ))}
      </div>
    </>
  );
}

/** Large enough to be read across a room. */
function Countdown({ node }: { node: WatchedNode }): ReactElement {
  const { progress, args } = node;
  const leftMs = useCountdown(progress);
  const window = args.transaction.times.window * 1000;
  const share = leftMs === null ? 0 : Math.min(1, leftMs / window);
  const isShort = leftMs !== null && leftMs < 10_000;
  return (
    <section
      aria-label="Countdown"
      className="flex flex-wrap items-center gap-x-6 gap-y-2 rounded-md border bg-surface-1 px-4 py-3"
    >
      {/* It ticks each second: a screen reader hears the sentence beside it instead. */}
      <span
        aria-hidden="true"
        className={`text-[2.75rem] leading-none font-semibold numbers ${isShort ? 'text-warn' : ''}`}
      >
        {leftMs === null ? '–' : describeLeft(leftMs)}
      </span>
      <div className="flex min-w-0 flex-1 basis-64 flex-col gap-2">
        <p className="break-words">
          <span className="font-mono font-semibold">{node.node}</span>{' '}
          <span className="text-fg-2">{progress?.text}</span>
        </p>
        <div className="h-1.5 overflow-hidden rounded-full bg-surface-3" aria-hidden="true">
          <div
            className={`h-full rounded-full transition-[width] duration-1000 ease-linear motion-reduce:transition-none ${isShort ? 'bg-warn' : 'bg-accent'}`}
            style={{ width: `${share * 100}%` }}
          />
        </div>
      </div>
    </section>
  );
}

/** What is left now of what was left when it was told; null when no timer runs. */
function useCountdown(progress: BridgeProgress | null): number | null {
  const [now, setNow] = useState(() => performance.now());
  const [told, setTold] = useState({ progress, at: now });
  if (told.progress !== progress) setTold({ progress, at: performance.now() });
  useEffect(() => {
    const timer = setInterval(() => {
      setNow(performance.now());
    }, 500);
    return () => {
      clearInterval(timer);
    };
  }, []);
  const leftMs = told.progress?.leftMs ?? null;
  return leftMs === null ? null : Math.max(0, leftMs - Math.max(0, now - told.at));
}

const states: Readonly<Record<string, { word: string; state: State }>> = {
  planned: { word: 'getting ready', state: 'busy' },
  armed: { word: 'the way back is armed', state: 'busy' },
  applied: { word: 'changed, looking from inside', state: 'busy' },
  'inside-ok': { word: 'right from inside, waiting to be seen from outside', state: 'busy' },
  'outside-ok': { word: 'seen from outside', state: 'ok' },
  committing: { word: 'keeping it', state: 'busy' },
  committed: { word: 'kept', state: 'ok' },
  'rolling-back': { word: 'going back', state: 'warn' },
  'rolled-back': { word: 'back as it was', state: 'warn' },
  'rollback-failed': { word: 'did not come back by itself', state: 'bad' },
};

function NodeWatch({ run, node }: { run: string; node: WatchedNode }): ReactElement | null {
  const action = useAction();
  const refusal = useRefusal('operator');
  const { progress, step, args } = node;
  const leftMs = useCountdown(progress);
  if (!progress) return null;
  const words = states[progress.state] ?? { word: progress.state, state: 'busy' as const };
  const say = (signal: StepSignal) =>
    void action.run(async (client) => {
      await client.call('runs.signal', { run, step: step.key, signal });
    });
  // Before the change there is nothing to keep or to undo.
  const isOpen = progress.leftMs !== null && !['committing', 'committed', 'rolling-back'].includes(progress.state);
  const notOpen = isOpen ? refusal : 'There is nothing to decide on this node at this moment.';
  return (
    <Panel
      title={<NodeTitle node={node.node} {...words} />}
      actions={
        <span className="text-sm text-fg-2 numbers" aria-hidden="true">
          {leftMs === null ? '' : `${describeLeft(leftMs)} left`}
        </span>
      }
    >
      <div className="flex min-w-0 flex-col gap-3">
        <p className="break-words text-fg-2" role="status">
          {progress.isHeld ? 'Held for you: it is kept only when you say so. ' : ''}
          {progress.text}
        </p>
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
            disabledReason={notOpen}
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
    </Panel>
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
