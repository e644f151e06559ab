// A Linux machine with Open vSwitch, as a virtual switch's host: its database over one connection, its taps by `ip`, and one
// connection to each bridge that has ports of VMs, which shows whether ovs-vswitchd runs.
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../contract/errors.ts';
import { localRunner } from '../runner.ts';
import { settingOperations } from './bridge-config.ts';
import { BridgeConnections } from './bridge-connections.ts';
import { Database } from './database.ts';
import { findUses } from './interface-uses.ts';
import { describeMirrors, readMirrors } from './mirror-rows.ts';
import { Links } from './links.ts';
import { Neighbours } from './neighbours.ts';
import type { BridgeFlow } from './openflow.ts';
import { openProbePort } from './probe-port.ts';
import { raiseInterface, shapeTap } from './node-links.ts';
import { encodeLookAgain } from './openflow.ts';
import type { Operation } from './ovsdb.ts';
import {
  map,
  namedUuid,
  readIds,
  readMap,
  readNumber,
  readSet,
  readText,
  set,
  uuid,
  type Row,
} from './ovsdb-values.ts';
import {
  clusterMark,
  noChange,
  type Bond,
  type GuestAddresses,
  type HostBridge,
  type HostMirror,
  type HostPort,
  type HostView,
  type NewBridge,
  type PortCounters,
  type PortVlan,
  type ProbeOptions,
  type ProbePort,
  type Shaping,
  type SwitchChange,
  type SwitchEvents,
  type SwitchHost,
  type Tunnel,
} from './switch-host.ts';

const columns = {
  Open_vSwitch: ['cur_cfg', 'next_cfg', 'other_config', 'bridges'],
  Bridge: ['name', 'ports', 'datapath_type', 'external_ids', 'fail_mode', 'controller', 'mirrors'],
  Mirror: ['name', 'select_src_port', 'select_dst_port', 'output_port', 'external_ids'],
  Port: [
    'name',
    'interfaces',
    'tag',
    'trunks',
    'vlan_mode',
    'cvlans',
    'external_ids',
    'bond_mode',
    'lacp',
    'other_config',
    'bond_active_slave',
  ],
  Interface: ['name', 'type', 'options', 'ofport', 'error', 'mtu', 'mac_in_use', 'lacp_current'],
} as const;

/** The database answers at once, also for 1,000 ports; it may be busy with others' transactions. */
const transactMs = 10_000;
/** The switch has to have acted on a mirror before it is asked to look again. */
const mirrorMs = 10_000;
/** 500 ports are about 150 kB of JSON and 0.1 s of the switch's time. */
const portsAtOnce = 2_000;

export interface LinuxHostOptions {
  /** Where Open vSwitch has its sockets. */
  readonly runFolder: string;
  /** `argv` that enters the switch's network namespace; empty for this one. */
  readonly within: readonly string[];
  readonly log: (level: 'info' | 'warn', text: string) => void;
}

export const openvswitchRunFolder = '/run/openvswitch';

export class LinuxHost implements SwitchHost {
  private readonly options: LinuxHostOptions;
  private readonly database: Database;
  private readonly links: Links;
  private readonly connections: BridgeConnections;
  private readonly neighbours: Neighbours;
  private readonly waiting = new Set<() => void>();
  private events: SwitchEvents = { changed: () => undefined, learnt: () => undefined };
  private built: HostView | null = null;

  constructor(options: LinuxHostOptions) {
    this.options = options;
    const changed = () => this.changed();
    this.database = new Database({ path: join(options.runFolder, 'db.sock'), columns, onChange: changed });
    this.links = new Links({ within: options.within, onChange: changed, log: options.log });
    this.connections = new BridgeConnections({ runFolder: options.runFolder, onChange: changed });
    this.neighbours = new Neighbours({
      connections: this.connections,
      log: options.log,
      onLearnt: (tap) => this.events.learnt(tap),
    });
  }

  async start(events: SwitchEvents): Promise<void> {
    this.events = events;
    await Promise.all([this.database.start(), this.links.start()]);
  }

