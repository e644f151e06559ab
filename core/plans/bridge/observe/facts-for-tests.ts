// Facts of nodes for tests: one bare Debian node, and ways to change it.
import type { BridgeFacts, NicFacts, OvsBridgeFacts, TransactionMark } from './facts.ts';

export function nicFacts(parts: Partial<NicFacts> = {}): NicFacts {
  return {
    name: 'eth0',
    altNames: [],
    mac: '52:54:00:00:00:05',
    mtu: 1500,
    hasCarrier: true,
    kind: 'ethernet',
    lower: '',
    uppers: [],
    master: '',
    ovsBridge: '',
    owner: 'ifupdown',
    networkFile: '',
    netplan: null,
    addresses: [
      { family: 4, address: '10.0.0.5/24', scope: 'global', flags: [], validSeconds: null },
      { family: 6, address: 'fe80::5/64', scope: 'link', flags: [], validSeconds: null },
    ],
    routes: [
      { family: 4, text: 'default via 10.0.0.1 dev eth0 metric 100' },
      { family: 4, text: '10.0.0.0/24 dev eth0 proto kernel scope link src 10.0.0.5' },
    ],
    dhcp: 'none',
    dhcpPrograms: 0,
    dhcpClientId: '',
    ipv6Mode: 'eui64',
    entanglements: [],
    dnsServers: [],
    lldp: '',
    ...parts,
  };
}

export function ovsBridgeFacts(parts: Partial<OvsBridgeFacts> = {}): OvsBridgeFacts {
  return {
    name: 'mega_bridge',
    ports: ['eth0'],
    datapathType: '',
    failMode: 'standalone',
    hwaddr: '52:54:00:00:00:05',
    externalIds: {},
    transientPorts: [],
    errors: [],
    ...parts,
  };
}

export function bridgeFacts(
  parts: Partial<Omit<BridgeFacts, 'ovs'>> & { ovs?: Partial<BridgeFacts['ovs']> } = {},
): BridgeFacts {
  return {
    name: 'node5',
    ingress: 'eth0',
    ingressAddress: '10.0.0.5',
    nics: [nicFacts()],
    defaultRoutes: [{ family: 4, via: '10.0.0.1', dev: 'eth0', metric: 100 }],
    deviceRules: [],
    dnsServers: ['10.0.0.1'],
    resolver: 'file',
    hasSystemd: true,
    systemdVersion: 252,
    hasNft: true,
    hasIfupdownHook: true,
    dhcpcdForAll: null,
    dhcpClients: ['dhclient'],
    diskBytes: 1e9,
    networkRoot: '',
    networkRootOver: [],
    virtualisation: 'none',
    hasBmc: true,
    otherPaths: [],
    sameSegment: [],
    nmCheckpoints: 0,
    isProxmox: false,
    taps: {},
    vms: [],
    users: [],
    ifupdown: null,
    files: [],
    regenerated: [],
    namers: [],
    originals: [],
    transaction: null,
    committed: null,
    isSettled: true,
    unconfirmed: [],
    drift: [],
    rebootDoubts: null,
    ...parts,
    ovs: { version: '3.1.0', isDatabaseUp: true, isSwitchUp: true, hasKernelModule: true, bridges: [], ...parts.ovs },
  };
}

/** On trial, in the middle of a healthy run. */
export function transactionMark(parts: Partial<TransactionMark> = {}): TransactionMark {
  return {
    id: 'r1-1',
    state: 'inside-ok',
    ageSeconds: 9,
    isPastCap: false,
    holder: 'Ann',
    isArmed: true,
    isSteady: true,
    isAtWork: false,
    ...parts,
  };
}

/** After a good run: addresses on the bridge, the NIC in it. */
export function bridgedFacts(parts: Parameters<typeof bridgeFacts>[0] = {}): BridgeFacts {
  const nic = nicFacts();
  const onBridge = nicFacts({
    name: 'mega_bridge',
    kind: 'internal',
    owner: 'none',
    routes: nic.routes.map(({ family, text }) => ({ family, text: text.replace('eth0', 'mega_bridge') })),
  });
  return bridgeFacts({
    ingress: 'mega_bridge',
    nics: [{ ...nic, ovsBridge: 'mega_bridge', addresses: [], routes: [] }, onBridge],
    defaultRoutes: [{ family: 4, via: '10.0.0.1', dev: 'mega_bridge', metric: 100 }],
    committed: { transaction: 'r-1', bridge: 'mega_bridge', uplink: 'eth0', method: 'ifupdown', atMs: 1 },
    rebootDoubts: [],
    ...parts,
    ovs: { bridges: [ovsBridgeFacts({ externalIds: { 'meshdeck-transaction': 'r-1' } })], ...parts.ovs },
  });
}
