'use client';
// The one next thing to do about a run, with its button: answer, type the password, retry, undo, or continue.
import Link from 'next/link';
import type { ReactElement } from 'react';
import type { RunView } from '../../contract/plans.ts';
import { addNodesKind, bridgeKind, deployKind, launchKind } from '../../core/plans/kinds.ts';
import { useAction } from '../actions/use-action.ts';
import { checkPath } from '../fleet/check-path.ts';
import { usePlanRefusal, useRunRefusal } from '../frame/use-session.tsx';
import { Button } from '../ui/Button.tsx';
import { Notice } from '../ui/Notice.tsx';
import type { State } from '../ui/StateMark.tsx';
import { nextThing, type Way } from './next-thing.ts';
import type { LaneStep } from './run-view.ts';
import { missingSecrets, sshPortOf } from './run-view.ts';
import { SecretsForm } from './SecretsForm.tsx';
import { useStandings } from './use-standings.ts';

const titles: Readonly<Record<RunView['state'], { title: string; state: State }>> = {
  running: { title: 'Running', state: 'busy' },
  asking: { title: 'It asks you', state: 'warn' },
  'needs-secret': { title: 'It needs a secret', state: 'warn' },
  done: { title: 'Done', state: 'ok' },
  failed: { title: 'Failed', state: 'bad' },
  cancelled: { title: 'Cancelled', state: 'lost' },
  undone: { title: 'Undone', state: 'ok' },
};

/** A range longer than this is in the sentence above, and not on a button. */
const shownRange = 32;

function lookOf({ to, nodes }: Way, run: RunView): { label: string; href: string } {
  const range = encodeURIComponent(nodes);
  switch (to) {
    case 'install':
      return {
        label: `Install what is missing on ${nodes.length > shownRange ? 'them' : nodes}`,
        href: checkPath({ nodes, port: sshPortOf(run.plan), install: true }),
      };
    case 'deploy':
      return { label: 'Deploy to them', href: `/deploy?nodes=${range}` };
    case 'bridge':
      return { label: 'Bridge their NICs', href: `/bridge?nodes=${range}` };
    case 'launch':
      return { label: 'Launch VMs', href: '/launch' };
    case 'mesh':
      return { label: 'Look at the mesh', href: '/mesh' };
  }
}

export interface RunNextProps {
  readonly run: RunView;
  /** Why this reader may not act; empty: may. */
  readonly readOnlyReason: string;
}

export function RunNext({ run, readOnlyReason }: RunNextProps): ReactElement {
  const action = useAction();
  const again = useRunRefusal(run);
  const refusals = {
    install: usePlanRefusal(addNodesKind),
    deploy: usePlanRefusal(deployKind),
    bridge: usePlanRefusal(bridgeKind),
    launch: usePlanRefusal(launchKind),
    mesh: '',
  };
  const next = nextThing(run, useStandings());
  const { title, state } = titles[run.state];
  const retry = () =>
    void action.run(async (client) => {
      await client.call('runs.retry', { run: run.id, secrets: {} });
    });
  return (
    <Notice state={state} title={title} role="status">
      <p className="break-words">{next.text}</p>
      {next.do === 'answer' ? (
        <ul className="mt-2 flex flex-col gap-3">
          {next.asks.map((ask) => (
            <Ask key={ask.step.key} run={run.id} ask={ask} readOnlyReason={readOnlyReason} />
          ))}
        </ul>
      ) : null}
      {next.do === 'secrets' && readOnlyReason === '' ? (
        <div className="mt-2">
          <SecretsForm
            wanted={missingSecrets(run)}
            action="Continue"
            isBusy={action.isBusy}
            error={action.error}
            onSubmit={(secrets) =>
              void action.run(async (client) => {
                await client.call('runs.provideSecrets', { run: run.id, secrets });
              })
            }
          />
        </div>
      ) : null}
      <div className="mt-2 flex flex-wrap gap-2 empty:hidden">
        {next.do === 'retry' ? (
          <Button variant="primary" size="sm" isBusy={action.isBusy} disabledReason={again} onClick={retry}>
            {run.state === 'cancelled' ? 'Continue' : 'Retry what failed'}
          </Button>
        ) : null}
        {next.do === 'go'
          ? next.ways.map((way, at) => (
              <Button
                key={way.to}
                size="sm"
                variant={at === 0 ? 'primary' : 'secondary'}
                disabledReason={refusals[way.to]}
                render={<Link href={lookOf(way, run).href} />}
              >
                {lookOf(way, run).label}
              </Button>
            ))
          : null}
      </div>
      {action.error !== '' && next.do !== 'secrets' ? (
        <p role="alert" className="mt-2 break-words text-bad">
          {action.error}
        </p>
      ) : null}
    </Notice>
  );
}

function Ask({
  run,
  ask,
  readOnlyReason,
}: {
  run: string;
  ask: LaneStep;
  readOnlyReason: string;
}): ReactElement | null {
  const action = useAction();
  if (!ask.step.ask) return null;
  const { question, default: isDefault } = ask.step.ask;
  const answer = (yes: boolean) =>
    void action.run(async (client) => {
      await client.call('runs.answer', { run, step: ask.step.key, answer: yes });
    });
  return (
    <li className="flex flex-wrap items-center gap-2">
      <span className="min-w-0 flex-1 basis-60 break-words text-fg-1">
        {ask.step.node === '' ? null : <span className="font-mono">{ask.step.node}: </span>}
        {question}
      </span>
      {/* The two answers stay side by side on a phone. */}
      <span className="flex gap-2">
        <Button
          size="sm"
          variant={isDefault ? 'secondary' : 'primary'}
          isBusy={action.isBusy}
          disabledReason={readOnlyReason}
          onClick={() => {
            answer(false);
          }}
        >
          No
        </Button>
        <Button
          size="sm"
          variant={isDefault ? 'primary' : 'secondary'}
          isBusy={action.isBusy}
          disabledReason={readOnlyReason}
          onClick={() => {
            answer(true);
          }}
        >
          Yes
        </Button>
      </span>
      {action.error === '' ? null : (
        <span role="alert" className="basis-full text-bad">
          {action.error}
        </span>
      )}
    </li>
  );
}
