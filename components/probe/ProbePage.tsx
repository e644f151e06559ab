'use client';
// Whether VLANs really pass between the nodes: what to probe, how far it is, and what was found. The choice and the selection are in the URL.
import { Network, Route } from 'lucide-react';
import Link from 'next/link';
import { useMemo, useState, type ReactElement } from 'react';
import type { ProbeResult } from '../../contract/probe.ts';
import { safeText } from '../../core/safe-text.ts';
import type { Measured } from '../../lib/probes.ts';
import { countOf, formatAgo, formatInstant } from '../../lib/format.ts';
import { useFleetPart, useNow, useReadable } from '../../lib/use-console.ts';
import { PageHeader } from '../frame/PageHeader.tsx';
import { useClusterPath } from '../frame/use-cluster.ts';
import { useUrlState } from '../frame/use-url-state.ts';
import { Button } from '../ui/Button.tsx';
import { EmptyState } from '../ui/EmptyState.tsx';
import { Notice } from '../ui/Notice.tsx';
import { SkeletonRows } from '../ui/Skeleton.tsx';
import { Spinner } from '../ui/Spinner.tsx';
import { StateMark, type State } from '../ui/StateMark.tsx';
import { useVlanSource } from '../vlans/use-vlans.ts';
import { emptyVlanMap } from '../vlans/vlan-view.ts';
import { readChoice, usualChoice } from './probe-choice.ts';
import { ProbeFindings, ProbeNotes } from './ProbeFindings.tsx';
import { ProbeForm } from './ProbeForm.tsx';
import { ProbePaths } from './ProbePaths.tsx';
import { useIsPast, useProbe } from './use-probes.ts';

export function ProbePage(): ReactElement {
  const map = useReadable(useVlanSource(), emptyVlanMap);
  const status = useFleetPart((state) => state.status);
  const withCluster = useClusterPath();
  const probe = useProbe(map.cluster);
  const { get, set } = useUrlState();
  const [typed, setTyped] = useState<{ vlans: string | null; nodes: string | null }>(() => ({
    vlans: get('vlans') === '' ? null : get('vlans'),
    nodes: get('nodes') === '' ? null : get('nodes'),
  }));
  const usual = useMemo(() => usualChoice(map), [map]);
  const shown = { vlans: typed.vlans ?? usual.vlans, nodes: typed.nodes ?? usual.nodes };
  const choice = readChoice(shown, map);
  const isStale = useIsPast(probe.last?.result?.staleAtMs ?? Infinity);

  if (status === 'loading') return <SkeletonRows label="The VLANs are loading" count={6} />;
  const summary = summaryOf(probe.last, isStale);
  const vlan = get('vlan') === '' ? null : Number(get('vlan'));
  const path = get('from') === '' || get('to') === '' ? null : { from: get('from'), to: get('to') };
  return (
    <>
      <PageHeader
        title="Probe"
        state={summary === null ? undefined : <StateMark state={summary.state}>{summary.text}</StateMark>}
        actions={
          <>
            <Button icon={<Network className="size-4" />} render={<Link href={withCluster('/vlans')} />}>
              VLAN map
            </Button>
            <Button icon={<Route className="size-4" />} render={<Link href={withCluster('/vlans/trace')} />}>
              Trace a path
            </Button>
          </>
        }
      />
      <ProbeForm
        map={map}
        typed={shown}
        left={typed.vlans === null ? usual.left : 0}
        choice={choice}
        onType={(change) => {
          setTyped({ ...typed, ...change });
          set(change);
        }}
        isRunning={probe.running !== null}
        onRun={() => probe.run(choice.line)}
        onCancel={probe.cancel}
      />
      <div className="flex flex-1 flex-col gap-4 border-t px-4 py-4 md:px-6" aria-busy={probe.running !== null}>
        <div role="status" className={probe.running === null ? 'absolute' : ''}>
          {probe.running === null ? null : <Progress since={probe.running.since} said={probe.running.said} />}
        </div>
        {probe.failure === '' ? null : (
          <Notice state="bad" title="The probe was not made" role="alert">
            <span className="break-words">{safeText(probe.failure)}</span>
          </Notice>
        )}
        {probe.last === null ? (
          probe.running === null && probe.failure === '' ? (
            <EmptyState icon={<Network />} title="Not probed yet">
              Each node sends a few marked frames out of its uplink on each VLAN, and all others say what arrived. Here
              you see which paths are bad, and which switch ports explain it.
            </EmptyState>
          ) : null
        ) : (
          <>
            <Measurement last={probe.last} isStale={isStale} />
            {probe.last.result === null ? (
              <TooLarge rows={probe.last.rows} />
            ) : (
              <>
                {isStale ? null : (
                  <ProbeFindings
                    result={probe.last.result}
                    onSelectVlan={(next) => set({ vlan: String(next), from: null, to: null })}
                  />
                )}
                <ProbeNotes result={probe.last.result} />
                <ProbePaths
                  result={probe.last.result}
                  isStale={isStale}
                  vlan={vlan}
                  path={path}
                  onSelect={(next, of) => set({ vlan: String(next), from: of?.from ?? null, to: of?.to ?? null })}
                />
              </>
            )}
          </>
        )}
      </div>
    </>
  );
}

