// `vm top`: what VMs take of their hosts, over a second or as many as are given. Columns are minimega's [facts 5.9]: MB, percent of one processor, and MB/s.
import { setTimeout as sleep } from 'node:timers/promises';
import { responseEntry } from '../../contract/command-socket.ts';
import { AppError } from '../../contract/errors.ts';
import type { VmRecord } from '../../core/vms/record.ts';
import { parseAtoi } from '../../core/vms/result.ts';
import type { Machine } from '../../host/machine.ts';
import type { VmUsage } from '../../host/vm-usage.ts';
import type { LocalVms } from '../vms/local-vms.ts';
import type { CommandCall, Handlers } from './handler.ts';

export interface VmTopComponents {
  readonly vms: Pick<LocalVms, 'list'>;
  readonly observeVm: Machine['observeVm'];
}

const header = ['name', 'virt', 'res', 'shr', 'cpu', 'vcpu', 'time', 'procs', 'rx', 'tx'];
const defaultSeconds = 1;
const maxSeconds = 60;
const mega = 1024 * 1024;

interface Sample {
  readonly vm: VmRecord;
  readonly atMs: number;
  readonly usage: VmUsage;
}

export function createVmTopHandlers({ vms, observeVm }: VmTopComponents): Handlers {
  const look = async (records: readonly VmRecord[]): Promise<Sample[]> => {
    const samples = await Promise.all(
      records.map(async (vm) => {
        const taps = vm.nets.map(({ tap }) => tap).filter((tap) => tap !== '');
        const usage = await observeVm({ pid: vm.pid, taps });
        return usage ? [{ vm, usage, atMs: performance.now() }] : [];
      }),
    );
    return samples.flat();
  };
  return {
    'vm top [duration]': async (call) => {
      const seconds = secondsOf(call);
      const records = vms.list(call.namespace).filter(({ pid }) => pid !== 0);
      const before = await look(records);
      if (before.length > 0) await waited(seconds * 1000, call.signal);
      const after = new Map((await look(before.map(({ vm }) => vm))).map((sample) => [sample.vm.id, sample]));
      const rows = before.flatMap((sample) => {
        const later = after.get(sample.vm.id);
        // One that ended meanwhile takes nothing.
        return later ? [rowOf(sample, later)] : [];
      });
      return [responseEntry(call.host, { Header: header, Tabular: rows.length === 0 ? null : rows })];
    },
  };
}

/** @throws AppError `invalid` with minimega's text for what is not a number */
function secondsOf({ command }: CommandCall): number {
  const text = command.words['duration'];
  if (text === undefined) return defaultSeconds;
  const seconds = parseAtoi(text);
  if (!seconds.ok) throw new AppError('invalid', seconds.message);
  if (seconds.value < 1 || seconds.value > maxSeconds)
    throw new AppError('invalid', `\`${seconds.value}\`: VMs are looked at for 1 to ${maxSeconds} seconds`);
  return seconds.value;
}

async function waited(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => {
    throw new AppError('cancelled', 'cancelled');
  });
}

function rowOf({ vm, usage, atMs }: Sample, later: Sample): string[] {
  const ms = Math.max(1, later.atMs - atMs);
  const { virtualMb, memoryMb, sharedMb, cpuMs } = later.usage;
  const percent = (field: 'cpuMs' | 'guestMs') =>
    ((100 * Math.max(0, later.usage[field] - usage[field])) / ms).toFixed(2);
  const rate = (field: 'rxBytes' | 'txBytes') =>
    ((1000 * Math.max(0, later.usage[field] - usage[field])) / ms / mega).toFixed(2);
  const sizes = [virtualMb, memoryMb, sharedMb].map(String);
  const time = `${Math.floor(cpuMs / 1000)}s`;
  // Its sandbox lets a QEMU start no other process.
  return [vm.name, ...sizes, percent('cpuMs'), percent('guestMs'), time, '1', rate('rxBytes'), rate('txBytes')];
}
