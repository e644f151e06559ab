// The ports of this node's VMs: what is wanted, and that it stays so. A change is carried out for all its ports in one go; what
// others take away or alter afterwards is seen, shown as a fault, and repaired.
//
// INVARIANTS
// - Changes run one after another (`inTurn`), and only inside one is the view compared with what is wanted.
// - Only rows and interfaces that carry this cluster's mark are altered or removed.
// - Nobody is fought: fault-book.ts says how often something is repaired.
import { AppError, describeError } from '../../contract/errors.ts';
import { readConfig, withSetting, type BridgeConfig, type parseSetting } from './bridge-config.ts';
import {
  bridgeMarks,
  describeHolder,
  findFaults,
  findLeftovers,
  groupPorts,
  isOurBridge,
  isOurPort,
  isOurTrunk,
  newPorts,
  newTap,
  newTrunk,
  ownerOf,
  portMark,
  portNameOf,
  samePlace,
  uplinkOf,
  type Place,
  type Wanted,
  type WantedPort,
} from './compare.ts';
import {
  isOurMirror,
  mirrorName,
  newHostTap,
  newMirror,
  readHostTap,
  readMirror,
  type HostTap,
  type Mirror,
} from './host-taps.ts';
import { FaultBook, type Fault } from './fault-book.ts';
import type { Found } from './found.ts';
import {
  isEmptyChange,
  mergeChanges,
  noChange,
  type GuestAddresses,
  type HostBridge,
  type HostView,
  type NewBridge,
  type NewPort,
  type PortCounters,
  type Shaping,
  type SwitchChange,
  type SwitchHost,
  type Tunnel,
} from './switch-host.ts';

/** Events come in groups, and one repair is to see all of a group. */
const settleMs = 50;
/** For a change that failed as a whole. */
const failedDelaysMs = [250, 500, 1_000, 2_000, 5_000, 15_000, 30_000];
/** How long the switch may take over a change: a second for the first port, and 10 ms for each. */
const waitMs = (ports: number) => 10_000 + 10 * ports;
/** Longer names are cut by the kernel (IFNAMSIZ). */
const namePattern = /^[A-Za-z0-9_.-]{1,15}$/;
const idPattern = /^[A-Za-z0-9._-]{1,64}$/;
const firstVlan = 1;
const lastVlan = 4094;

export interface PortState {
  readonly tap: string;
  readonly owner: string;
  readonly place: Place | null;
  /** A program holds the tap. A VM whose tap was made again holds the old one, until its interface is plugged in again. */
  readonly hasCarrier: boolean;
  /** The switch forwards for it. */
  readonly isConnected: boolean;
}

export interface BridgeState {
  readonly name: string;
  /** Made by this node for VMs; minimega's column `preexisting` is its opposite. */
  readonly isOurs: boolean;
  readonly datapath: string;
  /** Of the ports of VMs. */
  readonly vlans: readonly number[];
  readonly trunks: readonly string[];
  readonly tunnels: readonly string[];
  /** Of VMs. */
  readonly bonds: readonly string[];
  /** What `bridge config` set. */
  readonly config: BridgeConfig;
}

export interface SwitchState {
  readonly bridges: readonly BridgeState[];
  readonly ports: readonly PortState[];
  /** Interfaces of the node itself, in the order of their making. */
  readonly hostTaps: readonly HostTap[];
  readonly mirrors: readonly Mirror[];
  readonly faults: readonly Fault[];
}

/** What of the clock is needed; agent/mesh/clock.ts is one. */
export interface SwitchClock {
  now(): number;
  after(delayMs: number, run: () => void): { cancel(): void };
}

export interface VirtualSwitchComponents {
  readonly host: SwitchHost;
  readonly clock: SwitchClock;
  readonly log: (level: 'info' | 'warn', text: string) => void;
}

/** What a node had before its daemon ended: ports of VMs that still run, and what it made for them. */
export interface Kept {
  readonly ports: readonly WantedPort[];
  readonly bridges: readonly string[];
}

export class VirtualSwitch {
  private readonly components: VirtualSwitchComponents;
  private readonly wanted: Wanted & {
    readonly ports: Map<string, WantedPort>;
    readonly bridges: Map<string, 'system' | 'netdev'>;
    readonly configs: Map<string, BridgeConfig>;
    readonly trunks: Map<string, string>;
    readonly tunnels: Map<string, Tunnel>;
    readonly hostTaps: Map<string, HostTap>;
    readonly mirrors: Map<string, Mirror>;
    readonly lost: Set<string>;
  };
  /** Taps that a program held when they were last seen. */
  private readonly held = new Set<string>();
  private readonly reserved = new Set<string>();
  private readonly faults = new FaultBook();
  private readonly listeners = new Set<() => void>();
  private readonly addressListeners = new Set<(tap: string) => void>();
  private turn: Promise<unknown> = Promise.resolve();
  private timer: { cancel(): void } | null = null;
  private timerAt = Infinity;
  private failures = 0;
  private epoch = 0;
  /** Interfaces of the node and mirrors are known from the database, once. */
  private hasAdopted = false;
  /** Before it knows which VMs run, nothing counts as left over. */
  private isStarted = false;

