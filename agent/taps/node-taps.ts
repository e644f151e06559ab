// Interfaces of this node on VLANs, and mirrors: what commands do with them, and that interfaces have their addresses, also after Open vSwitch has made them
// again. What is there is the switch's to know (host/ovs/host-taps.ts): it keeps all of it in the rows of its database.
import { AppError, describeError } from '../../contract/errors.ts';
import { maxHostTaps } from '../../contract/limits.ts';
import { overlap, parseNetwork4, isUnicast } from '../../core/net/ip4.ts';
import { describeAlias, sameAlias, type AliasName } from '../../core/vlans/names.ts';
import type { HostTap, Mirror } from '../../host/ovs/host-taps.ts';
import type { VirtualSwitch } from '../../host/ovs/virtual-switch.ts';
import type { Log } from '../log.ts';
import type { VlanUser, VlanUsers } from '../vlans/users.ts';
import type { Vlans } from '../vlans/vlans.ts';

export type TapSwitch = Pick<
  VirtualSwitch,
  | 'addHostTap'
  | 'addMirror'
  | 'moveHostTap'
  | 'onChange'
  | 'portOfTap'
  | 'raiseHostTap'
  | 'releaseTaps'
  | 'removeHostTaps'
  | 'removeMirrors'
  | 'reserveTaps'
  | 'state'
  | 'view'
>;

export interface NodeTapsComponents {
  readonly ports: TapSwitch;
  readonly vlans: Pick<Vlans, 'resolve' | 'state'>;
  /** Networks that this machine is in: `192.0.2.7/24`, by interface. */
  readonly networks: () => readonly { readonly name: string; readonly cidr: string }[];
  readonly log: Pick<Log, 'info' | 'warn'>;
}

export interface NewHostTap {
  readonly vlan: string;
  readonly bridge: string;
  /** Empty: the next free one, as VMs' taps are called. */
  readonly name: string;
  /** `10.0.0.254/24`; empty for none. */
  readonly address: string;
}

export class NodeTaps {
  readonly users: VlanUsers;
  private readonly components: NodeTapsComponents;
  /** Index of the interface that was taken into use, by name. */
  private readonly raised = new Map<string, number>();
  /** Being made: their numbers count already. */
  private readonly pending = new Set<VlanUser>();
  private unfollow: (() => void) | null = null;

  constructor(components: NodeTapsComponents) {
    this.components = components;
    this.users = {
      using: (vlans) => {
        const wanted = new Set(vlans);
        return [...this.usersHere(), ...this.pending].filter(({ vlan }) => wanted.has(vlan));
      },
      move: async ({ name, from, to }) => {
        const moving = this.list(null).filter(({ vlan }) => from.includes(vlan) && this.isBy(vlan, name));
        const were = moving.map((tap) => this.asUser(tap));
        for (const tap of moving) await components.ports.moveHostTap(tap.name, to);
        return were;
      },
    };
  }

  /** The switch runs. */
  start(): void {
    this.unfollow = this.components.ports.onChange(() => this.look());
    this.look();
  }

  stop(): void {
    this.unfollow?.();
  }

  /** Those that somebody asked for; null: of all namespaces. */
  list(namespace: string | null): readonly HostTap[] {
    const taps = this.components.ports.state().hostTaps.filter(({ use }) => use === 'tap');
    return namespace === null ? taps : taps.filter((tap) => tap.namespace === namespace);
  }

  mirrors(namespace: string | null): readonly Mirror[] {
    const { mirrors } = this.components.ports.state();
    return namespace === null ? mirrors : mirrors.filter((mirror) => mirror.namespace === namespace);
  }

  /** @returns its name. @throws AppError in minimega's words where it has some */
  async create(order: NewHostTap, namespace: string, options: { readonly signal: AbortSignal }): Promise<string> {
    const { ports, vlans } = this.components;
    const { bridge, address } = order;
    if (address !== '') this.assertAddress(address);
    if (this.list(null).length >= maxHostTaps)
      throw new AppError('refused', `this node has ${maxHostTaps} taps on VLANs: \`tap delete\` one first`);
    const { vlan, name: alias } = await vlans.resolve(order.vlan, namespace, options);
    const name = order.name === '' ? (ports.reserveTaps(1)[0] ?? '') : order.name;
    const user = { vm: name, namespace, vlan, alias: alias === null ? '' : describeAlias(alias, namespace) };
    this.pending.add(user);
    try {
      await ports.addHostTap({ name, bridge, vlan, use: 'tap', namespace, address });
    } finally {
      this.pending.delete(user);
      if (order.name === '') ports.releaseTaps([name]);
    }
    try {
      await ports.raiseHostTap(name, address);
    } catch (error) {
      await ports.removeHostTaps([name]);
      throw error;
    }
    this.note(name);
    return name;
  }

