'use client';
// A run as a story. Few nodes: their steps side by side. Many: one line per node with a mark for each step, opened by a
// click; those that need a person come first. Only the visible part is drawn, so that 1,000 nodes cost little.
import { useVirtualizer } from '@tanstack/react-virtual';
import { ChevronRight } from 'lucide-react';
import { useMemo, useRef, useState, type ReactElement } from 'react';
import type { RunView, StepState } from '../../contract/plans.ts';
import { compareNames } from '../../core/ranges/natural-order.ts';
import { Input } from '../ui/Input.tsx';
import { Segmented } from '../ui/Segmented.tsx';
import { LaneSteps } from './LaneSteps.tsx';
import type { NodeStory } from './node-story.ts';
import { RunMark } from './RunMark.tsx';
import { laneWords, stepWords, type Tone } from './run-words.ts';
import { countLanes, type Lane, laneOrder, lanesOf, logOf } from './run-view.ts';

/** Up to here lanes stand side by side, all open. */
const sideBySide = 4;
const rowHeightPx = 37;

type Show = 'all' | 'attention' | 'running';

export interface RunStoryProps {
  readonly run: RunView;
  readonly now: number;
  /** What this kind of run shows of its nodes, by node. */
  readonly stories: ReadonlyMap<string, NodeStory>;
}

export function RunStory({ run, now, stories }: RunStoryProps): ReactElement {
  const lanes = useMemo(() => lanesOf(run), [run]);
  const nodes = lanes.filter((lane) => lane.node !== '');
  const own = lanes.find((lane) => lane.node === '');
  return (
    <div className="flex min-w-0 flex-col gap-4">
      {own ? <LanePanel lane={own} run={run} now={now} /> : null}
      {nodes.length === 0 ? null : nodes.length <= sideBySide ? (
        <div className="grid grid-cols-[repeat(auto-fit,minmax(min(26rem,100%),1fr))] items-start gap-4">
          {nodes.map((lane) => (
            <LanePanel key={lane.node} lane={lane} run={run} now={now} story={stories.get(lane.node)} />
          ))}
        </div>
      ) : (
        <LaneList lanes={nodes} run={run} now={now} stories={stories} />
      )}
    </div>
  );
}

interface LaneProps {
  readonly lane: Lane;
  readonly run: RunView;
  readonly now: number;
  readonly story?: NodeStory | undefined;
}

function LanePanel({ lane, run, now, story }: LaneProps): ReactElement {
  const { tone, word } = story ?? laneWords[lane.state];
  return (
    <section className="min-w-0 rounded-md border bg-surface-1" aria-label={laneName(lane)}>
      <header className="flex min-h-10 flex-wrap items-center gap-x-3 border-b px-4 py-1.5">
        <h2 className="min-w-0 flex-1 font-mono text-base font-semibold break-words">{laneName(lane)}</h2>
        {story ? null : (
          <span className="text-sm text-fg-3 numbers">
            {lane.done} of {lane.steps.length}
          </span>
        )}
        <RunMark tone={tone} word={word} />
      </header>
      <LaneBody lane={lane} run={run} now={now} story={story} />
    </section>
  );
}

/** The story first; its steps are folded below it, but for those that are about something else and at work. */
function LaneBody({ lane, run, now, story }: LaneProps): ReactElement {
  const steps = <LaneSteps lane={lane} log={logOf(run.log, lane.node, null)} now={now} />;
  if (!story) return steps;
  const isElsewhere = lane.current !== null && lane.current.step.key !== story.step && lane.state !== 'done';
  return (
    <>
      <div className="p-4">{story.body}</div>
      {/* Another key: what was folded opens when it matters. */}
      <details key={String(isElsewhere)} open={isElsewhere} className="group border-t">
        <summary className="flex min-h-9 cursor-pointer items-center gap-2 px-4 text-sm text-fg-2 hover:bg-surface-2 max-md:min-h-11">
          <ChevronRight
            aria-hidden="true"
            className="size-3.5 shrink-0 text-fg-3 transition-transform group-open:rotate-90"
          />
          Its steps and their log, {lane.done} of {lane.steps.length} done
        </summary>
        <div className="border-t">{steps}</div>
      </details>
    </>
  );
}

interface LaneListProps extends RunStoryProps {
  readonly lanes: readonly Lane[];
}

