// VMs that wait for their launch, by namespace: minimega's `ns queueing`. In memory of the node where they were queued, as in minimega. Each line that was
// queued is one launch, planned as a whole (launcher.ts); a dry-run chooses hosts for all of them, and the launch follows what it chose.
import { AppError, describeError } from '../../contract/errors.ts';
import { maxNamespaces, maxRangeNames } from '../../contract/limits.ts';
import { describeRange } from '../../core/ranges/describe-range.ts';
import { describeConfig } from '../../core/vms/config-fields.ts';
import { matchTarget, parseTarget } from '../../core/vms/names.ts';
import type { LaunchOrder, PlacedVm } from './launch-plan.ts';
import type { Launcher, LaunchOptions, LaunchOutcome } from './launcher.ts';

export interface LaunchQueueComponents {
  readonly launcher: Pick<Launcher, 'launch' | 'place'>;
  readonly hosts: (namespace: string) => readonly string[];
  /** Names of VMs of a namespace on all nodes. */
  readonly names: (namespace: string) => readonly string[];
}

interface Queue {
  isQueueing: boolean;
  orders: LaunchOrder[];
  /** What a dry-run chose; null until there was one for these orders. */
  placed: PlacedVm[][] | null;
}

export class LaunchQueue {
  private readonly components: LaunchQueueComponents;
  private readonly queues = new Map<string, Queue>();

  constructor(components: LaunchQueueComponents) {
    this.components = components;
  }

  isQueueing(namespace: string): boolean {
    return this.queues.get(namespace)?.isQueueing ?? false;
  }

  setQueueing(namespace: string, isQueueing: boolean): void {
    this.queueOf(namespace).isQueueing = isQueueing;
  }

  /** @throws AppError `refused` with minimega's texts */
  add(namespace: string, order: LaunchOrder): void {
    const queue = this.queueOf(namespace);
    const names = namesOf(order);
    const queued = new Set(queue.orders.flatMap(namesOf));
    const there = new Set(this.components.names(namespace));
    for (const name of names) {
      if (queued.has(name)) throw new AppError('refused', `vm already queued with name \`${name}\``);
      if (there.has(name)) throw new AppError('refused', `vm already exists with name \`${name}\``);
    }
    const count = queue.orders.reduce((sum, each) => sum + countOf(each), countOf(order));
    if (count > maxRangeNames)
      throw new AppError(
        'refused',
        `${count} VMs would be queued: at most ${maxRangeNames}; \`vm launch\` launches them`,
      );
    queue.orders.push(order);
    queue.placed = null;
  }

  /** Each line that was queued, with its configuration, as minimega prints it; empty without any. */
  describe(namespace: string): string {
    const orders = this.queues.get(namespace)?.orders ?? [];
    return orders
      .map((order) => {
        const names = 'names' in order.names ? `Names: ${describeRange(order.names.names)}\n` : '';
        return `VMs: ${countOf(order)}\n${names}VM Type: kvm\n\n${describeConfig(order.config)}`;
      })
      .join('\n');
  }

  flush(namespace: string): void {
    const queue = this.queues.get(namespace);
    if (!queue) return;
    queue.orders = [];
    queue.placed = null;
  }

  /** The namespace is gone. */
  forget(namespace: string): void {
    this.queues.delete(namespace);
  }

  /** Chooses a host for each VM, as a launch would now. @throws AppError with what is wrong, by VM */
  async dryRun(namespace: string, options: LaunchOptions): Promise<readonly PlacedVm[]> {
    const queue = this.needOrders(namespace);
    const placed: PlacedVm[][] = [];
    // The next line sees what the ones before it will take.
    for (const order of queue.orders) {
      placed.push([...(await this.components.launcher.place(namespace, order, { ...options, before: placed.flat() }))]);
    }
    queue.placed = placed;
    return placed.flat();
  }

  /** @throws AppError `refused` without a dry-run */
  dump(namespace: string): readonly PlacedVm[] {
    return this.needPlaced(namespace).flat();
  }