  /** @throws AppError in minimega's words */
  async remove(name: string, namespace: string): Promise<void> {
    const { ports } = this.components;
    const tap = ports.state().hostTaps.find((each) => each.name === name);
    if (!tap) throw new AppError('not-found', ports.portOfTap(name) ? 'not a host tap' : 'unknown tap');
    if (tap.use !== 'tap')
      throw new AppError(
        'refused',
        `${name} is a DHCP server’s: \`dnsmasq kill\` ends both, and \`dnsmasq info\` shows its id`,
      );
    if (tap.namespace !== namespace) throw new AppError('refused', 'not a host tap in active namespace');
    await ports.removeHostTaps([name]);
  }

  async removeAll(namespace: string): Promise<void> {
    await this.components.ports.removeHostTaps(this.list(namespace).map(({ name }) => name));
  }

  /** By names of taps: of VMs, of bonds' NICs, or of this node. `bridge`: where they have to be; empty for anywhere. @throws AppError in minimega's words */
  async mirror(
    source: string,
    output: string,
    { bridge, namespace }: { bridge: string; namespace: string },
  ): Promise<void> {
    const { ports } = this.components;
    if (source === output) throw new AppError('invalid', 'cannot mirror tap to itself');
    const [from, to] = [ports.portOfTap(source), ports.portOfTap(output)];
    if (!from || (bridge !== '' && from.bridge !== bridge))
      throw new AppError('not-found', 'source tap is not on bridge');
    if (!to || to.bridge !== from.bridge) throw new AppError('not-found', 'destination tap is not on bridge');
    await ports.addMirror({ bridge: from.bridge, source: from.name, output: to.name, namespace });
  }

  /** Those that these taps get; null: all of the namespace. @throws AppError when one gets none */
  async removeMirrors(outputs: readonly string[] | null, namespace: string): Promise<void> {
    const { ports } = this.components;
    const all = this.mirrors(namespace).map(({ output }) => output);
    const named = outputs?.map((tap) => ports.portOfTap(tap)?.name ?? tap);
    if (named?.some((name) => !all.includes(name))) throw new AppError('not-found', 'not a valid mirror');
    await ports.removeMirrors(named ?? all);
  }

  /** An address that would be somebody else's way to this node, or nobody's. @throws AppError */
  private assertAddress(address: string): void {
    const network = parseNetwork4(address);
    if (!network || !isUnicast(network.address))
      throw new AppError(
        'invalid',
        `\`${address.slice(0, 50)}\`: an address with its prefix length, such as 10.0.0.254/24`,
      );
    for (const { name, cidr } of this.components.networks()) {
      const other = parseNetwork4(cidr);
      if (other && overlap(network, other))
        throw new AppError(
          'conflict',
          `${address} is in the network of ${name} (${cidr}), and this node would lose its way there: choose another network`,
        );
    }
  }

  // ---- interfaces that the switch has made again

  private look(): void {
    const { ports, log } = this.components;
    const taps = this.list(null);
    const names = new Set(taps.map(({ name }) => name));
    for (const name of this.raised.keys()) if (!names.has(name)) this.raised.delete(name);
    const { links } = ports.view();
    for (const { name, address } of taps) {
      const link = links.get(name);
      if (!link || this.raised.get(name) === link.index) continue;
      this.raised.set(name, link.index);
      ports.raiseHostTap(name, address).catch((error: unknown) => {
        this.raised.delete(name);
        log.warn(`taps: ${name} is not in use: ${describeError(error)}`);
      });
    }
  }

  private note(name: string): void {
    const link = this.components.ports.view().links.get(name);
    if (link) this.raised.set(name, link.index);
  }

  // ---- VLANs

  private usersHere(): VlanUser[] {
    return this.list(null).map((tap) => this.asUser(tap));
  }

  private asUser({ name, namespace, vlan }: HostTap): VlanUser {
    return { vm: name, namespace, vlan };
  }

  private isBy(vlan: number, name: AliasName): boolean {
    return this.components.vlans.state.table.holders(vlan).some((row) => sameAlias(row, name));
  }
}
