'use client';
// A traced path as a list from one VM to the other: each hop with its state and what was seen there, the first broken one explained.
import type { ReactElement } from 'react';
import type { TraceHop, TraceResult } from '../../contract/trace.ts';
import { adviceOnHop, firstBroken } from '../../core/probe/trace-advice.ts';
import { safeText } from '../../core/safe-text.ts';
import { countOf } from '../../lib/format.ts';
import { CopyButton } from '../ui/CopyButton.tsx';
import { cx } from '../ui/cx.ts';
import { Notice } from '../ui/Notice.tsx';
import { Panel } from '../ui/Panel.tsx';
import { StateMark, StateShape, type State } from '../ui/StateMark.tsx';

const states: Readonly<Record<TraceHop['state'], { tone: State; word: string }>> = {
  ok: { tone: 'ok', word: 'ok' },
  broken: { tone: 'bad', word: 'broken' },
  unknown: { tone: 'lost', word: 'unknown' },
};

const places: Readonly<Record<TraceHop['place'], string>> = {
  vm: 'VM',
  tap: 'Tap',
  port: 'Port and tag',
  bridge: 'Bridge',
  flows: 'Flows',
  uplink: 'Uplink',
  switches: 'Switches',
};

export function TraceHops({ result, isStale }: { result: TraceResult; isStale: boolean }): ReactElement {
  const vlans = [...new Set(result.hops.map(({ vlan }) => vlan))];
  return (
    <>
      {vlans.map((vlan) => (
        <VlanPath
          key={vlan}
          vlan={vlan}
          alias={result.probe?.vlans.find((each) => each.vlan === vlan)?.alias ?? ''}
          hops={result.hops
            .filter((hop) => hop.vlan === vlan)
            .map((hop) =>
              isStale ? { ...hop, state: 'unknown' as const, evidence: 'seen over an hour ago: trace again' } : hop,
            )}
        />
      ))}
    </>
  );
}

function VlanPath({ vlan, alias, hops }: { vlan: number; alias: string; hops: readonly TraceHop[] }): ReactElement {
  const broken = firstBroken(hops);
  const unknown = hops.filter(({ state }) => state === 'unknown').length;
  const state = broken !== null ? states.broken : unknown > 0 ? states.unknown : states.ok;
  const title = vlan === 0 ? 'No VLAN in common' : alias === '' ? `VLAN ${vlan}` : `${alias} (${vlan})`;
  return (
    <Panel title={title} actions={<StateMark state={state.tone}>{wordOf(broken, unknown)}</StateMark>} isFlush>
      {broken === null ? null : (
        <div className="border-b p-4">
          <Notice
            state="bad"
            title={`It ends at ${whereOf(broken)}`}
            action={<CopyButton text={handover(broken)} label="Copy the explanation" />}
          >
            <p className="break-words">{asSentence(broken.evidence)}</p>
            <p className="mt-1 break-words text-fg-1">{adviceOnHop(broken)}</p>
          </Notice>
        </div>
      )}
      <ol aria-label={`Hops on ${title}`} className="px-4 py-2">
        {hops.map((hop, at) => (
          <Hop key={at} hop={hop} isFirstBroken={hop === broken} hasNext={at < hops.length - 1} />
        ))}
      </ol>
    </Panel>
  );
}

function Hop({
  hop,
  isFirstBroken,
  hasNext,
}: {
  hop: TraceHop;
  isFirstBroken: boolean;
  hasNext: boolean;
}): ReactElement {
  const { node, place, name, state, evidence } = hop;
  const { tone, word } = states[state];
  const advice = state === 'unknown' ? adviceOnHop(hop) : '';
  return (
    <li
      className="relative grid grid-cols-[1.25rem_minmax(0,1fr)] gap-x-2 py-1.5 md:grid-cols-[1.25rem_8rem_14rem_minmax(0,1fr)]"
      aria-current={isFirstBroken ? 'step' : undefined}
    >
      <span className="flex flex-col items-center pt-1">
        <StateShape state={tone} className="size-3.5" />
        {hasNext ? (
          <span
            aria-hidden="true"
            className={cx(
              'absolute top-6 bottom-[-0.15rem] w-px',
              state === 'broken' ? 'bg-transparent' : 'bg-line-strong',
            )}
          />
        ) : null}
      </span>
      <span className="font-medium">
        {places[place]}
        <span className="sr-only">, {word}:</span>
      </span>
      <span className="font-mono text-sm break-words text-fg-2 max-md:col-start-2">
        {place === 'switches' ? `${node} → ${name}` : name}
        {place === 'switches' ? null : <span className="text-fg-3"> on {node}</span>}
      </span>
      <span className={cx('break-words max-md:col-start-2', state === 'ok' ? 'text-fg-2' : 'text-fg-1')}>
        {state === 'ok' ? null : (
          <span className={cx('font-medium', state === 'broken' ? 'text-bad' : 'text-lost')}>{word}: </span>
        )}
        {safeText(evidence)}
        {advice === '' ? null : <span className="text-fg-2"> {advice}</span>}
      </span>
    </li>
  );
}

function wordOf(broken: TraceHop | null, unknown: number): string {
  if (broken !== null) return 'broken';
  return unknown > 0 ? `${countOf(unknown, 'hop')} unknown` : 'whole';
}

/** `the switches from node1 to node3`, `the tap mega_tap0 on node2`. */
function whereOf({ place, node, name, vlan }: TraceHop): string {
  if (place === 'switches') return `the switches from ${node} to ${name}`;
  if (vlan === 0) return 'the VMs themselves';
  return `${place === 'vm' ? 'the VM' : place === 'port' ? 'the port of' : `the ${place}${place === 'flows' ? ' of' : ''}`} ${name} on ${node}`;
}

const asSentence = (text: string): string => {
  const clean = safeText(text);
  return `${clean.slice(0, 1).toUpperCase()}${clean.slice(1)}${clean.endsWith('.') ? '' : '.'}`;
};

const handover = (hop: TraceHop): string =>
  `VLAN ${hop.vlan}: the path ends at ${whereOf(hop)}. ${asSentence(hop.evidence)}`;
