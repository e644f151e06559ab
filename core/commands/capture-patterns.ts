// The commands about captures: minimega's patterns [facts, appendix A], and ours: `capture all`, `stop`, `forget`, and settings on the line that
// starts one. Rows of the one table (table.ts).
//
// Role: who captures a VM sees what its users see, as an operator does at its console. A bridge has the packets of all namespaces, and of the node
// itself where the uplink is on it: an admin's.
import type { CommandPattern } from './types.ts';

const toSee = { role: 'viewer', reach: 'mesh', scope: 'namespace' } as const;
const ofVm = { role: 'operator', reach: 'mesh', scope: 'vms' } as const;
const ofBridge = { role: 'admin', reach: 'mesh', scope: 'local' } as const;
const oneHere = { role: 'operator', reach: 'mesh', scope: 'local' } as const;
const setting = { ...toSee, whenGiven: { role: 'operator' } } as const;
const oneVm = { values: { vm: 'vm-targets' } } as const;
const options = 'size (MB), time (seconds), snaplen, "filter=icmp or arp"';

export const capturePatterns: readonly CommandPattern[] = [
  { ...toSee, pattern: 'capture', help: 'captures that run in the namespace' },
  {
    ...toSee,
    pattern: 'capture <all,>',
    help: 'those that have ended too, with their state, packets and size, and who asked for them',
  },
  {
    ...ofVm,
    pattern: 'capture <pcap,> vm <vm name> <interface index> <filename>',
    ...oneVm,
    help: 'packets of a NIC, the first is 0, into a file below -filepath of its host; all: a file for each NIC',
  },
  {
    ...ofVm,
    pattern: 'capture <pcap,> vm <vm name> <interface index> <filename> <option>...',
    ...oneVm,
    help: `the same with its own settings: ${options}`,
  },
  {
    ...ofVm,
    pattern: 'capture <pcap,> <delete,> vm <vm name>',
    ...oneVm,
    help: 'end the captures of a VM; all: of all VMs',
  },
  {
    ...ofBridge,
    pattern: 'capture <pcap,> bridge <bridge> <filename>',
    help: 'packets of all that is on a bridge here',
  },
  {
    ...ofBridge,
    pattern: 'capture <pcap,> bridge <bridge> <filename> <option>...',
    help: `the same with its own settings: ${options}`,
  },
  {
    ...ofBridge,
    pattern: 'capture <pcap,> <delete,> bridge <bridge>',
    help: 'end the captures of packets of a bridge here; all: of all bridges',
  },
  {
    ...setting,
    pattern: 'capture <pcap,> <snaplen,> [size]',
    help: 'show or set how many bytes of each packet new captures keep; 0 is 1600',
  },
  {
    ...setting,
    pattern: 'capture <pcap,> <filter,> [bpf]',
    help: "show or set which packets new captures keep, in libpcap's words (pcap-filter(7))",
  },
  {
    ...toSee,
    scope: 'local',
    pattern: 'capture <check,> <bpf>',
    help: 'whether a filter compiles; nothing is started',
  },
  {
    ...ofBridge,
    pattern: 'capture <netflow,> <bridge,> <bridge> <filename>',
    help: 'flows on a bridge here, as Open vSwitch counts them, into a file below -filepath',
  },
  {
    ...ofBridge,
    pattern: 'capture <netflow,> <bridge,> <bridge> <tcp,udp> <hostname:port>',
    help: 'flows on a bridge here, to a program that listens there',
  },
  {
    ...ofBridge,
    pattern: 'capture <netflow,> <delete,> bridge <bridge>',
    help: 'end the captures of flows of a bridge here; all: of all bridges',
  },
  {
    ...setting,
    pattern: 'capture <netflow,> <gzip,> [true,false]',
    help: 'show or set whether new files of flows are compressed',
  },
  {
    ...setting,
    pattern: 'capture <netflow,> <mode,> [raw,ascii]',
    help: 'show or set how flows are written: as NetFlow version 5, or a line each',
  },
  {
    ...ofBridge,
    role: 'viewer',
    pattern: 'capture <netflow,> <timeout,> [timeout in seconds]',
    whenGiven: { role: 'admin' },
    help: 'show or set after how many seconds a flow that continues is reported, for all bridges here',
  },
  {
    ...oneHere,
    pattern: 'capture <stop,> <id>',
    help: 'end a capture of this node, by the id that `capture all` shows',
  },
  {
    ...oneHere,
    pattern: 'capture <forget,> <id>',
    help: 'leave one that has ended out of `capture all`; all: every one of the namespace here. Files stay',
  },
  {
    ...toSee,
    role: 'operator',
    pattern: 'clear capture [netflow,pcap]',
    destructive: true,
    help: 'end all captures of the namespace, on all its hosts',
  },
];
