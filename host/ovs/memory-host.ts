// A machine with a switch in memory, for simulated nodes and unit tests. It keeps what Open vSwitch keeps and no traffic. The
// second half is what an administrator or a crash does to it.
import { AppError } from '../../contract/errors.ts';
import { configMark } from './bridge-config.ts';
import type { Cable, MemoryNetwork } from './memory-network.ts';
import type { BridgeFlow } from './openflow.ts';
import type {
  GuestAddresses,
  HostBridge,
  HostLink,
  HostMirror,
  HostPort,
  HostView,
  NewPort,
  PortCounters,
  PortVlan,
  ProbeOptions,
  ProbePort,
  Shaping,
  SwitchChange,
  SwitchEvents,
  SwitchHost,
} from './switch-host.ts';
import { findUplink } from './uplink.ts';

const switchFlow: BridgeFlow = {
  ...{ table: 0, priority: 0, cookie: 0n, packets: 0, bytes: 0, inPort: null, isForAll: true, does: 'normal' },
};
const marksOf = (marks: Readonly<Record<string, string>>) => new Map(Object.entries(marks));

export class MemoryMachine {
  private readonly bridges = new Map<string, Omit<HostBridge, 'ports'>>();
  private readonly ports = new Map<string, HostPort>();
  private readonly mirrors = new Map<string, HostMirror>();
  private readonly links = new Map<string, HostLink>();
  /** What taps do to frames on their way to VMs, by tap. */
  readonly shapings = new Map<string, Shaping>();
  private readonly addresses = new Map([['eth0', '192.0.2.1/24']]);
  private readonly said = new Map<string, GuestAddresses>();
  private readonly listeners = new Set<SwitchEvents>();
  /** Frames that came over the cable and went to VMs. */
  readonly passed: Uint8Array[] = [];
  private cable: Cable | null = null;
  private readonly probes = new Set<ProbeOptions>();
  /** Of others, by bridge; above the switch's own. */
  private readonly foreignFlows = new Map<string, BridgeFlow[]>();
  private isDatabaseUp = true;
  private isSwitchUp = true;
  private epoch = 1;
  private indexes = 0;
  private ofports = 0;

  /** What a daemon on this machine gets; several of them see the same. */
  host(): SwitchHost {
    let listener: SwitchEvents | null = null;
    return {
      start: (events) => {
        listener = events;
        this.listeners.add(events);
        return Promise.resolve();
      },
      stop: () => {
        if (listener) this.listeners.delete(listener);
      },
      view: () => this.view(),
      hasUserspaceDatapath: () =>
        this.isDatabaseUp && [...this.bridges.values()].some(({ datapath }) => datapath === 'netdev'),
      apply: (change, waitMs, onWritten) => this.apply(change, waitMs, onWritten),
      counters: (mark) => this.counters(mark),
      defaultDatapath: () => Promise.resolve('netdev'),
      // It hears everything. What is not listened to is forgotten, as on a machine.
      listen: (taps) => {
        for (const key of this.said.keys()) if (!taps.has(key.split(' ')[0] ?? '')) this.said.delete(key);
      },
      guestAddresses: (tap, mac) => this.said.get(`${tap} ${mac.toLowerCase()}`) ?? { ip4: '', ip6: '' },
      addressesOf: (link) => Promise.resolve([this.addresses.get(link) ?? []].flat()),
      raiseInterface: (name, address) => {
        if (address !== '') this.addresses.set(name, address);
        return Promise.resolve();
      },
      shape: (tap, shaping) => {
        if (shaping === null) this.shapings.delete(tap);
        else this.shapings.set(tap, shaping);
        return Promise.resolve();
      },
      flows: (bridge) => Promise.resolve().then(() => this.flows(bridge)),
      openProbe: (options) => Promise.resolve().then(() => this.openProbe(options)),
    };
  }

