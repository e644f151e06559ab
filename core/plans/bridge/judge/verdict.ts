// Whether a NIC may go into the bridge, and how: facts and a choice in, findings out. Owns what blocks and what warns.
// observe/ looks at a node, plan/ decides what is then done.
import { alarmsOf } from './alarms.ts';
import type { BridgeFacts, BridgeMethod, NicFacts, OvsBridgeFacts } from '../observe/facts.ts';
import { interfacesOf, readInterfacesTree } from '../observe/interfaces-file.ts';
import { findTrouble, isOver, mendOf } from '../observe/transaction-mark.ts';

export interface BridgeChoice {
  readonly bridge: string;
  /** A NIC's name, or `auto`: the one that the console came in on. */
  readonly uplink: string;
  readonly method: 'auto' | BridgeMethod;
  readonly datapath: 'auto' | 'system' | 'netdev';
}

export interface BridgeFinding {
  readonly id: string;
  /** `block`: nothing is done on this node. */
  readonly level: 'block' | 'warn';
  /** Field of the form that fixes it; empty when only the node can be changed. */
  readonly field: '' | 'nodes' | 'bridge' | 'uplink' | 'method' | 'datapath';
  readonly text: string;
  /** What to do about it, a command where there is one; empty when there is nothing to do. */
  readonly mend: string;
}

/**
 * What is there already. `right`: bridge, uplink and addresses are as wanted and come back at boot. `unproven`: they are as
 * wanted, but the next boot would not bring them back, or what it reads is not as it was committed. `partial`: some of it, to be
 * completed. `absent`: nothing.
 */
export type BridgePresence = 'right' | 'unproven' | 'partial' | 'absent';

export interface BridgeVerdict {
  readonly presence: BridgePresence;
  /** The NIC that is or will be in the bridge; null when it is unknown. */
  readonly uplink: NicFacts | null;
  readonly method: BridgeMethod;
  readonly datapath: 'system' | 'netdev';
  /** Who made what is there, in words; empty when nothing is there. */
  readonly madeBy: string;
  /** Blocking ones first. */
  readonly findings: readonly BridgeFinding[];
}

/** Below it the snapshot or the files of a commit may not fit: the transaction writes 1 MB at most. */
const wantedDiskBytes = 20e6;

export function judgeBridge(
  facts: BridgeFacts,
  choice: BridgeChoice,
  purpose: 'ensure' | 'remove' = 'ensure',
): BridgeVerdict {
  const findings: BridgeFinding[] = [];
  const add = (
    level: BridgeFinding['level'],
    id: string,
    text: string,
    mend = '',
    field: BridgeFinding['field'] = '',
  ) => void findings.push({ level, id, text, mend, field });

  const bridge = facts.ovs.bridges.find(({ name }) => name === choice.bridge) ?? null;
  const uplink = findUplink(facts, choice, bridge);
  const datapath =
    choice.datapath !== 'auto'
      ? choice.datapath
      : bridge !== null
        ? bridge.datapathType === 'netdev'
          ? 'netdev'
          : 'system'
        : facts.ovs.hasKernelModule
          ? 'system'
          : 'netdev';
  const method = choice.method === 'auto' ? chooseMethod(facts, uplink) : choice.method;
  const presence = judgePresence(facts, bridge, uplink);
  const verdict = { presence, uplink, method, datapath, madeBy: bridge === null ? '' : describeMaker(bridge) } as const;

  judgeSystem(facts, add);
  for (const text of driftOf(facts, choice.bridge))
    add('warn', 'drift', `it differs from what was committed: ${text}`, 'run this plan: it repairs the bridge');
  judgeSwitch(facts, { datapath, isAsked: choice.datapath }, add);
  if (bridge !== null && (bridge.datapathType === 'netdev') !== (datapath === 'netdev'))
    add(
      'block',
      'datapath',
      `${bridge.name} has the ${bridge.datapathType === 'netdev' ? 'userspace' : 'kernel’s'} datapath: the other one would rebuild it under all its VMs`,
      'choose the datapath that it has, or take the bridge away first',
      'datapath',
    );
  if (uplink === null) add('block', 'no-uplink', describeMissing(facts, choice), 'choose another NIC', 'uplink');
  else {
    judgeMembership(facts, { bridge, uplink, wanted: choice.bridge }, add);
    if (presence !== 'right') judgeNic(facts, { uplink, datapath, wanted: choice.bridge }, add);
    judgeMethod(facts, { uplink, method }, add);
  }
  // What is right already is left alone, so that nothing can go wrong. What speaks against putting a NIC in says nothing about
  // taking it out.
  const ids = purpose === 'remove' ? removalIds : presence === 'right' ? lastingIds : null;
  const counted = ids === null ? findings : findings.filter(({ id }) => ids.has(id));
  return { ...verdict, findings: counted.sort((a, b) => rank(a) - rank(b)) };
}

