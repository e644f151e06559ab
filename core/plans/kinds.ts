// Every kind of plan there is. server/plans/kinds.ts has what each observes, plans and does; ARCHITECTURE.md says why
// there are two halves.
import { trialSignals } from './bridge/plan/trial-signals.ts';
import type { PlanKindFacts } from './plan-kind.ts';

const nodes = { usage: '<nodes>', field: 'nodes', about: 'a node range' } as const;

export const addNodesKind = {
  kind: 'add-nodes',
  title: 'Add nodes',
  role: 'admin',
  page: { path: '/add-nodes', below: '/nodes' },
  offer: { hint: 'onboard keys ssh password' },
  commands: [
    {
      words: 'nodes add',
      about: 'bring machines in: host keys, the console’s key, a look at each',
      argument: { ...nodes, about: 'a node range, addresses, name=address, or a block such as 10.0.0.0/28' },
      hasLogin: true,
      options: [
        { flag: '--install', field: 'install', about: 'install missing packages with apt' },
        { flag: '--allow-root-key', field: 'allowRootKey', about: 'allow root login by key in sshd' },
        { flag: '--disable-passwords', field: 'disablePasswords', about: 'offer to switch password login off' },
      ],
    },
    {
      words: 'nodes check',
      about: 'look at machines again: the same plan, which changes nothing where all is right',
      argument: nodes,
      hasLogin: true,
      runsAtOnce: true,
      options: [],
    },
  ],
} as const satisfies PlanKindFacts;

export const deployKind = {
  kind: 'deploy',
  title: 'Deploy',
  role: 'admin',
  page: { path: '/deploy', below: '/nodes' },
  offer: { hint: 'launch meshd upgrade head' },
  commands: [
    {
      words: 'deploy',
      about: 'make or upgrade a cluster: meshd on the head, deploy launch for the rest',
      argument: nodes,
      options: [
        { flag: '--head <node>', field: 'head', about: 'the node that deploys and holds the CA', isRequired: true },
        {
          flag: '--context <name>',
          field: 'context',
          about: 'the mesh that it belongs to',
          default: 'meshd',
          isPinned: true,
        },
        {
          flag: '--degree <count>',
          field: 'degree',
          about: 'links that each node holds',
          default: '3',
          isPinned: true,
        },
        { flag: '--mesh-port <port>', field: 'port', about: 'TCP port of the mesh', default: '9000' },
      ],
    },
  ],
} as const satisfies PlanKindFacts;

export const attachKind = {
  kind: 'attach',
  title: 'Attach to minimega',
  role: 'admin',
  page: { path: '/attach', below: '/nodes' },
  offer: { hint: 'minimega cluster existing socket' },
  commands: [
    {
      words: 'attach',
      about: 'show a minimega cluster that runs already; changes nothing on its nodes',
      argument: { ...nodes, about: 'a node range: machines that were added, and run minimega' },
      options: [
        { flag: '--base <path>', field: 'base', about: 'minimega’s -base', default: '/tmp/minimega', isPinned: true },
        { flag: '--context <name>', field: 'context', about: 'minimega’s -context (default: what the nodes say)' },
      ],
    },
  ],
} as const satisfies PlanKindFacts;

/** Options that both bridge plans take. */
const bridgeOptions = [
  { flag: '--bridge <name>', field: 'bridge', about: 'name of the bridge', default: 'mega_bridge' },
  { flag: '--hold', field: 'hold', about: 'wait until the end of the window for somebody to say keep' },
  {
    flag: '--window <seconds>',
    field: 'window',
    about: 'a node rolls back after this time unless its change is kept (120)',
  },
  {
    flag: '--time <name=seconds>',
    field: 'times',
    as: 'numbers',
    about: 'settle, inside, cap, ovsApply, ovsUndo, dhcp, ownerRestart, reboot',
  },
  { flag: '--at-once <count>', field: 'atOnce', about: 'nodes that change at once', default: '16' },
] as const;

export const bridgeKind = {
  kind: 'bridge',
  title: 'Bridge',
  role: 'admin',
  page: { path: '/bridge', below: '/nodes' },
  offer: { hint: 'open vswitch mega_bridge uplink nic network' },
  signals: trialSignals,
  commands: [
    {
      words: 'bridge',
      about: 'move the NIC of nodes into an Open vSwitch bridge; arms the rollback first',
      argument: nodes,
      options: [
        {
          flag: '--uplink <nic>',
          field: 'uplink',
          fieldByNode: 'uplinks',
          as: 'by-node',
          about: 'NIC of all nodes, or node=nic for one node (default: the NIC that the console logged in over)',
          default: 'auto',
        },
        {
          flag: '--method <name>',
          field: 'method',
          about: 'how it comes back at boot: auto, ifupdown, commands, networkd',
          default: 'auto',
        },
        {
          flag: '--datapath <name>',
          field: 'datapath',
          about: 'auto, system (kernel), netdev (userspace)',
          default: 'auto',
        },
        {
          flag: '--reboot-canary',
          field: 'rebootCanary',
          about: 'restart the first node to prove it, after a yes; everything that runs there ends, VMs included',
        },
        ...bridgeOptions,
      ],
    },
  ],
} as const satisfies PlanKindFacts;

export const removeBridgeKind = {
  kind: 'remove-bridge',
  title: 'Take the bridge away',
  role: 'admin',
  page: { path: '/bridge/remove', below: '/nodes' },
  offer: { hint: 'open vswitch undo remove mega_bridge' },
  signals: trialSignals,
  commands: [
    {
      words: 'bridge',
      choice: {
        flag: '--undo',
        about: 'remove the bridge permanently',
        why: 'which takes away what was committed',
      },
      about: '',
      argument: nodes,
      options: [
        ...bridgeOptions,
        {
          flag: '--confirm <bridge>',
          field: 'confirm',
          about: 'with --undo: the bridge’s name again',
          isPinned: true,
        },
      ],
    },
  ],
} as const satisfies PlanKindFacts;