  private view(): HostView {
    const shared = { epoch: this.epoch, links: new Map(this.links) };
    if (!this.isDatabaseUp) {
      const databaseFailure = 'the switch in memory is off';
      return {
        ...shared,
        databaseFailure,
        switchFailure: '',
        bridges: new Map(),
        ports: new Map(),
        mirrors: new Map(),
        interfaces: new Set(),
      };
    }
    const portsOf = (bridge: string) =>
      [...this.ports.values()].filter((port) => port.bridge === bridge).map(({ name }) => name);
    return {
      ...shared,
      databaseFailure: '',
      switchFailure: this.isSwitchUp ? '' : 'the switch in memory does not run',
      bridges: new Map([...this.bridges].map(([name, bridge]) => [name, { ...bridge, ports: portsOf(name) }] as const)),
      ports: new Map(this.ports),
      mirrors: new Map([...this.mirrors].map(([name, mirror]) => [name, this.whatIsLeft(mirror)] as const)),
      interfaces: new Set([...[...this.ports.values()].flatMap((port) => port.interfaces), ...this.bridges.keys()]),
    };
  }

  private async apply(change: SwitchChange, waitMs: number, onWritten?: () => void): Promise<void> {
    await Promise.resolve();
    for (const { name } of change.makeTaps)
      if (this.links.has(name)) throw new AppError('conflict', `${name}: there is an interface of that name`);
    for (const { name, alias } of change.makeTaps) this.addLink(name, alias);
    for (const name of change.raiseTaps) this.changeLink(name, { isUp: true });
    const rows = { ...change, makeTaps: [], raiseTaps: [], dropTaps: [] };
    const hasRows = Object.values(rows).some((list: readonly unknown[]) => list.length > 0);
    if (hasRows) {
      if (!this.isDatabaseUp) {
        for (const { name } of change.makeTaps) this.links.delete(name);
        throw new AppError('unreachable', 'the switch in memory is off');
      }
      for (const { name, datapath, marks } of change.makeBridges)
        this.bridges.set(name, { name, datapath, marks: marksOf(marks), mtu: 1500, isStandalone: true });
      for (const { name, config } of change.setBridges) {
        const bridge = this.bridges.get(name);
        const marks = new Map([...(bridge?.marks ?? []), [configMark, JSON.stringify(config)]]);
        if (bridge) this.bridges.set(name, { ...bridge, marks });
      }
      for (const port of change.setPorts) this.setPort(port);
      for (const name of change.dropPorts) this.dropPort(name);
      for (const { name, bridge, source, output, marks } of change.setMirrors)
        this.mirrors.set(name, { name, bridge, marks: marksOf(marks), sources: [source], output });
      for (const name of change.dropMirrors) this.mirrors.delete(name);
      for (const name of change.dropBridges) this.deleteBridge(name);
    }
    for (const name of change.dropTaps) this.deleteTap(name);
    this.changed();
    onWritten?.();
    if (waitMs > 0 && hasRows && !this.isSwitchUp)
      throw new AppError('timeout', 'the switch in memory has not acted on the change');
  }

  private counters([key, value]: readonly [string, string]): Promise<Map<string, PortCounters>> {
    const ours = [...this.ports.values()].filter(({ marks }) => marks.get(key) === value);
    const none = { rxBytes: 0, txBytes: 0, rxPackets: 0, txPackets: 0 };
    return Promise.resolve(new Map(ours.flatMap((port) => port.interfaces).map((name) => [name, none] as const)));
  }

  /** As a bridge has them that nobody controls: one flow that forwards as a switch. */
  private flows(bridge: string): readonly BridgeFlow[] {
    if (!this.isDatabaseUp || !this.isSwitchUp || !this.bridges.has(bridge))
      throw new AppError('unreachable', `the bridge ${bridge} in memory does not answer`);
    return [...(this.foreignFlows.get(bridge) ?? []), switchFlow];
  }