  constructor(cluster: string, components: VirtualSwitchComponents) {
    // It becomes a word in a batch of ip(8).
    if (!idPattern.test(cluster)) throw new AppError('invalid', `"${cluster}" is not a cluster’s id`);
    this.components = components;
    this.wanted = {
      cluster,
      ports: new Map(),
      bridges: new Map(),
      configs: new Map(),
      trunks: new Map(),
      tunnels: new Map(),
      hostTaps: new Map(),
      mirrors: new Map(),
      lost: new Set(),
    };
  }

  /** Takes over the ports of VMs that still run, and removes those of all others of this cluster. */
  async start(kept: Kept): Promise<void> {
    await this.components.host.start({
      changed: () => this.wake(settleMs),
      learnt: (tap) => {
        for (const listener of this.addressListeners) listener(tap);
      },
    });
    await this.inTurn(async () => {
      for (const port of kept.ports) this.wanted.ports.set(port.tap, port);
      for (const name of kept.bridges) {
        const there = this.view().bridges.get(name);
        this.wanted.bridges.set(name, there ? datapathOf(there) : await this.chooseDatapath());
      }
      this.isStarted = true;
      await this.reconcile();
    });
  }

  /** Leaves everything as it is: VMs outlive their daemon. */
  async stop(): Promise<void> {
    this.isStarted = false;
    await this.turn;
    this.timer?.cancel();
    this.components.host.stop();
  }

  /** Called after each change of `state`. @returns how to stop that */
  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Called when a guest says another address, up to 100 times a second for each tap. @returns how to stop that */
  onAddress(listener: (tap: string) => void): () => void {
    this.addressListeners.add(listener);
    return () => this.addressListeners.delete(listener);
  }

  /**
   * Addresses that the guest used for this MAC in ARP and neighbour discovery; empty for those that it has not used. It can say
   * anything: show them, and decide nothing by them.
   */
  addressesOf(tap: string, mac: string): GuestAddresses {
    return this.components.host.guestAddresses(tap, mac);
  }

  state(): SwitchState {
    const view = this.view();
    const { cluster } = this.wanted;
    const hostTaps = [...this.wanted.hostTaps.values()];
    const ports = [...this.wanted.ports.values()].map(({ tap, owner, place }): PortState => {
      const there = view.ports.get(portNameOf({ tap, place }));
      return {
        tap,
        owner,
        place,
        hasCarrier: view.links.get(tap)?.hasCarrier ?? false,
        isConnected: there !== undefined && (there.ofport ?? 0) > 0 && view.switchFailure === '',
      };
    });
    const bridges = [...view.bridges.values()].map((bridge): BridgeState => {
      const own = hostTaps.flatMap((tap) => (tap.bridge === bridge.name ? [tap.vlan] : []));
      const vlans = ports.flatMap(({ place }) =>
        place?.bridge !== bridge.name || place.vlan.kind === 'trunk' ? [] : [place.vlan.tag],
      );
      const trunks = bridge.ports.flatMap((name) => {
        const port = view.ports.get(name);
        return port && isOurTrunk(port, cluster) ? [port] : [];
      });
      return {
        name: bridge.name,
        isOurs: isOurBridge(bridge, cluster),
        datapath: datapathOf(bridge),
        vlans: [...new Set([...vlans, ...own])].sort((a, b) => a - b),
        trunks: inOrder(trunks.filter(({ tunnel }) => tunnel === null).map(({ name }) => name)),
        tunnels: inOrder(trunks.filter(({ tunnel }) => tunnel !== null).map(({ name }) => name)),
        bonds: inOrder(ports.flatMap(({ place }) => (place?.bridge === bridge.name ? (place.bond?.name ?? []) : []))),
        config: isOurBridge(bridge, cluster) ? readConfig(bridge.marks) : {},
      };
    });
    return { bridges, ports, hostTaps, mirrors: [...this.wanted.mirrors.values()], faults: this.faults.all };
  }

  /** What the machine has right now, what is not ours included. */
  view(): HostView {
    return this.components.host.view();
  }

  /**
   * The switch reads a tap's frames as they are: a VM must leave it neither checksums nor segments to complete. QEMU's backend says
   * so to the guest with `vnet_hdr=off`; without it ping works, and TCP and DHCP do not.
   */
  get needsWholeFrames(): boolean {
    return this.components.host.hasUserspaceDatapath();
  }

  /** Bytes and packets of each port of a VM. @throws AppError */
  counters(): Promise<Map<string, PortCounters>> {
    return this.components.host.counters(portMark);
  }

  /** Names for new taps, as minimega numbers them: the first that nobody on this node has. Kept for the caller until `addPorts` or `releaseTaps`. */
  reserveTaps(count: number): string[] {
    const view = this.usableView();
    const { ports, trunks, hostTaps } = this.wanted;
    const lists = [view.links, view.interfaces, ports, trunks, hostTaps, this.reserved];
    const names: string[] = [];
    for (let number = 0; names.length < count; number += 1) {
      const name = `mega_tap${number}`;
      if (!lists.some((list) => list.has(name))) names.push(name);
    }
    for (const name of names) this.reserved.add(name);
    return names;
  }

  releaseTaps(names: readonly string[]): void {
    for (const name of names) this.reserved.delete(name);
  }

  /** All of them or none. `onMade`: the taps are there, and the switch will forward for them. @throws AppError `conflict` that names what is taken, `not-found`, or as `SwitchHost.apply` */
  addPorts(ports: readonly WantedPort[], onMade?: () => void): Promise<void> {
    return this.inTurn(() => this.add(ports, onMade)).finally(() => this.releaseTaps(ports.map(({ tap }) => tap)));
  }

