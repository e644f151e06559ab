'use client';
// The live log under a step. It follows its end while the reader is there, and stays where the reader scrolled to.
import { useEffect, useRef, type ReactElement } from 'react';
import type { LogLine } from '../../contract/plans.ts';

/** Lines drawn at once; older ones are still in the run. */
const shownLines = 400;
/** This near the end counts as at the end, in pixels. */
const nearEndPx = 24;

export function StepLog({ lines, label }: { lines: readonly LogLine[]; label: string }): ReactElement | null {
  const box = useRef<HTMLDivElement>(null);
  const isFollowing = useRef(true);
  const count = lines.length;
  useEffect(() => {
    const element = box.current;
    if (element && isFollowing.current) element.scrollTop = element.scrollHeight;
  }, [count]);
  if (count === 0) return null;
  const shown = lines.slice(-shownLines);
  return (
    <div
      ref={box}
      role="log"
      aria-live="off"
      aria-label={label}
      // Reachable by keyboard: it scrolls.
      tabIndex={0}
      onScroll={(event) => {
        const { scrollTop, scrollHeight, clientHeight } = event.currentTarget;
        isFollowing.current = scrollHeight - scrollTop - clientHeight < nearEndPx;
      }}
      className="max-h-64 scroller rounded-md border bg-surface-0 px-3 py-2 font-mono text-xs"
    >
      {count > shown.length ? <p className="text-fg-3">{count - shown.length} older lines</p> : null}
      {shown.map((line, at) => (
        <p key={`${line.at} ${count - shown.length + at}`} className="flex gap-3">
          <time dateTime={new Date(line.at).toISOString()} className="shrink-0 text-fg-3 numbers">
            {timeOfDay(line.at)}
          </time>
          <span className="min-w-0 break-words whitespace-pre-wrap">{line.text}</span>
        </p>
      ))}
    </div>
  );
}

/** `14:03:07`, where the reader is. */
export function timeOfDay(at: number): string {
  const date = new Date(at);
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map((n) => String(n).padStart(2, '0')).join(':');
}
