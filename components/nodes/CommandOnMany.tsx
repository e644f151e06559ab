'use client';
// One command on many nodes, with each node's own answer: `mesh send` in a window.
import { useRef, useState } from 'react';
import type { ReactElement } from 'react';
import { describeError } from '../../contract/errors.ts';
import type { ResponseEntry } from '../../contract/command-socket.ts';
import { useShellCommand } from '../fleet/use-shell-command.ts';
import { describeRange } from '../../core/ranges/describe-range.ts';
import { compareNames } from '../../core/ranges/natural-order.ts';
import { countOf } from '../../lib/format.ts';
import { useConsole } from '../../lib/use-console.ts';
import { safeText } from '../../core/safe-text.ts';
import { Button } from '../ui/Button.tsx';
import { CommandLine } from '../ui/CommandLine.tsx';
import { Dialog } from '../ui/Dialog.tsx';
import { Field } from '../ui/Field.tsx';
import { Input } from '../ui/Input.tsx';
import { Spinner } from '../ui/Spinner.tsx';
import { StateMark } from '../ui/StateMark.tsx';

export interface CommandOnManyProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  cluster: string;
  names: readonly string[];
}

interface Outcome {
  readonly entries: readonly ResponseEntry[];
  readonly error: string;
}

const timeoutMs = 30_000;
/** Calls under way at once: a thousand nodes must not be asked in one breath. */
const atOnce = 16;

export function CommandOnMany({ open, onOpenChange, cluster, names }: CommandOnManyProps): ReactElement {
  const asCommand = useShellCommand();
  const commands = useConsole()?.commands ?? null;
  const [line, setLine] = useState('');
  const [outcomes, setOutcomes] = useState<ReadonlyMap<string, Outcome | null>>(new Map());
  const running = useRef<AbortController | null>(null);
  const [isBusy, setIsBusy] = useState(false);
  const ordered = [...names].sort(compareNames);
  const failed = [...outcomes].filter(([, outcome]) => outcome !== null && isFailed(outcome)).map(([name]) => name);

  async function runOn(targets: readonly string[]): Promise<void> {
    if (!commands) return;
    const controller = new AbortController();
    running.current = controller;
    setIsBusy(true);
    setOutcomes((known) => new Map([...known, ...targets.map((name) => [name, null] as const)]));
    const left = [...targets];
    const work = async (): Promise<void> => {
      for (let name = left.shift(); name !== undefined && !controller.signal.aborted; name = left.shift()) {
        const outcome = await runOne(name, controller.signal);
        const done = name;
        setOutcomes((known) => new Map(known).set(done, outcome));
      }
    };
    await Promise.all(Array.from({ length: Math.min(atOnce, targets.length) }, work));
    setIsBusy(false);
  }

  async function runOne(node: string, signal: AbortSignal): Promise<Outcome> {
    const entries: ResponseEntry[] = [];
    try {
      await commands?.run({ cluster, node }, line, {
        timeoutMs,
        signal,
        onAnswer: ({ Resp: part }) => void entries.push(...(part ?? [])),
      });
      return { entries, error: '' };
    } catch (error) {
      return { entries, error: describeError(error) };
    }
  }

  const close = (next: boolean): void => {
    if (!next) {
      running.current?.abort();
      setOutcomes(new Map());
    }
    onOpenChange(next);
  };

  return (
    <Dialog
      open={open}
      onOpenChange={close}
      size="lg"
      title={`Run a command on ${countOf(names.length, 'node')}`}
      description={<span className="font-mono text-sm break-all">{describeRange(names)}</span>}
      footer={
        <>
          {isBusy ? <Button onClick={() => running.current?.abort()}>Cancel</Button> : null}
          {failed.length > 0 && !isBusy ? (
            <Button onClick={() => void runOn(failed)}>Retry on {countOf(failed.length, 'node')}</Button>
          ) : null}
          <Button
            variant="primary"
            isBusy={isBusy}
            disabledReason={line.trim() === '' ? 'Type a command first.' : ''}
            onClick={() => void runOn(ordered)}
          >
            Run
          </Button>
        </>
      }
    >
      <form
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          if (line.trim() !== '' && !isBusy) void runOn(ordered);
        }}
      >
        <Field label="Command" hint="One line of the command language, as at a node's own prompt: mesh status.">
          <Input isMono autoFocus autoComplete="off" value={line} onChange={(event) => setLine(event.target.value)} />
        </Field>
        {line.trim() === '' ? null : (
          <CommandLine command={asCommand(`mesh send ${describeRange(names)} ${line.trim()}`)} />
        )}
        {outcomes.size === 0 ? null : (
          <ul aria-live="polite" className="flex flex-col">
            {ordered.map((name) => {
              const outcome = outcomes.get(name);
              return outcome === undefined ? null : <OutcomeLine key={name} name={name} outcome={outcome} />;
            })}
          </ul>
        )}
      </form>
    </Dialog>
  );
}

function isFailed(outcome: Outcome): boolean {
  return outcome.error !== '' || outcome.entries.some((entry) => entry.Error !== '');
}

function OutcomeLine({ name, outcome }: { name: string; outcome: Outcome | null }): ReactElement {
  const text = outcome === null ? '' : safeText(describeOutcome(outcome));
  return (
    <li className="flex items-start gap-3 border-t py-2">
      <span className="w-28 shrink-0 truncate font-mono text-sm" title={name}>
        {name}
      </span>
      <span className="w-20 shrink-0 text-sm">
        {outcome === null ? (
          <Spinner className="text-busy" />
        ) : isFailed(outcome) ? (
          <StateMark state="bad">failed</StateMark>
        ) : (
          <StateMark state="ok">done</StateMark>
        )}
      </span>
      <pre className="min-w-0 flex-1 font-mono text-sm break-words whitespace-pre-wrap text-fg-2">{text}</pre>
    </li>
  );
}

function describeOutcome({ entries, error }: Outcome): string {
  const parts = entries.map((entry) => {
    if (entry.Error !== '') return entry.Error;
    if (entry.Tabular === null) return entry.Response;
    return [entry.Header ?? [], ...entry.Tabular].map((row) => row.join('  ')).join('\n');
  });
  return [...parts, error].filter((part) => part !== '').join('\n');
}
