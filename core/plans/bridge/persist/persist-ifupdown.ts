// The bridge in /etc/network/interfaces, in Open vSwitch's own words for it (README.Debian of openvswitch-switch): a stanza for
// the bridge and one for its port, each in its class. Debian 12 raises the class `auto` at boot and nobody raises `ovs`, so
// the bridge is in both; the hook of the bridge raises its own class, which is how the port comes in. All stanzas of the uplink
// and of its labels (eth0:1) move to the bridge; whatever cannot move is a reason not to begin.
import type { FileFacts } from '../observe/facts.ts';
import {
  globOf,
  interfacesOf,
  isOrLabels,
  readInterfacesTree,
  type Interface,
  type InterfacesTree,
  type ReadFile,
  type Stanza,
  type StanzaOption,
} from '../observe/interfaces-file.ts';
import { kernelShutOut } from './boot-unit.ts';

/** Which interfaces trade places, and which of their properties are fixed. */
export interface InterfacesChange {
  readonly bridge: string;
  readonly uplink: string;
  readonly mac: string;
  readonly datapath: 'system' | 'netdev';
}

export type InterfacesEdit =
  | {
      readonly ok: true;
      readonly files: readonly { readonly path: string; readonly content: string }[];
      readonly commands: readonly string[];
      /** What the new stanzas give: the bridge's, or the uplink's own. */
      readonly interfaces: readonly Interface[];
    }
  | { readonly ok: false; readonly reason: string };

/** Linux's limit for names and labels. */
const maxNameLength = 15;
/** Those that a bridge can have; the others make their own interface. */
const movableMethods = new Set(['static', 'dhcp', 'manual', 'auto']);
/** Options that belong to the cable, not to the addresses. */
const ofPortOption = /^(mtu|hwaddress|bond|slaves|vlan|ethernet|link|offload|hardware)([-_]|$)/;
/** Commands that set the NIC itself: on the bridge they would fail, and with them its start. */
const ofPortCommand = /^(\S*\/)?(ethtool|mii-tool|ip(\s+-\S+)*\s+link)\s/;
const isCommand = ({ name }: StanzaOption) => /^(pre-up|up|post-up|down|pre-down|post-down)$/.test(name);
const isOfPort = (option: StanzaOption) =>
  ofPortOption.test(option.name) || (isCommand(option) && ofPortCommand.test(option.value));
/** Options that the bridge's own stanza has from us, or from an earlier attempt. */
const isOvs = ({ name, value }: StanzaOption) =>
  name.startsWith('ovs_') || value.includes('meshdeck_bridge') || isLeaseCarry(value);
const isLeaseCarry = (value: string) => /dhclient\.[^ ]+\.leases/.test(value);
const escape = (text: string) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);

/** Both stanzas in the place of the uplink's own. What stands there already is completed, never doubled. */
export function bridgeInInterfaces(files: readonly FileFacts[], change: InterfacesChange): InterfacesEdit {
  const { bridge, uplink, mac, datapath } = change;
  const tree = readInterfacesTree(files);
  const reason = speaksAgainst(tree, change) ?? raisedElsewhere(tree, change);
  if (reason !== null) return { ok: false, reason };
  return replaceStanzas(tree, change, (found, port) => {
    const moved = found.map((each) => moveInterface(each, uplink, bridge));
    const { leases } = leasesOf(uplink, bridge);
    const [first, ...others] = moved.filter(({ name }) => name === bridge);
    // The hook of Open vSwitch reads the first stanza; with IPv6 alone, or first, the bridge needs one for it.
    const head: Interface =
      first?.family === 'inet' ? first : { name: bridge, family: 'inet', method: 'manual', options: [] };
    const rest = head === first ? others : first ? [first, ...others] : others;
    const isLeased = moved.some(
      ({ name, family, method }) => name === bridge && family === 'inet' && method === 'dhcp',
    );
    const labels = moved.filter(({ name }) => name !== bridge);
    const lines = [
      `auto ${bridge}`,
      `allow-ovs ${bridge}`,
      ...(isKeptUp(tree, change) ? [`no-auto-down ${bridge}`] : []),
      `iface ${bridge} inet ${head.method}`,
      '\tovs_type OVSBridge',
      `\tovs_ports ${uplink}`,
      `\tovs_extra set bridge ${bridge} ${datapath === 'netdev' ? 'datapath_type=netdev ' : ''}fail_mode=standalone ` +
        `other-config:hwaddr=${mac} external-ids:meshdeck-owner=meshdeck external-ids:meshdeck-uplink=${uplink}`,
      // The client's identity stands in its lease file: with another file it would ask for another address.
      ...(isLeased ? [`\tpre-up ${leases}`] : []),
      ...head.options.map(describeOption),
      '',
      ...rest.flatMap((each) => [...describeInterface(each), '']),
      ...[...new Set(labels.map(({ name }) => name))].flatMap((name) => [
        ...(isRaised(tree, name, change) ? [`auto ${name}`] : []),
        ...labels.filter((each) => each.name === name).flatMap((each) => [...describeInterface(each), '']),
      ]),
      `allow-${bridge} ${uplink}`,
      `iface ${uplink} inet manual`,
      '\tovs_type OVSPort',
      `\tovs_bridge ${bridge}`,
      ...port.map(describeOption),
      ...(datapath === 'netdev'
        ? [`\tup nft '${kernelShutOut(uplink)}'`, '\tdown nft delete table netdev meshdeck_bridge || true']
        : []),
    ];
    return { lines, interfaces: moved };
  });
}