  stop(): void {
    // Before their connections end.
    this.neighbours.stop();
    this.database.stop();
    this.links.stop();
    this.connections.stop();
  }

  view(): HostView {
    this.built ??= this.build();
    return this.built;
  }

  hasUserspaceDatapath(): boolean {
    const bridges = this.database.tables?.get('Bridge')?.values() ?? [];
    return [...bridges].some((row) => readText(row['datapath_type']) === 'netdev');
  }

  async apply(change: SwitchChange, waitMs: number, onWritten?: () => void): Promise<void> {
    const { mirrors } = this.view();
    const mirrored = new Set([
      ...change.setMirrors.map(({ bridge }) => bridge),
      ...change.dropMirrors.flatMap((name) => mirrors.get(name)?.bridge ?? []),
    ]);
    const hasMirrors = mirrored.size > 0;
    await this.links.make(change.makeTaps);
    try {
      await this.links.raise(change.raiseTaps);
      await this.applyRows(change, hasMirrors ? Math.max(waitMs, mirrorMs) : waitMs, onWritten);
      for (const bridge of mirrored) this.connections.get(bridge)?.send(encodeLookAgain);
    } catch (error) {
      // Without its port a new tap is half of something; what it was made for is tried again with a new one.
      await this.links.seeTaps(change.makeTaps);
      await this.links.remove(change.makeTaps.map(({ name }) => name)).catch(() => undefined);
      throw error;
    }
    await this.links.seeTaps(change.makeTaps);
    await this.links.remove(change.dropTaps);
  }

  async counters([key, value]: readonly [string, string]): Promise<Map<string, PortCounters>> {
    const ours = [...this.view().ports.values()].filter(({ marks }) => marks.get(key) === value);
    if (ours.length === 0) return new Map();
    const select = { op: 'select', table: 'Interface', where: [], columns: ['name', 'statistics'] };
    const [result] = await this.database.transact([select], transactMs);
    const names = new Set(ours.flatMap(({ interfaces }) => interfaces));
    const counted = (result?.rows ?? []).flatMap((row) => {
      const name = readText(row['name']);
      if (!names.has(name)) return [];
      const statistics = readMap(row['statistics']);
      const figure = (column: string) => Number(statistics.get(column) ?? 0);
      const counters: PortCounters = {
        rxBytes: figure('rx_bytes'),
        txBytes: figure('tx_bytes'),
        rxPackets: figure('rx_packets'),
        txPackets: figure('tx_packets'),
      };
      return [[name, counters] as const];
    });
    return new Map(counted);
  }

  /** The kernel's, where its module is there (preflight looks the same way). */
  async defaultDatapath(): Promise<'system' | 'netdev'> {
    try {
      await access('/sys/module/openvswitch');
      return 'system';
    } catch {
      const probe = localRunner.run(['modinfo', 'openvswitch'], { timeoutMs: 10_000 });
      return probe.then(
        () => 'system' as const,
        () => 'netdev' as const,
      );
    }
  }

  addressesOf(link: string): Promise<string[]> {
    return findUses(link, this.options.within);
  }

  raiseInterface(name: string, address: string): Promise<void> {
    return raiseInterface(name, address, this.options.within);
  }

  shape(tap: string, shaping: Shaping | null): Promise<void> {
    return shapeTap(tap, shaping, this.options.within);
  }

  listen(taps: ReadonlySet<string>): void {
    this.neighbours.listen(this.view(), taps);
  }

  guestAddresses(tap: string, mac: string): GuestAddresses {
    return this.neighbours.addressesOf(tap, mac);
  }

  async flows(bridge: string): Promise<readonly BridgeFlow[]> {
    const connection = this.connections.get(bridge);
    if (!connection) throw new AppError('unreachable', `Open vSwitch’s bridge ${bridge} does not answer`);
    return await connection.listFlows();
  }

  openProbe(options: ProbeOptions): Promise<ProbePort> {
    const { runFolder } = this.options;
    return openProbePort(options, { view: this.view(), runFolder });
  }

  private changed(): void {
    this.built = null;
    for (const check of [...this.waiting]) check();
    this.events.changed();
  }