  private openProbe(options: ProbeOptions): ProbePort {
    if (!this.isDatabaseUp || !this.isSwitchUp) throw new AppError('unreachable', 'the switch in memory does not run');
    const found = options.onFrame === null ? ({ ok: false, why: '' } as const) : findUplink(this.view());
    let taken = 0;
    const held: ProbeOptions = {
      ...options,
      onFrame: (frame) => {
        taken += 1;
        if (taken <= options.framesAtMost) options.onFrame?.(frame);
      },
    };
    this.probes.add(held);
    const timer = setTimeout(() => this.probes.delete(held), Math.ceil(options.holdMs / 1_000) * 1_000);
    timer.unref();
    return {
      uplink: found.ok ? found.uplink : null,
      whyNot: found.ok ? '' : found.why,
      send: async (frames, { signal }) => {
        await Promise.resolve();
        signal.throwIfAborted();
        if (!found.ok || !this.probes.has(held))
          throw new AppError('refused', 'the probe is over, or this node has no uplink');
        for (const frame of frames) this.cable?.send(frame);
      },
      close: () => {
        clearTimeout(timer);
        this.probes.delete(held);
        return Promise.resolve();
      },
    };
  }

  /** Something of a probe is still there. */
  get isProbed(): boolean {
    return this.probes.size > 0;
  }

  /** A mirror forgets ports that are gone. */
  private whatIsLeft(mirror: HostMirror): HostMirror {
    const sources = mirror.sources.filter((name) => this.ports.has(name));
    return { ...mirror, sources, output: this.ports.has(mirror.output) ? mirror.output : '' };
  }

  /** The switch takes its own interface along. */
  private dropPort(name: string): void {
    if (this.ports.get(name)?.isInternal) this.links.delete(name);
    this.ports.delete(name);
  }

  // ---- what others do to it

  /** A bridge with the uplink eth0, plugged into a network. */
  plug(network: Pick<MemoryNetwork, 'plug'>, name: string, bridge = 'mega_bridge'): void {
    this.addForeignBridge(bridge, { 'meshdeck-uplink': 'eth0' });
    this.addForeignPort(bridge, 'eth0', { kind: 'trunk', tags: [] });
    this.cable = network.plug(name, (frame) => this.receive(frame));
  }

  unplug(): void {
    this.cable?.unplug();
  }

  private receive(frame: Uint8Array): void {
    if (!this.isSwitchUp) return;
    if (this.probes.size === 0) this.passed.push(frame);
    for (const { onFrame } of this.probes) onFrame?.(frame);
  }

  addLink(name: string, alias = ''): void {
    this.indexes += 1;
    this.links.set(name, { name, index: this.indexes, isUp: true, hasCarrier: false, alias });
    for (const port of this.ports.values()) if (port.interfaces.includes(name)) this.connect(port);
    this.changed();
  }

  changeLink(name: string, change: Partial<HostLink>): void {
    const link = this.links.get(name);
    if (link) this.links.set(name, { ...link, ...change });
    this.changed();
  }

  deleteTap(name: string): void {
    this.links.delete(name);
    this.shapings.delete(name);
    for (const port of this.ports.values()) if (port.interfaces.includes(name)) this.connect(port);
    this.changed();
  }

  addForeignBridge(name: string, marks: Readonly<Record<string, string>> = {}): void {
    this.bridges.set(name, { name, datapath: 'netdev', marks: marksOf(marks), mtu: 1500, isStandalone: true });
    this.changed();
  }

  addForeignPort(bridge: string, name: string, vlan: PortVlan): void {
    this.links.set(name, { name, index: (this.indexes += 1), isUp: true, hasCarrier: true, alias: '' });
    this.setPort({ name, bridge, vlan, marks: {} });
    this.changed();
  }

  deleteMirrors(): void {
    this.mirrors.clear();
    this.changed();
  }