/** Findings that matter even where nothing will be done. */
const lastingIds = new Set(['drift', 'transaction', 'transaction-stuck']);

/** Those that matter where the bridge is taken away. */
const removalIds = new Set([
  'systemd',
  'disk',
  'proxmox',
  'checkpoint',
  'transaction',
  'transaction-stuck',
  'ovs-down',
  'no-uplink',
  'only-path',
]);

function rank(finding: BridgeFinding): number {
  return finding.level === 'block' ? 0 : 1;
}

type Add = (
  level: BridgeFinding['level'],
  id: string,
  text: string,
  mend?: string,
  field?: BridgeFinding['field'],
) => void;

/** The NIC that goes in: the chosen one, the one that is in already, or the one that the console came in on. */
function findUplink(facts: BridgeFacts, choice: BridgeChoice, bridge: OvsBridgeFacts | null): NicFacts | null {
  const byName = (name: string) =>
    facts.nics.find((nic) => nic.name === name) ?? facts.nics.find((nic) => nic.altNames.includes(name)) ?? null;
  if (choice.uplink !== 'auto') return byName(choice.uplink);
  const inside = bridge === null ? [] : uplinksOf(facts, bridge);
  const committed = facts.committed?.bridge === choice.bridge ? facts.committed.uplink : '';
  if (inside.length > 0) return inside.find(({ name }) => name === committed) ?? inside[0] ?? null;
  const name = facts.ingress !== '' ? facts.ingress : (facts.defaultRoutes[0]?.dev ?? '');
  const nic = byName(name);
  // The console came in on another bridge's own interface: the NIC below it is meant, and is refused as that bridge's member.
  if (nic?.kind !== 'internal') return nic;
  const other = facts.ovs.bridges.find((each) => each.name === name);
  return other ? (uplinksOf(facts, other)[0] ?? null) : null;
}

/** Physical ports of a bridge. */
export function uplinksOf(facts: BridgeFacts, bridge: OvsBridgeFacts): NicFacts[] {
  return bridge.ports.flatMap((port) => {
    const nic = facts.nics.find(({ name }) => name === port);
    const isPhysical = nic !== undefined && ['ethernet', 'bond', 'team', 'vlan', 'wifi'].includes(nic.kind);
    return isPhysical ? [nic] : [];
  });
}

function judgePresence(facts: BridgeFacts, bridge: OvsBridgeFacts | null, uplink: NicFacts | null): BridgePresence {
  if (bridge === null) return 'absent';
  if (uplink?.ovsBridge !== bridge.name) return 'partial';
  const hasAddresses = uplink.addresses.some(({ scope }) => scope === 'global');
  if (hasAddresses) return 'partial';
  return facts.rebootDoubts?.length === 0 && driftOf(facts, bridge.name).length === 0 ? 'right' : 'unproven';
}

/** What differs from the commit of this bridge. */
function driftOf({ committed, drift }: BridgeFacts, bridge: string): readonly string[] {
  return committed?.bridge === bridge ? drift : [];
}

