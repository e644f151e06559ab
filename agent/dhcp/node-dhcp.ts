// The DHCP servers of this node: one for a VLAN, each with its own interface on it. They outlive meshd, which takes over those that run when it starts
// again, and start again when they end.
//
// INVARIANTS
// - A record says more than there is, never less: it is on disk before an interface or a process is made, and goes after them.
// - One thing at a time happens to a server (`Turns`).
import { AppError, describeError } from '../../contract/errors.ts';
import { maxDhcpServers } from '../../contract/limits.ts';
import { describeDnsmasqConfig, noExtras, type DhcpExtras, type Lease } from '../../core/dhcp/config-text.ts';
import type { DhcpSettings } from '../../core/dhcp/settings.ts';
import { describeAlias, parseAlias, sameAlias } from '../../core/vlans/names.ts';
import type { DhcpHost } from '../../host/dhcp/dhcp-host.ts';
import type { VirtualSwitch } from '../../host/ovs/virtual-switch.ts';
import type { Log } from '../log.ts';
import type { Clock, Timer } from '../mesh/clock.ts';
import type { VlanUser, VlanUsers } from '../vlans/users.ts';
import type { Vlans } from '../vlans/vlans.ts';
import { Turns } from '../vms/parts.ts';
import { idOfName, isRecordName, type VmStore } from '../vms/vm-store.ts';
import { nameOfRecord, readRecord, textOfRecord, type DhcpRecord } from './record.ts';

export type DhcpSwitch = Pick<
  VirtualSwitch,
  'addHostTap' | 'moveHostTap' | 'onChange' | 'releaseTaps' | 'removeHostTaps' | 'reserveTaps' | 'state' | 'view'
>;

export interface NodeDhcpComponents {
  readonly store: VmStore;
  readonly host: DhcpHost;
  readonly ports: DhcpSwitch;
  readonly vlans: Pick<Vlans, 'resolve'>;
  readonly clock: Clock;
  readonly log: Pick<Log, 'info' | 'warn' | 'error'>;
}

/** A server as it is now. */
export interface DhcpServer {
  readonly record: DhcpRecord;
  readonly state: 'running' | 'starting' | 'failed';
  /** Why it does not run; empty otherwise. */
  readonly reason: string;
  readonly leases: readonly Lease[];
}

export interface NewDhcp {
  readonly namespace: string;
  readonly settings: DhcpSettings;
  /** A VLAN of the namespace and a bridge for its own interface, or an interface of this node that is there. */
  readonly on: { readonly vlan: string; readonly bridge: string } | { readonly tap: string };
}

/** Before it is started again. One that has run for a minute begins with the first. */
const restartDelaysMs = [1_000, 2_000, 5_000, 15_000, 60_000];
const steadyMs = 60_000;

interface Held {
  server: DhcpServer;
  endings: (() => void)[];
  timer: Timer | null;
  failures: number;
  startedAt: number;
  /** Index of the interface that was brought to it. */
  placed: number;
}

export class NodeDhcp {
  readonly users: VlanUsers;
  private readonly components: NodeDhcpComponents;
  private readonly servers = new Map<number, Held>();
  private readonly pending = new Set<VlanUser>();
  private readonly turns = new Turns();
  private readonly listeners = new Set<() => void>();
  private unfollow: (() => void) | null = null;
  /** A new server may get the id of something that is ended. */
  private swept: Promise<void> = Promise.resolve();
  private isStopped = false;

  private constructor(records: readonly DhcpRecord[], components: NodeDhcpComponents) {
    this.components = components;
    for (const record of records) this.hold(record);
    this.users = {
      using: (vlans) => {
        const wanted = new Set(vlans);
        const here = this.list(null).map(({ record }) => asUser(record));
        return [...here, ...this.pending].filter(({ vlan }) => wanted.has(vlan));
      },
      move: async ({ name, from, to }) => {
        const moving = this.list(null).filter(({ record: { vlan, alias, namespace, isOwnTap } }) => {
          const parsed = alias === '' ? null : parseAlias(alias, namespace);
          return isOwnTap && from.includes(vlan) && parsed?.ok === true && sameAlias(parsed.value, name);
        });
        for (const { record } of moving) {
          await this.save({ ...record, vlan: to });
          await components.ports.moveHostTap(record.tap, to);
        }
        return moving.map(({ record }) => asUser(record));
      },
    };
  }

