// The bridge in /etc/network/interfaces, in Open vSwitch's own words for it (README.Debian of openvswitch-switch): a stanza for
// the bridge and one for its port, each in its class. Debian 12 raises the class `auto` at boot and nobody raises `ovs`, so
// the bridge is in both; the hook of the bridge raises its own class, which is how the port comes in.
import type { FileFacts } from './facts.ts';
import { classesOf, parseInterfaces, stanzasOf, type Stanza } from './interfaces-file.ts';
import { kernelShutOut } from './boot-unit.ts';

type Option = Stanza['options'][number];

/** Which interfaces trade places, and what is fixed of them. */
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
    }
  | { readonly ok: false; readonly reason: string };

/** Options that belong to the cable, not to the addresses. */
const ofPort = /^(mtu|hwaddress|bond|slaves|vlan|ethernet|link|offload|hardware)([-_]|$)/;
const isCommand = ({ name }: Option) => /^(pre-up|up|post-up|down|pre-down|post-down)$/.test(name);
/** Options that the bridge's own stanza has from us, or from an earlier attempt. */
const isOvs = ({ name, value }: Option) =>
  name.startsWith('ovs_') || value.includes('meshdeck_bridge') || isLeaseCarry(value);
const isLeaseCarry = (value: string) => /dhclient\.[^ ]+\.leases/.test(value);

/** Both stanzas in the place of the uplink's own. What stands there already is completed, never doubled. */
export function bridgeInInterfaces(files: readonly FileFacts[], change: InterfacesChange): InterfacesEdit {
  const { bridge, uplink, mac, datapath } = change;
  return replaceStanzas(files, change, (found) => {
    // The bridge's stanza, where there is one, has the addresses: that of an earlier attempt, or the guide's.
    const inet = found.find(({ words }) => words[0] === bridge && words[1] === 'inet') ?? found.find(isInet);
    // With IPv6 alone the bridge itself still needs the stanza that its hook reads.
    const method = inet?.words[2] ?? 'manual';
    const source = inet?.words[0] === bridge ? found.filter(({ words }) => words[0] === bridge) : found;
    const own = (inet?.options ?? []).filter((option) => !isOvs(option) && !ofPort.test(option.name));
    const port = found
      .filter(({ words }) => words[0] === uplink)
      .flatMap(({ options }) => options)
      .filter((option) => ofPort.test(option.name) && !isOvs(option));
    const leases = (name: string) => `/var/lib/dhcp/dhclient.${name}.leases`;
    const lines = [
      `auto ${bridge}`,
      `allow-ovs ${bridge}`,
      `iface ${bridge} inet ${method}`,
      '\tovs_type OVSBridge',
      `\tovs_ports ${uplink}`,
      `\tovs_extra set bridge ${bridge} ${datapath === 'netdev' ? 'datapath_type=netdev ' : ''}fail_mode=standalone ` +
        `other-config:hwaddr=${mac} external-ids:meshdeck-owner=meshdeck external-ids:meshdeck-uplink=${uplink}`,
      // The client's identity stands in its lease file: with another file it would ask for another address.
      ...(method === 'dhcp'
        ? [
            `\tpre-up [ -s ${leases(bridge)} ] || [ ! -s ${leases(uplink)} ] || sed 's/"${uplink}"/"${bridge}"/' ${leases(uplink)} >${leases(bridge)}`,
          ]
        : []),
      ...own.map(describeOption),
      '',
      ...source
        .filter(({ words }) => words[1] === 'inet6')
        .flatMap(({ words, options }) => [
          `iface ${bridge} inet6 ${words.slice(2).join(' ')}`,
          ...options.filter((option) => !isOvs(option) && !ofPort.test(option.name)).map(describeOption),
          '',
        ]),
      `allow-${bridge} ${uplink}`,
      `iface ${uplink} inet manual`,
      '\tovs_type OVSPort',
      `\tovs_bridge ${bridge}`,
      ...unique(port).map(describeOption),
      ...(datapath === 'netdev'
        ? [`\tup nft '${kernelShutOut(uplink)}'`, '\tdown nft delete table netdev meshdeck_bridge || true']
        : []),
    ];
    return { lines, carried: own };
  });
}

/** The uplink's own stanza in the place of both, for a bridge whose original file is not on record. */
export function uplinkInInterfaces(files: readonly FileFacts[], change: InterfacesChange): InterfacesEdit {
  const { bridge, uplink } = change;
  return replaceStanzas(files, change, (found) => {
    const ofBridge = found.filter(({ words }) => words[0] === bridge);
    const port = found.filter(({ words }) => words[0] === uplink).flatMap(({ options }) => options);
    const source = ofBridge.length > 0 ? ofBridge : found;
    const own = source.flatMap(({ options }) => options.filter((option) => !isOvs(option)));
    const lines = [
      `auto ${uplink}`,
      ...source.flatMap(({ words, options }) => [
        `iface ${uplink} ${words.slice(1).join(' ')}`,
        ...options.filter((option) => !isOvs(option)).map(describeOption),
        ...(words[1] === 'inet' ? unique(port.filter((option) => ofPort.test(option.name))).map(describeOption) : []),
        '',
      ]),
    ];
    if (lines.at(-1) === '') lines.pop();
    return { lines, carried: own };
  });
}