/** The method that the NIC's owner suggests. */
export function chooseMethod(facts: BridgeFacts, uplink: NicFacts | null): BridgeMethod {
  if (facts.committed !== null && facts.committed.uplink === uplink?.name) return facts.committed.method;
  if (uplink?.owner === 'networkd') return 'networkd';
  if (uplink?.owner === 'ifupdown' && facts.hasIfupdownHook && !isFixedBesideLease(facts, uplink)) return 'ifupdown';
  return 'commands';
}

/** A bridge made by hand has a fixed address, but the NIC's stanza would ask for a lease at the next boot, perhaps with another MAC. */
export function isFixedBesideLease(facts: BridgeFacts, uplink: NicFacts): boolean {
  const carrier = facts.nics.find(({ name }) => name === uplink.ovsBridge);
  const own = carrier?.addresses.filter(({ scope, family }) => scope === 'global' && family === 4) ?? [];
  if (own.length === 0 || carrier?.dhcp !== 'none' || own.some(({ flags }) => flags.includes('dynamic'))) return false;
  return interfacesOf(readInterfacesTree(facts.files).stanzas).some(
    ({ name, family, method }) => [uplink.name, carrier.name].includes(name) && family === 'inet' && method === 'dhcp',
  );
}

function describeMaker(bridge: OvsBridgeFacts): string {
  const ids = Object.keys(bridge.externalIds);
  if (ids.some((id) => id.startsWith('meshdeck-'))) return 'Meshdeck';
  if (bridge.ports.some((port) => port.startsWith('mega_tap')))
    return 'minimega, or by hand with VMs of minimega on it';
  return 'hand or by another program';
}

function describeMissing(facts: BridgeFacts, choice: BridgeChoice): string {
  const names = facts.nics.filter(({ kind }) => !['internal', 'virtual', 'bridge'].includes(kind)).map(describeNic);
  const there = names.length === 0 ? 'it has no NIC' : `it has ${names.join(', ')}`;
  return choice.uplink === 'auto'
    ? `which NIC the console comes in on is unknown: ${there}`
    : `it has no NIC called ${choice.uplink}: ${there}`;
}

/** `eth0 (ethernet, 10.0.0.5/24)`. */
export function describeNic(nic: NicFacts): string {
  const address = nic.addresses.find(({ scope }) => scope === 'global')?.address;
  return `${nic.name} (${[nic.kind, address ?? (nic.hasCarrier ? 'no address' : 'no carrier')].join(', ')})`;
}

function judgeSystem(facts: BridgeFacts, add: Add): void {
  if (!facts.hasSystemd)
    add(
      'block',
      'systemd',
      'it has no systemd: the rollback could not be armed in PID 1',
      'bridge it by hand at its own console',
    );
  if (facts.diskBytes < wantedDiskBytes)
    add(
      'block',
      'disk',
      `${(facts.diskBytes / 1e6).toFixed(1)} MB free below /var/lib or /etc: neither the snapshot nor the files would fit`,
      'free 20 MB there',
    );
  if (facts.isProxmox)
    add(
      'block',
      'proxmox',
      'a Proxmox VE node deletes the database of Open vSwitch at boot: the bridge would be gone',
      'make the bridge in Proxmox itself (OVS Bridge), then run this again: it is recognised',
    );
  if (facts.nmCheckpoints > 0)
    add(
      'block',
      'checkpoint',
      'NetworkManager holds an open checkpoint: someone changes its network right now, and its rollback would undo ours',
      'wait for its end, or end it: nmcli device checkpoint',
    );
  const { transaction } = facts;
  if (transaction !== null && !isOver(transaction)) {
    const trouble = alarmsOf(facts).length > 0 ? findTrouble(transaction) : null;
    const age = describeSeconds(transaction.ageSeconds);
    add(
      'block',
      trouble === null ? 'transaction' : 'transaction-stuck',
      `${transaction.holder || 'someone'} changes its bridge right now (${transaction.id}, ${transaction.state} since ${age})`,
      trouble === null
        ? 'wait: it is kept or rolls back automatically'
        : `it will not end on its own. Look at it, and roll it back: ${mendOf(transaction, trouble)}`,
    );
  }
  if (facts.virtualisation !== 'none' && facts.virtualisation !== '' && !isContainer(facts.virtualisation))
    add(
      'warn',
      'nested',
      `it is a VM itself (${facts.virtualisation}): its hypervisor must let frames of other MAC addresses through`,
      'allow forged transmits and promiscuous mode on its port there',
    );
}

