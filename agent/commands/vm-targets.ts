// Which VMs of this host a command means, and how the outcome for several becomes one answer [facts 5.8]: who names one VM hears why nothing
// was done; with a list or `all`, VMs that an action does not fit are left out silently.
import { AppError, describeError } from '../../contract/errors.ts';
import { matchTarget, matchVm, parseTarget } from '../../core/vms/names.ts';
import type { ParsedCommand } from '../../core/commands/types.ts';
import type { VmRecord } from '../../core/vms/record.ts';
import { describeRefusal, outcomeOf, type VmAction } from '../../core/vms/states.ts';
import type { LocalVms } from '../vms/local-vms.ts';
import { vmNotFound, type CommandCall } from './handler.ts';

export interface Meant {
  readonly vms: readonly VmRecord[];
  /** One VM was named. */
  readonly isSingle: boolean;
  readonly target: 'named' | 'all';
}

/** Errors of one answer are bounded: thousands of VMs may say the same. */
const maxErrorsSaid = 50;

/** VMs of this host that `<vm target>` means. @throws AppError `invalid`; `not-found` when one VM is named and is not here */
export function vmsMeant(call: CommandCall, vms: Pick<LocalVms, 'list'>): Meant {
  const text = wordOf(call, 'vm');
  const parsed = parseTarget(text);
  if (!parsed.ok) throw new AppError('invalid', parsed.message);
  const { matched, missing, isSingle } = matchTarget(parsed.value, vms.list(call.namespace));
  if (isSingle && matched.length === 0) throw new AppError('not-found', `${vmNotFound}${missing[0] ?? text}`);
  return { vms: matched, isSingle, target: parsed.value.all ? 'all' : 'named' };
}

/** The VM that `<vm name>` means: a name, an id or a UUID. @throws AppError `not-found` */
export function vmNamed(call: CommandCall, vms: Pick<LocalVms, 'list'>): VmRecord {
  const text = wordOf(call, 'vm');
  const vm = matchVm(text, vms.list(call.namespace));
  if (!vm) throw new AppError('not-found', `${vmNotFound}${text}`);
  return vm;
}

/** @throws AppError `refused` when the action does not fit the VM's state */
export function assertFits(action: VmAction, vm: VmRecord): void {
  const outcome = outcomeOf(action, vm.state);
  if (outcome.is === 'skip' || outcome.is === 'refuse') throw new AppError('refused', describeRefusal(outcome, vm));
}

/** Does `act` to every VM that the line means, side by side. @throws AppError `failed` with what went wrong, by VM */
export async function doToEach(
  call: CommandCall,
  action: VmAction,
  { vms, act }: { vms: Pick<LocalVms, 'list'>; act: (vm: VmRecord) => Promise<void> },
): Promise<void> {
  const meant = vmsMeant(call, vms);
  const fitting = meant.vms.filter((vm) => meant.isSingle || outcomeOf(action, vm.state).is !== 'skip');
  const results = await Promise.all(
    fitting.map(async (vm) => {
      try {
        assertFits(action, vm);
        await act(vm);
        return { vm, error: '' };
      } catch (error) {
        return { vm, error: describeError(error) || 'unknown error' };
      }
    }),
  );
  throwErrors(results, meant.isSingle);
}

/** @throws AppError `failed` unless all errors are empty: the text alone for one VM, otherwise a line for each */
export function throwErrors(
  results: readonly { readonly vm: { readonly name: string }; readonly error: string }[],
  isSingle: boolean,
): void {
  const text = describeErrors(results, isSingle);
  if (text !== '') throw new AppError('failed', text);
}

function describeErrors(
  results: readonly { readonly vm: { readonly name: string }; readonly error: string }[],
  isSingle: boolean,
): string {
  const failed = results.filter(({ error }) => error !== '');
  if (isSingle) return failed[0]?.error ?? '';
  const lines = failed.slice(0, maxErrorsSaid).map(({ vm, error }) => `${vm.name}: ${error}`);
  if (failed.length > lines.length) lines.push(`and ${failed.length - lines.length} more VMs`);
  return lines.join('\n');
}

/** What a line says of VMs whose node is away, in place of an error of the mesh; null when it means none of them. */
export function describeLost({ words }: ParsedCommand, lost: readonly VmRecord[]): string | null {
  const parsed = parseTarget(words['vm'] ?? '');
  if (!parsed.ok) return null;
  const { matched, isSingle } = matchTarget(parsed.value, lost);
  const results = matched.map((vm) => ({ vm, error: describeRefusal({ is: 'refuse', because: 'lost' }, vm) }));
  return results.length === 0 ? null : describeErrors(results, isSingle);
}

export function wordOf({ command }: CommandCall, key: string): string {
  return command.words[key] ?? '';
}
