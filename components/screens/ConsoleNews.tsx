'use client';
// A line between bar and picture, while nothing new is shown: why, and what to do.
import type { ReactElement } from 'react';
import { AppError } from '../../contract/errors.ts';
import type { FleetVm } from '../../contract/fleet.ts';
import type { ConsoleLink } from '../../lib/console-stream.ts';
import { useConsole, useNow } from '../../lib/use-console.ts';
import { useAction } from '../actions/use-action.ts';
import { useRefusal } from '../frame/use-session.tsx';
import { Button } from '../ui/Button.tsx';
import { Notice } from '../ui/Notice.tsx';
import { consoleNotice } from './notice.ts';
import { lineFor } from './vm-words.ts';

export interface ConsoleNewsProps {
  readonly cluster: string;
  readonly node: string;
  readonly vm: FleetVm;
  readonly link: ConsoleLink;
  /** A serial port that is asked for, and that the VM has not. */
  readonly lackingPort: number | null;
  readonly onRetry: () => void;
}

export function ConsoleNews(props: ConsoleNewsProps): ReactElement | null {
  if (consoleNotice(props.vm, { ...props, now: 0 }) === null) return null;
  return <Line {...props} />;
}

function Line({ cluster, node, vm, link, lackingPort, onRetry }: ConsoleNewsProps): ReactElement | null {
  const now = useNow(1_000);
  const commands = useConsole()?.commands ?? null;
  const starting = useAction();
  const refusal = useRefusal('operator');
  const notice = consoleNotice(vm, { link, node, lackingPort, now });
  if (notice === null) return null;
  const start = () =>
    starting.run(async () => {
      let error = '';
      await commands?.run({ cluster, node }, lineFor(vm, 'vm', 'start', vm.Name), {
        onAnswer: ({ Resp: entries }) => {
          error ||= entries?.find(({ Error: text }) => text !== '')?.Error ?? '';
        },
      });
      if (error !== '') throw new AppError('failed', error);
    });
  return (
    <div className="shrink-0 px-2 py-1">
      <Notice
        state={notice.state}
        // A countdown is nothing to be heard each second.
        role={notice.action === 'retry' ? 'note' : 'status'}
        action={
          notice.action === 'retry' ? (
            <Button size="sm" onClick={onRetry}>
              Try now
            </Button>
          ) : notice.action === 'start' ? (
            <Button
              size="sm"
              variant="primary"
              disabledReason={refusal}
              isBusy={starting.isBusy}
              onClick={() => void start()}
            >
              Start {vm.Name}
            </Button>
          ) : null
        }
      >
        {notice.text}
        {starting.error === '' ? null : <span className="block text-bad">{starting.error}</span>}
      </Notice>
    </div>
  );
}
