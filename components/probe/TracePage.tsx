'use client';
// The path between two VMs, hop by hop. The VMs are in the URL; nothing is sent before somebody asks for it.
import { ArrowLeftRight, Network, Radar, Route, Square } from 'lucide-react';
import Link from 'next/link';
import { useId, useMemo, useState, type ReactElement } from 'react';
import type { FleetVm } from '../../contract/fleet.ts';
import { fleetKeys } from '../../contract/fleet-keys.ts';
import { rowsOf } from '../../core/fleet-view.ts';
import { defaultNamespace } from '../../core/namespaces.ts';
import { meshdCommand } from '../../core/plans/step.ts';
import { staleAfterMs } from '../../core/probe/stale.ts';
import { safeText } from '../../core/safe-text.ts';
import { formatAgo, formatInstant } from '../../lib/format.ts';
import { useFleetPart, useNow } from '../../lib/use-console.ts';
import { PageHeader } from '../frame/PageHeader.tsx';
import { useCluster, useClusterPath } from '../frame/use-cluster.ts';
import { useLack } from '../fleet/use-lack.ts';
import { useRefusal } from '../frame/use-session.tsx';
import { useUrlState } from '../frame/use-url-state.ts';
import { Button } from '../ui/Button.tsx';
import { CommandLine } from '../ui/CommandLine.tsx';
import { EmptyState } from '../ui/EmptyState.tsx';
import { Field } from '../ui/Field.tsx';
import { IconButton } from '../ui/IconButton.tsx';
import { Input } from '../ui/Input.tsx';
import { Notice } from '../ui/Notice.tsx';
import { Select } from '../ui/Select.tsx';
import { SkeletonRows } from '../ui/Skeleton.tsx';
import { Spinner } from '../ui/Spinner.tsx';
import { checkEnd, traceLine, vmChoices, vmNamespaces, type EndCheck } from './trace-choice.ts';
import { TraceHops } from './TraceHops.tsx';
import { useIsPast, useTrace } from './use-probes.ts';