function LaneList({ lanes, run, now, stories }: LaneListProps): ReactElement {
  const [show, setShow] = useState<Show>('all');
  const [text, setText] = useState('');
  /** By node, what the reader chose; else those are open that need somebody. */
  const [chosen, setChosen] = useState<ReadonlyMap<string, boolean>>(new Map());
  const scroller = useRef<HTMLDivElement>(null);
  const counts = countLanes(lanes);
  const attention = counts.failed + counts.asking;
  const shown = useMemo(
    () =>
      lanes
        .filter(
          (lane) =>
            lane.node.toLowerCase().includes(text.trim().toLowerCase()) &&
            (show === 'all' ||
              (show === 'running' ? lane.state === 'running' : lane.state === 'failed' || lane.state === 'asking')),
        )
        .toSorted((a, b) => laneOrder.indexOf(a.state) - laneOrder.indexOf(b.state) || compareNames(a.node, b.node)),
    [lanes, show, text],
  );
  const rows = useVirtualizer({
    count: shown.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeightPx,
    getItemKey: (at) => shown[at]?.node ?? at,
    overscan: 12,
  });
  return (
    <section className="min-w-0 rounded-md border bg-surface-1" aria-label="Nodes">
      <header className="flex flex-wrap items-center gap-2 border-b px-4 py-2">
        <h2 className="flex-1 text-base font-semibold whitespace-nowrap">
          {counts.done} of {lanes.length} nodes done
        </h2>
        <Input
          isMono
          type="search"
          aria-label="Filter nodes by name"
          placeholder="node…"
          value={text}
          onChange={(event) => {
            setText(event.target.value);
          }}
          className="max-w-44"
        />
        <Segmented<Show>
          label="Show"
          value={show}
          onValueChange={setShow}
          options={[
            { value: 'all', label: `All ${lanes.length}` },
            { value: 'attention', label: `Need you ${attention}` },
            { value: 'running', label: `Running ${counts.running}` },
          ]}
        />
      </header>
      {shown.length === 0 ? <p className="px-4 py-6 text-fg-2">No node is in this state.</p> : null}
      <div
        ref={scroller}
        className="max-h-[70dvh] scroller"
        tabIndex={shown.length > 0 ? 0 : -1}
        aria-label="Lanes"
        role="group"
      >
        <ul className="relative" style={{ height: rows.getTotalSize() }}>
          {rows.getVirtualItems().map((row) => {
            const lane = shown[row.index];
            if (!lane) return null;
            const story = stories.get(lane.node);
            const isOpen = chosen.get(lane.node) ?? story?.isLoud ?? false;
            return (
              <li
                key={row.key}
                ref={rows.measureElement}
                data-index={row.index}
                className="absolute inset-x-0 top-0"
                style={{ transform: `translateY(${row.start}px)` }}
              >
                <LaneRow
                  lane={lane}
                  story={story}
                  isOpen={isOpen}
                  onToggle={() => {
                    setChosen(new Map(chosen).set(lane.node, !isOpen));
                  }}
                />
                {isOpen ? (
                  <div className="border-b bg-surface-0 pl-4">
                    <LaneBody lane={lane} run={run} now={now} story={story} />
                  </div>
                ) : null}
              </li>
            );
          })}
        </ul>
      </div>
    </section>
  );
}

interface LaneRowProps {
  readonly lane: Lane;
  readonly story: NodeStory | undefined;
  readonly isOpen: boolean;
  readonly onToggle: () => void;
}

function LaneRow({ lane, story, isOpen, onToggle }: LaneRowProps): ReactElement {
  const words = laneWords[lane.state];
  const { current } = lane;
  const said = story?.word ?? (current === null ? '' : current.view.error || current.step.title);
  return (
    <button
      type="button"
      aria-expanded={isOpen}
      onClick={onToggle}
      className="grid min-h-9 w-full grid-cols-[auto_minmax(6rem,12rem)_1fr_auto] items-center gap-x-3 gap-y-1 border-b px-4 py-1 text-left text-sm hover:bg-surface-2 max-md:min-h-11 max-md:grid-cols-[auto_1fr_auto]"
    >
      <ChevronRight
        aria-hidden="true"
        className={`size-3.5 text-fg-3 transition-transform ${isOpen ? 'rotate-90' : ''}`}
      />
      <span className="font-mono break-words">{lane.node}</span>
      <span className="flex min-w-0 items-center gap-3 max-md:order-last max-md:col-span-3 max-md:pl-6">
        <StepTicks states={lane.steps.map(({ view }) => view.state)} />
        <span className="min-w-0 truncate text-fg-2">{said}</span>
      </span>
      <span className="flex items-center gap-3">
        <span className="text-fg-3 numbers">
          {lane.done}/{lane.steps.length}
        </span>
        <span className="w-24">
          <RunMark tone={words.tone} word={words.word} />
        </span>
      </span>
    </button>
  );
}

const tickLooks: Readonly<Record<Tone, string>> = {
  ok: 'bg-ok',
  busy: 'bg-busy animate-breathe',
  warn: 'bg-warn',
  bad: 'bg-bad h-3',
  lost: 'bg-lost h-1',
  quiet: 'bg-surface-3 h-1',
};

/** One mark per step; what it means stands in words beside it. */
function StepTicks({ states }: { states: readonly StepState[] }): ReactElement {
  return (
    <span aria-hidden="true" className="flex h-3 shrink-0 items-center gap-0.5">
      {states.map((state, at) => (
        <span key={at} className={`block h-2 w-1.5 rounded-[1px] ${tickLooks[stepWords[state].tone]}`} />
      ))}
    </span>
  );
}

function laneName(lane: Lane): string {
  return lane.node === '' ? 'console' : lane.node;
}
