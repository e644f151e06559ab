// What commands do to VMs that exist, as the table of core/vms/states.ts allows it: one thing at a time for each VM, many VMs side by side.
import { AppError, describeError } from '../../contract/errors.ts';
import { describeRefusal, outcomeOf } from '../../core/vms/states.ts';
import { ensureImages } from './images.ts';
import type { ActionResult, VmActionArguments } from './local-vms.ts';
import { cancelled, notFound, type VmParts } from './parts.ts';
import { ensurePorts, type PortRemovals } from './ports.ts';
import { assertLives, markFailed, removeVm, startQemu } from './starting.ts';

export interface ActionParts extends VmParts {
  readonly removals: PortRemovals;
  /** Why this host cannot run the VM again; null when it can. */
  readonly findRestartRefusal: (id: number) => Promise<string | null>;
}

interface ActOptions {
  readonly signal: AbortSignal;
  readonly target: 'named' | 'all';
}

export async function act(
  ids: readonly number[],
  wanted: VmActionArguments,
  options: ActOptions,
  parts: ActionParts,
): Promise<readonly ActionResult[]> {
  const signal = AbortSignal.any([options.signal, parts.stopping]);
  return Promise.all(
    ids.map(async (id): Promise<ActionResult> => {
      const name = parts.book.get(id)?.record.name ?? '';
      try {
        // A guest may take minutes over a shutdown: a kill must not wait for it.
        const end = await parts.turns.run(id, () => actOnOne(id, wanted, { ...options, signal }, parts), signal);
        const result = end ? await end() : null;
        if ((result?.error ?? '') === '') parts.log.info(`vms: ${name} (${id}) ${saidOf[wanted.action]}`);
        return { vm: { id, name }, error: result?.error ?? '', isSkip: result?.isSkip ?? false };
      } catch (error) {
        return { vm: { id, name }, error: describeError(error), isSkip: false };
      }
    }),
  );
}

/** What the log says of an action that was asked for. */
const saidOf: Readonly<Record<VmActionArguments['action'], string>> = {
  start: 'is started',
  stop: 'is stopped',
  kill: 'is killed',
  flush: 'is flushed',
  reboot: 'is rebooted',
  shutdown: 'followed its power button',
};

type Answer = Pick<ActionResult, 'error' | 'isSkip'>;
const done: Answer = { error: '', isSkip: false };

/** @returns what is still to be awaited outside of the VM's turn */
async function actOnOne(
  id: number,
  wanted: VmActionArguments,
  { signal, target }: ActOptions,
  parts: ActionParts,
): Promise<(() => Promise<Answer>) | null> {
  const { book, running } = parts;
  const stored = book.get(id);
  if (!stored) throw notFound(id);
  const { record } = stored;
  const outcome = outcomeOf(wanted.action, record.state, target);
  if (outcome.is === 'skip' || outcome.is === 'refuse') {
    const answer = { error: describeRefusal(outcome, record), isSkip: outcome.is === 'skip' };
    return () => Promise.resolve(answer);
  }
  const vm = running.get(id);
  switch (wanted.action) {
    case 'start':
      await start(id, signal, parts);
      break;
    case 'stop':
      await assertLives(vm, id).pause();
      break;
    case 'kill':
      await assertLives(vm, id).kill();
      break;
    case 'flush':
      await removeVm(id, parts);
      break;
    case 'reboot':
      await assertLives(vm, id).reset();
      break;
    case 'shutdown': {
      const seconds = Math.round(wanted.deadlineMs / 1000);
      const down = assertLives(vm, id).powerDown(wanted.deadlineMs);
      down.catch(() => undefined);
      return async () => {
        if (await down) return done;
        const error = `${record.name} did not follow the power button within ${seconds} s and runs on: vm kill ends it`;
        return { error, isSkip: false };
      };
    }
  }
  await book.saved(id);
  return null;
}

async function start(id: number, signal: AbortSignal, parts: ActionParts): Promise<void> {
  const { book, running } = parts;
  if (!running.get(id)) await relaunch(id, signal, parts);
  const vm = assertLives(running.get(id), id);
  await vm.resume();
  // A disk that is full stops it again at once.
  const { state, reason } = vm.status;
  if (state !== 'RUNNING') throw new AppError('failed', `${book.get(id)?.record.name ?? id} is ${state}: ${reason}`);
}

/** A VM that has ended, or never ran, gets a QEMU again: on the disks that it had. */
async function relaunch(id: number, signal: AbortSignal, parts: ActionParts): Promise<void> {
  const { book, files, hypervisor } = parts;
  const refusal = await parts.findRestartRefusal(id);
  if (refusal !== null) throw new AppError('refused', refusal);
  const before = book.get(id);
  if (!before) throw notFound(id);
  const images = await ensureImages(before.record.config, files, { signal });
  const wrong = (await ensurePorts([id], parts)).get(id);
  if (wrong !== undefined) throw new AppError('failed', wrong);
  if (signal.aborted) throw cancelled();
  await book.update(id, (stored) => ({ ...stored, doing: 'starting', images: images.all }));
  if (before.record.state === 'ERROR') await hypervisor.endStray(id);
  try {
    // What it wrote since is on its disks: a guest that remembers them as they were would ruin them.
    const isCold = before.record.state === 'QUIT';
    await startQemu(id, { images, signal, isCold, parts });
  } catch (error) {
    if (error instanceof AppError && error.code === 'cancelled')
      await book.update(id, (stored) => ({ ...stored, doing: 'nothing' }));
    else await markFailed(id, error, parts);
    throw error;
  }
}
