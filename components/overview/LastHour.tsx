// What changed in the cluster in the last hour, and what runs did: how much by the minute, then the newest in words.
import Link from 'next/link';
import type { ReactElement } from 'react';
import type { FleetEvent } from '../../contract/fleet.ts';
import type { RunSummary } from '../../contract/plans.ts';
import { describeRange } from '../../core/ranges/describe-range.ts';
import { formatAgo, formatClock, formatInstant } from '../../lib/format.ts';
import { eventAfter, eventsPerMinute, eventVms, shownNames, type EventLine } from '../fleet/events.ts';
import { useClusterPath } from '../frame/use-cluster.ts';
import { Panel } from '../ui/Panel.tsx';
import { StateShape } from '../ui/StateMark.tsx';
import { Activity } from './Activity.tsx';
import { hourLines, lineAt, runTimes, type RunLine } from './last-hour.ts';

const shownLines = 14;

interface LastHourProps {
  /** Those of the cluster. */
  events: readonly FleetEvent[];
  runs: readonly RunSummary[];
  /** The server's clock. */
  now: number;
}

export function LastHour({ events, runs, now }: LastHourProps): ReactElement {
  const lines = hourLines({ events, runs, now }, shownLines);
  return (
    <Panel title="Last hour" isFlush>
      <div className="px-4 pt-3">
        <Activity counts={eventsPerMinute([...events, ...runTimes(runs)], now)} />
      </div>
      {lines.length === 0 ? (
        <p className="px-4 pt-2 pb-4 text-fg-3">
          Nothing changed: no node, link or bridge came or went, and no run was under way.
        </p>
      ) : (
        <ul className="py-2">
          {lines.map((line, index) => (
            <li key={`${lineAt(line)} ${index}`} className="flex items-baseline gap-3 px-4 py-1">
              <LineTime at={lineAt(line)} now={now} />
              {'run' in line ? <RunChange line={line.run} /> : <FleetChange line={line.event} />}
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

function LineTime({ at, now }: { at: number; now: number }): ReactElement {
  return (
    <time
      dateTime={new Date(at).toISOString()}
      title={formatInstant(at)}
      className="w-16 shrink-0 text-sm text-fg-3 numbers"
    >
      {now - at < 60_000 ? formatAgo(at, now) : formatClock(at)}
    </time>
  );
}

function RunChange({ line }: { line: RunLine }): ReactElement {
  const withCluster = useClusterPath();
  return (
    <>
      <StateShape state={line.state} className="translate-y-px" />
      <span className="min-w-0 break-words">
        <Link href={withCluster(`/runs/${encodeURIComponent(line.run)}`)} className="hover:text-accent hover:underline">
          {line.title}
        </Link>
        : {line.word}
      </span>
    </>
  );
}

function FleetChange({ line }: { line: EventLine }): ReactElement {
  const withCluster = useClusterPath();
  const names = line.isLink ? line.nodes.join(' – ') : describeRange(line.nodes);
  const only = line.nodes.length <= shownNames ? line.nodes[0] : undefined;
  return (
    <>
      <StateShape state={line.state} className="translate-y-px" />
      <span className="min-w-0">
        {line.before === '' ? '' : `${line.before} `}
        {line.vms ? (
          <>
            <Link
              href={withCluster(`/vms?q=${encodeURIComponent(only === undefined ? '' : `node=${only}`)}`)}
              className="font-mono text-sm break-words hover:text-accent hover:underline"
            >
              {eventVms(line)}
            </Link>{' '}
            on{' '}
          </>
        ) : null}
        {only === undefined ? (
          <span className="font-mono text-sm break-words">{names}</span>
        ) : (
          <Link
            href={withCluster(`/mesh?node=${encodeURIComponent(only)}`)}
            className="font-mono text-sm break-words hover:text-accent hover:underline"
          >
            {names}
          </Link>
        )}
        {line.after === '' ? '' : ` ${eventAfter(line)}`}
      </span>
    </>
  );
}