  /** Reads the records; nothing is touched until `start`. */
  static async open(components: NodeDhcpComponents): Promise<NodeDhcp> {
    const { store, log } = components;
    const records: DhcpRecord[] = [];
    for (const name of await store.list()) {
      const id = idOfName(name);
      if (id === null || !isRecordName(name)) continue;
      const record = readRecord((await store.read(name)) ?? '', id);
      if (record) records.push(record);
      else log.error(`dhcp: ${name} cannot be read, and is kept as ${await store.setAside(name)}`);
    }
    return new NodeDhcp(
      records.sort((a, b) => a.id - b.id),
      components,
    );
  }

  /** The switch runs: takes over what runs, starts the others, and ends what nobody wrote down. Never rejects. */
  async start(): Promise<void> {
    this.swept = this.sweep();
    await this.swept;
    this.unfollow = this.components.ports.onChange(() => this.look());
    await Promise.all([...this.servers.keys()].map((id) => this.turns.run(id, () => this.settle(id))));
  }

  /** Ends what nobody wrote down. */
  private async sweep(): Promise<void> {
    const { host, ports, log } = this.components;
    const strays = (await host.found().catch(() => [])).filter((id) => !this.servers.has(id));
    for (const id of strays)
      await host.remove(id).catch((error: unknown) => log.warn(`dhcp: ${id} is not gone: ${describeError(error)}`));
    const taps = new Set(this.list(null).map(({ record }) => record.tap));
    const left = ports.state().hostTaps.filter(({ use, name }) => use === 'dhcp' && !taps.has(name));
    if (left.length > 0) await ports.removeHostTaps(left.map(({ name }) => name)).catch(() => undefined);
  }

  /** Lets go of all of them; they run on. */
  async stop(): Promise<void> {
    this.isStopped = true;
    this.unfollow?.();
    await this.turns.idle();
    for (const held of this.servers.values()) this.letGo(held);
  }

  /** Null: of all namespaces. By id. */
  list(namespace: string | null): readonly DhcpServer[] {
    const all = [...this.servers.values()].map(({ server }) => server).sort((a, b) => a.record.id - b.record.id);
    return namespace === null ? all : all.filter(({ record }) => record.namespace === namespace);
  }

  folderOf(id: number): string {
    return this.components.host.folderOf(id);
  }

  /** Called after each change of `list`. @returns how to stop that */
  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Starts a server. After an error nothing of it is left. @throws AppError */
  async serve(order: NewDhcp, options: { readonly signal: AbortSignal }): Promise<DhcpServer> {
    const { ports } = this.components;
    await this.swept;
    if (this.servers.size >= maxDhcpServers)
      throw new AppError('refused', `this node has ${maxDhcpServers} DHCP servers: \`dnsmasq kill\` one first`);
    const place = await this.placeOf(order, options);
    const other = this.list(null).find(({ record }) => record.vlan === place.vlan);
    if (other)
      throw new AppError(
        'conflict',
        `this node serves VLAN ${place.vlan} already, with the id ${other.record.id}: \`dnsmasq kill ${other.record.id}\` first`,
      );
    const tap = 'tap' in order.on ? order.on.tap : (ports.reserveTaps(1)[0] ?? '');
    let id = 0;
    while (this.servers.has(id)) id += 1;
    const { namespace, settings } = order;
    const record = {
      id,
      namespace,
      ...place,
      tap,
      isOwnTap: 'vlan' in order.on,
      settings,
      extras: noExtras,
      process: null,
    };
    const held = this.hold(record);
    try {
      return await this.turns.run(id, async () => {
        try {
          await this.write(record);
          await this.begin(id);
        } catch (error) {
          await this.end(id).catch(() => undefined);
          throw new AppError('failed', describeError(error), { cause: error });
        }
        return held.server;
      });
    } finally {
      if (record.isOwnTap) ports.releaseTaps([tap]);
    }
  }

  /** Those of a namespace, one after the other. @returns what could not be ended, each with the reason */
  async killAll(namespace: string): Promise<string[]> {
    const left: string[] = [];
    for (const { record } of this.list(namespace)) {
      // It may have ended with its interface meanwhile.
      if (!this.servers.has(record.id)) continue;
      await this.kill(record.id).catch((error: unknown) => left.push(`dnsmasq ${record.id}: ${describeError(error)}`));
    }
    return left;
  }

