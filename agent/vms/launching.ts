// A launch on this node: from a plan to VMs with a QEMU each, many at a time. What goes wrong with one VM stops no other.
//
//   admission (all at once) ── refused: no trace ──┐
//   ids, records                                   │
//   ├── taps of all VMs, in one change             │
//   └── per VM: files → (taps) → QEMU → (ports) ───┴── one result per VM
//
// A QEMU needs its tap alone, so QEMUs start while the switch still makes the ports. They stand still until the launch is over.
import { AppError, describeError } from '../../contract/errors.ts';
import type { VmRecord } from '../../core/vms/record.ts';
import { describeNetSpec } from '../../core/vms/net-spec.ts';
import type { FetchStatus } from '../files/fetch.ts';
import { ensureImages } from './images.ts';
import { cancelled, type VmParts } from './parts.ts';
import { ensurePorts, type PortRemovals } from './ports.ts';
import { markFailed, removeVm, startQemu } from './starting.ts';
import type { Launched, LaunchRequest, PlannedVm, VmHost } from './vm-host.ts';

export interface LaunchingParts extends VmParts {
  readonly host: string;
  readonly removals: PortRemovals;
  /** For one turn of the event loop. */
  readonly admission: (request: LaunchRequest, limits: Limits) => Admission;
  readonly limits: () => Promise<Limits>;
  /** The VM is in the records. */
  readonly onAdded: (id: number, launch: string) => void;
}

/** Why this host does not take a VM; null: it does, and the next one is judged with this one there. */
export type Admission = (vm: PlannedVm) => string | null;

export interface Limits {
  readonly cpus: number;
  readonly memoryMb: number;
}

interface Admitted {
  readonly vm: PlannedVm;
  readonly id: number;
  readonly refusal: string | null;
  /** Settles once its record is on disk; null when it was refused. */
  readonly added: Promise<void> | null;
}

/** From one word about images on their way to the next. */
const fetchWordsMs = 2_000;

export async function launchVms(
  request: LaunchRequest,
  options: Parameters<VmHost['launch']>[1],
  parts: LaunchingParts,
): Promise<readonly Launched[]> {
  const { book, hypervisor, stopping } = parts;
  const signal = AbortSignal.any([options.signal, stopping]);
  const refuseAll = (error: unknown) => request.vms.map((vm) => gone(vm, error));
  if (request.vms.length === 0) return [];
  let ids: number[];
  let limits: Limits;
  try {
    // Without QEMU nothing would come of it.
    await hypervisor.facts();
    limits = await parts.limits();
    ids = await book.takeIds(request.vms.length);
    if (signal.aborted) throw cancelled();
  } catch (error) {
    return refuseAll(error);
  }
  let done = 0;
  const finish = (launched: Launched): Launched => {
    done += 1;
    const what = launched.error === '' ? 'launched' : launched.error;
    if (launched.error === '') parts.log.info(`vms: ${launched.name} (${launched.vm?.id ?? ''}) is launched`);
    options.onProgress?.(done, `${launched.name}: ${what}`);
    return launched;
  };
  // A large image takes longer than a launch waits without a word.
  let saidAt = Number.NEGATIVE_INFINITY;
  const onFetch = ({ name, doneBytes, bytes }: FetchStatus) => {
    const now = parts.clock.now();
    if (now - saidAt < fetchWordsMs) return;
    saidAt = now;
    options.onProgress?.(done, `fetching ${name}: ${doneBytes} of ${bytes} bytes`);
  };
  // No `await` between the checks and the records: the next VM, of another launch too, sees this one.
  const findRefusal = parts.admission(request, limits);
  const admitted = request.vms.map((vm, index): Admitted => {
    const id = ids[index] ?? 0;
    const refusal = findRefusal(vm);
    if (refusal !== null) return { vm, id, refusal, added: null };
    parts.onAdded(id, request.launch);
    return { vm, id, refusal, added: book.add(newVm(vm, { id, request, parts })) };
  });
  const written = Promise.all(
    admitted.flatMap(({ id, added }) => {
      const made = added?.then(
        () => [id],
        () => [],
      );
      return made ? [made] : [];
    }),
  );
  const taps = makeTaps(written, parts);
  return Promise.all(
    admitted.map(async ({ vm, id, refusal, added }) => {
      if (added === null) return finish(gone(vm, new AppError('conflict', refusal ?? '')));
      // Whatever is asked of the VM meanwhile comes after this.
      return finish(await parts.turns.run(id, () => launchOne(id, { vm, added, taps, onFetch, signal, parts })));
    }),
  );
}

