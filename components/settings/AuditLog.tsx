'use client';
// Who did what, where, and how it ended: newest first, filtered on the server, exported as CSV.
import { Download } from 'lucide-react';
import { useEffect, useState, type ReactElement } from 'react';
import type { AuditEntry } from '../../contract/browser/users.ts';
import { describeError } from '../../contract/errors.ts';
import { httpPaths } from '../../contract/http-paths.ts';
import { formatAgo, formatInstant } from '../../lib/format.ts';
import { useConsole, useNow } from '../../lib/use-console.ts';
import { useAction } from '../actions/use-action.ts';
import { useUrlState } from '../frame/use-url-state.ts';
import { Button } from '../ui/Button.tsx';
import { Input } from '../ui/Input.tsx';
import { Notice } from '../ui/Notice.tsx';
import { Panel } from '../ui/Panel.tsx';
import { SkeletonRows } from '../ui/Skeleton.tsx';
import { StateMark, type State } from '../ui/StateMark.tsx';
import { Cell, HeaderCell, Table } from '../ui/Table.tsx';

const pageSize = 100;
const typingPauseMs = 250;

const results: Readonly<Record<AuditEntry['result'], State>> = { ok: 'ok', refused: 'warn', failed: 'bad' };

export function AuditLog(): ReactElement {
  const client = useConsole()?.client ?? null;
  const url = useUrlState();
  const text = url.get('q');
  const [entries, setEntries] = useState<readonly AuditEntry[] | null>(null);
  const [hasMore, setHasMore] = useState(false);
  const [error, setError] = useState('');
  const older = useAction();
  const now = useNow(30_000);
  useEffect(() => {
    if (!client) return;
    let isOver = false;
    const load = () => {
      client.call('audit.list', { before: null, limit: pageSize, text }).then(
        (found) => {
          if (isOver) return;
          setEntries(found);
          setHasMore(found.length === pageSize);
          setError('');
        },
        (thrown: unknown) => {
          if (!isOver) setError(describeError(thrown));
        },
      );
    };
    // While somebody types, a question per letter would be answered for nothing.
    const timer = setTimeout(load, typingPauseMs);
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [client, text]);
  const loadOlder = () =>
    void older.run(async (connected) => {
      const before = entries?.at(-1)?.id ?? null;
      const found = await connected.call('audit.list', { before, limit: pageSize, text });
      setEntries([...(entries ?? []), ...found]);
      setHasMore(found.length === pageSize);
    });
  return (
    <Panel
      title="Audit log"
      isFlush
      actions={
        <>
          <Button
            size="sm"
            icon={<Download className="size-4" />}
            // A download, not a page: the router has no part in it.
            render={
              <a
                href={text === '' ? httpPaths.auditExport : `${httpPaths.auditExport}?text=${encodeURIComponent(text)}`}
                download
                aria-label={text === '' ? 'Export all as CSV' : 'Export what this filter finds as CSV'}
              />
            }
          >
            CSV
          </Button>
        </>
      }
    >
      <div className="border-b px-4 py-2">
        <Input
          type="search"
          aria-label="Filter the audit log"
          placeholder="person, command or node"
          maxLength={200}
          value={text}
          onChange={(event) => {
            url.set({ q: event.target.value });
          }}
          className="max-w-60"
        />
      </div>
      {[error, older.error].filter(Boolean).map((problem) => (
        <div key={problem} className="p-3">
          <Notice state="bad" role="alert">
            {problem}
          </Notice>
        </div>
      ))}
      {entries === null ? (
        error === '' ? (
          <SkeletonRows label="The audit log is loading" />
        ) : null
      ) : entries.length === 0 ? (
        <p className="p-4 text-fg-2">{text === '' ? 'Nothing was changed yet.' : 'Nothing fits this filter.'}</p>
      ) : (
        <>
          <AuditTable entries={entries} now={now} />
          {hasMore ? (
            <div className="p-3">
              <Button isBusy={older.isBusy} onClick={loadOlder}>
                Older
              </Button>
            </div>
          ) : null}
        </>
      )}
    </Panel>
  );
}

function AuditTable({ entries, now }: { entries: readonly AuditEntry[]; now: number }): ReactElement {
  return (
    <>
      <div className="scroller max-md:hidden" role="group" aria-label="Audit log" tabIndex={0}>
        <Table>
          <thead>
            <tr>
              <HeaderCell>When</HeaderCell>
              <HeaderCell>Who</HeaderCell>
              <HeaderCell>What</HeaderCell>
              <HeaderCell>Where</HeaderCell>
              <HeaderCell>Result</HeaderCell>
            </tr>
          </thead>
          <tbody>
            {entries.map((entry) => (
              <tr key={entry.id}>
                <Cell className="whitespace-nowrap" title={formatInstant(entry.at)}>
                  {formatAgo(entry.at, now)}
                </Cell>
                <Cell className="max-w-50 truncate" title={entry.who}>
                  {entry.who}
                </Cell>
                <Cell isMono className="min-w-60 break-words">
                  {entry.what}
                </Cell>
                <Cell isMono className="max-w-50 break-words">
                  {entry.where}
                </Cell>
                <Cell className="max-w-80 py-1.5">
                  <StateMark state={results[entry.result]}>{entry.result}</StateMark>
                  {entry.message === '' ? null : <span className="block break-words text-fg-2">{entry.message}</span>}
                </Cell>
              </tr>
            ))}
          </tbody>
        </Table>
      </div>
      <ul className="md:hidden">
        {entries.map((entry) => (
          <li key={entry.id} className="flex flex-col gap-1 border-b px-4 py-2 text-sm last:border-b-0">
            <span className="font-mono break-words">{entry.what}</span>
            <span className="flex flex-wrap gap-x-3 text-fg-3">
              <StateMark state={results[entry.result]}>{entry.result}</StateMark>
              <span>{entry.who}</span>
              <span title={formatInstant(entry.at)}>{formatAgo(entry.at, now)}</span>
              <span className="font-mono break-words">{entry.where}</span>
            </span>
            {entry.message === '' ? null : <span className="break-words text-fg-2">{entry.message}</span>}
          </li>
        ))}
      </ul>
    </>
  );
}
