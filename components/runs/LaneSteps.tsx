'use client';
// The steps of one node from top to bottom, as a story: what each does, how it went, its log, its time and deadline.
import { ChevronRight } from 'lucide-react';
import { useState, type ReactElement } from 'react';
import type { LogLine, StepState } from '../../contract/plans.ts';
import { StepPreview } from '../wizard/StepPreview.tsx';
import { describeFindings } from './findings.ts';
import { FindingsList } from './FindingsList.tsx';
import { RunMark } from './RunMark.tsx';
import { describeDuration, elapsedOf, stepWords } from './run-words.ts';
import type { Lane, LaneStep } from './run-view.ts';
import { findingsOf } from './step-findings.ts';
import { StepLog } from './StepLog.tsx';

export interface LaneStepsProps {
  readonly lane: Lane;
  /** Log of this node. */
  readonly log: readonly LogLine[];
  /** The server's clock, ms since 1970. */
  readonly now: number;
}

/** States whose log and error show without asking. */
const isLoud: ReadonlySet<StepState> = new Set(['running', 'undoing', 'failed', 'undo-failed', 'asking']);

export function LaneSteps({ lane, log, now }: LaneStepsProps): ReactElement {
  return (
    <ol className="flex flex-col">
      {lane.steps.map((item) => (
        <StepItem key={item.step.key} item={item} log={log.filter((line) => line.step === item.step.key)} now={now} />
      ))}
    </ol>
  );
}

function StepItem({ item, log, now }: { item: LaneStep; log: readonly LogLine[]; now: number }): ReactElement {
  const { step, view } = item;
  const [chosen, setChosen] = useState<boolean | null>(null);
  const findings = findingsOf(view.result);
  const found = describeFindings(findings);
  const isOpen = chosen ?? isLoud.has(view.state);
  // A check changes nothing, so that it did not is not worth saying.
  const words =
    view.state === 'unchanged' && findings.length > 0 ? { word: 'looked', tone: 'ok' as const } : stepWords[view.state];
  const times = elapsedOf(view, now, step.deadlineMs);
  return (
    <li className="border-b last:border-b-0">
      <button
        type="button"
        aria-expanded={isOpen}
        onClick={() => {
          setChosen(!isOpen);
        }}
        className="flex min-h-9 w-full items-center gap-x-2 px-4 py-1.5 text-left hover:bg-surface-2 max-md:min-h-11 max-md:flex-wrap"
      >
        <ChevronRight
          aria-hidden="true"
          className={`size-3.5 shrink-0 text-fg-3 transition-transform ${isOpen ? 'rotate-90' : ''}`}
        />
        <span className="min-w-0 flex-1 break-words max-md:basis-48">{step.title}</span>
        {found === '' ? null : <span className="shrink-0 text-sm text-warn">{found}</span>}
        {times && view.state !== 'unchanged' ? (
          <span className={`shrink-0 text-sm numbers max-md:ml-auto ${times.isLate ? 'text-warn' : 'text-fg-3'}`}>
            {describeDuration(times.elapsedMs)}
            {times.leftMs === null ? null : ` of ${describeDuration(step.deadlineMs)}`}
          </span>
        ) : null}
        <span className="w-28 shrink-0 text-sm max-md:w-auto">
          <RunMark tone={words.tone} word={words.word} />
        </span>
      </button>
      {view.error === '' || !isOpen ? null : (
        <p className={`px-4 pb-2 pl-9.5 text-base break-words ${view.state === 'skipped' ? 'text-fg-2' : 'text-bad'}`}>
          {view.error}
        </p>
      )}
      {isOpen ? (
        <div className="flex flex-col gap-2 px-4 pb-3 pl-9.5">
          <p className="text-sm text-fg-2">{step.why}</p>
          <FindingsList findings={findings} />
          <StepLog lines={log} label={`Log of ${step.title}${step.node === '' ? '' : ` on ${step.node}`}`} />
          {log.length === 0 && findings.length === 0 ? <StepPreview preview={step.preview} /> : null}
        </div>
      ) : null}
    </li>
  );
}