/** The uplink for another owner: it comes up, and has no address from here. */
export function manualInInterfaces(files: readonly FileFacts[], change: InterfacesChange): InterfacesEdit {
  return replaceStanzas(files, change, (found) => {
    const options = found.flatMap((stanza) => stanza.options);
    const port = unique(options.filter((option) => ofPort.test(option.name) && !isOvs(option)));
    return {
      lines: [`auto ${change.uplink}`, `iface ${change.uplink} inet manual`, ...port.map(describeOption)],
      carried: options,
    };
  });
}

const isInet = ({ words }: Stanza) => words[1] === 'inet';
const describeOption = ({ name, value }: Option) => `\t${name} ${value}`.trimEnd();
const unique = (options: readonly Option[]) =>
  options.filter((option, at) => options.findIndex((other) => describeOption(other) === describeOption(option)) === at);

/** Files that ifupdown reads, as far as `source` lines name them. */
export function interfacesFiles(files: readonly FileFacts[]): FileFacts[] {
  const main = files.find(({ path }) => path === '/etc/network/interfaces');
  if (!main) return [];
  const sources = parseInterfaces(main.content ?? '').filter(({ keyword }) => keyword.startsWith('source'));
  const patterns = sources.flatMap(({ words }) => words).map((word) => word.replace(/\/[^/]*$/, ''));
  const isSourced = ({ path }: FileFacts) => patterns.some((folder) => folder !== '' && path.startsWith(`${folder}/`));
  const folders = sources.filter(({ keyword }) => keyword === 'source-directory').flatMap(({ words }) => words);
  return [
    main,
    ...files.filter(
      (file) => file !== main && (isSourced(file) || folders.some((folder) => file.path.startsWith(`${folder}/`))),
    ),
  ];
}

/** New lines where the first stanza of either interface begins; all other stanzas and class lines of both go. */
function replaceStanzas(
  all: readonly FileFacts[],
  { bridge, uplink }: InterfacesChange,
  describe: (found: readonly Stanza[]) => { lines: readonly string[]; carried: readonly Option[] },
): InterfacesEdit {
  const files = interfacesFiles(all);
  const withheld = files.find(({ content }) => content === null);
  if (withheld) {
    return {
      ok: false,
      reason: `${withheld.path} holds a secret (or is too large) and is not read: move the stanza of ${uplink} to a file of its own in /etc/network/interfaces.d`,
    };
  }
  const parsed = files.map((file) => ({ file, stanzas: parseInterfaces(file.content ?? '') }));
  const found = parsed.flatMap(({ stanzas }) => [...stanzasOf(stanzas, uplink), ...stanzasOf(stanzas, bridge)]);
  if (found.length === 0) return { ok: false, reason: `no file of ifupdown has a stanza \`iface ${uplink} …\`` };
  const odd = found.flatMap(({ options }) => options).find(({ name }) => /^(bridge[-_]|wpa-|wireless-)/.test(name));
  if (odd)
    return { ok: false, reason: `the stanza of ${uplink} has the option ${odd.name}, which an uplink cannot have` };
  const { lines, carried } = describe(found);
  let isPlaced = false;
  const changed = parsed.flatMap(({ file, stanzas }) => {
    const own = [...stanzasOf(stanzas, uplink), ...stanzasOf(stanzas, bridge)];
    const classes = [
      ...classesOf(stanzas, uplink),
      ...classesOf(stanzas, bridge),
      ...stanzas.filter(({ keyword }) => keyword === `allow-${bridge}`),
    ];
    if (own.length + classes.length === 0) return [];
    const text = (file.content ?? '').split('\n');
    const kept: (string | null)[] = [...text];
    for (const { from, to } of own) kept.fill(null, from, to);
    for (const { keyword, words, from, to } of classes) {
      kept.fill(null, from, to);
      const rest = words.filter((word) => word !== uplink && word !== bridge);
      if (rest.length > 0 && keyword !== `allow-${bridge}`) kept[from] = `${keyword} ${rest.join(' ')}`;
    }
    const first = Math.min(...own.map(({ from }) => from), ...(own.length > 0 ? classes.map(({ from }) => from) : []));
    const isPlace = !isPlaced && own.length > 0;
    isPlaced ||= isPlace;
    const result = kept.flatMap((line, at) => [
      ...(isPlace && at === first ? lines : []),
      ...(line === null ? [] : [line]),
    ]);
    // What stood between two of the stanzas leaves a gap of one line, not of several.
    const content = result
      .join('\n')
      .replace(/\n{3,}/g, '\n\n')
      .replace(/\n*$/, '\n');
    return content === file.content ? [] : [{ path: file.path, content }];
  });
  return { ok: true, files: changed, commands: carried.filter(isCommand).map(({ name, value }) => `${name} ${value}`) };
}