function isContainer(virtualisation: string): boolean {
  return ['systemd-nspawn', 'lxc', 'lxc-libvirt', 'docker', 'podman', 'container-other', 'openvz', 'wsl'].includes(
    virtualisation,
  );
}

function judgeSwitch(
  facts: BridgeFacts,
  { datapath, isAsked }: { datapath: 'system' | 'netdev'; isAsked: BridgeChoice['datapath'] },
  add: Add,
): void {
  const { ovs } = facts;
  if (ovs.version === '') {
    add(
      'block',
      'ovs',
      'Open vSwitch is not installed',
      'apt-get install openvswitch-switch (meshdeck nodes add --install)',
    );
    return;
  }
  if (!ovs.isDatabaseUp || !ovs.isSwitchUp) {
    const what = ovs.isDatabaseUp ? 'ovs-vswitchd' : 'ovsdb-server';
    add(
      'block',
      'ovs-down',
      `Open vSwitch is down: ${what} does not answer`,
      'systemctl enable --now openvswitch-switch',
    );
    return;
  }
  if (datapath === 'system' && !ovs.hasKernelModule) {
    add(
      'block',
      'datapath',
      'there is no openvswitch kernel module for the kernel datapath',
      'choose the userspace datapath, or install the module of its kernel',
      'datapath',
    );
    return;
  }
  if (datapath === 'netdev') {
    add(
      'warn',
      'userspace',
      (isAsked === 'netdev' && ovs.hasKernelModule
        ? 'the userspace datapath was chosen: '
        : 'no openvswitch kernel module: the userspace datapath is used. ') +
        'It carries some hundred Mbit/s where the kernel’s carries 10 Gbit/s, and keeps a core busy under load',
      ovs.hasKernelModule
        ? ''
        : 'install the module of its kernel (linux-modules-extra on Ubuntu), then run this again',
    );
    if (!facts.hasNft)
      add(
        'block',
        'nft',
        'the userspace datapath needs nft: without it the kernel answers every frame of the uplink a second time',
        'apt-get install nftables',
      );
  }
}

function judgeMembership(
  facts: BridgeFacts,
  { bridge, uplink, wanted }: { bridge: OvsBridgeFacts | null; uplink: NicFacts; wanted: string },
  add: Add,
): void {
  const { name } = uplink;
  if (uplink.ovsBridge !== '' && uplink.ovsBridge !== wanted)
    add(
      'block',
      'member',
      `${name} is in the bridge ${uplink.ovsBridge} already`,
      `use that bridge (--bridge ${uplink.ovsBridge}), or take it out first: ovs-vsctl del-port ${uplink.ovsBridge} ${name}`,
      'uplink',
    );
  if (uplink.master !== '') {
    const master = facts.nics.find((nic) => nic.name === uplink.master);
    const isBond = master?.kind === 'bond' || master?.kind === 'team';
    add(
      'block',
      'member',
      `${name} belongs to ${uplink.master}${master ? `, a ${master.kind}` : ''}`,
      isBond ? `choose ${uplink.master} itself` : `take it out of ${uplink.master} first, at the node’s own console`,
      'uplink',
    );
  }
  if (bridge === null) return;
  const others = uplinksOf(facts, bridge).filter((nic) => nic.name !== name);
  if (others.length > 0 && uplink.ovsBridge !== bridge.name)
    add(
      'block',
      'second-uplink',
      `${bridge.name} has ${others.map((nic) => nic.name).join(', ')} as its uplink: ${name} beside it would close a loop in one network`,
      `choose ${others[0]?.name ?? ''}, or make a bond of them first`,
      'uplink',
    );
  else if (others.length > 0)
    add(
      'warn',
      'second-uplink',
      `${bridge.name} has several uplinks (${[name, ...others.map((nic) => nic.name)].join(', ')}): in one network they are a loop`,
      `ovs-vsctl del-port ${bridge.name} ${others[0]?.name ?? ''}, or make a bond of them`,
    );
  for (const error of bridge.errors) add('warn', 'ovs-error', `Open vSwitch says of ${error}`, 'ovs-vsctl show');
  if (bridge.failMode === 'secure')
    add(
      'warn',
      'secure',
      `${bridge.name} has fail_mode secure: without a controller it carries nothing; the plan sets standalone`,
    );
}

