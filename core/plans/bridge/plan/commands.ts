// A bridge transaction as the commands that a person would type, for the runbook. A run uses the node's script instead
// (phases.ts), which has a time limit on each command and a rollback that nobody has to type.
import { shellWord } from '../../step.ts';
import { renameDevice } from './picture.ts';
import type { BridgePicture, PlannedTransaction } from './step-args.ts';

type Sides = { readonly before: BridgePicture; readonly after: BridgePicture };

export function describeCommands(transaction: PlannedTransaction, { before, after }: Sides): string[] {
  switch (transaction.kind) {
    case 'ensure':
      return [
        ...createBridge(transaction),
        ...moveAddresses({ before, after }, transaction),
        ...moveLease(transaction, before.carrier, after.carrier),
        ...announce(after),
      ];
    case 'remove':
      return [
        `ovs-vsctl --if-exists del-port ${shellWord(transaction.bridge)} ${shellWord(transaction.uplink)}`,
        ...letKernelIn(transaction),
        ...moveAddresses({ before, after }, transaction),
        ...moveLease(transaction, before.carrier, after.carrier),
        `ovs-vsctl --if-exists del-br ${shellWord(transaction.bridge)}`,
        ...announce(after),
      ];
    case 'persist':
      return [];
  }
}

/** The folder with the files as they were, for the rollback. */
export const savedFolder = (transaction: PlannedTransaction) =>
  `/root/before-${transaction.kind}-${transaction.bridge}`;

/** Copies the files that exist, and writes them as the next boot needs them. */
export function describeFileCommands(transaction: PlannedTransaction): string[] {
  const { files, enable, disable, kind, uplink } = transaction;
  return [
    ...files.flatMap(({ path, content, mode, oldSha256 }) => {
      const saved = `${savedFolder(transaction)}${path}`;
      // Only what the plan saw is saved and written over. Typed a second time, it does not save what the first time wrote.
      const save =
        oldSha256 === null
          ? ''
          : `echo ${shellWord(`${oldSha256}  ${path}`)} | sha256sum -c && cp -a ${shellWord(path)} ${shellWord(saved)} && `;
      return [
        ...(oldSha256 === null ? [] : [`mkdir -p ${shellWord(folderOf(saved))}`]),
        ...(content === null
          ? [`${save}rm -f ${shellWord(path)}`]
          : [
              ...(oldSha256 === null ? [`mkdir -p ${shellWord(folderOf(path))}`] : []),
              `${save}${describeWrite(path, content)}`,
              `chmod ${mode} ${shellWord(path)}`,
            ]),
      ];
    }),
    ...(files.length > 0 ? ['systemctl daemon-reload'] : []),
    ...enable.map((unit) => `systemctl enable ${shellWord(unit)}`),
    ...disable.map((unit) => `systemctl disable ${shellWord(unit)}`),
    // What says that the bridge is Meshdeck's, where it is.
    ...(kind === 'remove'
      ? [`mkdir -p ${shellWord(folderOf(savedMark(transaction)))}`, describeMove(committedMark, savedMark(transaction))]
      : []),
    ...(kind === 'ensure' ? [`ovs-vsctl remove port ${shellWord(uplink)} other_config transient`] : []),
  ];
}

const committedMark = '/var/lib/meshd/bridge/committed';
const savedMark = (transaction: PlannedTransaction) => `${savedFolder(transaction)}${committedMark}`;
const describeMove = (from: string, to: string) =>
  `[ ! -e ${shellWord(from)} ] || mv ${shellWord(from)} ${shellWord(to)}`;

const folderOf = (path: string) => path.slice(0, path.lastIndexOf('/'));

/** What a terminal's shell does not take as text: a tab completes words, and in bash an exclamation mark is its history. */
const unpastable = [
  { sign: '\t', word: 'tab', inSed: String.raw`\t` },
  { sign: '!', word: 'mark', inSed: '!' },
];

function describeWrite(path: string, content: string): string {
  let text = content.replace(/\n$/, '');
  const edits: string[] = [];
  for (const { sign, word, inSed } of unpastable) {
    if (!text.includes(sign)) continue;
    let stand = `<${word}>`;
    while (text.includes(stand)) stand = `<${stand}>`;
    text = text.replaceAll(sign, stand);
    edits.push(`s/${stand}/${inSed}/g`);
  }
  const program = edits.length === 0 ? 'cat' : `sed '${edits.join('; ')}'`;
  return `${program} >${shellWord(path)} <<'MESHDECK-END'\n${text}\nMESHDECK-END`;
}

function describeFilesBack(transaction: PlannedTransaction): string[] {
  const { files, enable, disable } = transaction;
  return [
    ...enable.map((unit) => `systemctl disable ${shellWord(unit)}`),
    ...files.map(({ path, oldSha256 }) =>
      oldSha256 === null
        ? `rm -f ${shellWord(path)}`
        : `cp -a ${shellWord(`${savedFolder(transaction)}${path}`)} ${shellWord(path)}`,
    ),
    ...(files.length > 0 ? ['systemctl daemon-reload'] : []),
    ...disable.map((unit) => `systemctl enable ${shellWord(unit)}`),
  ];
}