  addFlow(bridge: string, flow: Partial<BridgeFlow>): void {
    this.foreignFlows.set(bridge, [
      ...(this.foreignFlows.get(bridge) ?? []),
      { ...switchFlow, priority: 100, ...flow },
    ]);
  }

  /** Of NICs of the machine. */
  addForeignBond(bridge: string, name: string, interfaces: readonly string[]): void {
    for (const each of interfaces)
      this.links.set(each, { name: each, index: (this.indexes += 1), isUp: true, hasCarrier: true, alias: '' });
    const bond = { mode: 'active-backup', lacp: 'off', hasFallback: false, interfaces } as const;
    this.setPort({ name, bridge, vlan: { kind: 'trunk', tags: [] }, marks: {}, bond });
    this.changed();
  }

  deletePort(name: string): void {
    this.dropPort(name);
    this.changed();
  }

  /** The guest behind a tap uses an address. */
  say(tap: string, mac: string, ip: string): void {
    const known = this.said.get(`${tap} ${mac}`) ?? { ip4: '', ip6: '' };
    this.said.set(`${tap} ${mac}`, ip.includes(':') ? { ...known, ip6: ip } : { ...known, ip4: ip });
    for (const listener of this.listeners) listener.learnt(tap);
  }

  setAddress(link: string, address: string): void {
    this.addresses.set(link, address);
  }

  deleteBridge(name: string): void {
    this.bridges.delete(name);
    for (const port of this.ports.values()) if (port.bridge === name) this.dropPort(port.name);
    for (const mirror of this.mirrors.values()) if (mirror.bridge === name) this.mirrors.delete(mirror.name);
    this.changed();
  }

  setVlan(name: string, vlan: PortVlan): void {
    const port = this.ports.get(name);
    if (port) this.ports.set(name, { ...port, vlan });
    this.changed();
  }

  setRunning(part: 'database' | 'switch', isRunning: boolean): void {
    if (part === 'switch') this.isSwitchUp = isRunning;
    else this.isDatabaseUp = isRunning;
    if (!isRunning && part === 'switch') {
      for (const { onLost } of this.probes) onLost('the switch in memory does not run');
      this.probes.clear();
    }
    if (part === 'database' && isRunning) this.epoch += 1;
    this.changed();
  }

  wipe(): void {
    this.bridges.clear();
    for (const name of this.ports.keys()) this.dropPort(name);
    this.mirrors.clear();
    this.epoch += 1;
    this.changed();
  }

  private setPort({ name, bridge, vlan, marks, tunnel, bond, isInternal = false }: NewPort): void {
    if (isInternal && !this.links.has(name)) this.addLink(name);
    const kind = bond ? { mode: bond.mode, lacp: bond.lacp, hasFallback: bond.hasFallback } : null;
    const interfaces = bond?.interfaces ?? [name];
    const rest = {
      tunnel: tunnel ?? null,
      isInternal,
      bond: kind,
      interfaces,
      ofport: null,
      ofports: [],
      carriers: [],
      error: '',
      mtu: 1500,
    };
    this.connect({ name, bridge, vlan, marks: marksOf(marks), ...rest });
  }

  private connect(port: HostPort): void {
    const isThere = (name: string) => this.links.has(name) || port.tunnel !== null;
    const ofports = port.interfaces.map((name) => (isThere(name) ? (this.ofports += 1) : -1));
    const missing = port.interfaces.find((name) => !isThere(name));
    const made =
      missing === undefined
        ? { ofport: ofports[0] ?? null, error: '' }
        : { ofport: -1, error: `could not open network device ${missing} (No such device)` };
    // The first one of a bond is its active one.
    const carriers = port.interfaces.filter((_, at) => (ofports[at] ?? 0) > 0).slice(0, 1);
    this.ports.set(port.name, { ...port, ofports, carriers, ...made });
  }

  private changed(): void {
    for (const listener of this.listeners) listener.changed();
  }
}