function judgeNic(
  facts: BridgeFacts,
  { uplink, datapath, wanted }: { uplink: NicFacts; datapath: 'system' | 'netdev'; wanted: string },
  add: Add,
): void {
  const { name } = uplink;
  const globals = uplink.addresses.filter(({ scope }) => scope === 'global');
  switch (uplink.kind) {
    case 'wifi':
      add(
        'block',
        'wifi',
        `${name} is a wireless NIC: an access point drops frames of VMs’ addresses`,
        'choose a wired NIC',
        'uplink',
      );
      break;
    case 'bridge':
      add(
        'block',
        'linux-bridge',
        `${name} is a Linux bridge: a bridge in a bridge hides which NIC carries it`,
        `choose the NIC in it, after ${name} was taken away at the node’s own console`,
        'uplink',
      );
      break;
    case 'macvlan':
      add(
        'block',
        'macvlan',
        `${name} is a macvlan: it passes only frames for its address`,
        `choose ${uplink.lower || 'the NIC below it'}`,
        'uplink',
      );
      break;
    case 'internal':
      add('block', 'internal', `${name} is an interface of Open vSwitch itself, not a NIC`, 'choose the NIC', 'uplink');
      break;
    case 'vlan':
      add(
        'warn',
        'vlan',
        `${name} is a VLAN of ${uplink.lower || 'a NIC'}: the bridge carries that one VLAN, and VLANs of VMs do not leave the node`,
        uplink.lower ? `choose ${uplink.lower} if its switch port is a trunk` : '',
        'uplink',
      );
      break;
    case 'bond':
    case 'team':
      add(
        'warn',
        'bond',
        `${name} is a ${uplink.kind}: LACP may take half a minute to agree again after a change`,
        'give it a window of 300 s',
      );
      break;
    default:
  }
  if (uplink.kind === 'virtual') add('block', 'virtual', `${name} is not a physical NIC`, 'choose another', 'uplink');
  if (facts.networkRoot !== '') judgeNetworkRoot(facts, { uplink, wanted }, add);
  if (!uplink.hasCarrier)
    add(
      'warn',
      'carrier',
      `${name} has no carrier: nothing proves that it leads anywhere`,
      'look at its cable',
      'uplink',
    );
  judgeUppers(facts, { uplink, datapath }, add);

  const isPath =
    facts.ingress === name || uplink.addresses.some(({ address }) => address.split('/')[0] === facts.ingressAddress);
  if (isPath && facts.otherPaths.length === 0 && !facts.hasBmc)
    add(
      'warn',
      'only-path',
      `${name} is the only way to it, and it has no BMC: only the rollback brings it back`,
      'have its console at hand for the first node',
    );
  const beside = neighboursOf(facts, uplink, wanted);
  if (beside.length > 0)
    add(
      'warn',
      'loop',
      `${beside.join(', ')} and ${name} lead to the same network: both in one bridge, or two bridges joined, would be a loop, and its storm takes down all nodes`,
      `keep ${beside.join(', ')} out of bridges, or bond them with ${name}`,
    );
  const isOnBridge = facts.nics.some(
    (nic) =>
      nic.name === wanted && uplink.ovsBridge === wanted && nic.addresses.some(({ scope }) => scope === 'global'),
  );
  if (globals.length === 0 && !isOnBridge)
    add('warn', 'no-address', `${name} has no address: the bridge will have none either`);
  if (uplink.dhcpPrograms > 1)
    add(
      'block',
      'clients',
      `${uplink.dhcpPrograms} DHCP clients run for ${name}, one of a family each: only one lease could be handed over, and the other would end`,
      'have IPv6 by router advertisements or a fixed address (iface … inet6 auto), and restart networking there',
    );
  if (uplink.dhcp !== 'none' && uplink.dhcpClientId === '')
    add(
      'warn',
      'client-id',
      `its lease was asked without a fixed client identifier: the server may give another address to ${name}’s successor; the plan carries the address, and takes no other without asking`,
      'reserve its address by MAC in the DHCP server',
    );
  if (uplink.ipv6Mode === 'stable-privacy')
    add(
      'warn',
      'stable-privacy',
      'its IPv6 address is made from the interface’s name (stable-privacy): after the next boot it is another' +
        (globals.every(({ family }) => family === 6) ? ', and it has no IPv4 address to be reached at' : ''),
      `sysctl net.ipv6.conf.all.addr_gen_mode=0, or give it a fixed address`,
    );
  const devices = new Set(facts.defaultRoutes.map(({ dev }) => dev));
  if (devices.size > 1)
    add(
      'warn',
      'two-routes',
      `it has default routes over ${[...devices].join(' and ')}: those of ${name} move with their metrics, the others stay`,
    );
  const rules = facts.deviceRules.filter((rule) => new RegExp(`\\b${escapeRegExp(name)}\\b`).test(rule));
  if (rules.length > 0)
    add(
      'warn',
      'rules',
      `policy rules name ${name}: ${rules.join('; ')}. The plan carries them to the bridge`,
      'make them lasting for the bridge where they come from',
    );
  for (const text of uplink.entanglements) {
    const zone = /firewalld's zone ([\w-]+)/.exec(text)?.[1];
    if (zone === undefined)
      add(
        'warn',
        'entangled',
        `${text}: behind Open vSwitch it no longer sees anything of ${name}`,
        'name the bridge there as well',
      );
    else {
      const join = `--zone=${zone} --add-interface=${wanted}`;
      add(
        'warn',
        'zone',
        `${text}: what ${zone} lets in may be shut out, and the change then rolls back automatically`,
        `before the change: firewall-cmd --permanent ${join} && firewall-cmd ${join}`,
      );
    }
  }
  if (uplink.lldp !== '')
    add(
      'warn',
      'switch-port',
      `its switch port is ${uplink.lldp}`,
      'let it take several MAC addresses, and set no BPDU guard there',
    );
}

