// What speaks against a NIC as the uplink of a bridge: where it belongs, what it is, what depends on it, and who keeps it.
import type { BridgeMethod, NicFacts } from '../observe/facts.ts';
import type { FindingRow } from './finding.ts';
import type { JudgedBridge } from './node-rows.ts';
import { neighboursOf, uplinksOf } from './uplink.ts';
import { describeOwner } from './words.ts';

interface JudgedUplink extends JudgedBridge {
  readonly uplink: NicFacts;
  readonly method: BridgeMethod;
}

export const memberRows: readonly FindingRow<JudgedUplink>[] = [
  {
    id: 'member',
    level: 'block',
    when: ({ uplink, choice }) => uplink.ovsBridge !== choice.bridge && uplink.ovsBridge,
    text: ({ uplink }, other) => `${uplink.name} is in the bridge ${other} already`,
    fix: ({ uplink }, other) =>
      `use that bridge (--bridge ${other}), or take it out first: ovs-vsctl del-port ${other} ${uplink.name}`,
    field: 'uplink',
  },
  {
    id: 'member',
    level: 'block',
    when: ({ uplink }) => uplink.master,
    text: (node, master) => {
      const kind = masterOf(node)?.kind;
      return `${node.uplink.name} belongs to ${master}${kind ? `, a ${kind}` : ''}`;
    },
    fix: (node, master) =>
      ['bond', 'team'].includes(masterOf(node)?.kind ?? '')
        ? `choose ${master} itself`
        : `take it out of ${master} first, at the node’s own console`,
    field: 'uplink',
  },
  {
    id: 'second-uplink',
    level: 'block',
    when: (node) => node.uplink.ovsBridge !== node.bridge?.name && othersIn(node).join(', '),
    text: ({ bridge, uplink }, others) =>
      `${bridge?.name ?? ''} has ${others} as its uplink: ${uplink.name} beside it would close a loop in one network`,
    fix: (node) => `choose ${othersIn(node)[0] ?? ''}, or make a bond of them first`,
    field: 'uplink',
  },
  {
    id: 'second-uplink',
    level: 'warn',
    when: (node) => node.uplink.ovsBridge === node.bridge?.name && othersIn(node).join(', '),
    text: ({ bridge, uplink }, others) =>
      `${bridge?.name ?? ''} has several uplinks (${uplink.name}, ${others}): in one network they are a loop`,
    fix: (node) => `ovs-vsctl del-port ${node.bridge?.name ?? ''} ${othersIn(node)[0] ?? ''}, or make a bond of them`,
  },
  {
    id: 'ovs-error',
    level: 'warn',
    when: ({ bridge }) => bridge?.errors ?? [],
    text: (_, error) => `Open vSwitch says of ${error}`,
    fix: 'ovs-vsctl show',
  },
  {
    id: 'secure',
    level: 'warn',
    when: ({ bridge }) => bridge?.failMode === 'secure' && bridge.name,
    text: (_, bridge) =>
      `${bridge} has fail_mode secure: without a controller it carries nothing; the plan sets standalone`,
  },
];