function leasesOf(uplink: string, bridge: string): { leases: string } {
  const path = (name: string) => `/var/lib/dhcp/dhclient.${name}.leases`;
  const [from, to] = [path(uplink), path(bridge)];
  return { leases: `[ -s ${to} ] || [ ! -s ${from} ] || sed 's/"${uplink}"/"${bridge}"/' ${from} >${to}` };
}

/** The stanza under the other name, without what belongs to the cable; commands that name the device name the other one. */
function moveInterface(each: Interface, from: string, to: string): Interface {
  const device = new RegExp(`(\\s(?:dev|iif|oif)\\s+)${escape(from)}(?=\\s|$)`, 'g');
  return {
    ...each,
    name: isOrLabels(each.name, from) ? to + each.name.slice(from.length) : each.name,
    options: each.options
      .filter((option) => !isOvs(option) && !isOfPort(option))
      .map((option) => (isCommand(option) ? { ...option, value: option.value.replaceAll(device, `$1${to}`) } : option)),
  };
}

/** The uplink's own stanza in the place of both, for a bridge whose original file is not on record. */
export function uplinkInInterfaces(files: readonly FileFacts[], change: InterfacesChange): InterfacesEdit {
  const { bridge, uplink } = change;
  const tree = readInterfacesTree(files);
  return replaceStanzas(tree, change, (found, port) => {
    const back = found.map((each) => moveInterface(each, bridge, uplink));
    // One that only the hook of Open vSwitch needed.
    const isEmpty = ({ name, method, options }: Interface) =>
      name === uplink && method === 'manual' && options.length === 0;
    const main = back.filter(({ name }) => name === uplink);
    const kept = main.length > 1 && main.some((each) => !isEmpty(each)) ? back.filter((each) => !isEmpty(each)) : back;
    let isFirst = true;
    const lines = [
      `auto ${uplink}`,
      ...(isKeptUp(tree, change) ? [`no-auto-down ${uplink}`] : []),
      ...kept.flatMap((each) => {
        const isHead = isFirst && each.name === uplink;
        if (isHead) isFirst = false;
        return [
          ...(each.name !== uplink && isRaised(tree, each.name, change) ? [`auto ${each.name}`] : []),
          ...describeInterface(each),
          ...(isHead ? port.map(describeOption) : []),
          '',
        ];
      }),
    ];
    if (lines.at(-1) === '') lines.pop();
    return { lines, interfaces: kept };
  });
}

/** The uplink for another owner: it comes up, and has no address from here. */
export function manualInInterfaces(files: readonly FileFacts[], change: InterfacesChange): InterfacesEdit {
  const tree = readInterfacesTree(files);
  const reason = speaksAgainst(tree, change);
  if (reason !== null) return { ok: false, reason };
  return replaceStanzas(tree, change, (found, port) => {
    const lines = [`auto ${change.uplink}`, `iface ${change.uplink} inet manual`, ...port.map(describeOption)];
    const options = found.flatMap((each) => each.options).filter((option) => !isOfPort(option) && !isOvs(option));
    return { lines, interfaces: [{ name: change.uplink, family: 'inet', method: 'manual', options }] };
  });
}

const describeInterface = ({ name, family, method, options }: Interface) => [
  `iface ${name} ${family} ${method}`,
  ...options.map(describeOption),
];
const describeOption = ({ name, value }: StanzaOption) => `\t${name} ${value}`.trimEnd();
const unique = (options: readonly StanzaOption[]) =>
  options.filter((option, at) => options.findIndex((other) => describeOption(other) === describeOption(option)) === at);

