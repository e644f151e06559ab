// Every command that meshd knows: one row per pattern. Parsing, abbreviations, help, completion, roles and reach all
// follow from this table, here and in the console.
//
// Reach: a command that reads or writes a path on the daemon's host, uses the CA's power, ends the daemon, forwards commands, or
// shows what this host's users typed, is `socket`: a mesh member never gets it.
import { loadKinds, loadMeanings } from '../vms/placement.ts';
import { daemonPatterns } from './daemon-patterns.ts';
import { diskPatterns } from './disk-patterns.ts';
import { netPatterns } from './net-patterns.ts';
import { capturePatterns } from './capture-patterns.ts';
import { compilePattern, type CompiledPattern } from './pattern.ts';
import type { CommandPattern } from './types.ts';
import { optimizePatterns } from './optimize-patterns.ts';
import { nsPatterns } from './ns-patterns.ts';
import { vmPatterns } from './vm-patterns.ts';
import { vncPatterns } from './vnc-patterns.ts';

/** Columns of `host` in the order of its table, and `name`. */
export const hostColumns = [
  'androidvms',
  'cpucommit',
  'cpus',
  'load',
  'memcommit',
  'memtotal',
  'memused',
  'name',
  'netcommit',
  'rx',
  'tx',
  'uptime',
  'vmlimit',
  'vms',
] as const;

const viewer = { role: 'viewer', reach: 'mesh', scope: 'local' } as const;
const operator = { role: 'operator', reach: 'mesh', scope: 'local' } as const;
const admin = { role: 'admin', reach: 'mesh', scope: 'local' } as const;
const adminHere = { role: 'admin', reach: 'socket', scope: 'local' } as const;
const operatorHere = { role: 'operator', reach: 'socket', scope: 'local' } as const;

/** A flag of the output: shown, set for the connection, or set for one command. */
function flag(name: string, what: string): CommandPattern[] {
  return [
    { ...viewer, pattern: `${name} [true,false]`, help: `show or set for this connection: ${what}` },
    { ...viewer, pattern: `${name} <true,false> (command)`, help: `set for one command: ${what}` },
  ];
}