/** For a NIC that has yet to go in. */
export const nicRows: readonly FindingRow<JudgedUplink>[] = [
  {
    id: 'wifi',
    level: 'block',
    when: isKind('wifi'),
    text: ({ uplink }) => `${uplink.name} is a wireless NIC: an access point drops frames of VMs’ addresses`,
    fix: 'choose a wired NIC',
    field: 'uplink',
  },
  {
    id: 'linux-bridge',
    level: 'block',
    when: isKind('bridge'),
    text: ({ uplink }) => `${uplink.name} is a Linux bridge: a bridge in a bridge hides which NIC carries it`,
    fix: ({ uplink }) => `choose the NIC in it, after ${uplink.name} was taken away at the node’s own console`,
    field: 'uplink',
  },
  {
    id: 'macvlan',
    level: 'block',
    when: isKind('macvlan'),
    text: ({ uplink }) => `${uplink.name} is a macvlan: it passes only frames for its address`,
    fix: ({ uplink }) => `choose ${uplink.lower || 'the NIC below it'}`,
    field: 'uplink',
  },
  {
    id: 'internal',
    level: 'block',
    when: isKind('internal'),
    text: ({ uplink }) => `${uplink.name} is an interface of Open vSwitch itself, not a NIC`,
    fix: 'choose the NIC',
    field: 'uplink',
  },
  {
    id: 'vlan',
    level: 'warn',
    when: isKind('vlan'),
    text: ({ uplink }) =>
      `${uplink.name} is a VLAN of ${uplink.lower || 'a NIC'}: the bridge carries that one VLAN, and VLANs of VMs do not leave the node`,
    fix: ({ uplink }) => (uplink.lower ? `choose ${uplink.lower} if its switch port is a trunk` : ''),
    field: 'uplink',
  },
  {
    id: 'bond',
    level: 'warn',
    when: isKind('bond', 'team'),
    text: ({ uplink }) =>
      `${uplink.name} is a ${uplink.kind}: LACP may take half a minute to agree again after a change`,
    fix: 'give it a window of 300 s',
  },
  {
    id: 'virtual',
    level: 'block',
    when: isKind('virtual'),
    text: ({ uplink }) => `${uplink.name} is not a physical NIC`,
    fix: 'choose another',
    field: 'uplink',
  },
  {
    id: 'network-root',
    level: 'warn',
    when: (node) => rootOver(node) === 'another' && node.facts.networkRootOver.join(', '),
    text: (node, over) => `${rootText(node)}, over ${over}`,
    fix: (_, over) => `leave ${over} out of bridges`,
  },
  {
    id: 'network-root',
    level: 'block',
    when: (node) => rootOver(node) === 'uplink',
    text: (node) => `${rootText(node)}, over ${node.uplink.name}: an interruption would hang the node permanently`,
    fix: 'choose another NIC',
    field: 'uplink',
  },
  {
    id: 'network-root',
    level: 'block',
    when: (node) => rootOver(node) === 'unknown',
    text: (node) => `${rootText(node)} over an unknown NIC: an interruption would hang the node permanently`,
  },
  {
    id: 'carrier',
    level: 'warn',
    when: ({ uplink }) => !uplink.hasCarrier,
    text: ({ uplink }) => `${uplink.name} has no carrier: nothing proves that it leads anywhere`,
    fix: 'look at its cable',
    field: 'uplink',
  },
  // VLAN sub-interfaces on the uplink: the kernel takes their frames before Open vSwitch sees them.
  {
    id: 'uppers',
    level: 'block',
    when: ({ uplink, datapath }) => datapath === 'netdev' && uplink.uppers.join(', '),
    text: ({ uplink }, uppers) =>
      `${uppers} on ${uplink.name} would go deaf: with the userspace datapath the kernel gets nothing of the NIC`,
    fix: 'install the openvswitch kernel module, or make VLAN interfaces in the bridge instead',
    field: 'uplink',
  },
  {
    id: 'uppers',
    level: 'warn',
    when: ({ uplink, datapath }) => datapath === 'system' && uplink.uppers.join(', '),
    text: ({ facts, uplink }, uppers) =>
      `${uppers} on ${uplink.name} keep their VLANs: frames of these go to the node and not to VMs` +
      (uplink.uppers.includes(facts.ingress) ? `; the console comes in by ${facts.ingress}, which does not move` : ''),
  },
  {
    id: 'only-path',
    level: 'warn',
    when: ({ facts, uplink }) =>
      (facts.ingress === uplink.name ||
        uplink.addresses.some(({ address }) => address.split('/')[0] === facts.ingressAddress)) &&
      facts.otherPaths.length === 0 &&
      !facts.hasBmc,
    text: ({ uplink }) => `${uplink.name} is the only way to it, and it has no BMC: only the rollback brings it back`,
    fix: 'have its console at hand for the first node',
  },
  {
    id: 'loop',
    level: 'warn',
    when: ({ facts, uplink, choice }) => neighboursOf(facts, uplink, choice.bridge).join(', '),
    text: ({ uplink }, beside) =>
      `${beside} and ${uplink.name} lead to the same network: both in one bridge, or two bridges joined, would be a loop, and its storm takes down all nodes`,
    fix: ({ uplink }, beside) => `keep ${beside} out of bridges, or bond them with ${uplink.name}`,
  },
  {
    id: 'no-address',
    level: 'warn',
    when: ({ facts, uplink, choice }) =>
      globalsOf(uplink).length === 0 &&
      !facts.nics.some(
        (nic) => nic.name === choice.bridge && uplink.ovsBridge === choice.bridge && globalsOf(nic).length > 0,
      ),
    text: ({ uplink }) => `${uplink.name} has no address: the bridge will have none either`,
  },
  {
    id: 'clients',
    level: 'block',
    when: ({ uplink }) => uplink.dhcpPrograms > 1,
    text: ({ uplink }) =>
      `${uplink.dhcpPrograms} DHCP clients run for ${uplink.name}, one of a family each: only one lease could be handed over, and the other would end`,
    fix: 'have IPv6 by router advertisements or a fixed address (iface … inet6 auto), and restart networking there',
  },
  {
    id: 'client-id',
    level: 'warn',
    when: ({ uplink }) => uplink.dhcp !== 'none' && uplink.dhcpClientId === '',
    text: ({ uplink }) =>
      `its lease was asked without a fixed client identifier: the server may give another address to ${uplink.name}’s successor; the plan carries the address, and takes no other without asking`,
    fix: 'reserve its address by MAC in the DHCP server',
  },
  {
    id: 'stable-privacy',
    level: 'warn',
    when: ({ uplink }) => uplink.ipv6Mode === 'stable-privacy',
    text: ({ uplink }) =>
      'its IPv6 address is made from the interface’s name (stable-privacy): after the next boot it is another' +
      (globalsOf(uplink).every(({ family }) => family === 6) ? ', and it has no IPv4 address to be reached at' : ''),
    fix: 'sysctl net.ipv6.conf.all.addr_gen_mode=0, or give it a fixed address',
  },
  {
    id: 'two-routes',
    level: 'warn',
    when: ({ facts }) => {
      const devices = [...new Set(facts.defaultRoutes.map(({ dev }) => dev))];
      return devices.length > 1 && devices.join(' and ');
    },
    text: ({ uplink }, devices) =>
      `it has default routes over ${devices}: those of ${uplink.name} move with their metrics, the others stay`,
  },
  {
    id: 'rules',
    level: 'warn',
    when: ({ facts, uplink }) => {
      const name = new RegExp(`\\b${uplink.name.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)}\\b`);
      return facts.deviceRules.filter((rule) => name.test(rule)).join('; ');
    },
    text: ({ uplink }, rules) => `policy rules name ${uplink.name}: ${rules}. The plan carries them to the bridge`,
    fix: 'make them lasting for the bridge where they come from',
  },
  {
    id: 'entangled',
    level: 'warn',
    when: ({ uplink }) => uplink.entanglements.filter((text) => zoneIn(text) === ''),
    text: ({ uplink }, text) => `${text}: behind Open vSwitch it no longer sees anything of ${uplink.name}`,
    fix: 'name the bridge there as well',
  },
  {
    id: 'zone',
    level: 'warn',
    when: ({ uplink }) => uplink.entanglements.filter((text) => zoneIn(text) !== ''),
    text: (_, text) =>
      `${text}: what ${zoneIn(text)} lets in may be shut out, and the change then rolls back automatically`,
    fix: ({ choice }, text) => {
      const join = `--zone=${zoneIn(text)} --add-interface=${choice.bridge}`;
      return `before the change: firewall-cmd --permanent ${join} && firewall-cmd ${join}`;
    },
  },
  {
    id: 'switch-port',
    level: 'warn',
    when: ({ uplink }) => uplink.lldp,
    text: (_, port) => `its switch port is ${port}`,
    fix: 'let it take several MAC addresses, and set no BPDU guard there',
  },
];