  private build(): HostView {
    const { tables, epoch } = this.database;
    const links = this.links.all;
    // Before `ovs-vsctl init` there is no row that bridges hang on, and what is inserted vanishes.
    if (!tables || tables.get('Open_vSwitch')?.size === 0) {
      const databaseFailure = tables
        ? 'Open vSwitch’s database is empty: `ovs-vsctl init`'
        : this.database.describeFailure();
      const nothing = { bridges: new Map(), ports: new Map(), mirrors: new Map(), interfaces: new Set<string>() };
      return { epoch, databaseFailure, switchFailure: '', links, ...nothing };
    }
    const rows = (table: keyof typeof columns) => tables.get(table) ?? new Map<string, Row>();
    const interfaces = rows('Interface');
    const portRows = rows('Port');
    const mtus = new Map(
      [...interfaces.values()].map((row) => [readText(row['name']), readNumber(row['mtu'])] as const),
    );
    const ports = new Map<string, HostPort>();
    const bridges = new Map<string, HostBridge>();
    const mirrors = new Map<string, HostMirror>();
    for (const row of rows('Bridge').values()) {
      const name = readText(row['name']);
      const own = rowsOf(row['ports'], portRows);
      for (const port of own) ports.set(readText(port['name']), readPort(port, name, interfaces));
      bridges.set(name, {
        name,
        datapath: readText(row['datapath_type']),
        marks: readMap(row['external_ids']),
        ports: own.map((port) => readText(port['name'])),
        mtu: mtus.get(name) ?? null,
        isStandalone: readText(row['fail_mode']) !== 'secure' && readIds(row['controller']).length === 0,
      });
      for (const mirror of readMirrors(name, rowsOf(row['mirrors'], rows('Mirror')), portRows))
        mirrors.set(mirror.name, mirror);
    }
    const ours = [...ports.values()].filter(({ marks }) => marks.has('meshdeck-role'));
    const switchFailure = this.connections.failureOf(new Set(ours.map(({ bridge }) => bridge)));
    const names = new Set(mtus.keys());
    return { epoch, databaseFailure: '', switchFailure, bridges, ports, mirrors, interfaces: names, links };
  }

  private async applyRows(change: SwitchChange, waitMs: number, onWritten?: () => void): Promise<void> {
    const { setPorts, ...rest } = change;
    for (let at = 0; at === 0 || at < setPorts.length; at += portsAtOnce) {
      const part = { ...rest, setPorts: setPorts.slice(at, at + portsAtOnce) };
      const operations = this.describeRows(at === 0 ? part : { ...noChange, setPorts: part.setPorts });
      if (operations.length === 0) return;
      const count: Operation = { op: 'mutate', table: 'Open_vSwitch', where: [], mutations: [['next_cfg', '+=', 1]] };
      const read: Operation = { op: 'select', table: 'Open_vSwitch', where: [], columns: ['next_cfg'] };
      const results = await this.database.transact([...operations, count, read], transactMs);
      if (at + portsAtOnce >= setPorts.length) onWritten?.();
      const number = readNumber(results.at(-1)?.rows[0]?.['next_cfg']);
      if (waitMs > 0 && number !== null) await this.waitForSwitch(number, waitMs);
    }
  }

