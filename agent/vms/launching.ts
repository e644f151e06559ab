// A launch on this node: from a plan to VMs with a QEMU each, many at a time. What goes wrong with one VM stops no other.
//
//   admission (all at once) ── refused: no trace ──┐
//   ids, records                                   │
//   ├── taps of all VMs, in one change             │
//   └── per VM: files → (taps) → QEMU ─────────────┴── one result per VM
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
  /** Why this host does not take the VM; null when it does. Asked for one after the other, each with those before it there. */
  readonly findRefusal: (vm: PlannedVm, request: LaunchRequest, limits: Limits) => string | null;
  readonly limits: () => Promise<Limits>;
  /** The VM is in the records. */
  readonly onAdded: (id: number, launch: string) => void;
}

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
  const admitted = request.vms.map((vm, index): Admitted => {
    const id = ids[index] ?? 0;
    const refusal = parts.findRefusal(vm, request, limits);
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
  const taps = written.then((made) => ensurePorts(made.flat(), parts));
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
    taps: Promise<ReadonlyMap<number, string>>;
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
    const wrong = (await taps).get(id);
    if (wrong !== undefined) throw new AppError('failed', wrong);
    await startQemu(id, { images, signal, parts });
  } catch (error) {
    await taps;
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