function judgeNetworkRoot(
  facts: BridgeFacts,
  { uplink, wanted }: { uplink: NicFacts; wanted: string },
  add: Add,
): void {
  const { networkRoot, networkRootOver: over } = facts;
  const own = new Set([uplink.name, wanted, ...uplink.uppers]);
  const text = `its root file system is on the network (${networkRoot})`;
  if (over.length > 0 && !over.some((name) => own.has(name)))
    add('warn', 'network-root', `${text}, over ${over.join(', ')}`, `leave ${over.join(', ')} out of bridges`);
  else if (over.length > 0)
    add(
      'block',
      'network-root',
      `${text}, over ${uplink.name}: an interruption would hang the node permanently`,
      'choose another NIC',
      'uplink',
    );
  else add('block', 'network-root', `${text} over an unknown NIC: an interruption would hang the node permanently`);
}

/** Other NICs that were heard on the uplink's wire, or have an address in its network. */
function neighboursOf(facts: BridgeFacts, uplink: NicFacts, wanted: string): string[] {
  const networks = new Set(
    uplink.routes.flatMap(({ text }) => /^(\S+) dev \S+ proto kernel scope link/.exec(text)?.[1] ?? []),
  );
  // The VLANs of a NIC, and the bridge that it goes into, are heard on its own wire.
  const own = new Set([uplink.name, uplink.lower, uplink.master, uplink.ovsBridge, wanted, ...uplink.uppers]);
  return facts.nics
    .filter(({ name, routes }) => {
      if (own.has(name)) return false;
      const isHeard = facts.sameSegment.some((pair) => pair.includes(name) && pair.includes(uplink.name));
      return isHeard || routes.some(({ text }) => networks.has(text.split(' ')[0] ?? ''));
    })
    .map(({ name }) => name);
}

