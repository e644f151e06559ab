// What became of each VM that a line meant, from the answers of its hosts. Pure. A host names the VMs that went wrong, and is silent about
// the others (agent/commands/vm-targets.ts).
import type { ResponseEntry } from '../../contract/command-socket.ts';
import { AppError, describeError } from '../../contract/errors.ts';
import { safeText } from '../../core/safe-text.ts';
import type { VmLine } from './vm-line.ts';

export interface VmOutcome {
  /** `unclear`: nobody said; its state in the table does. */
  readonly is: 'running' | 'done' | 'failed' | 'unclear';
  /** Why; empty when it is done. */
  readonly text: string;
}

const done: VmOutcome = { is: 'done', text: '' };

/** By key of the VM. */
export function outcomesOf(vms: readonly VmLine[], entries: readonly ResponseEntry[]): Map<string, VmOutcome> {
  return new Map(vms.map((line) => [line.key, outcomeOf(line, vms, entries)]));
}

/** The line was not run, or its end is not known. */
export function outcomesOfError(vms: readonly VmLine[], error: unknown): Map<string, VmOutcome> {
  const isUnknown = error instanceof AppError && (error.code === 'timeout' || error.code === 'unreachable');
  const outcome: VmOutcome = { is: isUnknown ? 'unclear' : 'failed', text: safeText(describeError(error)) };
  return new Map(vms.map(({ key }) => [key, outcome]));
}

function outcomeOf({ vm, node }: VmLine, vms: readonly VmLine[], entries: readonly ResponseEntry[]): VmOutcome {
  const own = entries.filter(({ Host: host }) => host === node);
  const missing = entries.find(({ Error: error }) => error.startsWith('vm not found'));
  if (own.length === 0) {
    if (missing) return { is: 'failed', text: `${node} no longer has it` };
    return { is: 'unclear', text: `${node} did not answer` };
  }
  const errors = own.map(({ Error: error }) => error).filter((error) => error !== '');
  if (errors.length === 0) return done;
  const text = errors.join('\n');
  const onNode = vms.filter((other) => other.node === node);
  // Who names one VM hears about that one.
  if (vms.length === 1) return { is: 'failed', text: safeText(text) };
  const lines = text.split('\n');
  const about = (name: string) => lines.find((line) => line.startsWith(`${name}: `));
  const mine = about(vm.Name);
  if (mine !== undefined) return { is: 'failed', text: safeText(mine.slice(vm.Name.length + 2)) };
  // An error of the host, or of the mesh, is about all of its VMs.
  if (!onNode.some((other) => about(other.vm.Name) !== undefined)) return { is: 'failed', text: safeText(text) };
  if (lines.some((line) => /^and \d+ more VMs$/.test(line)))
    return { is: 'unclear', text: 'not among the first 50 errors' };
  return done;
}

export interface OutcomeCounts {
  readonly running: number;
  readonly done: number;
  readonly failed: number;
  readonly unclear: number;
}

export function countOutcomes(outcomes: Iterable<VmOutcome>): OutcomeCounts {
  const counts = { running: 0, done: 0, failed: 0, unclear: 0 };
  for (const { is } of outcomes) counts[is] += 1;
  return counts;
}