/** What in its files no edit could keep; null for nothing. */
function speaksAgainst(tree: InterfacesTree, { uplink }: InterfacesChange): string | null {
  const withheld = tree.files.find(({ file }) => file.content === null);
  if (withheld)
    return `${withheld.file.path} holds a secret (or is too large) and is not read: move the stanza of ${uplink} to a separate file in /etc/network/interfaces.d`;
  const [problem] = tree.problems;
  if (problem !== undefined) return `${problem}: name its files in it, one by one`;
  const mapping = tree.stanzas.find(
    ({ keyword, words }) => keyword === 'mapping' && words.some((word) => globOf(word).test(uplink)),
  );
  if (mapping)
    return `\`mapping ${mapping.words.join(' ')}\` chooses the stanza of ${uplink} by a script: write \`iface ${uplink} …\` itself, and take ${uplink} out of the mapping`;
  return null;
}

/** What would raise the uplink beside the bridge's own hook, or keep that hook from running; null for nothing. */
function raisedElsewhere(tree: InterfacesTree, { bridge, uplink }: InterfacesChange): string | null {
  for (const { keyword, words } of tree.stanzas) {
    const line = `${keyword} ${words.join(' ')}`;
    if (keyword === 'auto' || keyword.startsWith('allow-')) {
      const logical = words.find((word) => word.startsWith(`${uplink}=`));
      if (logical !== undefined)
        return `\`${line}\` gives ${uplink} the stanza of another name (${logical}): write \`iface ${uplink} …\` itself`;
      const pattern = words.find((word) => word.includes('/') && matchesNic(word, uplink));
      if (pattern !== undefined)
        return `\`${line}\` raises ${uplink} by a pattern, also as a port of the bridge: name the NICs in it, one by one`;
    }
    if (keyword === 'rename' && words.some((word) => word.split('=').includes(uplink) || word.includes('/')))
      return `\`${line}\` gives ${uplink} its name whenever ifup runs: give it by a .link file of systemd instead`;
    if (keyword === 'no-scripts' && words.some((word) => [uplink, bridge].some((name) => globOf(word).test(name))))
      return `\`${line}\` keeps the hook of Open vSwitch from running: take ${uplink} out of it`;
  }
  return null;
}

/** `[variable]/value[/options][=logical]`: only the kernel knows a variable's value, so that it may be any NIC. */
function matchesNic(pattern: string, nic: string): boolean {
  const [variable = '', value = ''] = pattern.replace(/=[^=]*$/, '').split('/');
  return variable !== '' || globOf(value).test(nic);
}

/** Whether ifupdown brings it up at boot; for a label on the bridge, whether it does so under the uplink's name. */
function isRaised(tree: InterfacesTree, name: string, { bridge, uplink }: InterfacesChange): boolean {
  const label = name.slice(name.indexOf(':'));
  const names = [name, `${uplink}${label}`, `${bridge}${label}`];
  return tree.stanzas.some(
    ({ keyword, words }) =>
      ['auto', 'allow-auto', 'allow-hotplug'].includes(keyword) && words.some((word) => names.includes(word)),
  );
}

/** Whether `ifdown -a` leaves it up. */
const isKeptUp = (tree: InterfacesTree, { bridge, uplink }: InterfacesChange) =>
  tree.stanzas.some(
    ({ keyword, words }) => keyword === 'no-auto-down' && words.some((word) => word === uplink || word === bridge),
  );