export function TracePage(): ReactElement {
  const cluster = useCluster()?.Id ?? '';
  const status = useFleetPart((state) => state.status);
  const rows = useFleetPart(({ view }) => rowsOf(view, fleetKeys.vms));
  const nodes = useFleetPart(({ view }) => rowsOf(view, fleetKeys.nodes));
  const vms = useMemo(() => [...rows.values()].filter(({ Cluster }) => Cluster === cluster), [rows, cluster]);
  const namespaces = useMemo(() => vmNamespaces(vms), [vms]);
  const withCluster = useClusterPath();
  const lack = useLack('probe');
  const mayRun = useRefusal('operator');
  const refusal = mayRun !== '' ? mayRun : lack;
  const trace = useTrace(cluster);
  const { get, set } = useUrlState();
  const [typed, setTyped] = useState(() => ({ from: get('from'), to: get('to') }));
  const namespace = get('namespace') || usualNamespace(namespaces);
  const { last } = trace;
  const isStale = useIsPast((last?.at ?? Infinity) + staleAfterMs);
  if (status === 'loading') return <SkeletonRows label="The VMs are loading" count={6} />;

  const nodeOf = (vm: FleetVm | null): string =>
    vm === null ? '' : ([...nodes.values()].find(({ Id }) => Id === vm.Node)?.Name ?? '');
  const ends = { namespace, from: typed.from.trim(), to: typed.to.trim() };
  const [from, to] = [ends.from, ends.to].map((name) => checkEnd(vms, { namespace, name })) as [EndCheck, EndCheck];
  const isSame = ends.from !== '' && ends.from === ends.to;
  const isWhole = from.vm !== null && to.vm !== null && !isSame;
  const blocked = refusal !== '' ? refusal : isWhole ? '' : 'Choose two VMs first.';
  const line = isWhole ? traceLine(ends) : '';
  const change = (next: Partial<typeof typed>): void => {
    setTyped({ ...typed, ...next });
    set(next);
  };
  const swap = (): void => change({ from: typed.to, to: typed.from });

  return (
    <>
      <PageHeader
        title="Trace a path"
        actions={
          <>
            <Button icon={<Network className="size-4" />} render={<Link href={withCluster('/vlans')} />}>
              VLAN map
            </Button>
            <Button icon={<Radar className="size-4" />} render={<Link href={withCluster('/vlans/probe')} />}>
              Probe
            </Button>
          </>
        }
      />
      <form
        className="flex flex-col gap-3 border-t bg-surface-1 px-4 py-4 md:px-6"
        onSubmit={(event) => {
          event.preventDefault();
          if (blocked === '' && trace.running === null) trace.run(line);
        }}
      >
        <div className="flex flex-wrap items-start gap-3">
          {namespaces.length < 2 && namespace === usualNamespace(namespaces) ? null : (
            <Field label="Namespace" className="w-48 max-md:w-full">
              <Select
                isMono
                value={namespace}
                onValueChange={(next) => {
                  setTyped({ from: '', to: '' });
                  set({ namespace: next, from: null, to: null });
                }}
                options={[...new Set([...namespaces, namespace])].map((name) => ({ value: name, label: name }))}
              />
            </Field>
          )}
          <VmField
            label="From"
            value={typed.from}
            error={from.error}
            node={nodeOf(from.vm)}
            find={(text) => vmChoices(vms, { namespace, typed: text, other: ends.to })}
            onType={(text) => change({ from: text })}
          />
          <span className="self-start pt-6 max-md:pt-0">
            <IconButton label="Swap both VMs" icon={<ArrowLeftRight />} onClick={swap} />
          </span>
          <VmField
            label="To"
            value={typed.to}
            error={isSame ? 'A path has two ends: choose another VM.' : to.error}
            node={nodeOf(to.vm)}
            find={(text) => vmChoices(vms, { namespace, typed: text, other: ends.from })}
            onType={(text) => change({ to: text })}
          />
        </div>
        <div className="flex min-w-0 flex-wrap items-start gap-x-3 gap-y-2">
          {trace.running === null ? (
            <Button
              className="mt-0.5"
              type="submit"
              variant="primary"
              icon={<Route className="size-4" />}
              disabledReason={blocked}
            >
              Trace
            </Button>
          ) : (
            <Button className="mt-0.5" icon={<Square className="size-4" />} onClick={trace.cancel}>
              Cancel
            </Button>
          )}
          <div className="min-w-0 flex-1 basis-80">
            {line === '' ? null : <CommandLine command={meshdCommand(line)} label="Copy as command" />}
            <p className="mt-1 text-sm text-fg-3">
              Both nodes say what they see, and test the switches between them. No VM sees a frame of it.
            </p>
          </div>
        </div>
      </form>
      <div className="flex flex-1 flex-col gap-4 border-t px-4 py-4 md:px-6" aria-busy={trace.running !== null}>
        <div role="status" className={trace.running === null ? 'absolute' : ''}>
          {trace.running === null ? null : (
            <p className="flex items-center gap-2 text-fg-2">
              <Spinner />
              {trace.running.said === ''
                ? 'asking both nodes, and testing the way between them'
                : safeText(trace.running.said)}
            </p>
          )}
        </div>
        {trace.failure === '' ? null : (
          <Notice state="bad" title="The path was not traced" role="alert">
            <span className="break-words">{safeText(trace.failure)}</span>
          </Notice>
        )}
        {last === null ? (
          trace.running === null && trace.failure === '' ? (
            <EmptyState icon={<Route />} title={vms.length === 0 ? 'No VMs yet' : 'Not traced yet'}>
              Here stands the path between two VMs: tap and tag, bridge, flows, uplink, switches, and the same back to
              the other VM. The first hop that is broken is explained.
            </EmptyState>
          ) : null
        ) : (
          <>
            <Traced line={last.line} at={last.at} isOther={last.line !== line && line !== ''} />
            {last.result === null ? (
              <Notice state="bad" title="The answer was too large to be shown" />
            ) : (
              <TraceHops result={last.result} isStale={isStale} />
            )}
          </>
        )}
      </div>
    </>
  );
}

const usualNamespace = ([first, ...others]: readonly string[]): string =>
  first === undefined || others.includes(defaultNamespace) ? defaultNamespace : first;

interface VmFieldProps {
  label: string;
  value: string;
  error: string;
  /** Of the VM that is named; empty while none is. */
  node: string;
  /** Choices for what is typed; asked when the reader types, not with each change of the fleet. */
  find: (text: string) => readonly FleetVm[];
  onType: (text: string) => void;
}

function VmField({ label, value, error, node, find, onType }: VmFieldProps): ReactElement {
  const list = useId();
  const [choices, setChoices] = useState<readonly FleetVm[]>([]);
  return (
    <Field
      label={label}
      error={error}
      hint={node === '' ? 'A VM by its name.' : `on ${node}`}
      className="w-64 max-md:w-full"
    >
      <Input
        isMono
        list={list}
        autoComplete="off"
        value={value}
        onFocus={() => setChoices(find(value))}
        onChange={(event) => {
          onType(event.target.value);
          setChoices(find(event.target.value));
        }}
      />
      <datalist id={list}>
        {choices.map(({ Id, Node, Name }) => (
          <option key={`${Node} ${Id}`} value={Name} />
        ))}
      </datalist>
    </Field>
  );
}

const agoMs = 10_000;

function Traced({ line, at, isOther }: { line: string; at: number; isOther: boolean }): ReactElement {
  const now = useNow(agoMs);
  return (
    <p className="text-sm text-fg-2">
      {isOther ? <span className="text-warn">Of other VMs: </span> : null}
      Traced{' '}
      <time dateTime={new Date(at).toISOString()} title={formatInstant(at)}>
        {formatAgo(at, Math.max(now, at))}
      </time>{' '}
      by <code className="font-mono break-words text-fg-1">{line}</code>.
    </p>
  );
}