  private async add(ports: readonly WantedPort[], onMade?: () => void): Promise<void> {
    const view = this.runningView();
    this.assertNew(ports, view);
    for (const port of ports) this.wanted.ports.set(port.tap, port);
    const { cluster } = this.wanted;
    try {
      await this.components.host.apply(
        {
          ...noChange,
          makeTaps: ports.map((port) => newTap(port, this.wanted, view)),
          setPorts: newPorts(ports, cluster),
        },
        waitMs(ports.length),
        onMade,
      );
      this.assertConnected(ports);
    } catch (error) {
      for (const port of ports) this.wanted.ports.delete(port.tap);
      await this.reconcile();
      throw error;
    }
    this.tell();
  }

  /** To another VLAN or bridge, or off its bridge. @throws AppError as `addPorts`; after an error all are where they were */
  movePorts(moves: readonly { readonly tap: string; readonly place: Place | null }[]): Promise<void> {
    return this.inTurn(async () => {
      const view = this.runningView();
      const before = moves.map(({ tap }) => {
        const port = this.wanted.ports.get(tap);
        if (!port) throw new AppError('not-found', `no VM of this node has the tap ${tap}`);
        return port;
      });
      const after = moves.map(({ place }, index) => ({ ...this.presentPort(before, index), place }));
      for (const { place } of after) if (place) this.assertPlace(place, view);
      const known = new Set(before.map(portNameOf));
      const taken = after.map(portNameOf).find((name) => !known.has(name) && view.ports.has(name));
      if (taken !== undefined)
        throw new AppError('conflict', `a port of this node is called ${taken}: give the bond another name`);
      this.assertBondsWhole(before, after);
      for (const port of after) this.wanted.ports.set(port.tap, port);
      for (const port of [...before, ...after]) this.faults.forget(portNameOf(port));
      for (const { tap } of after) this.faults.forget(tap);
      // Off its bridge, or in a bond from now on, or no more.
      const next = new Set(after.flatMap((port) => (port.place === null ? [] : [portNameOf(port)])));
      const left = before.filter((port) => !next.has(portNameOf(port)) && view.ports.has(portNameOf(port)));
      try {
        await this.components.host.apply(
          {
            ...noChange,
            setPorts: newPorts(after, this.wanted.cluster),
            dropPorts: [...new Set(left.map(portNameOf))],
          },
          waitMs(moves.length),
        );
        this.assertConnected(after);
      } catch (error) {
        for (const port of before) this.wanted.ports.set(port.tap, port);
        await this.reconcile();
        throw error;
      }
      await this.reconcile();
    });
  }

  /** Ports and taps of these names; it ignores those that are gone already. Open vSwitch may be away: they go when it is back. */
  removePorts(taps: readonly string[]): Promise<void> {
    return this.inTurn(async () => {
      for (const tap of taps) {
        const port = this.wanted.ports.get(tap);
        if (port) {
          this.faults.forget(portNameOf(port));
          this.endMirrorsOf([portNameOf(port)]);
        }
        this.wanted.ports.delete(tap);
        this.faults.forget(tap);
      }
      await this.reconcile();
    });
  }

  /**
   * Programs hold these taps, as VMs do that outlived their daemon. One that they do not hold was removed meanwhile, and made again here: it is
   * shown as a fault until its VM holds it.
   */
  expectHeld(taps: readonly string[]): Promise<void> {
    return this.inTurn(async () => {
      const { links } = this.view();
      const lost = taps.filter((tap) => this.wanted.ports.has(tap) && !links.get(tap)?.hasCarrier);
      for (const tap of lost) this.wanted.lost.add(tap);
      if (lost.length > 0 && this.isStarted) await this.reconcile();
    });
  }

  /**
   * An interface of the node itself on a VLAN, which the kernel has under this name. As in minimega, a bridge that is not there is made.
   * @throws AppError `conflict` in minimega's words when the name is taken
   */
  addHostTap(tap: HostTap): Promise<void> {
    return this.inTurn(async () => {
      const view = this.runningView();
      if (!namePattern.test(tap.name))
        throw new AppError('invalid', `"${tap.name}" is not a name for a tap: ${nameRule}`);
      if ([view.links, view.interfaces, this.wanted.ports, this.wanted.hostTaps].some((list) => list.has(tap.name)))
        throw new AppError('conflict', 'tap already on bridge');
      const makeBridges = await this.lackingBridges(tap.bridge);
      if (makeBridges.length === 0)
        this.assertPlace({ bridge: tap.bridge, vlan: { kind: 'access', tag: tap.vlan } }, view);
      const port = newHostTap(tap, this.wanted.cluster);
      this.wanted.hostTaps.set(tap.name, tap);
      try {
        await this.components.host.apply({ ...noChange, makeBridges, setPorts: [port] }, waitMs(1));
        this.noteMade(makeBridges);
        const error = this.view().ports.get(tap.name)?.error ?? '';
        if (error !== '') throw new AppError('failed', `Open vSwitch cannot make ${tap.name}: ${error}`);
      } catch (error) {
        this.wanted.hostTaps.delete(tap.name);
        await this.reconcile();
        throw error;
      }
      this.tell();
    });
  }

