// Starting one VM's QEMU, the first time and again, and removing a VM with all that it had. Each step is written down before it is done, so that
// a crash leaves nothing that no record names:
//
//   launch   record `launching` → files → taps (named in the record) → QEMU → record with its process
//   start    record `starting` → QEMU → record with its process
//   flush    record `flushing` → taps → folder → the record goes
import { AppError, describeError } from '../../contract/errors.ts';
import type { VmRecord } from '../../core/vms/record.ts';
import type { RunningVm } from '../../host/qemu/hypervisor.ts';
import { clearTag } from '../../core/vms/config-fields.ts';
import type { VmImages } from './images.ts';
import { cancelled, notFound, type VmParts } from './parts.ts';
import type { PortRemovals } from './ports.ts';
import { reasonText } from './shapes.ts';

/** Starts the QEMU of a VM whose files and taps are there: its processors stand still. `isCold`: without its memory image. @throws AppError; no QEMU is left then */
export async function startQemu(
  id: number,
  {
    images,
    signal,
    isCold = false,
    parts,
  }: { images: VmImages; signal: AbortSignal; isCold?: boolean; parts: VmParts },
): Promise<RunningVm> {
  const { book, hypervisor, running, ports } = parts;
  const { vm, saved } = await parts.slots.run(async () => {
    if (signal.aborted) throw cancelled();
    const { accelerator } = await hypervisor.facts();
    const stored = book.get(id);
    if (!stored) throw notFound(id);
    const { name, uuid, nets } = stored.record;
    const config = isCold ? { ...stored.record.config, state: '' } : stored.record.config;
    const hugepages = parts.hugepages?.() ?? '';
    const hasOffload = !ports.needsWholeFrames;
    const nics = nets.map(({ tap, mac, driver }) => ({ tap, mac, driver, hasOffload }));
    const vm = await hypervisor.launch({
      machine: { id, name, uuid, config, disks: images.disks, nics },
      reads: images.reads,
      ...(hugepages === '' ? {} : { hugepages }),
    });
    const record = (before: VmRecord): VmRecord => ({
      ...before,
      state: 'BUILDING',
      reason: '',
      config: clearTag(before.config, 'error'),
      pid: vm.instance.process.pid,
      launchedAtMs: parts.clock.wallNow(),
      accelerator,
      hotplug: [],
    });
    const attach = async () => {
      for (const [index, { vlan }] of nets.entries()) if (vlan < 0) await vm.setLink(index, false);
      const saved = book.update(id, (before) => ({
        ...before,
        doing: 'nothing',
        process: vm.instance.process,
        record: record(before.record),
      }));
      running.attach(vm);
      await saved;
    };
    return { vm, saved: attach() };
  });
  try {
    // The next QEMU does not wait for the disk.
    await saved;
  } catch (error) {
    // Without its process in the record nobody would find it again.
    await vm.kill();
    throw error;
  }
  return vm;
}

/** A VM whose QEMU could not be started: it stays, says why, and may be started again. */
export async function markFailed(id: number, error: unknown, { book, log }: VmParts): Promise<void> {
  const reason = reasonText(describeError(error));
  const failed = (record: VmRecord): VmRecord => ({
    ...record,
    state: 'ERROR',
    reason,
    pid: 0,
    config: { ...record.config, tags: { ...record.config.tags, error: reason } },
  });
  log.warn(`vms: ${book.get(id)?.record.name ?? ''} (${id}) is ERROR: ${reason}`);
  await book
    .update(id, (stored) => ({ ...stored, doing: 'nothing', process: null, record: failed(stored.record) }))
    .catch((cause: unknown) => log.warn(`vms: ${describeError(cause)}`));
}

/** Removes a VM without a QEMU, with its overlays, taps and record. Doing it again continues. @throws AppError; its record stays then */
export async function removeVm(id: number, parts: VmParts & { readonly removals: PortRemovals }): Promise<void> {
  const { book, hypervisor, removals } = parts;
  const stored = book.get(id);
  if (!stored) return;
  // On a full disk this is not written, and removing VMs is what makes room.
  await book
    .update(id, (before) => ({ ...before, doing: 'flushing' }))
    .catch((error: unknown) => parts.log.warn(`vms: ${describeError(error)}`));
  // A VM that failed may have a QEMU that nobody knows.
  if (stored.record.state === 'ERROR' || stored.doing !== 'nothing') await hypervisor.endStray(id);
  await removals.remove(stored.record.nets.map(({ tap }) => tap).filter((tap) => tap !== ''));
  await hypervisor.remove(id);
  await book.remove(id);
}

/** @throws AppError `refused` */
export function assertLives(vm: RunningVm | undefined, id: number): RunningVm {
  if (vm) return vm;
  throw new AppError('refused', `vm not running: ${id}`);
}
