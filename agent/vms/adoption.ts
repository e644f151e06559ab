// What becomes of the VMs in this node's records when meshd starts: those whose QEMU runs are taken over, the others say how they ended, and what
// a crash left half-made is ended or finished. Taps of VMs that run are looked after again.
import { describeError } from '../../contract/errors.ts';
import { markFailed, removeVm } from './starting.ts';
import type { VmParts } from './parts.ts';
import type { PortRemovals } from './ports.ts';
import { reasonText } from './shapes.ts';
import type { StoredVm } from './vm-store.ts';

export const restartedReason = 'the node was restarted while it ran: vm start starts it again on its disks';
export const interruptedReason = 'meshd ended while it started this VM: vm start tries again';

export interface AdoptionParts extends VmParts {
  readonly removals: PortRemovals;
  /** Of this boot of the machine; a process of another one has ended. */
  readonly bootId: string;
}

/** Settles each VM. Never rejects: one that cannot be settled is ERROR, and says why. */
export async function adoptVms(parts: AdoptionParts): Promise<void> {
  const { book, log } = parts;
  const vms = book.all();
  await Promise.all(
    vms.map((stored) =>
      parts.turns.run(stored.record.id, async () => {
        try {
          await settle(stored, parts);
        } catch (error) {
          await markFailed(stored.record.id, error, parts);
        }
      }),
    ),
  );
  const running = book.records().filter(({ id }) => parts.running.get(id));
  if (vms.length > 0) log.info(`vms: ${vms.length} in the records, ${running.length} of them run`);
  // One that was removed while meshd was away is there again, and its VM holds the one that is gone.
  const taps = running.flatMap(({ nets }) => nets.flatMap(({ tap }) => (tap === '' ? [] : [tap])));
  await parts.ports
    .expectHeld(taps)
    .catch((error: unknown) => log.warn(`vms: taps of VMs were not looked at: ${describeError(error)}`));
}

async function settle({ record, doing, process }: StoredVm, parts: AdoptionParts): Promise<void> {
  const { book, hypervisor, running, log } = parts;
  const { id, name } = record;
  switch (doing) {
    case 'flushing':
      log.info(`vms: ${name} (${id}) is removed, as meshd was doing when it ended`);
      await removeVm(id, parts);
      return;
    case 'launching':
      await hypervisor.endStray(id);
      await markFailed(id, new Error('meshd ended while it launched this VM: vm start tries again'), parts);
      return;
    case 'starting':
      await hypervisor.endStray(id);
      await quit(id, interruptedReason, parts);
      return;
    case 'nothing':
      break;
  }
  if (process === null) {
    // meshd ended before it wrote down how the VM did.
    if (record.state !== 'QUIT' && record.state !== 'ERROR') await quit(id, record.reason, parts);
    return;
  }
  const vm =
    process.bootId === parts.bootId ? await hypervisor.adopt({ id, uuid: record.uuid, process }, record.config) : null;
  if (vm) {
    running.attach(vm);
    await book.saved(id);
    return;
  }
  const words = process.bootId === parts.bootId ? await hypervisor.lastWords(id).catch(describeError) : '';
  const ended = words === '' ? 'QEMU ended while meshd was away' : `QEMU died while meshd was away: ${words}`;
  await quit(id, process.bootId === parts.bootId ? ended : restartedReason, parts);
}

async function quit(id: number, reason: string, { book, log }: AdoptionParts): Promise<void> {
  log.info(`vms: ${book.get(id)?.record.name ?? ''} (${id}) is QUIT: ${reason}`);
  await book.update(id, (stored) => ({
    ...stored,
    doing: 'nothing',
    process: null,
    record: { ...stored.record, state: 'QUIT', reason: reasonText(reason), pid: 0, hotplug: [] },
  }));
}