  /** To another VLAN. @throws AppError as `addHostTap`; it stays where it is then */
  moveHostTap(name: string, vlan: number): Promise<void> {
    return this.inTurn(async () => {
      const tap = this.wanted.hostTaps.get(name);
      if (!tap) throw new AppError('not-found', 'unknown tap');
      const moved = { ...tap, vlan };
      await this.components.host.apply({ ...noChange, setPorts: [newHostTap(moved, this.wanted.cluster)] }, waitMs(1));
      this.wanted.hostTaps.set(name, moved);
      this.tell();
    });
  }

  /** Mirrors from and to them end too. Open vSwitch may be away: they go when it is back. */
  removeHostTaps(names: readonly string[]): Promise<void> {
    return this.inTurn(async () => {
      for (const name of names) {
        this.wanted.hostTaps.delete(name);
        this.faults.forget(name);
      }
      this.endMirrorsOf(names);
      await this.reconcile();
    });
  }

  /** Takes such an interface into use, with its address. @throws AppError */
  raiseHostTap(name: string, address: string): Promise<void> {
    return this.components.host.raiseInterface(name, address);
  }

  /** What this machine has on such an interface: addresses, the default route. @throws AppError */
  usesOfInterface(name: string): Promise<string[]> {
    return this.components.host.addressesOf(name);
  }

  /** What a tap does to frames on their way to its VM; null: nothing. @throws AppError `refused` when the kernel cannot */
  shapeTap(tap: string, shaping: Shaping | null): Promise<void> {
    return this.components.host.shape(tap, shaping);
  }

  /** The port of the switch that a tap of this node has; null for none. */
  portOfTap(tap: string): { readonly name: string; readonly bridge: string } | null {
    const own = this.wanted.ports.get(tap);
    if (own) return own.place === null ? null : { name: portNameOf(own), bridge: own.place.bridge };
    const hostTap = this.wanted.hostTaps.get(tap);
    return hostTap ? { name: tap, bridge: hostTap.bridge } : null;
  }

  /** Copies what one port sends and receives to another of the same bridge. @throws AppError in minimega's words */
  addMirror(mirror: Mirror): Promise<void> {
    return this.inTurn(async () => {
      const view = this.runningView();
      const { source, output, bridge } = mirror;
      if (source === output) throw new AppError('invalid', 'cannot mirror tap to itself');
      if (view.ports.get(source)?.bridge !== bridge) throw new AppError('not-found', 'source tap is not on bridge');
      if (view.ports.get(output)?.bridge !== bridge)
        throw new AppError('not-found', 'destination tap is not on bridge');
      if (this.wanted.mirrors.has(output) || view.mirrors.has(mirrorName(output)))
        throw new AppError('conflict', 'destination tap is already a mirror');
      // Copies of copies have no end.
      if ([...this.wanted.mirrors.values()].some((other) => other.output === source || other.source === output))
        throw new AppError(
          'refused',
          `${source} or ${output} has a part in another mirror: \`clear tap mirror\` ends that`,
        );
      this.wanted.mirrors.set(output, mirror);
      try {
        await this.components.host.apply(
          { ...noChange, setMirrors: [newMirror(mirror, this.wanted.cluster)] },
          waitMs(1),
        );
      } catch (error) {
        this.wanted.mirrors.delete(output);
        await this.reconcile();
        throw error;
      }
      this.tell();
    });
  }

  /** By the ports that get the copies. */
  removeMirrors(outputs: readonly string[]): Promise<void> {
    return this.inTurn(async () => {
      for (const output of outputs) this.forgetMirror(output);
      await this.reconcile();
    });
  }

  private endMirrorsOf(ports: readonly string[]): void {
    for (const { source, output } of [...this.wanted.mirrors.values()])
      if (ports.includes(source) || ports.includes(output)) this.forgetMirror(output);
  }

  private forgetMirror(output: string): void {
    this.wanted.mirrors.delete(output);
    this.faults.forget(mirrorName(output));
  }

  /** Makes a bridge for VMs unless there is one of this name. It has no uplink, and the node itself takes no part in it. */
  ensureBridge(name: string): Promise<void> {
    return this.inTurn(async () => {
      const makeBridges = await this.lackingBridges(name);
      if (makeBridges.length === 0) return;
      await this.components.host.apply({ ...noChange, makeBridges }, waitMs(1));
      this.noteMade(makeBridges);
      this.tell();
    });
  }

  /** The bridge of this name, to be made; none when there is one. @throws AppError when the name cannot be a bridge's */
  private async lackingBridges(name: string): Promise<NewBridge[]> {
    const view = this.usableView();
    if (view.bridges.has(name)) return [];
    if (!namePattern.test(name)) throw new AppError('invalid', `"${name}" is not a name for a bridge: ${nameRule}`);
    if (view.interfaces.has(name) || view.links.has(name))
      throw new AppError('conflict', `${name} exists already, and is not a bridge: choose another name`);
    return [{ name, datapath: await this.chooseDatapath(), marks: bridgeMarks(this.wanted.cluster) }];
  }

  private noteMade(bridges: readonly NewBridge[]): void {
    for (const { name, datapath } of bridges) {
      this.wanted.bridges.set(name, datapath);
      this.faults.forget(name);
    }
  }

  /** Sets something on a bridge of this node's VMs. As in minimega, a bridge that is not there is made. @throws AppError */
  configureBridge(name: string, setting: ReturnType<typeof parseSetting>): Promise<void> {
    return this.inTurn(async () => {
      const makeBridges = await this.lackingBridges(name);
      const there = this.usableView().bridges.get(name);
      if (there) await this.assertOurs(there);
      const config = withSetting(this.wanted.configs.get(name) ?? {}, setting);
      await this.components.host.apply({ ...noChange, makeBridges, setBridges: [{ name, config }] }, waitMs(1));
      this.noteMade(makeBridges);
      this.wanted.configs.set(name, config);
      this.tell();
    });
  }