  /** @throws AppError with minimega's texts */
  move(namespace: string, target: string, host: string): void {
    const placed = this.needPlaced(namespace);
    if (!this.components.hosts(namespace).includes(host))
      throw new AppError('refused', 'new dst host is not in namespace');
    const parsed = parseTarget(target);
    if (!parsed.ok) throw new AppError('invalid', parsed.message);
    const vms = placed.flat().map(({ name }, id) => ({ name, id, uuid: '' }));
    const { matched, missing } = matchTarget(parsed.value, vms);
    const [first] = missing;
    if (first !== undefined) throw new AppError('not-found', `reassign ${first}: vm not found`);
    const moved = new Set(matched.map(({ name }) => name));
    const queue = this.queueOf(namespace);
    queue.placed = placed.map((own) => own.map((vm) => (moved.has(vm.name) ? { ...vm, host } : vm)));
  }

  /**
   * Launches what is queued, line after line; a line that cannot be launched stays queued.
   * @throws AppError when nothing was launched
   */
  async launch(namespace: string, options: LaunchOptions): Promise<LaunchOutcome> {
    const queue = this.needOrders(namespace);
    const { orders, placed } = queue;
    queue.orders = [];
    queue.placed = null;
    const outcomes: LaunchOutcome[] = [];
    const kept: LaunchOrder[] = [];
    const errors: string[] = [];
    for (const [index, order] of orders.entries()) {
      for (const each of ordersAt(order, placed?.[index] ?? null)) {
        try {
          if (options.signal.aborted) throw new AppError('cancelled', 'cancelled before it was launched');
          outcomes.push(await this.components.launcher.launch(namespace, each, options));
        } catch (error) {
          errors.push(describeError(error));
          kept.push(each);
        }
      }
    }
    // What was queued meanwhile comes behind.
    queue.orders = [...kept, ...queue.orders];
    const notes = [...new Set(outcomes.flatMap((outcome) => outcome.notes))];
    if (outcomes.length === 0) throw new AppError('refused', errors.join('\n'));
    const stay = errors.map((error) => `still queued: ${error}`);
    return { vms: outcomes.flatMap(({ vms }) => vms), notes: [...notes, ...stay] };
  }

  private needOrders(namespace: string): Queue {
    const queue = this.queues.get(namespace);
    if (queue && queue.orders.length > 0) return queue;
    throw new AppError('refused', 'namespace must contain at least one queued VM to launch VMs');
  }

  private needPlaced(namespace: string): PlacedVm[][] {
    const placed = this.queues.get(namespace)?.placed ?? null;
    if (placed === null) throw new AppError('refused', 'must run dry-run first');
    return placed;
  }

  private queueOf(namespace: string): Queue {
    const known = this.queues.get(namespace);
    if (known) return known;
    if (this.queues.size >= maxNamespaces)
      throw new AppError('refused', `${maxNamespaces} namespaces have a queue here: \`clear namespace\` some of them`);
    const queue: Queue = { isQueueing: false, orders: [], placed: null };
    this.queues.set(namespace, queue);
    return queue;
  }
}

const namesOf = ({ names }: LaunchOrder): readonly string[] => ('names' in names ? names.names : []);
const countOf = ({ names }: LaunchOrder): number => ('names' in names ? names.names.length : names.count);

/** One launch for each host that VMs of a line were placed on; the line itself when nobody placed them. */
function ordersAt(order: LaunchOrder, placed: readonly PlacedVm[] | null): LaunchOrder[] {
  if (placed === null) return [order];
  const byHost = new Map<string, string[]>();
  for (const { name, host } of placed) byHost.set(host, [...(byHost.get(host) ?? []), name]);
  return [...byHost].map(([schedule, names]) => ({
    ...order,
    names: { names },
    // A VM that shares the host of another one has been placed beside it.
    config: { ...order.config, schedule, colocate: '' },
  }));
}