export const methodRows: readonly FindingRow<JudgedUplink>[] = [
  {
    id: 'method',
    level: 'block',
    when: ({ uplink, method }) => method === 'ifupdown' && uplink.owner !== 'ifupdown',
    text: ({ uplink }) =>
      `${uplink.name} belongs to ${describeOwner(uplink)}: /etc/network/interfaces would not bring it up`,
    fix: 'choose the method auto or commands',
    field: 'method',
  },
  {
    id: 'hook',
    level: 'block',
    when: ({ facts, method }) => method === 'ifupdown' && !facts.hasIfupdownHook,
    text: 'ifupdown there has no hook of Open vSwitch',
    fix: 'choose the method commands',
    field: 'method',
  },
  {
    id: 'method',
    level: 'block',
    when: ({ uplink, method }) => method === 'networkd' && uplink.owner !== 'networkd',
    text: ({ uplink }) => `${uplink.name} belongs to ${describeOwner(uplink)}, not to systemd-networkd`,
    fix: 'choose the method auto or commands',
    field: 'method',
  },
  {
    id: 'owner',
    level: 'warn',
    when: ({ uplink }) => uplink.owner === 'none' && globalsOf(uplink).length > 0,
    text: ({ uplink }) =>
      `nothing that we know configures ${uplink.name}${uplink.dhcp === 'dhclient' ? ', but dhclient runs for it' : ''}: what set its ` +
      'address at boot may do so again beside the bridge',
    fix: ({ uplink }) =>
      uplink.dhcp === 'dhclient'
        ? 'look what started it (systemctl status $(pgrep -x dhclient)), and have it leave the NIC alone'
        : 'look into /etc/rc.local and the like',
  },
];

function isKind(...kinds: NicFacts['kind'][]) {
  return ({ uplink }: JudgedUplink) => kinds.includes(uplink.kind);
}

const masterOf = ({ facts, uplink }: JudgedUplink) => facts.nics.find(({ name }) => name === uplink.master);

const globalsOf = (nic: NicFacts) => nic.addresses.filter(({ scope }) => scope === 'global');

/** Names of the other NICs in the bridge. */
function othersIn({ facts, bridge, uplink }: JudgedUplink): string[] {
  const all = bridge === null ? [] : uplinksOf(facts, bridge);
  return all.map(({ name }) => name).filter((name) => name !== uplink.name);
}

const rootText = ({ facts }: JudgedUplink) => `its root file system is on the network (${facts.networkRoot})`;

/** Over which NIC its root file system comes; null where it is on its own disk. */
function rootOver({ facts, uplink, choice }: JudgedUplink): 'uplink' | 'another' | 'unknown' | null {
  if (facts.networkRoot === '') return null;
  if (facts.networkRootOver.length === 0) return 'unknown';
  const own = [uplink.name, choice.bridge, ...uplink.uppers];
  return facts.networkRootOver.some((name) => own.includes(name)) ? 'uplink' : 'another';
}

/** The zone of firewalld that an entanglement names; empty for others. */
const zoneIn = (text: string) => /firewalld's zone ([\w-]+)/.exec(text)?.[1] ?? '';
