// How many VMs, by state. Pure.
import type { VmState } from '../../core/vms/states.ts';
import { countOf } from '../../lib/format.ts';

export type VmCount = Readonly<Record<VmState | 'total', number>>;

export const noVms: VmCount = { total: 0, RUNNING: 0, PAUSED: 0, BUILDING: 0, QUIT: 0, ERROR: 0, LOST: 0 };

/** In the order of a sentence: what runs first, what needs a person last. */
const words: readonly (readonly [VmState, string])[] = [
  ['RUNNING', 'running'],
  ['PAUSED', 'paused'],
  ['BUILDING', 'not started'],
  ['QUIT', 'quit'],
  ['ERROR', 'failed'],
  ['LOST', 'lost'],
];

/** One VM more in a state, or with -1 one less. */
export function countVm(count: VmCount, state: VmState, by: 1 | -1): VmCount {
  return { ...count, total: count.total + by, [state]: count[state] + by };
}

export function sumOf(counts: Iterable<VmCount>): VmCount {
  const sum = { ...noVms };
  for (const count of counts) {
    sum.total += count.total;
    for (const [state] of words) sum[state] += count[state];
  }
  return sum;
}

/** `3 VMs: 2 running, 1 paused`; `2 VMs, both running`, `no VMs`. */
export function describeVms(count: VmCount): string {
  if (count.total === 0) return 'no VMs';
  const parts = words.filter(([state]) => count[state] > 0);
  const [only] = parts;
  const vms = countOf(count.total, 'VM');
  if (parts.length === 1 && only) {
    const all = count.total === 1 ? '' : count.total === 2 ? 'both ' : 'all ';
    return `${vms}, ${all}${only[1]}`;
  }
  return `${vms}: ${parts.map(([state, word]) => `${count[state]} ${word}`).join(', ')}`;
}
