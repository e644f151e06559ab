// The VMs that have a QEMU: their monitors, and what these say, which goes into the records.
import { describeError } from '../../contract/errors.ts';
import type { VmRecord } from '../../core/vms/record.ts';
import type { RunningVm, VmStatus } from '../../host/qemu/hypervisor.ts';
import type { Log } from '../log.ts';
import { reasonText } from './shapes.ts';
import type { VmBook } from './vm-book.ts';

export class RunningVms {
  private readonly components: { readonly book: VmBook; readonly log: Pick<Log, 'warn' | 'info'> };
  private readonly vms = new Map<number, RunningVm>();

  constructor(components: RunningVms['components']) {
    this.components = components;
  }

  get(id: number): RunningVm | undefined {
    return this.vms.get(id);
  }

  /** Follows a VM from now on. Its record names its process already, or does so with the next write. */
  attach(vm: RunningVm): void {
    const { id } = vm.instance;
    this.vms.set(id, vm);
    vm.onStatus((status) => {
      this.take(vm, status);
    });
    // What it said before anybody listened.
    this.take(vm, vm.status);
  }

  /** Lets go of all of them; they run on. */
  close(): void {
    const vms = [...this.vms.values()];
    this.vms.clear();
    for (const vm of vms) vm.close();
  }

  private take(vm: RunningVm, status: VmStatus): void {
    const { state } = status;
    const reason = reasonText(status.reason);
    const { id } = vm.instance;
    if (this.vms.get(id) !== vm) return;
    const { book, log } = this.components;
    const hasEnded = state === 'QUIT';
    if (hasEnded) this.vms.delete(id);
    const name = book.get(id)?.record.name ?? '';
    if (reason !== '' && book.get(id)?.record.reason !== reason)
      log.info(`vms: ${name} (${id}) is ${state}: ${reason}`);
    const change = (record: VmRecord): VmRecord =>
      record.state === state && record.reason === reason
        ? record
        : { ...record, state, reason, ...(hasEnded ? { pid: 0, hotplug: [] } : {}) };
    book
      .update(id, (stored) => {
        const record = change(stored.record);
        if (!hasEnded) return record === stored.record ? stored : { ...stored, record };
        return { ...stored, record, process: null };
      })
      .catch((error: unknown) => {
        // It is asked for again after a restart.
        log.warn(`vms: the state of ${name} (${id}) is not saved: ${describeError(error)}`);
      });
  }
}