/** What the page's head says of the last probe. */
export function summaryOf(last: Measured<ProbeResult> | null, isStale: boolean): { state: State; text: string } | null {
  if (last === null) return null;
  if (isStale) return { state: 'lost', text: 'measured over an hour ago: nothing is known now' };
  if (last.result === null) return { state: 'warn', text: 'measured, too large to be shown as a map' };
  const { bad, nodes, vlans } = last.result;
  const idle = nodes.filter(({ state }) => state !== 'ok').length;
  const rest = idle === 0 ? '' : `, ${countOf(idle, 'node')} not tested`;
  if (bad.length === 0)
    return { state: idle === 0 ? 'ok' : 'warn', text: `${countOf(vlans.length, 'VLAN')} ok${rest}` };
  const wrong = new Set(bad.map(({ vlan }) => vlan)).size;
  return { state: 'bad', text: `${wrong} of ${countOf(vlans.length, 'VLAN')} with bad paths${rest}` };
}

function Progress({ since, said }: { since: number; said: string }): ReactElement {
  const now = useNow(1_000);
  return (
    <p className="flex items-center gap-2 text-fg-2">
      <Spinner />
      <span>{said === '' ? 'asking the nodes' : safeText(said)}</span>
      <span className="text-fg-3 numbers">{Math.max(0, Math.round((now - since) / 1_000))} s</span>
    </p>
  );
}

const agoMs = 10_000;

function Measurement({ last, isStale }: { last: Measured<ProbeResult>; isStale: boolean }): ReactElement {
  const now = useNow(agoMs);
  return (
    <div className="flex flex-col gap-2">
      <p className="text-sm text-fg-2">
        Measured{' '}
        <time dateTime={new Date(last.at).toISOString()} title={formatInstant(last.at)}>
          {formatAgo(last.at, Math.max(now, last.at))}
        </time>
        {', '}
        <span className="text-fg-3">{formatInstant(last.at)}</span> by{' '}
        <code className="font-mono break-words text-fg-1">{last.line}</code>
        {last.isRestored ? '. This page was loaded again since: switches may have changed.' : '.'}
      </p>
      {isStale ? (
        <Notice state="lost" title="Over an hour old: every path is shown as unknown">
          People change switches. Probe again to know.
        </Notice>
      ) : null}
    </div>
  );
}

/** What people read of a result whose paths do not fit into one answer. */
function TooLarge({ rows }: { rows: readonly (readonly string[])[] }): ReactElement {
  return (
    <>
      <Notice state="warn" title="Too many bad paths for the map">
        Probe fewer nodes or VLANs to see each path. These are all of them in short:
      </Notice>
      <ul className="flex flex-col gap-1.5">
        {rows.slice(0, 200).map((row, at) => (
          <li key={at} className="break-words">
            {safeText(row.filter((cell) => cell !== '').join(', '))}
          </li>
        ))}
      </ul>
    </>
  );
}