  /** ovs-vswitchd writes the number of the change that it has carried out (ovs-vswitchd.conf.db(5), cur_cfg). */
  private waitForSwitch(number: number, waitMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const check = () => {
        const { tables } = this.database;
        if (!tables) end(new AppError('unreachable', `${this.database.describeFailure()}; look before you try again`));
        const [row] = tables?.get('Open_vSwitch')?.values() ?? [];
        if ((readNumber(row?.['cur_cfg']) ?? -1) >= number) end(null);
      };
      const timer = setTimeout(() => {
        const advice = '`systemctl status ovs-vswitchd` on this node';
        end(new AppError('timeout', `ovs-vswitchd has not acted within ${waitMs} ms: ${advice}`));
      }, waitMs);
      const end = (error: AppError | null) => {
        clearTimeout(timer);
        this.waiting.delete(check);
        if (error) reject(error);
        else resolve();
      };
      this.waiting.add(check);
      check();
    });
  }

  /** One transaction. A port that is on another bridge moves as it is; rows are named by id, so nobody else's can be meant. */
  private describeRows(change: Omit<SwitchChange, 'makeTaps' | 'raiseTaps' | 'dropTaps'>): Operation[] {
    const { tables } = this.database;
    if (!tables) throw new AppError('unreachable', this.database.describeFailure());
    const idsByName = (table: string) =>
      new Map([...(tables.get(table) ?? [])].map(([id, row]) => [readText(row['name']), id] as const));
    const [bridgeIds, portIds, interfaceIds] = [idsByName('Bridge'), idsByName('Port'), idsByName('Interface')];
    const { ports } = this.view();
    const operations: Operation[] = change.makeBridges.flatMap((bridge, index) => describeBridge(bridge, index));
    const madeBridges = new Map(
      change.makeBridges.map(({ name }, index) => [name, namedUuid(`bridge${index}`)] as const),
    );
    for (const { name, config } of change.setBridges) {
      const known = bridgeIds.get(name);
      if (known !== undefined && !this.view().bridges.get(name)?.marks.has(clusterMark))
        throw new AppError('conflict', `the bridge ${name} is not ours`);
      operations.push(...settingOperations(known === undefined ? madeBridges.get(name) : uuid(known), config));
    }
    const joins = new Map<string, unknown[]>();
    const leaves = new Map<string, unknown[]>();
    const note = (lists: Map<string, unknown[]>, bridge: string, id: unknown) => {
      lists.set(bridge, [...(lists.get(bridge) ?? []), id]);
    };
    for (const name of change.dropPorts) {
      const [id, port] = [portIds.get(name), ports.get(name)];
      if (id !== undefined && port?.marks.has(clusterMark)) note(leaves, port.bridge, uuid(id));
    }
    for (const [index, port] of change.setPorts.entries()) {
      const [id, there] = [portIds.get(port.name), ports.get(port.name)];
      const row = {
        ...rowOfVlan(port.vlan),
        external_ids: map(port.marks),
        ...(port.bond ? rowOfBond(port.bond) : {}),
      };
      // An interface that the port has stays; its traffic does not stop.
      const members = (port.bond?.interfaces ?? [port.name]).map((member, at) => {
        const known = there?.interfaces.includes(member) ? interfaceIds.get(member) : undefined;
        return { member, known, newName: `interface${index}_${at}` };
      });
      for (const { member, known, newName } of members) {
        if (known !== undefined || (there && !port.bond)) continue;
        const kind = port.isInternal ? { type: 'internal' } : {};
        const own = { name: member, ...kind, ...(port.tunnel ? rowOfTunnel(port.tunnel) : {}) };
        operations.push({ op: 'insert', table: 'Interface', 'uuid-name': newName, row: own });
      }
      const interfaces = set(
        members.map(({ known, newName }) => (known === undefined ? namedUuid(newName) : uuid(known))),
      );
      if (id !== undefined && there) {
        if (there.marks.get(clusterMark) !== port.marks[clusterMark])
          throw new AppError('conflict', `the port ${port.name} on ${there.bridge} is not ours`);
        const where = [['_uuid', '==', uuid(id)]];
        operations.push({ op: 'update', table: 'Port', where, row: port.bond ? { ...row, interfaces } : row });
        if (port.bond)
          operations.push({ op: 'mutate', table: 'Port', where, mutations: mutationsOfFallback(port.bond) });
        if (port.tunnel)
          operations.push({
            op: 'update',
            table: 'Interface',
            where: [['name', '==', port.name]],
            row: rowOfTunnel(port.tunnel),
          });
        if (there.bridge !== port.bridge) {
          note(leaves, there.bridge, uuid(id));
          note(joins, port.bridge, uuid(id));
        }
      } else {
        const name = `port${index}`;
        const config = port.bond?.hasFallback ? { other_config: map(fallback) } : {};
        const whole = { ...row, ...config, name: port.name, interfaces };
        operations.push({ op: 'insert', table: 'Port', 'uuid-name': name, row: whole });
        note(joins, port.bridge, namedUuid(name));
      }
    }
    for (const [list, mutator] of [
      [leaves, 'delete'],
      [joins, 'insert'],
    ] as const) {
      for (const [bridge, members] of list) {
        const known = bridgeIds.get(bridge);
        const id = known === undefined ? madeBridges.get(bridge) : uuid(known);
        if (!id) throw new AppError('not-found', `there is no bridge ${bridge} on this node`);
        const where = [['_uuid', '==', id]];
        // The bridge may go while this is on its way: its ports would then be rows that nothing refers to, and vanish.
        if (known !== undefined) operations.push(waitFor('Bridge', id, { name: bridge }));
        operations.push({ op: 'mutate', table: 'Bridge', where, mutations: [['ports', mutator, set(members)]] });
      }
    }
    operations.push(...describeMirrors(change, { tables, bridgeIds, portIds }));
    const bridges = tables.get('Bridge');
    for (const name of change.dropBridges) {
      const id = bridgeIds.get(name);
      const row = id === undefined ? undefined : bridges?.get(id);
      if (id === undefined || !readMap(row?.['external_ids']).has(clusterMark)) continue;
      // Ports that somebody adds while this is on its way would go with it.
      operations.unshift(waitFor('Bridge', uuid(id), { ports: row?.['ports'] }));
      operations.push(mutateRoot([['bridges', 'delete', set([uuid(id)])]]));
    }
    if (change.setPorts.some(({ vlan }) => vlan.kind === 'qinq')) operations.push(...this.allowTwoTags());
    return operations;
  }

  /** Open vSwitch looks at one tag unless asked (other_config:vlan-limit); QinQ needs two, and minimega sets this at its start. */
  private allowTwoTags(): Operation[] {
    const [row] = this.database.tables?.get('Open_vSwitch')?.values() ?? [];
    const limit = readMap(row?.['other_config']).get('vlan-limit');
    if (limit === '0' || Number(limit) >= 2) return [];
    return [
      mutateRoot([
        ['other_config', 'delete', set(['vlan-limit'])],
        ['other_config', 'insert', map({ 'vlan-limit': '2' })],
      ]),
    ];
  }
}