  /** @throws AppError `refused` unless this node made it and nothing but trunks of ours is on it */
  removeBridge(name: string): Promise<void> {
    return this.inTurn(async () => {
      const view = this.usableView();
      const bridge = view.bridges.get(name);
      if (!bridge) throw new AppError('not-found', `there is no bridge ${name} on this node`);
      // Before what is on it: a port may be its uplink.
      if (uplinkOf(bridge) !== null || !isOurBridge(bridge, this.wanted.cluster)) await this.assertOurs(bridge);
      const trunks = bridge.ports.filter((port) => this.wanted.trunks.has(port));
      // Those that somebody took away belong there all the same.
      const wanted = [...this.wanted.ports.values()].filter(({ place }) => place?.bridge === name);
      const there = bridge.ports.filter((port) => port !== name && !trunks.includes(port));
      const others = [...new Set([...there, ...wanted.map(({ tap }) => tap)])];
      if (others.length > 0)
        throw new AppError(
          'refused',
          `${name} stays: ${describeNames(others)} ${others.length > 1 ? 'are' : 'is'} on it`,
        );
      await this.assertOurs(bridge);
      await this.components.host.apply({ ...noChange, dropPorts: trunks, dropBridges: [name] }, waitMs(1));
      this.wanted.bridges.delete(name);
      this.wanted.configs.delete(name);
      this.faults.forget(name);
      for (const trunk of trunks) this.forgetTrunk(trunk);
      this.tell();
    });
  }

  /**
   * Puts an interface of this machine on a bridge, for all VLANs. As in minimega, a bridge that is not there is made. @throws AppError `refused`
   * when the node is reached over the interface or the bridge
   */
  addTrunk(bridge: string, name: string): Promise<void> {
    return this.inTurn(async () => {
      const view = this.usableView();
      const there = view.ports.get(name);
      // An unplugged tap is on no bridge, and its guest would be on all VLANs.
      if (this.wanted.ports.has(name)) throw new AppError('refused', `${name} is the tap of a VM`);
      // minimega's text.
      if (there?.bridge === bridge) throw new AppError('conflict', `bridge already trunking to ${name}`);
      if (there || view.interfaces.has(name))
        throw new AppError('conflict', describeTaken(name, there && view.bridges.get(there.bridge)));
      if (!view.links.has(name)) throw new AppError('not-found', `there is no interface ${name} on this node`);
      const uses = await this.components.host.addressesOf(name);
      if (uses.length > 0)
        throw new AppError(
          'refused',
          `${name} has ${describeNames(uses)}, and on a bridge nothing answers there: \`meshdeck bridge <node>\` moves addresses too`,
        );
      await this.attach(bridge, name, undefined);
    });
  }

  /** @throws AppError `not-found` in minimega's words */
  removeTrunk(bridge: string, name: string): Promise<void> {
    return this.inTurn(async () => {
      const there = this.usableView().bridges.get(bridge);
      if (this.wanted.trunks.get(name) === bridge && !this.wanted.tunnels.has(name)) return this.detach(bridge, name);
      const holder = there?.ports.includes(name) ? describeHolder(there, this.view().ports, this.wanted.cluster) : '';
      throw new AppError('not-found', `unknown trunk: ${name}${holder && ` (${holder})`}`);
    });
  }

  /** Ties a bridge to one of another machine. As in minimega, a bridge that is not there is made. @returns the port's name */
  addTunnel(bridge: string, tunnel: Tunnel): Promise<string> {
    return this.inTurn(async () => {
      const [name = ''] = this.reserveTaps(1);
      try {
        await this.attach(bridge, name, tunnel);
      } finally {
        this.releaseTaps([name]);
      }
      return name;
    });
  }

  /** @throws AppError `not-found` in minimega's words */
  removeTunnel(bridge: string, name: string): Promise<void> {
    return this.inTurn(async () => {
      this.usableView();
      if (this.wanted.trunks.get(name) !== bridge || !this.wanted.tunnels.has(name))
        throw new AppError('not-found', `unknown tunnel: ${name}`);
      await this.detach(bridge, name);
    });
  }

  private async attach(bridge: string, name: string, tunnel: Tunnel | undefined): Promise<void> {
    const makeBridges = await this.lackingBridges(bridge);
    const there = this.usableView().bridges.get(bridge);
    if (there) await this.assertNoLoop(there);
    const port = newTrunk(name, bridge, { cluster: this.wanted.cluster, tunnel });
    const { host } = this.components;
    try {
      await host.apply({ ...noChange, makeBridges, setPorts: [port] }, waitMs(1));
      const error = this.view().ports.get(name)?.error ?? '';
      if (error !== '') throw new AppError('failed', `Open vSwitch cannot use ${name}: ${error}`);
    } catch (error) {
      const dropBridges = makeBridges.map((made) => made.name);
      // Where it fails too, the next look takes what is there for a trunk, and shows it.
      await host.apply({ ...noChange, dropPorts: [name], dropBridges }, waitMs(1)).catch(() => undefined);
      throw error;
    }
    this.noteMade(makeBridges);
    this.wanted.trunks.set(name, bridge);
    if (tunnel) this.wanted.tunnels.set(name, tunnel);
    this.faults.forget(name);
    this.tell();
  }