/** VLAN sub-interfaces on the uplink: the kernel takes their frames before Open vSwitch sees them. */
function judgeUppers(
  facts: BridgeFacts,
  { uplink, datapath }: { uplink: NicFacts; datapath: 'system' | 'netdev' },
  add: Add,
): void {
  if (uplink.uppers.length === 0) return;
  const uppers = uplink.uppers.join(', ');
  const management = uplink.uppers.find((name) => name === facts.ingress);
  if (datapath === 'netdev')
    add(
      'block',
      'uppers',
      `${uppers} on ${uplink.name} would go deaf: with the userspace datapath the kernel gets nothing of the NIC`,
      'install the openvswitch kernel module, or make VLAN interfaces in the bridge instead',
      'uplink',
    );
  else
    add(
      'warn',
      'uppers',
      `${uppers} on ${uplink.name} keep their VLANs: frames of these go to the node and not to VMs` +
        (management ? `; the console comes in by ${management}, which does not move` : ''),
    );
}

function judgeMethod(
  facts: BridgeFacts,
  { uplink, method }: { uplink: NicFacts; method: BridgeMethod },
  add: Add,
): void {
  if (method === 'ifupdown' && uplink.owner !== 'ifupdown')
    add(
      'block',
      'method',
      `${uplink.name} belongs to ${describeOwner(uplink)}: /etc/network/interfaces would not bring it up`,
      'choose the method auto or commands',
      'method',
    );
  if (method === 'ifupdown' && !facts.hasIfupdownHook)
    add('block', 'hook', 'ifupdown there has no hook of Open vSwitch', 'choose the method commands', 'method');
  if (method === 'networkd' && uplink.owner !== 'networkd')
    add(
      'block',
      'method',
      `${uplink.name} belongs to ${describeOwner(uplink)}, not to systemd-networkd`,
      'choose the method auto or commands',
      'method',
    );
  if (uplink.owner === 'none' && uplink.addresses.some(({ scope }) => scope === 'global'))
    add(
      'warn',
      'owner',
      `nothing that we know configures ${uplink.name}${uplink.dhcp === 'dhclient' ? ', but dhclient runs for it' : ''}: what set its ` +
        'address at boot may do so again beside the bridge',
      uplink.dhcp === 'dhclient'
        ? 'look what started it (systemctl status $(pgrep -x dhclient)), and have it leave the NIC alone'
        : 'look into /etc/rc.local and the like',
    );
}

/** `netplan (renderer networkd, /etc/netplan/50.yaml)`, `NetworkManager`. */
export function describeOwner(nic: NicFacts): string {
  const names = {
    ifupdown: 'ifupdown',
    ifupdown2: 'ifupdown2',
    networkmanager: 'NetworkManager',
    networkd: 'systemd-networkd',
    ifcfg: 'network-scripts',
    none: 'nobody that we know',
  } as const;
  return nic.netplan ? `netplan (renderer ${nic.netplan.renderer}, ${nic.netplan.file})` : names[nic.owner];
}

/** `45 s`, `12 min`, `3 h`. */
export function describeSeconds(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}

function escapeRegExp(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
}
