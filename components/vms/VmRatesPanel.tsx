'use client';
// What a VM takes of its node, live: processors, memory and network of the last five minutes. Numbers in words beside each picture.
import { useEffect, useRef, useState, type ReactElement } from 'react';
import type { VmSample } from '../../contract/vm-rates.ts';
import { outcomeOf } from '../../core/vms/states.ts';
import { formatMegabytes } from '../../lib/format.ts';
import { lackOf } from '../fleet/lack.ts';
import { useCluster } from '../frame/use-cluster.ts';
import { Notice } from '../ui/Notice.tsx';
import { Panel } from '../ui/Panel.tsx';
import type { RateChart, RateChartLook, RateData } from './draw-rates.ts';
import { browserLines, type LineStreamComponents } from '../../lib/line-stream.ts';
import { followRates, type RatesState } from './rates-source.ts';
import { formatRate } from './format-rate.ts';
import type { VmLine } from './vm-line.ts';
import { stateWord } from './vm-states.ts';

export interface VmRatesPanelProps {
  readonly line: VmLine;
  /** For tests; otherwise a WebSocket of the page. */
  readonly components?: LineStreamComponents;
}

export function VmRatesPanel({ line, components = browserLines }: VmRatesPanelProps): ReactElement {
  const of = useCluster();
  const cluster = of?.Id ?? '';
  const lack = lackOf(of, 'rates');
  const { vm, node } = line;
  const [{ samples, error }, setState] = useState<RatesState>({ samples: [], error: '' });
  const runs = outcomeOf('qmp', vm.State).is === 'works';
  useEffect(() => {
    if (cluster === '' || !runs || lack !== '') return;
    return followRates({ cluster, node, vm: vm.Id }, { onState: setState }, components);
  }, [cluster, node, vm.Id, runs, lack, components]);
  if (!runs) {
    return (
      <Panel title="Load">
        <p className="text-fg-3">
          {vm.State === 'LOST' ? 'Not known' : 'It takes nothing'}: it is {stateWord(vm.State)}.
        </p>
      </Panel>
    );
  }
  if (lack !== '') {
    return (
      <Panel title="Load">
        <p className="text-fg-3">{lack}.</p>
      </Panel>
    );
  }
  const last = samples.at(-1);
  return (
    <Panel title="Load, last five minutes">
      <div className="flex flex-col gap-4">
        {error === '' ? null : <Notice state="warn">{error} It is tried again.</Notice>}
        <div className="grid gap-4 md:grid-cols-3">
          <Figure
            name="Processors"
            value={last?.Cpu == null ? '–' : `${last.Cpu.toFixed(2)} of ${vm.Vcpus}`}
            samples={samples}
            fields={cpuFields}
            look={{ lines: cpuLines, least: vm.Vcpus, format: formatCpu }}
          />
          <Figure
            name="Memory of the node"
            value={
              last?.Memory == null
                ? '–'
                : `${formatMegabytes(last.Memory)}, its guest has ${formatMegabytes(vm.Memory)}`
            }
            samples={samples}
            fields={memoryFields}
            look={{ lines: memoryLines, least: vm.Memory, format: formatMegabytes }}
          />
          <Figure
            name="Network"
            value={last?.Rx == null || last.Tx == null ? '–' : `${formatRate(last.Rx)} in, ${formatRate(last.Tx)} out`}
            samples={samples}
            fields={networkFields}
            look={{ lines: networkLines, least: 10_000, format: formatRate }}
          />
        </div>
      </div>
    </Panel>
  );
}

const cpuFields = ['Cpu'] as const;
const memoryFields = ['Memory'] as const;
const networkFields = ['Rx', 'Tx'] as const;
const cpuLines = [{ label: 'busy', colour: 'accent' }] as const;
const memoryLines = [{ label: 'used', colour: 'accent' }] as const;
const networkLines = [
  { label: 'in', colour: 'accent' },
  { label: 'out', colour: 'ok' },
] as const;
const formatCpu = (value: number): string => (value >= 10 ? value.toFixed(0) : value.toFixed(1));

interface FigureProps {
  name: string;
  value: string;
  samples: readonly VmSample[];
  fields: readonly (keyof VmSample)[];
  look: RateChartLook;
}

function Figure({ name, value, samples, fields, look }: FigureProps): ReactElement {
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<RateChart | null>(null);
  const latest = useRef<RateData>([[]]);
  const firstLook = useRef(look);
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    let isOver = false;
    // The numbers stand there without the picture, should its code not come.
    import('./draw-rates.ts').then(
      ({ drawRates }) => {
        if (isOver) return;
        chart.current = drawRates(element, firstLook.current);
        chart.current.draw(latest.current);
      },
      () => undefined,
    );
    return () => {
      isOver = true;
      chart.current?.remove();
      chart.current = null;
    };
  }, []);
  useEffect(() => {
    latest.current = [
      samples.map(({ At: at }) => at / 1000),
      ...fields.map((field) => samples.map((sample) => sample[field])),
    ];
    chart.current?.draw(latest.current);
  }, [samples, fields]);
  return (
    <figure className="min-w-0">
      <figcaption className="flex items-baseline justify-between gap-2">
        <span className="text-sm text-fg-3">{name}</span>
        <span className="numbers">{value}</span>
      </figcaption>
      <div ref={box} role="img" aria-label={`${name}: ${value}`} className="h-28 overflow-hidden" />
      {look.lines.length < 2 ? null : (
        <p className="flex gap-3 text-xs text-fg-3">
          {look.lines.map(({ label, colour }) => (
            <span key={label} className="inline-flex items-center gap-1.5">
              <span aria-hidden="true" className={`h-0.5 w-3 ${colour === 'accent' ? 'bg-accent' : 'bg-ok'}`} />
              {label}
            </span>
          ))}
        </p>
      )}
    </figure>
  );
}
