// What minimega has and meshd has not [facts, appendix A]: the first words of these commands, and the nearest thing here. A command that meshd
// gets is taken out of this list. It owns no command; the table (table.ts) has what exists.

const fields = 'only kvm VMs: `help vm config` lists their fields';
const meet = 'nodes meet on the VLANs of their uplinks; `bridge tunnel` ties two';
const journal = "`deploy logs <node>` shows a node's journal, which syslog of the node may forward";
const agent = 'the guest over its network, or `vm qmp` for what QEMU can do';

const anyWord = '*';

/** First words, and what to use instead. */
const missing: readonly (readonly [words: string, nearest: string])[] = [
  ['background', 'run it on the node with ssh'],
  ['background-error', 'run it on the node with ssh'],
  ['background-output', 'run it on the node with ssh'],
  ['background-status', 'run it on the node with ssh'],
  ['cc', agent],
  ['clear background-status', '`history`'],
  ['clear cc', agent],
  ['clear log mesh', journal],
  ['clear log syslog', journal],
  ['clear router', 'configure the guest over its network'],
  [
    'disk inject',
    'a VM that has the image as its second disk: its kernel reads what a guest wrote, not that of the node',
  ],
  ['dnsmasq start', '`dnsmasq serve <vlan> <address> <low> <high>`, whose options are checked'],
  ['file stream', '`file get` fetches it'],
  ['log mesh', journal],
  ['log syslog', journal],
  ['ns bridge', meet],
  ['ns del-bridge', meet],
  ['nuke', '`vm kill all`, `vm flush`, then `quit`'],
  ['router', 'configure the guest over its network'],
  ['shell', 'run it on the node with ssh'],
  ['status', 'a command shows its progress while it runs'],
  ['viz', '`mesh dot`'],
  ['vm hotplug add * * serial', '`vm hotplug add <vm target> <filename> [version]`'],
  ['vm launch android', '`vm launch kvm`'],
  ['vm launch container', '`vm launch kvm`'],
  ...['android-adb', 'android-avd', 'android-avd-dir', 'android-console-base-port', 'android-emulator']
    .concat(['android-extra-args', 'android-no-window', 'android-sdk', 'android-writable-system'])
    .concat(['fifos', 'filesystem', 'hostname', 'init', 'preinit', 'volume'])
    .flatMap((name) => [[`vm config ${name}`, fields] as const, [`clear vm config ${name}`, fields] as const]),
];

const rows = missing.map(([words, nearest]) => ({ words, pattern: words.split(' '), nearest }));

/** Says so when these words begin a command of minimega that meshd has not; null otherwise. Words count in full only. */
export function describeMissing(words: readonly string[]): string | null {
  const found = rows.find(
    ({ pattern }) =>
      words.length >= pattern.length && pattern.every((word, at) => word === words[at] || word === anyWord),
  );
  return found ? `not in meshd: \`${found.words}\`; nearest: ${found.nearest}` : null;
}