  /** @throws AppError when something of it is left; it is a server then */
  async kill(id: number): Promise<void> {
    if (!this.servers.has(id)) throw new AppError('not-found', `no dnsmasq with the id ${id} on this node`);
    await this.turns.run(id, () => this.end(id));
  }

  /** Changes what was added to its settings, and starts it again with them. @throws AppError; it stays as it was then */
  async configure(id: number, change: (before: DhcpExtras) => DhcpExtras): Promise<void> {
    if (!this.servers.has(id)) throw new AppError('not-found', `no dnsmasq with the id ${id} on this node`);
    await this.turns.run(id, async () => {
      const before = this.recordOf(id);
      await this.save({ ...before, extras: change(before.extras) });
      try {
        await this.run(id);
      } catch (error) {
        await this.save({ ...this.recordOf(id), extras: before.extras });
        await this.run(id).catch(() => this.later(id));
        throw error;
      }
    });
  }

  // ---- one server

  private async placeOf(
    { on, namespace }: NewDhcp,
    options: { readonly signal: AbortSignal },
  ): Promise<Pick<DhcpRecord, 'vlan' | 'alias' | 'bridge'>> {
    const { ports, vlans } = this.components;
    if ('tap' in on) {
      const there = ports.state().hostTaps.find(({ name, use }) => name === on.tap && use === 'tap');
      if (!there) throw new AppError('not-found', 'unknown tap');
      return { vlan: there.vlan, alias: '', bridge: there.bridge };
    }
    const { vlan, name } = await vlans.resolve(on.vlan, namespace, options);
    return { vlan, alias: name === null ? '' : describeAlias(name, namespace), bridge: on.bridge };
  }

  /** Its interface, then its process. */
  private async begin(id: number): Promise<void> {
    const { ports } = this.components;
    const { tap, bridge, vlan, namespace, isOwnTap } = this.recordOf(id);
    const isThere = ports.state().hostTaps.some(({ name }) => name === tap);
    if (!isThere && !isOwnTap) throw new AppError('not-found', `the interface ${tap} is gone`);
    if (!isThere) await ports.addHostTap({ name: tap, bridge, vlan, use: 'dhcp', namespace, address: '' });
    await this.run(id);
  }

  private async run(id: number): Promise<void> {
    const held = this.heldOf(id);
    const { host } = this.components;
    this.letGo(held);
    const record = held.server.record;
    const process = await host.start({
      ...orderOf(record),
      config: (leases) => describeDnsmasqConfig(record.settings, record.extras, { tap: record.tap, leases }),
    });
    this.notePlace(held);
    await this.save({ ...this.recordOf(id), process });
    this.follow(held, process);
  }

  /** After a start of meshd. */
  private async settle(id: number): Promise<void> {
    const { host, ports, log } = this.components;
    const held = this.heldOf(id);
    const { process, tap } = held.server.record;
    try {
      const isThere = ports.state().hostTaps.some(({ name }) => name === tap);
      const isWhole = process !== null && isThere && (await host.isPlaced(orderOf(held.server.record)));
      if (isWhole && host.isRunning(process)) {
        this.notePlace(held);
        this.follow(held, process);
        return;
      }
      await this.begin(id);
      log.info(`dhcp: ${describe(held.server.record)} is started again`);
    } catch (error) {
      this.fail(held, describeError(error));
    }
  }

  private follow(held: Held, process: NonNullable<DhcpRecord['process']>): void {
    const { host, clock } = this.components;
    const { id } = held.server.record;
    held.startedAt = clock.now();
    held.endings.push(
      host.onEnd(process, () => void this.turns.run(id, () => this.ended(id, process.pid))),
      host.followLeases(id, (leases) => {
        held.server = { ...held.server, leases };
        this.tell();
      }),
    );
    held.server = { ...held.server, state: 'running', reason: '' };
    this.tell();
  }

  private async ended(id: number, pid: number): Promise<void> {
    const held = this.servers.get(id);
    if (!held || held.server.record.process?.pid !== pid || this.isStopped) return;
    const { clock, host } = this.components;
    if (clock.now() - held.startedAt > steadyMs) held.failures = 0;
    const words = await host.lastWords(id).catch(() => '');
    this.letGo(held);
    this.fail(held, words === '' ? 'dnsmasq ended' : `dnsmasq ended: ${words}`);
  }

