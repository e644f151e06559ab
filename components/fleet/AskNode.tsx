'use client';
// Asks a node one thing over its command socket and shows the answer as the node gave it, with the command to copy.
import { RotateCw } from 'lucide-react';
import { useEffect, useState } from 'react';
import type { ReactElement } from 'react';
import type { ResponseEntry } from '../../contract/command-socket.ts';
import { describeError } from '../../contract/errors.ts';
import { useShellCommand } from './use-shell-command.ts';
import { useConsole } from '../../lib/use-console.ts';
import { safeText } from '../../core/safe-text.ts';
import { CommandLine } from '../ui/CommandLine.tsx';
import { CopyButton } from '../ui/CopyButton.tsx';
import { IconButton } from '../ui/IconButton.tsx';
import { Notice } from '../ui/Notice.tsx';
import { Skeleton } from '../ui/Skeleton.tsx';

export interface AskNodeProps {
  cluster: string;
  node: string;
  /** One line of the command language that only looks. */
  line: string;
  /** 10 s unless it is said. */
  timeoutMs?: number;
}

type Answer = { readonly entries: readonly ResponseEntry[]; readonly error: string } | null;

export function AskNode({ cluster, node, line, timeoutMs = 10_000 }: AskNodeProps): ReactElement {
  const asCommand = useShellCommand();
  const commands = useConsole()?.commands ?? null;
  const [answer, setAnswer] = useState<Answer>(null);
  const [asked, setAsked] = useState(0);
  useEffect(() => {
    if (!commands) return;
    const controller = new AbortController();
    const entries: ResponseEntry[] = [];
    const put = (next: Answer): void => {
      if (!controller.signal.aborted) setAnswer(next);
    };
    put(null);
    const options = {
      timeoutMs,
      signal: controller.signal,
      onAnswer: ({ Resp: part }: { Resp: ResponseEntry[] | null }) => entries.push(...(part ?? [])),
    };
    commands.run({ cluster, node }, line, options).then(
      () => put({ entries, error: '' }),
      (error: unknown) => put({ entries, error: describeError(error) }),
    );
    return () => controller.abort();
  }, [commands, cluster, node, line, timeoutMs, asked]);

  return (
    <div className="flex flex-col gap-2">
      <div className="flex items-center gap-1">
        <div className="min-w-0 flex-1">
          <CommandLine command={asCommand(line)} />
        </div>
        <IconButton label="Ask again" icon={<RotateCw />} onClick={() => setAsked(asked + 1)} />
      </div>
      <div aria-live="polite">
        {answer === null ? <Skeleton className="h-12" /> : null}
        {answer === null || answer.error === '' ? null : (
          <Notice state="bad" title={`${node} gave no answer`}>
            {answer.error}
          </Notice>
        )}
        {answer?.entries.map((entry, index) => (
          <Entry key={index} entry={entry} />
        ))}
      </div>
    </div>
  );
}

function scrollToEnd(box: HTMLElement | null): void {
  if (box) box.scrollTop = box.scrollHeight;
}

function Entry({ entry }: { entry: ResponseEntry }): ReactElement {
  if (entry.Error !== '') return <Notice state="bad">{safeText(`${entry.Host}: ${entry.Error}`)}</Notice>;
  if (entry.Tabular === null) {
    const text = safeText(entry.Response);
    return (
      <div className="flex items-start gap-1 rounded-md bg-surface-2 py-0.5 pr-0.5">
        {/* Reachable by keyboard: it scrolls. What came last is at the end. */}
        <pre
          ref={scrollToEnd}
          role="region"
          tabIndex={0}
          aria-label={`Answer of ${entry.Host}`}
          className="max-h-90 min-w-0 flex-1 scroller px-2.5 py-2 font-mono text-sm"
        >
          {text}
        </pre>
        <CopyButton text={text} label="Copy the answer" />
      </div>
    );
  }
  const { Header: header, Tabular: rows } = entry;
  // One row reads better as a list of facts.
  const only = rows.length === 1 ? rows[0] : undefined;
  if (only && header) {
    return (
      <dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-1 text-sm">
        {header.map((name, index) => (
          <div key={name} className="contents">
            <dt className="text-fg-3">{name}</dt>
            <dd className="min-w-0 font-mono break-words">{safeText(only[index] ?? '')}</dd>
          </div>
        ))}
      </dl>
    );
  }
  return (
    <div className="scroller">
      <table className="text-sm">
        {header === null ? null : (
          <thead>
            <tr>
              {header.map((name) => (
                <th key={name} scope="col" className="pr-4 pb-1 text-left text-xs font-medium text-fg-3">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
        )}
        <tbody>
          {rows.map((row, index) => (
            <tr key={index}>
              {row.map((cell, column) => (
                <td key={column} className="pr-4 font-mono whitespace-nowrap">
                  {safeText(cell)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