export const commandPatterns: readonly CommandPattern[] = [
  {
    ...viewer,
    pattern: 'mesh degree [degree]',
    whenGiven: { role: 'admin' },
    help: 'show or set how many links this node tries to hold',
  },
  { ...admin, pattern: 'mesh dial <hostname>', values: { hostname: 'nodes' }, help: 'link to a node now' },
  {
    ...operatorHere,
    pattern: 'mesh dot <filename>',
    help: 'write the mesh as a Graphviz file below -filepath',
  },
  { ...admin, pattern: 'mesh hangup <hostname>', values: { hostname: 'nodes' }, help: 'end the link to a node' },
  {
    ...viewer,
    pattern: 'mesh list [all,peers]',
    help: 'every node with its neighbours; all: names of all nodes; peers: of all others',
  },
  {
    ...adminHere,
    pattern: 'mesh revoke <node>',
    values: { node: 'nodes' },
    help: 'shut a node out of the mesh permanently (head only)',
  },
  {
    ...viewer,
    // A member that could send on would reach what the first check keeps from it.
    reach: 'socket',
    pattern: 'mesh send <hostname or range or all> (command)',
    nestedRunsOn: 'mesh',
    values: { hostname: 'targets' },
    help: 'run a command on other nodes and merge their answers',
  },
  { ...viewer, pattern: 'mesh status', help: 'size of the mesh, degree, links held, context and port' },
  {
    ...viewer,
    pattern: 'mesh timeout [timeout]',
    whenGiven: { role: 'operator' },
    help: 'show or set how many seconds `mesh send` waits for answers',
  },
  {
    ...adminHere,
    pattern: 'mesh ca <move,> <node>',
    values: { node: 'nodes' },
    help: 'make another node the head: it gets the CA (head only)',
  },
  {
    ...adminHere,
    pattern: 'mesh ca <copy,>',
    help: 'a sealed copy of the CA, and the code that opens it, for the day the head is lost (head only)',
  },

  {
    ...operatorHere,
    pattern: 'deploy flags [meshd flags]...',
    whenGiven: { role: 'admin' },
    help: 'show or set the flags that deploy starts meshd with',
  },
  {
    ...adminHere,
    pattern: 'deploy launch <hosts>',
    values: { hosts: 'nodes' },
    help: 'copy meshd to nodes and start it',
  },
  {
    ...adminHere,
    pattern: 'deploy launch <hosts> <user> [sudo,]',
    values: { hosts: 'nodes' },
    help: 'the same, logging in as a user, who may need sudo',
  },
  {
    ...operatorHere,
    pattern: 'deploy stdout [path]',
    whenGiven: { role: 'admin' },
    help: 'show or set where a deployed meshd writes its standard output',
  },
  {
    ...operatorHere,
    pattern: 'deploy stderr [path]',
    whenGiven: { role: 'admin' },
    help: 'show or set where a deployed meshd writes its standard error',
  },
  {
    ...adminHere,
    pattern: 'deploy hostkeys <hosts>',
    values: { hosts: 'nodes' },
    help: 'show the SSH host keys of nodes with their fingerprints',
  },
  {
    ...adminHere,
    pattern: 'deploy hostkeys <accept,> <hosts> <fingerprint>...',
    values: { hosts: 'nodes' },
    help: 'pin the host keys that have one of these fingerprints',
  },
  {
    ...operatorHere,
    pattern: 'deploy logs <node>',
    values: { node: 'nodes' },
    help: "the last lines of a node's meshd journal",
  },
  { ...adminHere, pattern: 'clear deploy flags', destructive: true, help: 'deploy with the flags of this meshd again' },

  { ...viewer, scope: 'namespace', pattern: 'host', help: 'load, memory, traffic and VMs of each host' },
  ...hostColumns.map((column) => ({
    ...viewer,
    scope: 'namespace' as const,
    pattern: `host <${column},>`,
    help: `only ${column} of each host`,
  })),
  {
    ...viewer,
    pattern: 'bridge',
    help: 'the bridges of this node, and what is on them',
  },
  {
    ...viewer,
    pattern: 'bridge <uplink,>',
    help: 'the bridge with the uplink of this node: who configures it, and whether a reboot is safe',
  },
  // What a node is reached over is the console's to change: these refuse it.
  {
    ...admin,
    pattern: 'bridge <config,> <bridge> <config>',
    help: 'set something on a bridge of VMs, as key=value: rstp_enable=true, other_config:rstp-priority=32768',
  },
  {
    ...admin,
    pattern: 'bridge <trunk,> <bridge> <interface>',
    help: 'put an interface of this node on a bridge, for all VLANs',
  },
  { ...admin, pattern: 'bridge <notrunk,> <bridge> <interface>', help: 'take it off' },
  {
    ...admin,
    pattern: 'bridge <tunnel,> <vxlan,gre> <bridge> <remote ip> [key]',
    help: 'tie a bridge to one of another machine, for all VLANs; both ends have the same key',
  },
  {
    ...admin,
    pattern: 'bridge <notunnel,> <bridge> <interface>',
    help: 'end a tunnel, by the name that `bridge` shows',
  },
  {
    ...admin,
    pattern: 'bridge <destroy,> <bridge>',
    destructive: true,
    help: 'remove a bridge of VMs with its trunks and tunnels, when no VM is on it',
  },
  { ...viewer, pattern: 'vlans', help: 'the VLAN aliases of the namespace and their numbers, the same on every node' },
  { ...operator, pattern: 'vlans <add,> <alias>', help: 'give a new alias a free number, and say which' },
  {
    ...operator,
    pattern: 'vlans <add,> <alias> <vlan>',
    help: 'give an alias a certain number, for the VLANs of real hardware',
  },
  {
    ...admin,
    pattern: 'vlans <add,> <alias> <vlan> <force,>',
    // Two experiments may get one number by it.
    destructive: true,
    help: "the same without asking the number's owner, while it is away",
  },
  {
    ...viewer,
    pattern: 'vlans <blacklist,> [vlan]',
    whenGiven: { role: 'operator' },
    help: 'show the numbers that no alias gets, or add one on every node',
  },
  {
    ...admin,
    pattern: 'vlans <blacklist,> <vlan> <force,>',
    destructive: true,
    help: "the same without asking the number's owner, while it is away",
  },
  { ...viewer, pattern: 'vlans <range,>', help: 'the numbers that new aliases of the namespace get' },
  {
    ...operator,
    pattern: 'vlans <range,> <min> <max>',
    help: 'set them; max is the first number after the range. In the namespace minimega: for all without a range',
  },
  {
    ...viewer,
    pattern: 'vlans <join,> <alias>',
    help: 'which VMs would move if an alias that a split of the mesh gave two numbers had one',
  },
  {
    ...operator,
    pattern: 'vlans <join,> <alias> <vlan>',
    destructive: true,
    help: 'move the VMs of a split alias to one of its numbers, and release the others',
  },
  // The node where it is typed asks all others: several that were sent it would be in each other's way.
  {
    ...operatorHere,
    pattern: 'vlans <probe,> [vlans]',
    help: 'test whether VLANs really pass between the nodes of the namespace: aliases, numbers, 100-120, with commas; all in use unless named',
  },
  {
    ...operatorHere,
    pattern: 'vlans <probe,> nodes <nodes>',
    values: { nodes: 'targets' },
    help: 'the same between these nodes',
  },
  {
    ...operatorHere,
    pattern: 'vlans <probe,> <vlans> nodes <nodes>',
    values: { nodes: 'targets' },
    help: 'test these VLANs between these nodes; all: every node, this one included',
  },
  {
    ...operatorHere,
    pattern: 'vlans <trace,> <vm> <other vm>',
    values: { vm: 'vms', other: 'vms' },
    help: 'the path between two VMs, hop by hop, with what was seen at each; switches between their nodes are tested',
  },
  {
    ...operator,
    pattern: 'vlans <delete,> <alias>',
    destructive: true,
    help: 'release one alias, or a number that was blacklisted, while no VM uses it',
  },
  {
    ...operator,
    pattern: 'clear vlans [prefix]',
    destructive: true,
    help: 'release the aliases of the namespace that begin with a prefix; all: every alias, range and blacklisted number',
  },

  // Files below -filepath are the cluster's: every member may list and fetch them, and delete its own.
  { ...viewer, pattern: 'file <list,>', help: 'files and folders below -filepath' },
  {
    ...viewer,
    pattern: 'file <list,> <path> [recursive,]',
    help: 'those in a folder, with all below it, or that fit a pattern such as *.qcow2',
  },
  {
    ...operator,
    pattern: 'file <get,> <file>',
    help: 'fetch a file, a folder or all that fits a pattern from the nodes that have it',
  },
  {
    ...operatorHere,
    pattern: 'file <download,> <url> [file]',
    help: 'get an image from a web server, under the last part of its URL or another name',
  },
  {
    ...operatorHere,
    pattern: 'file <download,> <url> <file> <option>...',
    help: 'replace: in place of a file that is here, unless a VM uses it; background: without waiting for its end',
  },
  { ...viewer, pattern: 'file <status,>', help: 'files that are on their way here' },
  {
    ...operatorHere,
    pattern: 'file <delete,> <file>',
    destructive: true,
    help: 'delete a file, a folder or all that fits a pattern here, and end fetches of it',
  },

  ...diskPatterns,

  ...optimizePatterns,

  ...vmPatterns,
  ...netPatterns,
  ...capturePatterns,

  ...daemonPatterns,

  ...vncPatterns,

  { ...viewer, pattern: 'version', help: 'version of meshd' },
  { ...viewer, pattern: 'help [command]...', values: { command: 'commands' }, help: 'what commands there are' },
  { ...viewer, pattern: 'echo [args]...', help: 'answer with the words given' },

  { ...operatorHere, pattern: 'history', help: 'the lines typed on this daemon' },
  { ...operatorHere, pattern: 'clear history', destructive: true, help: 'forget them' },
  {
    ...adminHere,
    pattern: 'read <file> [check,]',
    help: 'run the commands of a file below -filepath; check: parse only',
  },
  { ...adminHere, pattern: 'quit [delay]', destructive: true, help: 'end this meshd, now or after some seconds' },

  {
    ...viewer,
    pattern: 'namespace [name]',
    values: { name: 'namespaces' },
    whenGiven: { role: 'operator' },
    help: 'list namespaces, or make one active for this connection',
  },
  {
    // Mentioning a name creates its namespace, and a daemon holds a limited number.
    ...operator,
    pattern: 'namespace <name> (command)',
    values: { name: 'namespaces' },
    help: 'run one command in a namespace',
  },
  {
    ...operator,
    pattern: 'clear namespace [name]',
    destructive: true,
    values: { name: 'namespaces' },
    // What runs on all nodes is asked of one of them.
    whenGiven: { reach: 'socket' },
    help: 'back to the default namespace, or end one with all that is in it; all: every one',
  },
  {
    ...adminHere,
    pattern: 'clear all',
    destructive: true,
    help: 'end all VMs and namespaces of the cluster, its VLAN aliases, deploy flags and the history of this meshd',
  },
  { ...viewer, pattern: 'ns <hosts,>', help: 'the hosts of the namespace, the same on every node' },
  {
    ...operator,
    pattern: 'ns <add-hosts,> <hostname or range or all>',
    values: { hostname: 'targets' },
    help: 'add nodes to the hosts of the namespace; localhost: this node, all: all others, now and later',
  },
  {
    ...operator,
    pattern: 'ns <del-hosts,> <hostname or range or all>',
    values: { hostname: 'targets' },
    help: 'take nodes out of the hosts of the namespace; VMs there stay',
  },
  { ...viewer, pattern: 'ns <load,>', help: 'by what VMs of the namespace are spread over its hosts' },
  ...loadKinds.map((load) => ({
    ...operator,
    pattern: `ns <load,> <${load},>`,
    help: `spread them by ${loadMeanings[load]}`,
  })),
  { ...viewer, pattern: 'ns <schedule,> <status,>', help: 'launches in the namespace that this node has run' },
  ...nsPatterns,

  { ...adminHere, pattern: '.env <name> <value>', values: { name: 'variables' }, help: 'set a variable for $NAME' },
  {
    ...operatorHere,
    pattern: '.env [name]',
    values: { name: 'variables' },
    help: 'show all variables, or the value of one',
  },
  {
    ...adminHere,
    pattern: 'clear env <name>',
    destructive: true,
    values: { name: 'variables' },
    help: 'unset a variable; one that is empty is set',
  },
  // A line that starts with an alias is not the line that was checked, so only users who may run everything may make aliases.
  { ...adminHere, pattern: '.alias', help: "list this connection's aliases" },
  { ...adminHere, pattern: '.alias <alias>...', help: 'name=expansion: a first word that stands for others' },
  { ...adminHere, pattern: '.unalias <alias>', values: { alias: 'aliases' }, help: 'remove an alias' },
  ...flag('.preprocess', 'replace $NAME by its value'),
  ...flag('.annotate', 'name the host of each answer'),
  ...flag('.compress', 'merge equal answers into a node range'),
  ...flag('.csv', 'tables as CSV'),
  ...flag('.headers', 'header lines of tables'),
  ...flag('.json', 'answers as JSON'),
  ...flag('.record', 'keep lines in the history'),
  ...flag('.sort', 'sort rows'),
  { ...viewer, pattern: '.columns <columns as csv> (command)', help: 'only these columns, in this order' },
  {
    ...viewer,
    pattern: '.filter <filter> (command)',
    help: 'only rows where column=value (!= not, ~ contains, !~ contains not)',
  },
];

export const commandTable: readonly CompiledPattern[] = commandPatterns.map(compilePattern);