  private async detach(bridge: string, name: string): Promise<void> {
    await this.assertUnused(bridge);
    await this.components.host.apply({ ...noChange, dropPorts: [name] }, waitMs(1));
    this.forgetTrunk(name);
    this.tell();
  }

  private forgetTrunk(name: string): void {
    this.wanted.trunks.delete(name);
    this.wanted.tunnels.delete(name);
    this.faults.forget(name);
  }

  /** A bridge that may be altered: ours, with nothing of others on it, and the node is not reached over it. @throws AppError `refused` */
  private async assertOurs(bridge: HostBridge): Promise<void> {
    const holder = describeHolder(bridge, this.view().ports, this.wanted.cluster);
    if (holder !== '') throw new AppError('refused', holder);
    await this.assertUnused(bridge.name);
  }

  /** A second way into the network of an uplink would be a loop: frames without end, and nobody reaches the node. @throws AppError `refused` */
  private async assertNoLoop(bridge: HostBridge): Promise<void> {
    const uplink = uplinkOf(bridge);
    const isOurs = describeHolder(bridge, this.view().ports, this.wanted.cluster) === '';
    const uses = isOurs ? [] : await this.usesOf(bridge.name);
    if (uplink === null && uses.length === 0) return;
    const has = uplink === null ? describeNames(uses) : `the uplink ${uplink}`;
    throw new AppError(
      'refused',
      `${bridge.name} has ${has} of this node, and a second way to that network would be a loop: \`meshdeck bridge <node>\` looks after this bridge`,
    );
  }

  /** @throws AppError `refused` while this node is reached over the bridge */
  private async assertUnused(bridge: string): Promise<void> {
    const uses = await this.usesOf(bridge);
    if (uses.length > 0)
      throw new AppError(
        'refused',
        `this node is reached over ${bridge}, which has ${describeNames(uses)}: take that off it first, or see \`meshdeck bridge <node>\``,
      );
  }

  /** The switch may not have made the bridge’s own interface yet. */
  private usesOf(bridge: string): Promise<string[]> {
    return this.components.host.addressesOf(bridge).catch((error: unknown) => {
      if (error instanceof AppError && error.code === 'not-found') return [];
      throw error;
    });
  }

  // ---- checks

  private usableView(): HostView {
    const view = this.view();
    if (view.databaseFailure !== '') throw new AppError('unreachable', view.databaseFailure);
    return view;
  }

  /** Otherwise a launch would find out after the switch's whole time. */
  private runningView(): HostView {
    const view = this.usableView();
    if (view.switchFailure !== '') throw new AppError('unreachable', view.switchFailure);
    return view;
  }

  private assertNew(ports: readonly WantedPort[], view: HostView): void {
    const names = new Set<string>();
    for (const { tap, place, owner } of ports) {
      if (!namePattern.test(tap)) throw new AppError('invalid', `"${tap}" is not a name for a tap: ${nameRule}`);
      if (!idPattern.test(owner)) throw new AppError('invalid', `"${owner}" is not a VM’s id`);
      const there = view.ports.get(tap);
      const holder = !there
        ? 'an interface of this node has that name'
        : isOurPort(there, this.wanted.cluster)
          ? `VM ${ownerOf(there)} has it`
          : `a port on ${there.bridge} that is not ours has that name`;
      if (names.has(tap) || this.wanted.ports.has(tap) || view.interfaces.has(tap) || view.links.has(tap))
        throw new AppError('conflict', `the tap ${tap} is taken: ${names.has(tap) ? 'it is listed twice' : holder}`);
      names.add(tap);
      if (place) this.assertPlace(place, view);
    }
    this.assertBondsNew(ports, view);
  }

  private assertBondsNew(ports: readonly WantedPort[], view: HostView): void {
    const taken = new Set([...this.wanted.ports.values()].map(portNameOf));
    for (const [name, members] of groupPorts(ports)) {
      const [first] = members;
      if (!first?.place?.bond) continue;
      if (!namePattern.test(name)) throw new AppError('invalid', `"${name}" is not a name for a bond: ${nameRule}`);
      if ([taken, view.ports, view.interfaces, view.links].some((list) => list.has(name)))
        throw new AppError('conflict', `the bond ${name} is taken: choose another name`);
      const strange = members.find(({ place, owner }) => owner !== first.owner || !samePlace(place, first.place));
      if (strange || members.length < 2)
        throw new AppError('invalid', `the bond ${name} needs two interfaces of one VM, on the same bridge and VLAN`);
    }
  }

  /** The interfaces of a bond are one port: they move together. */
  private assertBondsWhole(before: readonly WantedPort[], after: readonly WantedPort[]): void {
    const places = new Map(after.map(({ tap, place }) => [tap, place] as const));
    const names = new Set([...before, ...after].flatMap(({ place }) => place?.bond?.name ?? []));
    for (const name of names) {
      const members = [...this.wanted.ports.values(), ...after].filter((port) => portNameOf(port) === name);
      const next = members.map(({ tap, place }) => (places.has(tap) ? (places.get(tap) ?? null) : place));
      const isWhole =
        next.every((place) => samePlace(place, next[0] ?? null)) && members.every(({ tap }) => places.has(tap));
      if (!isWhole) throw new AppError('refused', `the interfaces of the bond ${name} move together`);
    }
  }

