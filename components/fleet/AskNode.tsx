'use client';
// Asks a node one thing over its command socket and shows the answer as the node gave it, with the command to copy.
import { RotateCw } from 'lucide-react';
import { useEffect, useState } from 'react';
import type { ReactElement } from 'react';
import type { ResponseEntry } from '../../contract/command-socket.ts';
import { describeError } from '../../contract/errors.ts';
import { meshdCommand } from '../../core/plans/step.ts';
import { useConsole } from '../../lib/use-console.ts';
import { CommandLine } from '../ui/CommandLine.tsx';
import { IconButton } from '../ui/IconButton.tsx';
import { Notice } from '../ui/Notice.tsx';
import { Skeleton } from '../ui/Skeleton.tsx';

export interface AskNodeProps {
  cluster: string;
  node: string;
  /** One line of the command language that only looks. */
  line: string;
}

const timeoutMs = 10_000;

type Answer = { readonly entries: readonly ResponseEntry[]; readonly error: string } | null;

export function AskNode({ cluster, node, line }: AskNodeProps): ReactElement {
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
  }, [commands, cluster, node, line, asked]);

  return (
    <div className="flex flex-col gap-2">
      <div className="flex items-center gap-1">
        <div className="min-w-0 flex-1">
          <CommandLine command={meshdCommand(line)} />
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

function Entry({ entry }: { entry: ResponseEntry }): ReactElement {
  if (entry.Error !== '') return <Notice state="bad">{`${entry.Host}: ${entry.Error}`}</Notice>;
  if (entry.Tabular === null) {
    return <pre className="scroller rounded-md bg-surface-2 p-2.5 font-mono text-sm">{entry.Response}</pre>;
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
            <dd className="min-w-0 font-mono break-words">{only[index]}</dd>
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
                  {cell}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