async function launchOne(
  id: number,
  {
    vm,
    added,
    taps,
    onFetch,
    signal,
    parts,
  }: {
    vm: PlannedVm;
    added: Promise<void>;
    taps: LaunchTaps;
    onFetch: (status: FetchStatus) => void;
    signal: AbortSignal;
    parts: LaunchingParts;
  },
): Promise<Launched> {
  const { book, files } = parts;
  const fetched = new Set<string>();
  try {
    await added;
  } catch (error) {
    return gone(vm, error);
  }
  try {
    const images = await ensureImages(vm.config, files, {
      signal,
      onFetch: (status) => {
        fetched.add(status.name);
        onFetch(status);
      },
    });
    await book.update(id, (stored) => ({ ...stored, images: images.all }));
    await startOnTaps(id, taps, { images, signal, parts });
  } catch (error) {
    await taps.failures;
    if (signal.aborted && error instanceof AppError && error.code === 'cancelled') {
      try {
        await removeVm(id, parts);
        return gone(vm, error);
      } catch (cause) {
        await markFailed(id, cause, parts);
      }
    } else await markFailed(id, error, parts);
    return { name: vm.name, vm: book.get(id)?.record ?? null, error: describeError(error), notes: [] };
  }
  const notes = fetched.size === 0 ? [] : [`fetched ${[...fetched].join(', ')}`];
  return { name: vm.name, vm: book.get(id)?.record ?? null, error: '', notes };
}

/** Taps of all VMs of a launch. */
interface LaunchTaps {
  /** Settles when taps are there, or cannot be made. */
  readonly made: Promise<unknown>;
  /** How often they were made: each try makes new ones. */
  readonly tries: () => number;
  /** Why VMs have no ports, by id, once the others have theirs. */
  readonly failures: Promise<ReadonlyMap<number, string>>;
}

function makeTaps(written: Promise<readonly number[][]>, parts: LaunchingParts): LaunchTaps {
  const made = Promise.withResolvers<undefined>();
  let tries = 0;
  const onMade = () => {
    tries += 1;
    made.resolve(undefined);
  };
  const failures = written.then((ids) => ensurePorts(ids.flat(), parts, onMade));
  return { made: Promise.race([made.promise, failures]), tries: () => tries, failures };
}

/** @throws AppError; no QEMU is left then */
async function startOnTaps(id: number, taps: LaunchTaps, how: Parameters<typeof startQemu>[1]): Promise<void> {
  await taps.made;
  const nets = how.parts.book.get(id)?.record.nets ?? [];
  const tries = taps.tries();
  const early = nets.every(({ tap }) => tap !== '') ? startQemu(id, how) : null;
  const [failures, started] = await Promise.all([
    taps.failures,
    early?.then(
      (vm) => ({ vm, error: null }),
      (error: unknown) => ({ vm: null, error }),
    ),
  ]);
  const wrong = failures.get(id);
  // A try that failed, for whichever VM, has taken the taps of all away from their QEMUs.
  const isOnTaps = nets.length === 0 || tries === taps.tries();
  if (wrong === undefined && started?.vm && isOnTaps) return;
  await started?.vm?.kill();
  if (wrong !== undefined) throw new AppError('failed', wrong);
  if (started?.error instanceof Error && isOnTaps) throw started.error;
  await startQemu(id, how);
}

const gone = (vm: PlannedVm, error: unknown): Launched => ({
  name: vm.name,
  vm: null,
  error: describeError(error),
  notes: [],
});

function newVm(vm: PlannedVm, { id, request, parts }: { id: number; request: LaunchRequest; parts: LaunchingParts }) {
  const record: VmRecord = {
    id,
    name: vm.name,
    namespace: request.namespace,
    host: parts.host,
    uuid: vm.uuid,
    config: vm.config,
    state: 'BUILDING',
    reason: '',
    launchedAtMs: parts.clock.wallNow(),
    pid: 0,
    nets: vm.config.networks.map((net, index) => {
      const { vlan, alias } = vm.vlans[index] ?? { vlan: -1, alias: '' };
      return {
        alias,
        vlan,
        bridge: vlan < 0 ? '' : net.bridge,
        tap: '',
        mac: net.mac,
        driver: net.driver,
        qinq: net.qinq,
        ip4: '',
        ip6: '',
        qos: '',
        raw: describeNetSpec(net),
      };
    }),
    hotplug: [],
    accelerator: null,
  };
  return { record, doing: 'launching', process: null, images: [] } as const;
}
