// What happened to a node and its links in the last hour, the newest first.
import { useMemo, type ReactElement } from 'react';
import { formatAgo, formatInstant } from '../../lib/format.ts';
import { useFleetPart } from '../../lib/use-console.ts';
import { eventAfter, eventLines, eventVms } from '../fleet/events.ts';
import { Panel } from '../ui/Panel.tsx';
import { StateShape } from '../ui/StateMark.tsx';

const shownEvents = 30;

/** @param now by the server's clock */
export function NodeHour({ name, now }: { name: string; now: number }): ReactElement {
  const events = useFleetPart(({ view }) => view.events);
  const lines = useMemo(
    () =>
      eventLines(
        events.filter((event) => event.Nodes.includes(name)),
        shownEvents,
      ),
    [events, name],
  );
  return (
    <Panel title="Last hour" isFlush>
      {lines.length === 0 ? (
        <p className="p-4 text-fg-3">Nothing happened to it.</p>
      ) : (
        <ul className="max-h-90 scroller py-2" tabIndex={0} aria-label="What happened in the last hour">
          {lines.map((line, index) => (
            <li key={`${line.at} ${index}`} className="flex items-baseline gap-2.5 px-4 py-1">
              <StateShape state={line.state} className="translate-y-px" />
              <span className="min-w-0 flex-1">
                {line.before}{' '}
                <span className="font-mono text-sm">{line.vms ? eventVms(line) : line.nodes.join(' – ')}</span>{' '}
                {eventAfter(line)}
              </span>
              <span className="text-sm whitespace-nowrap text-fg-3" title={formatInstant(line.at)}>
                {formatAgo(line.at, now)}
              </span>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}