/** The rows that a column of another one refers to. */
function rowsOf(ids: unknown, rows: ReadonlyMap<string, Row>): Row[] {
  return readIds(ids).flatMap((id) => {
    const row = rows.get(id);
    return row ? [row] : [];
  });
}

/** The transaction fails as a whole unless the row has these values when the server comes to it. */
const waitFor = (table: string, id: unknown, row: Row): Operation => ({
  op: 'wait',
  table,
  where: [['_uuid', '==', id]],
  columns: Object.keys(row),
  until: '==',
  rows: [row],
  timeout: 0,
});

const mutateRoot = (mutations: readonly unknown[]): Operation => ({
  op: 'mutate',
  table: 'Open_vSwitch',
  where: [],
  mutations,
});

/** A bridge has a port and an interface of the same name. */
function describeBridge({ name, datapath, marks }: NewBridge, index: number): Operation[] {
  const [bridge, port, own] = [`bridge${index}`, `own_port${index}`, `own_interface${index}`];
  return [
    { op: 'insert', table: 'Interface', 'uuid-name': own, row: { name, type: 'internal' } },
    { op: 'insert', table: 'Port', 'uuid-name': port, row: { name, interfaces: namedUuid(own) } },
    {
      op: 'insert',
      table: 'Bridge',
      'uuid-name': bridge,
      row: {
        name,
        datapath_type: datapath,
        fail_mode: 'standalone',
        external_ids: map(marks),
        ports: namedUuid(port),
      },
    },
    mutateRoot([['bridges', 'insert', set([namedUuid(bridge)])]]),
  ];
}

function rowOfVlan(vlan: PortVlan): Record<string, unknown> {
  const none = { tag: set([]), trunks: set([]), cvlans: set([]) };
  switch (vlan.kind) {
    case 'access':
      return { ...none, vlan_mode: 'access', tag: vlan.tag };
    case 'qinq':
      return { ...none, vlan_mode: 'dot1q-tunnel', tag: vlan.tag };
    case 'trunk':
      return { ...none, vlan_mode: 'trunk', trunks: set(vlan.tags) };
  }
}