export const rotateKeyKind = {
  kind: 'rotate-key',
  title: 'New console key',
  role: 'admin',
  page: { path: '/rotate-key', below: '/settings' },
  offer: { hint: 'rotate revoke ssh' },
  commands: [
    {
      words: 'nodes rotate-key',
      about: 'a new console key on nodes, the old one revoked',
      argument: { usage: '[nodes]', field: 'nodes', about: 'a node range; all nodes without' },
      options: [],
    },
  ],
} as const satisfies PlanKindFacts;

export const replaceNodeKind = {
  kind: 'replace-node',
  title: 'Replace node',
  role: 'admin',
  page: { path: '/replace-node', below: '/nodes' },
  offer: { hint: 'reinstalled host key changed' },
  commands: [
    {
      words: 'nodes replace',
      about: 'a reinstalled machine under its old name',
      argument: { usage: '<node>', field: 'node', about: '' },
      hasLogin: true,
      options: [{ flag: '--confirm <node>', field: 'confirm', about: 'the name again', isRequired: true }],
    },
  ],
} as const satisfies PlanKindFacts;

export const removeNodeKind = {
  kind: 'remove-node',
  title: 'Remove nodes',
  role: 'admin',
  page: { path: '/remove-node', below: '/nodes' },
  offer: { hint: 'revoke delete' },
  commands: [
    {
      words: 'nodes remove',
      about: 'revoke nodes, delete our files and keys there, forget them; a whole cluster with its head',
      argument: nodes,
      options: [{ flag: '--confirm <nodes>', field: 'confirm', about: 'the range again', isRequired: true }],
    },
  ],
} as const satisfies PlanKindFacts;

export const passwordlessRootKind = {
  kind: 'passwordless-root',
  title: 'Root without a password',
  role: 'admin',
  page: { path: '/passwordless-root', below: '/nodes' },
  offer: { label: 'Open root login', hint: 'guide isolated password less' },
  commands: [
    {
      words: 'nodes passwordless',
      about: 'root without a password, for clusters that nobody else reaches',
      argument: nodes,
      options: [
        {
          flag: '--confirm <text>',
          field: 'confirm',
          about: 'the words "anyone may log in"',
          isRequired: true,
        },
      ],
    },
  ],
} as const satisfies PlanKindFacts;

export const launchKind = {
  kind: 'launch',
  title: 'Launch VMs',
  role: 'operator',
  page: { path: '/launch', below: '/vms' },
  offer: { hint: 'vm start image kvm experiment template' },
  commands: [
    {
      words: 'vms launch',
      about: 'launch VMs in waves; a plan first, and an undo',
      argument: {
        usage: '<names>',
        field: 'names',
        about: 'names of the VMs as a range, such as web[1-16], or how many',
      },
      options: [
        { flag: '--namespace <name>', field: 'namespace', about: 'made unless it is there', isRequired: true },
        { flag: '--memory <MB>', field: 'memory', about: 'of each VM', default: '2048', isPinned: true },
        { flag: '--vcpus <count>', field: 'vcpus', about: 'of each VM', default: '1', isPinned: true },
        { flag: '--disk <file>', field: 'disks', as: 'list', about: 'image below -filepath; again for more disks' },
        { flag: '--cdrom <file>', field: 'cdrom', about: 'ISO image' },
        { flag: '--kernel <file>', field: 'kernel', about: 'kernel to boot' },
        { flag: '--initrd <file>', field: 'initrd', about: 'its initrd' },
        { flag: '--append <words>', field: 'append', about: 'its command line' },
        { flag: '--write-image', field: 'writesImage', about: 'write to the image itself: for one VM alone' },
        {
          flag: '--network <vlan>',
          field: 'networks',
          as: 'list',
          about: 'a NIC on this alias or number; again for more',
        },
        { flag: '--vlan <alias=number>', field: 'vlans', as: 'numbers', about: 'number of an alias that is new' },
        { flag: '--nic <driver>', field: 'nic', about: 'virtio-net-pci or e1000', default: 'virtio-net-pci' },
        { flag: '--serial-ports <count>', field: 'serialPorts', about: 'of each VM', default: '1' },
        { flag: '--tag <key=value>', field: 'tags', as: 'pairs', about: 'a tag; again for more' },
        { flag: '--nodes <range>', field: 'nodes', about: 'where they may run (default: the hosts of the namespace)' },
        { flag: '--place <rule>', field: 'place', about: 'spread, fill or one-each', default: 'spread' },
        { flag: '--at-once <count>', field: 'atOnce', about: 'nodes that launch at once', default: '8' },
        { flag: '--paused', field: 'paused', about: 'leave them as they are launched' },
        { flag: '--keep-going', field: 'keepGoing', about: 'a node that fails does not stop the others' },
        { flag: '--cluster <id>', field: 'cluster', about: 'where the console has several' },
      ],
    },
  ],
} as const satisfies PlanKindFacts;

/** In the order in which the palette offers them. */
export const planKinds: readonly PlanKindFacts[] = [
  addNodesKind,
  deployKind,
  attachKind,
  bridgeKind,
  removeBridgeKind,
  rotateKeyKind,
  replaceNodeKind,
  removeNodeKind,
  passwordlessRootKind,
  launchKind,
];