  private assertPlace({ bridge, vlan }: Place, view: HostView): void {
    if (!view.bridges.has(bridge)) throw new AppError('not-found', `there is no bridge ${bridge} on this node`);
    const tags = vlan.kind === 'trunk' ? vlan.tags : [vlan.tag];
    const bad = tags.find((tag) => !Number.isInteger(tag) || tag < firstVlan || tag > lastVlan);
    if (bad !== undefined)
      throw new AppError('invalid', `VLAN ${bad}: a VLAN is a number from ${firstVlan} to ${lastVlan}`);
  }

  /** The switch has acted: each port works, or says why not. */
  private assertConnected(ports: readonly WantedPort[]): void {
    const view = this.view();
    const errors = ports.flatMap(({ tap, place }) => {
      const there = view.ports.get(portNameOf({ tap, place }));
      if (place === null || (there && (there.ofport ?? 0) > 0)) return [];
      return [[tap, there?.error || 'the switch has not connected it'] as const];
    });
    const [first] = errors;
    if (!first) return;
    const rest = errors.length > 1 ? `, and ${errors.length - 1} more` : '';
    throw new AppError('failed', `Open vSwitch cannot use ${first[0]}: ${first[1]}${rest}`, {
      detail: { ports: Object.fromEntries(errors) },
    });
  }

  private presentPort(ports: readonly WantedPort[], index: number): WantedPort {
    const port = ports[index];
    if (!port) throw new AppError('invalid', 'a move without its port');
    return port;
  }

  private async chooseDatapath(): Promise<'system' | 'netdev'> {
    const others = [...this.view().bridges.values()].map(datapathOf);
    return others[0] ?? (await this.components.host.defaultDatapath());
  }

  // ---- repair

  private inTurn<T>(run: () => Promise<T>): Promise<T> {
    const mine = this.turn.then(run);
    this.turn = mine.catch(() => undefined);
    return mine;
  }

  private wake(delayMs: number): void {
    const at = this.components.clock.now() + delayMs;
    if (at >= this.timerAt) return;
    this.timer?.cancel();
    this.timerAt = at;
    this.timer = this.components.clock.after(delayMs, () => {
      this.timerAt = Infinity;
      this.inTurn(() => (this.isStarted ? this.reconcile() : Promise.resolve())).catch((error: unknown) => {
        this.components.log('warn', `ports of VMs were not looked at: ${describeError(error)}`);
      });
    });
  }

  /** Shows what is wrong, and repairs what may be repaired, all of it in one change. A repair that fails is logged and tried again. */
  private async reconcile(): Promise<void> {
    // A second look after the repair: it shows what became of it.
    for (let pass = 0; pass < 2; pass += 1) {
      const view = this.view();
      // The database was started again, perhaps without its rows: what was lost with them, nobody took away.
      if (view.epoch !== this.epoch) this.faults.forgetAll();
      this.epoch = view.epoch;
      if (view.databaseFailure === '') this.adopt(view);
      this.noteHolders(view);
      const found = findFaults(this.wanted, view);
      const { due, nextMs } = this.faults.take(found, this.components.clock.now());
      if (nextMs !== null) this.wake(nextMs);
      this.show(found, due);
      if (view.databaseFailure !== '') return this.dropTapsOnly(view);
      const leftovers = mergeChanges([findLeftovers(this.wanted, view)]);
      if (due.length === 0 && isEmptyChange(leftovers)) return;
      await this.dropLeftovers(leftovers);
      if (due.length > 0) await this.repair(due);
    }
  }

  /** Bridges and trunks that this node made before its daemon ended. */
  private adopt({ bridges, ports, mirrors }: HostView): void {
    const { cluster } = this.wanted;
    for (const bridge of bridges.values()) {
      if (!isOurBridge(bridge, cluster)) continue;
      this.wanted.bridges.set(bridge.name, datapathOf(bridge));
      const config = readConfig(bridge.marks);
      if (Object.keys(config).length > 0) this.wanted.configs.set(bridge.name, config);
    }
    for (const port of ports.values()) {
      if (!isOurTrunk(port, cluster) || this.wanted.trunks.has(port.name)) continue;
      this.wanted.trunks.set(port.name, port.bridge);
      if (port.tunnel) this.wanted.tunnels.set(port.name, port.tunnel);
    }
    if (this.hasAdopted) return;
    // Of a daemon before this one. From then on a row that this one does not know is left over.
    this.hasAdopted = true;
    for (const port of ports.values()) {
      const tap = readHostTap(port, cluster);
      if (tap) this.wanted.hostTaps.set(tap.name, tap);
    }
    const isThere = (name: string) =>
      this.wanted.hostTaps.has(name) || [...this.wanted.ports.values()].some((port) => portNameOf(port) === name);
    for (const row of mirrors.values()) {
      if (!isOurMirror(row, cluster)) continue;
      const mirror = readMirror(row);
      if (isThere(mirror.source) && isThere(mirror.output)) this.wanted.mirrors.set(mirror.output, mirror);
    }
  }

  private noteHolders({ links }: HostView): void {
    for (const tap of [...this.held, ...this.wanted.lost]) {
      if (this.wanted.ports.has(tap)) continue;
      this.held.delete(tap);
      this.wanted.lost.delete(tap);
    }
    for (const tap of this.wanted.ports.keys()) {
      const link = links.get(tap);
      if (link?.hasCarrier) {
        this.held.add(tap);
        this.wanted.lost.delete(tap);
      } else if (link) this.held.delete(tap);
      else if (this.held.delete(tap)) this.wanted.lost.add(tap);
    }
  }