const fallback = { 'lacp-fallback-ab': 'true' };

const mutationsOfFallback = ({ hasFallback }: Bond) => [
  ['other_config', 'delete', set(Object.keys(fallback))],
  ...(hasFallback ? [['other_config', 'insert', map(fallback)]] : []),
];

const rowOfBond = ({ mode, lacp }: Bond): Row => ({ bond_mode: mode, lacp });

/** Null for what we never set. */
function readBond(row: Row): Bond | null {
  const modes = ['active-backup', 'balance-slb', 'balance-tcp'] as const;
  const lacps = ['active', 'passive', 'off'] as const;
  // Without a value: active-backup, off (ovs-vswitchd.conf.db(5)).
  const mode = modes.find((known) => known === (readText(row['bond_mode']) || 'active-backup'));
  const lacp = lacps.find((known) => known === (readText(row['lacp']) || 'off'));
  const hasFallback = readMap(row['other_config']).get('lacp-fallback-ab') === 'true';
  return mode && lacp ? { mode, lacp, hasFallback } : null;
}

const rowOfTunnel = ({ kind, remote, key }: Tunnel): Row => ({
  type: kind,
  options: map({ remote_ip: remote, ...(key === '' ? {} : { key }) }),
});

function readTunnel(row: Row | undefined): Tunnel | null {
  const kind = readText(row?.['type']);
  if (kind !== 'vxlan' && kind !== 'gre') return null;
  const options = readMap(row?.['options']);
  return { kind, remote: options.get('remote_ip') ?? '', key: options.get('key') ?? '' };
}

/** Without a mode, a tag makes an access port and trunks a trunk (ovs-vswitchd.conf.db(5)). */
export function readVlan(row: Row): PortVlan | null {
  const mode = readText(row['vlan_mode']);
  const tag = readNumber(row['tag']);
  const numbers = (column: string) => readSet(row[column]).filter((member) => typeof member === 'number');
  if (mode === 'trunk' || (mode === '' && tag === null)) return { kind: 'trunk', tags: numbers('trunks') };
  if (tag === null) return null;
  if (mode === 'access' || mode === '') return { kind: 'access', tag };
  return mode === 'dot1q-tunnel' && numbers('cvlans').length === 0 ? { kind: 'qinq', tag } : null;
}

/** Names of the interfaces that take frames for everybody (ovs-vswitchd.conf.db(5), Port, Bonding Status). */
function carriersOf(port: Row, own: readonly Row[]): string[] {
  const names = (rows: readonly Row[]) => rows.map((row) => readText(row['name']));
  if (own.length < 2) return names(own);
  const agreed = own.filter((row) => readSet(row['lacp_current']).includes(true));
  if (agreed.length > 0) return names(agreed);
  const active = readText(port['bond_active_slave']).toLowerCase();
  const found = own.filter((row) => active !== '' && readText(row['mac_in_use']).toLowerCase() === active);
  return found.length === 1 ? names(found) : [];
}

function readPort(row: Row, bridge: string, interfaces: ReadonlyMap<string, Row>): HostPort {
  const own = rowsOf(row['interfaces'], interfaces);
  const [first] = own;
  const ofports = own.map((member) => readNumber(member['ofport']));
  const worst = ofports.find((ofport) => ofport === null || ofport <= 0);
  return {
    name: readText(row['name']),
    bridge,
    vlan: readVlan(row),
    tunnel: readTunnel(first),
    isInternal: readText(first?.['type']) === 'internal',
    bond: own.length > 1 ? readBond(row) : null,
    marks: readMap(row['external_ids']),
    interfaces: own.map((member) => readText(member['name'])),
    ofport: worst === undefined ? (ofports[0] ?? null) : worst,
    ofports,
    carriers: carriersOf(row, own),
    error: own.map((member) => readText(member['error'])).find((text) => text !== '') ?? '',
    mtu: readNumber(first?.['mtu']),
  };
}
