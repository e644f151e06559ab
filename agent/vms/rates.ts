// The stream service `vm-rates`: what one VM takes of this node, once a second while the stream is open. Nobody looks: nothing is read.
import { z } from 'zod';
import { AppError } from '../../contract/errors.ts';
import { rateEveryMs, type VmSample } from '../../contract/vm-rates.ts';
import type { VmUsage } from '../../host/vm-usage.ts';
import type { VmRecord } from '../../core/vms/record.ts';
import type { Clock, Timer } from '../mesh/clock.ts';
import type { StreamHandler } from '../mesh/streams.ts';
import type { LocalVms } from './local-vms.ts';
import { VmId } from './shapes.ts';

const RatesArgs = z.object({ vm: VmId });

export interface RatesComponents {
  readonly vms: Pick<LocalVms, 'get'>;
  /** Null when the VM has no process. */
  readonly observeVm: (vm: { pid: number; taps: readonly string[] }) => Promise<VmUsage | null>;
  readonly clock: Clock;
}

interface Seen {
  readonly pid: number;
  readonly at: number;
  readonly usage: VmUsage;
}

export function createRatesService({ vms, observeVm, clock }: RatesComponents): StreamHandler {
  const find = (id: number) => vms.get(id);

  async function look(record: VmRecord, before: Seen | null): Promise<{ sample: VmSample; seen: Seen | null }> {
    const { pid } = record;
    const taps = record.nets.map(({ tap }) => tap).filter((tap) => tap !== '');
    const usage = pid === 0 ? null : await observeVm({ pid, taps });
    const at = clock.now();
    const none = { At: clock.wallNow(), Cpu: null, Memory: null, Rx: null, Tx: null };
    if (usage === null) return { sample: none, seen: null };
    const seen = { pid, at, usage };
    const seconds = before?.pid === pid ? (at - before.at) / 1000 : 0;
    if (before === null || seconds <= 0) return { sample: { ...none, Memory: usage.memoryMb }, seen };
    // A NIC that came or went takes its counters along.
    const rate = (field: 'cpuMs' | 'rxBytes' | 'txBytes') => Math.max(0, usage[field] - before.usage[field]) / seconds;
    const sample = {
      At: none.At,
      Cpu: Number((rate('cpuMs') / 1000).toFixed(3)),
      Memory: usage.memoryMb,
      Rx: Math.round(rate('rxBytes')),
      Tx: Math.round(rate('txBytes')),
    };
    return { sample, seen };
  }

  return ({ args, accept }) => {
    const parsed = RatesArgs.safeParse(args);
    if (!parsed.success) throw new AppError('invalid', 'vm-rates wants {"vm": <id>}');
    const { vm } = parsed.data;
    if (!find(vm)) throw new AppError('not-found', `vm not found: ${vm}`);
    const stream = accept();
    let before: Seen | null = null;
    let timer: Timer | null = null;
    let isOver = false;
    const end = () => {
      isOver = true;
      timer?.cancel();
    };
    const tell = async () => {
      const record = find(vm);
      if (!record) {
        stream.end();
        return;
      }
      const { sample, seen } = await look(record, before);
      before = seen;
      if (isOver) return;
      // A reader that stops misses samples, and gets no heap of old ones.
      if (!stream.writableNeedDrain) stream.write(`${JSON.stringify(sample)}\n`);
      timer = clock.after(rateEveryMs, () => void tell());
    };
    stream.on('close', end).on('error', end);
    // The page says nothing; its end is ours.
    stream.on('end', () => stream.end()).resume();
    void tell();
  };
}