  /** All at once; where that fails, in halves, so that one that cannot be repaired does not keep the others broken. */
  private async repair(due: readonly Found[]): Promise<void> {
    try {
      const change = mergeChanges(due.flatMap(({ change }) => change ?? []));
      const setPorts = await this.withoutUsedTrunks(change.setPorts);
      await this.components.host.apply({ ...change, setPorts }, 0);
      this.failures = 0;
    } catch (error) {
      const isAway = error instanceof AppError && (error.code === 'unreachable' || error.code === 'timeout');
      const subjects = [...new Set(due.map(({ subject }) => subject))];
      if (!isAway && subjects.length > 1) {
        const half = new Set(subjects.slice(0, subjects.length >> 1));
        await this.repair(due.filter(({ subject }) => half.has(subject)));
        await this.repair(due.filter(({ subject }) => !half.has(subject)));
        return;
      }
      // Nothing was tried on them: it does not count.
      if (isAway) for (const subject of subjects) this.faults.takeBack(subject);
      this.components.log('warn', `not repaired: ${describeFound(due)}: ${describeError(error)}`);
      this.wakeAfterFailure();
    }
  }

  /** Somebody may have taken a trunk off its bridge to reach the node over it: on the bridge, nothing answers at its addresses. */
  private async withoutUsedTrunks(ports: readonly NewPort[]): Promise<NewPort[]> {
    const used = new Map<string, readonly string[]>();
    for (const { name } of ports) {
      if (!this.wanted.trunks.has(name) || this.wanted.tunnels.has(name) || this.view().ports.has(name)) continue;
      const addresses = await this.components.host.addressesOf(name);
      if (addresses.length > 0) used.set(name, addresses);
    }
    for (const [name, addresses] of used)
      this.components.log('warn', `${name} is not put back on its bridge: it has ${describeNames(addresses)}`);
    return ports.filter(({ name }) => !used.has(name));
  }

  private async dropLeftovers(change: SwitchChange): Promise<void> {
    if (isEmptyChange(change)) return;
    const names = [...new Set([...change.dropPorts, ...change.dropTaps])];
    try {
      await this.components.host.apply(change, 0);
      this.components.log('info', `removed: ${describeNames(names)}`);
    } catch (error) {
      this.components.log('warn', `not removed: ${describeNames(names)}: ${describeError(error)}`);
      this.wakeAfterFailure();
    }
  }

  private wakeAfterFailure(): void {
    this.wake(failedDelaysMs[Math.min(this.failures, failedDelaysMs.length - 1)] ?? 0);
    this.failures += 1;
  }

  /** A VM ends although Open vSwitch is away: its taps go now, its ports once the database answers again. */
  private async dropTapsOnly(view: HostView): Promise<void> {
    const { dropTaps = [] } = findLeftovers(this.wanted, view);
    if (dropTaps.length === 0) return;
    await this.components.host.apply({ ...noChange, dropTaps }, 0).catch((error: unknown) => {
      this.components.log('warn', `taps of VMs stay for now: ${describeError(error)}`);
    });
  }

  private show(found: readonly Found[], due: readonly Found[]): void {
    const { began, repaired, passed, leftAlone } = this.faults.show(found, due, this.components.clock.now());
    const { log } = this.components;
    if (began.length > 0) log('warn', `ports of VMs: ${describeFound(began)}`);
    if (repaired.length > 0) log('info', `repaired: ${describeFound(repaired)}`);
    if (passed.length > 0) log('info', `no longer: ${describeFound(passed)}`);
    for (const fault of leftAlone)
      log('warn', `${describeFound([fault])}: repaired ${fault.repairs} times, and now left alone`);
    this.tell();
  }

  private tell(): void {
    const plugged = [...this.wanted.ports.values()].filter(({ place }) => place !== null);
    this.components.host.listen(new Set(plugged.map(({ tap }) => tap)));
    for (const listener of this.listeners) listener();
  }
}

const nameRule = 'at most 15 characters, of letters, digits, "_", "." and "-"';

/** minimega says `already exists`, and not where. */
function describeTaken(name: string, bridge: HostBridge | undefined): string {
  const advice =
    bridge && uplinkOf(bridge) === name ? '`meshdeck bridge <node> --undo` takes it off' : 'take it off there first';
  return `${name} is on ${bridge?.name ?? 'another bridge'} already: ${advice}`;
}

const datapathOf = ({ datapath }: { readonly datapath: string }) => (datapath === 'netdev' ? 'netdev' : 'system');

/** Each name once, mega_tap9 before mega_tap10. */
const inOrder = (names: readonly string[]): string[] =>
  [...new Set(names)].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));

const namesAtMost = 8;
function describeNames(names: readonly string[]): string {
  const shown = names.slice(0, namesAtMost).join(', ');
  return names.length > namesAtMost ? `${shown} and ${names.length - namesAtMost} more` : shown;
}

function describeFound(found: readonly Pick<Found, 'subject' | 'reason' | 'detail'>[]): string {
  const texts = found.map(({ subject, reason, detail }) =>
    [subject, reason, detail && `(${detail})`].filter(Boolean).join(' '),
  );
  return describeNames(texts);
}