  private fail(held: Held, reason: string): void {
    const { record } = held.server;
    this.components.log.warn(`dhcp: ${describe(record)}: ${reason}`);
    held.server = { ...held.server, state: held.failures > 2 ? 'failed' : 'starting', reason: reason.slice(0, 1_000) };
    this.tell();
    this.later(record.id);
  }

  private later(id: number): void {
    const held = this.servers.get(id);
    if (!held || this.isStopped) return;
    const delayMs = restartDelaysMs[Math.min(held.failures, restartDelaysMs.length - 1)] ?? 0;
    held.failures += 1;
    held.timer?.cancel();
    held.timer = this.components.clock.after(delayMs, () => {
      void this.turns.run(id, async () => {
        const now = this.servers.get(id);
        if (!now || this.isStopped) return;
        await this.begin(id).catch((error: unknown) => this.fail(now, describeError(error)));
      });
    });
  }

  /** Process, interface, network, folder, record: in this order, and again when it was interrupted. */
  private async end(id: number): Promise<void> {
    const { host, ports, store } = this.components;
    const held = this.servers.get(id);
    if (!held) return;
    this.letGo(held);
    const { tap, isOwnTap } = held.server.record;
    await host.stop(id);
    if (isOwnTap) await ports.removeHostTaps([tap]);
    await host.remove(id);
    await store.remove(nameOfRecord(id));
    this.servers.delete(id);
    this.tell();
  }

  /** The switch has changed: interfaces that it made again, and those that somebody removed. */
  private look(): void {
    const { ports, log } = this.components;
    const { links } = ports.view();
    const taps = new Set(ports.state().hostTaps.map(({ name }) => name));
    for (const held of this.servers.values()) {
      const { record } = held.server;
      if (!record.isOwnTap && !taps.has(record.tap)) {
        log.info(`dhcp: ${describe(record)} ends with ${record.tap}`);
        void this.turns
          .run(record.id, () => this.end(record.id))
          .catch((error: unknown) => log.warn(`dhcp: ${describe(record)} is not gone: ${describeError(error)}`));
        continue;
      }
      const link = links.get(record.tap);
      if (!link || held.placed === link.index || held.server.state !== 'running') continue;
      held.placed = link.index;
      log.info(`dhcp: ${describe(record)} is started again: its interface was made again`);
      this.turns
        .run(record.id, () => this.run(record.id))
        .catch((error: unknown) => this.fail(held, describeError(error)));
    }
  }

  private notePlace(held: Held): void {
    held.placed = this.components.ports.view().links.get(held.server.record.tap)?.index ?? held.placed;
  }

  // ---- records

  private hold(record: DhcpRecord): Held {
    const server: DhcpServer = { record, state: 'starting', reason: '', leases: [] };
    const held: Held = { server, endings: [], timer: null, failures: 0, startedAt: 0, placed: 0 };
    this.servers.set(record.id, held);
    return held;
  }

  private heldOf(id: number): Held {
    const held = this.servers.get(id);
    if (!held) throw new AppError('not-found', `no dnsmasq with the id ${id} on this node`);
    return held;
  }

  private recordOf(id: number): DhcpRecord {
    return this.heldOf(id).server.record;
  }

  private letGo(held: Held): void {
    held.timer?.cancel();
    held.timer = null;
    for (const end of held.endings.splice(0)) end();
  }

  private async save(record: DhcpRecord): Promise<void> {
    const held = this.heldOf(record.id);
    held.server = { ...held.server, record };
    await this.write(record);
    this.tell();
  }

  private write(record: DhcpRecord): Promise<void> {
    return this.components.store.write(nameOfRecord(record.id), textOfRecord(record));
  }

  private tell(): void {
    for (const listener of this.listeners) listener();
  }
}

const asUser = ({ id, namespace, vlan, alias }: DhcpRecord): VlanUser => ({
  vm: `dnsmasq-${id}`,
  namespace,
  vlan,
  alias,
});

const orderOf = ({ id, tap, settings, isOwnTap }: DhcpRecord) => ({
  id,
  tap,
  address: settings.address,
  isOwnNetwork: isOwnTap,
});

const describe = ({ id, vlan, alias }: DhcpRecord) => `dnsmasq ${id} on ${alias === '' ? `VLAN ${vlan}` : alias}`;