/** Writes new lines where the first stanza of either interface begins. All other stanzas and class lines of both go, all else stays. */
function replaceStanzas(
  tree: InterfacesTree,
  { bridge, uplink }: InterfacesChange,
  describe: (
    found: readonly Interface[],
    port: readonly StanzaOption[],
  ) => { lines: readonly string[]; interfaces: readonly Interface[] },
): InterfacesEdit {
  const isOurs = (name = '') => isOrLabels(name, uplink) || isOrLabels(name, bridge);
  const all = interfacesOf(tree.stanzas).filter(({ name }) => isOurs(name));
  // The bridge's stanza, where there is one, has the addresses: that of an earlier attempt, or the guide's.
  const hasBridge = all.some(({ name }) => name === bridge);
  const labelOf = (name: string) => name.slice(name.indexOf(':'));
  const found = all.filter(
    ({ name }) =>
      !hasBridge ||
      isOrLabels(name, bridge) ||
      (name !== uplink && !all.some((each) => each.name === `${bridge}${labelOf(name)}`)),
  );
  const port = unique(all.flatMap(({ options }) => options).filter((option) => isOfPort(option) && !isOvs(option)));
  const logical = tree.stanzas.some(
    ({ keyword, words }) => /^(auto|allow-)/.test(keyword) && words.some((word) => word.startsWith(`${uplink}=`)),
  );
  if (all.length === 0 && !logical)
    return { ok: false, reason: `no file that ifupdown reads has a stanza \`iface ${uplink} …\`` };
  const odd = all.flatMap(({ options }) => options).find(({ name }) => /^(bridge[-_]|wpa-|wireless-)/.test(name));
  if (odd)
    return { ok: false, reason: `the stanza of ${uplink} has the option ${odd.name}, which an uplink cannot have` };
  const method = all.find((each) => !movableMethods.has(each.method));
  if (method)
    return {
      ok: false,
      reason: `the stanza \`iface ${method.name} ${method.family} ${method.method}\` makes its own interface, which a bridge cannot be: give that interface another name`,
    };
  const long = found.find(
    ({ name }) => bridge.length + name.length - uplink.length > maxNameLength && name.startsWith(`${uplink}:`),
  );
  if (long)
    return {
      ok: false,
      reason: `the label ${bridge}${labelOf(long.name)} would be longer than ${maxNameLength} characters: write the address of ${long.name} as a second stanza \`iface ${uplink} inet static\``,
    };
  const { lines, interfaces } = describe(found, port);
  let isPlaced = false;
  const files = tree.files.flatMap((read) => {
    const own = read.stanzas.filter(({ keyword, words }) => keyword === 'iface' && isOurs(words[0]));
    // With the stanza under another name alone, its class line is where the new one goes.
    const isPlace = !isPlaced && (own.length > 0 || (all.length === 0 && hasLogical(read, uplink)));
    isPlaced ||= isPlace;
    const content = rewrite(read, { own, isOurs: (word) => isOurs(word.split('=')[0]), lines: isPlace ? lines : [] });
    return content === read.file.content ? [] : [{ path: read.file.realPath ?? read.file.path, content }];
  });
  const commands = interfaces
    .flatMap(({ options }) => options)
    .filter((option) => isCommand(option) && !isOvs(option))
    .map(({ name, value }) => `${name} ${value}`);
  return { ok: true, files, commands: [...new Set(commands)], interfaces };
}

const hasLogical = ({ stanzas }: ReadFile, uplink: string) =>
  stanzas.some(({ words }) => words.some((word) => word.startsWith(`${uplink}=`)));

/** The file with the stanzas of both gone and the new lines in their place; every other line stays byte for byte. */
function rewrite(
  { file, stanzas }: ReadFile,
  { own, isOurs, lines }: { own: readonly Stanza[]; isOurs: (word: string) => boolean; lines: readonly string[] },
): string {
  const content = file.content ?? '';
  const text = content.split('\n');
  const kept: (string | null)[] = [...text];
  const classes = stanzas.filter(
    ({ keyword, words }) => /^(auto$|allow-|no-auto-down$)/.test(keyword) && words.some(isOurs),
  );
  if (own.length + classes.length === 0) return content;
  for (const { from, to } of own) kept.fill(null, from, to);
  for (const { keyword, words, from, to } of classes) {
    const rest = words.filter((word) => !isOurs(word));
    const line = text[from] ?? '';
    kept.fill(null, from, to);
    if (rest.length === 0) continue;
    kept[from] =
      to - from === 1
        ? line.replaceAll(/\s+\S+/g, (word, at: number) =>
            at + word.length > line.indexOf(keyword) + keyword.length && isOurs(word.trim()) ? '' : word,
          )
        : `${keyword} ${rest.join(' ')}`;
  }
  const first = Math.min(...[...own, ...classes].map(({ from }) => from));
  const result: string[] = [];
  let isSeam = false;
  for (const [at, line] of kept.entries()) {
    if (at === first && lines.length > 0) result.push(...lines);
    if (line === null) isSeam = true;
    // What stood between two of the stanzas leaves a gap of one line, not of several.
    else if (isSeam && line.trim() === '' && (result.at(-1) ?? '').trim() === '' && at < kept.length - 1) continue;
    else {
      isSeam = false;
      result.push(line);
    }
  }
  // A stanza at the end takes the blank lines before it along.
  if (kept.slice(0, -1).at(-1) === null || kept.at(-1) === null) {
    while (result.length > 0 && result.at(-1)?.trim() === '') result.pop();
    result.push('');
  }
  return result.join('\n');
}