/** ifupdown's client for one interface ends without a word to the server; the client for the other asks with the same identity. */
function moveLease(transaction: PlannedTransaction, from: string, to: string): string[] {
  if (transaction.dhcp !== 'dhclient' || transaction.owner !== 'ifupdown' || from === to) return [];
  const lease = (name: string) => `/var/lib/dhcp/dhclient.${name}.leases`;
  return [
    `pkill -KILL -x -f '[^ ]*dhclient .* ${from}'`,
    `sed 's/interface "${from}"/interface "${to}"/' ${lease(from)} >${lease(to)}`,
    '# it prints "Address already assigned": the address is there, as it has to be',
    `dhclient -4 -i -pf /run/dhclient.${to}.pid -lf ${lease(to)} ${to}`,
  ];
}

/** The rollback by hand, for the runbook. */
export function describeUndoCommands(transaction: PlannedTransaction, { before, after }: Sides): string[] {
  if (transaction.kind === 'persist') return describeFilesBack(transaction);
  const back = { before: after, after: before };
  const port = `${shellWord(transaction.bridge)} ${shellWord(transaction.uplink)}`;
  return transaction.kind === 'ensure'
    ? [
        `ovs-vsctl --if-exists --no-wait del-port ${port}`,
        ...letKernelIn(transaction),
        ...moveAddresses(back, transaction),
        ...moveLease(transaction, after.carrier, before.carrier),
        ...describeFilesBack(transaction),
        ...(before.bridge === '' ? [`ovs-vsctl --if-exists --no-wait del-br ${shellWord(transaction.bridge)}`] : []),
        ...announce(before),
      ]
    : [
        ...createBridge(transaction),
        ...moveAddresses(back, transaction),
        ...moveLease(transaction, after.carrier, before.carrier),
        ...describeFilesBack(transaction),
        `ovs-vsctl remove port ${shellWord(transaction.uplink)} other_config transient`,
        describeMove(savedMark(transaction), committedMark),
        ...announce(before),
      ];
}

function createBridge({ bridge, uplink, mac, datapath, mtu }: PlannedTransaction): string[] {
  const name = shellWord(bridge);
  const lines = [
    `ovs-vsctl --may-exist add-br ${name} -- set bridge ${name}${datapath === 'netdev' ? ' datapath_type=netdev' : ''} ` +
      `fail_mode=standalone other_config:hwaddr=${mac} -- --may-exist add-port ${name} ${shellWord(uplink)} ` +
      `-- set port ${shellWord(uplink)} other_config:transient=true`,
    `ip link set ${name} up mtu ${mtu}`,
  ];
  if (datapath === 'netdev')
    lines.push(
      'nft add table netdev meshdeck_bridge',
      `nft 'add chain netdev meshdeck_bridge uplink { type filter hook ingress device "${uplink}" priority -500; policy drop; }'`,
    );
  return lines;
}

/** With the userspace datapath the kernel was shut out of the uplink: it needs it again. */
function letKernelIn({ datapath }: PlannedTransaction): string[] {
  return datapath === 'netdev' ? ['nft delete table netdev meshdeck_bridge'] : [];
}

/**
 * First adds the addresses to one interface, then takes them off the other, then moves the routes. Frames in between are lost,
 * connections survive. An address that goes takes the later ones of its subnet with it, so the last goes first; a gateway has to
 * be on a route that is there, so it comes last.
 */
function moveAddresses({ before, after }: Sides, { kind }: PlannedTransaction): string[] {
  const [from, to] = [before.carrier, after.carrier];
  if (from === to) return [];
  return [
    ...(kind === 'remove' ? [`ip link set ${shellWord(to)} up`] : []),
    ...after.addresses.map((address) => `ip address add ${address}${broadcastOf(address)} dev ${shellWord(to)}`),
    ...before.addresses.toReversed().map((address) => `ip address del ${address} dev ${shellWord(from)}`),
    ...before.routes
      .filter((route) => !/\bproto kernel\b/.test(route))
      .toSorted((a, b) => Number(a.includes(' via ')) - Number(b.includes(' via ')))
      .map((route) => `ip ${route.includes(':') ? '-6 ' : ''}route replace ${lasting(renameDevice(route, from, to))}`),
  ];
}

/** IPv4 has a broadcast address where the prefix leaves room for one; ip(8) gives it none without being asked. */
function broadcastOf(address: string): string {
  return !address.includes(':') && Number(address.split('/')[1]) <= 30 ? ' brd +' : '';
}

/** Without the words that ip prints and does not accept. */
function lasting(route: string): string {
  return route.replaceAll(/ (linkdown|dead|offload|trap|expires \S+|error \S+)(?= |$)/g, '');
}

/** Neighbours and the switch learn where the addresses are from the first frame that a node sends. */
function announce(picture: BridgePicture): string[] {
  const gateways = picture.routes.flatMap((route) => /^default via (\S+)/.exec(route)?.[1] ?? []);
  return gateways.map((gateway) => `ping -c 3 -I ${shellWord(picture.carrier)} ${gateway}`);
}
