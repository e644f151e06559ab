// The fields of `vm config` for kvm: one row each [facts 5.6], and what is done with them: set, print, clear. Commands, help, roles, the
// console's form and the record of a VM follow from this table. minimega's fields for containers and Android are not here.
import { maxVmCpus, maxVmDisks, maxVmMemoryMb, maxVmNetworks, maxVmPorts, maxVmWords } from '../../contract/limits.ts';
import { goJson } from '../go-json.ts';
import { describeBondSpec, parseBondSpec } from './bond-spec.ts';
import { defaultConfig, type VmConfig } from './config.ts';
import { describeDiskSpec, parseDiskSpec } from './disk-spec.ts';
import { describeNetSpec, findSharedMac, parseNetSpec } from './net-spec.ts';
import { parseFilePath } from './paths.ts';
import { bad, clip, findTextIssue, good, parseAll, parseInt64, parseUint, type Result } from './result.ts';

/** What the QEMU of a node knows (host/qemu/catalogue.ts); used to check names before a launch. */
export interface QemuCatalogue {
  readonly cpus: readonly string[];
  readonly machines: readonly string[];
  /** NIC models of `-device`. */
  readonly netDrivers: readonly string[];
}

export interface ConfigSurroundings {
  /** -filepath: absolute, without a slash at its end. */
  readonly filesPath: string;
  /** Null where no QEMU has been asked: then QEMU itself refuses a wrong name at launch. */
  readonly catalogue: QemuCatalogue | null;
}

/**
 * `text`, `number` and `path` take one word, `switch` true or false, `words` and the specs any number of words, `tags` a key and a
 * value, `overrides` a match and a replacement.
 */
export type FieldKind =
  'text' | 'number' | 'path' | 'switch' | 'words' | 'nets' | 'bonds' | 'disks' | 'tags' | 'overrides';

export interface ConfigField {
  /** As typed after `vm config`. */
  readonly name: string;
  readonly key: keyof VmConfig;
  /** Label of `vm config` alone; null where minimega's has none. */
  readonly label: string | null;
  readonly section: 'VM' | 'KVM';
  readonly kind: FieldKind;
  /** Key of `vm info`'s Data [facts 1.6]. */
  readonly json: string;
  readonly help: string;
  /** Who may set it. What reaches QEMU's command line unchecked, or names its program, is an admin's. */
  readonly role: 'operator' | 'admin';
  /** True for what names files below -filepath, which a launch brings to its node. */
  readonly isBelowFiles: boolean;
  /** Checks and reads the words after its name. */
  readonly parse: (words: readonly string[], given: ConfigSurroundings, now: VmConfig) => Result<Partial<VmConfig>>;
}

const vgas = ['none', 'std', 'cirrus', 'vmware', 'qxl', 'virtio'];
const uuidForm = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
export const isUuid = (text: string): boolean => uuidForm.test(text);

type Keys<T> = { [K in keyof VmConfig]: VmConfig[K] extends T ? K : never }[keyof VmConfig];
type Row = Pick<ConfigField, 'name' | 'label' | 'section' | 'json' | 'help'> & { readonly role?: 'admin' };

function field(row: Row, key: keyof VmConfig, kind: FieldKind, parse: ConfigField['parse']): ConfigField {
  const isBelowFiles = kind === 'path' || kind === 'disks';
  return { role: 'operator', ...row, key, kind, isBelowFiles, parse };
}

function one(words: readonly string[]): Result<string> {
  const [word = '', ...rest] = words;
  if (rest.length > 0) return bad(`one value is wanted here, not ${words.length}: quote a value that has spaces`);
  const issue = findTextIssue(word);
  return issue === null ? good(word) : bad(issue);
}

function set<K extends keyof VmConfig>(key: K, result: Result<VmConfig[K]>): Result<Partial<VmConfig>> {
  return result.ok ? good({ [key]: result.value }) : result;
}

type TextCheck = (text: string, given: ConfigSurroundings, now: VmConfig) => string | null;

function text(row: Row, key: Keys<string>, check: TextCheck = () => null): ConfigField {
  return field(row, key, 'text', (words, given, now) => {
    const word = one(words);
    if (!word.ok) return word;
    const issue = check(word.value, given, now);
    return issue === null ? set(key, word) : bad(issue);
  });
}

function path(row: Row, key: Keys<string>): ConfigField {
  return field(row, key, 'path', (words, { filesPath }) => {
    const word = one(words);
    return word.ok ? set(key, parseFilePath(word.value, filesPath)) : word;
  });
}

function number(row: Row, key: Keys<number>, bounds: { min: number; max: number }): ConfigField {
  return field(row, key, 'number', (words) => {
    const word = one(words);
    if (!word.ok) return word;
    const parsed = bounds.min < 0 ? parseInt64(word.value) : parseUint(word.value);
    if (!parsed.ok) return parsed;
    const { min, max } = bounds;
    if (parsed.value < min || parsed.value > max) return bad(`${row.name} is a number from ${min} to ${max}`);
    return set(key, parsed);
  });
}

function onOff(row: Row, key: Keys<boolean>): ConfigField {
  return field(row, key, 'switch', ([word]) =>
    word === 'true' || word === 'false' ? set(key, good(word === 'true')) : bad(`${row.name} is true or false`),
  );
}

function words(row: Row, key: 'append' | 'qemuAppend'): ConfigField {
  return field(row, key, 'words', (given) => {
    const issue = given.map(findTextIssue).find((found) => found !== null);
    if (issue !== undefined) return bad(issue);
    return given.length > maxVmWords ? tooMany(row.name, maxVmWords) : set(key, good([...given]));
  });
}

function tooMany(name: string, most: number) {
  return bad(`${name}: at most ${most}`);
}

function listed(word: string, what: string, known: readonly string[]): string {
  return `invalid QEMU ${what}: \`${clip(word)}\`, see help: ${known.join(', ')}`;
}

const cpuCount = { min: 0, max: maxVmCpus };

/** In the order of minimega's `vm config` [obs]. */
export const configFields: readonly ConfigField[] = [
  number({ name: 'memory', label: 'Memory', section: 'VM', json: 'Memory', help: 'memory in MB' }, 'memory', {
    min: 1,
    max: maxVmMemoryMb,
  }),
  number({ name: 'vcpus', label: 'VCPUs', section: 'VM', json: 'VCPUs', help: 'number of processors' }, 'vcpus', {
    min: 1,
    max: maxVmCpus,
  }),
  field(
    {
      name: 'networks',
      label: 'Networks',
      section: 'VM',
      json: 'Networks',
      help: 'NICs, one word each: [bridge,]vlan[,mac][,driver][,qinq]',
    },
    'networks',
    'nets',
    (specs, { catalogue }) => {
      if (specs.length > maxVmNetworks) return tooMany('networks', maxVmNetworks);
      const nets = parseAll(specs, (spec) => parseNetSpec(spec, catalogue?.netDrivers ?? null));
      const shared = nets.ok ? findSharedMac(nets.value) : null;
      return shared === null ? set('networks', nets) : bad(`two NICs have the MAC address ${shared}`);
    },
  ),
  field(
    {
      name: 'bonds',
      label: 'Bonds',
      section: 'VM',
      json: 'Bonds',
      help: 'bonds of NICs, one word each: index,index,mode[,lacp][,no-lacp-fallback][,qinq][,name]',
    },
    'bonds',
    'bonds',
    (specs) =>
      specs.length > maxVmNetworks ? tooMany('bonds', maxVmNetworks) : set('bonds', parseAll(specs, parseBondSpec)),
  ),
  onOff(
    {
      name: 'snapshot',
      label: 'Snapshot',
      section: 'VM',
      json: 'Snapshot',
      help: 'true: each VM writes to its own overlay; false: it writes to the image itself',
    },
    'snapshot',
  ),
  text({ name: 'uuid', label: 'UUID', section: 'VM', json: 'UUID', help: 'UUID, for one VM' }, 'uuid', (word) =>
    word === '' || isUuid(word)
      ? null
      : `\`${clip(word)}\` is not a UUID: write it as 11111111-2222-3333-4444-555555555555`,
  ),
  text(
    {
      name: 'schedule',
      label: 'Schedule host',
      section: 'VM',
      json: 'Schedule',
      help: 'host that must run it',
    },
    'schedule',
    (word, _given, now) =>
      word !== '' && now.colocate !== '' ? 'cannot specify schedule and colocate in the same config' : null,
  ),
  number(
    {
      name: 'coschedule',
      label: 'Coschedule limit',
      section: 'VM',
      json: 'Coschedule',
      help: 'how many other VMs its host may have: 0 for none, -1 for any number',
    },
    'coschedule',
    { min: -1, max: 1_000_000 },
  ),
  text(
    { name: 'colocate', label: 'Colocate', section: 'VM', json: 'Colocate', help: 'VM that it shares a host with' },
    'colocate',
    (word, _given, now) =>
      word !== '' && now.schedule !== '' ? 'cannot specify colocate and schedule in the same config' : null,
  ),
  onOff(
    {
      name: 'backchannel',
      label: 'Backchannel',
      section: 'VM',
      json: 'Backchannel',
      help: 'virtio-serial ports for agents in the guest',
    },
    'backchannel',
  ),
  field(
    { name: 'tags', label: 'Tags', section: 'VM', json: 'Tags', help: 'a key and its value' },
    'tags',
    'tags',
    ([key = '', value = '', more], _given, now) => {
      if (more !== undefined) return bad('tags take a key and a value: quote a value that has spaces');
      const issue = key === '' ? 'a tag needs a key' : (findTextIssue(key) ?? findTextIssue(value));
      if (issue !== null) return bad(issue);
      if (!Object.hasOwn(now.tags, key) && Object.keys(now.tags).length >= maxVmWords)
        return tooMany('tags', maxVmWords);
      return set('tags', good({ ...now.tags, [key]: value }));
    },
  ),
  path(
    {
      name: 'state',
      label: 'State Path',
      section: 'KVM',
      json: 'MigratePath',
      help: 'memory image to resume from, below -filepath',
    },
    'state',
  ),
  field(
    {
      name: 'disks',
      label: 'Disks',
      section: 'KVM',
      json: 'Disks',
      help: 'disks, one word each: path[,interface][,cache], below -filepath',
    },
    'disks',
    'disks',
    (specs, { filesPath }) =>
      specs.length > maxVmDisks
        ? tooMany('disks', maxVmDisks)
        : set(
            'disks',
            parseAll(specs, (spec) => parseDiskSpec(spec, filesPath)),
          ),
  ),
  path(
    { name: 'cdrom', label: 'CDROM Path', section: 'KVM', json: 'CdromPath', help: 'ISO image to boot from' },
    'cdrom',
  ),
  path({ name: 'kernel', label: 'Kernel Path', section: 'KVM', json: 'KernelPath', help: 'kernel to boot' }, 'kernel'),
  path(
    { name: 'initrd', label: 'Initrd Path', section: 'KVM', json: 'InitrdPath', help: 'initrd of the kernel' },
    'initrd',
  ),
  words(
    {
      name: 'append',
      label: 'Kernel Append',
      section: 'KVM',
      json: 'Append',
      help: 'words of the kernel command line',
    },
    'append',
  ),
  {
    ...path(
      {
        name: 'qemu',
        label: 'QEMU Path',
        section: 'KVM',
        json: 'QemuPath',
        help: "kvm: the node's own QEMU; otherwise a program below -filepath",
        role: 'admin',
      },
      'qemu',
    ),
    parse: ([word = 'kvm', ...more], given) => {
      if (more.length > 0) return bad('one value is wanted here: quote a value that has spaces');
      return set('qemu', word === 'kvm' || word === '' ? good('kvm') : parseFilePath(word, given.filesPath));
    },
  },
  words(
    {
      name: 'qemu-append',
      label: 'QEMU Append',
      section: 'KVM',
      json: 'QemuAppend',
      help: "words at the end of QEMU's command line",
      role: 'admin',
    },
    'qemuAppend',
  ),
  number(
    { name: 'serial-ports', label: 'Serial Ports', section: 'KVM', json: 'SerialPorts', help: 'serial ports' },
    'serialPorts',
    { min: 0, max: maxVmPorts },
  ),
  text(
    {
      name: 'virtio-ports',
      label: 'Virtio-Serial Ports',
      section: 'KVM',
      json: 'VirtioPorts',
      help: 'virtio-serial ports: how many, or their names with commas between',
    },
    'virtioPorts',
    (word) => {
      const ports = parseVirtioPorts(word);
      return ports.ok ? null : ports.message;
    },
  ),
  text(
    { name: 'machine', label: 'Machine', section: 'KVM', json: 'Machine', help: 'machine type of QEMU' },
    'machine',
    (word, { catalogue }) =>
      word === '' || !catalogue || catalogue.machines.includes(word)
        ? findNameIssue(word)
        : listed(word, 'machine', catalogue.machines),
  ),
  text(
    { name: 'cpu', label: 'CPU', section: 'KVM', json: 'CPU', help: 'CPU type of QEMU; host: the best the node has' },
    'cpu',
    (word, { catalogue }) =>
      word === 'host' || (catalogue ? catalogue.cpus.includes(word) : word !== '')
        ? findNameIssue(word)
        : listed(word, 'CPU', ['host', ...(catalogue?.cpus ?? [])]),
  ),
  number(
    { name: 'cores', label: 'Cores', section: 'KVM', json: 'Cores', help: 'cores of a socket' },
    'cores',
    cpuCount,
  ),
  number(
    { name: 'threads', label: 'Threads', section: 'KVM', json: 'Threads', help: 'threads of a core' },
    'threads',
    cpuCount,
  ),
  number(
    { name: 'sockets', label: 'Sockets', section: 'KVM', json: 'Sockets', help: 'sockets of the board' },
    'sockets',
    cpuCount,
  ),
  text(
    { name: 'vga', label: 'VGA', section: 'KVM', json: 'Vga', help: `graphics card: ${vgas.join(', ')}` },
    'vga',
    (word) => (vgas.includes(word) ? null : listed(word, 'VGA', vgas)),
  ),
  onOff(
    {
      name: 'usb-use-xhci',
      label: 'Usb Use XHCI',
      section: 'KVM',
      json: 'UsbUseXHCI',
      help: 'true: USB 3; false: USB 2',
    },
    'usbUseXhci',
  ),
  onOff(
    {
      name: 'bidirectional-copy-paste',
      label: 'Bidirectional Copy Paste',
      section: 'KVM',
      json: 'BidirectionalCopyPaste',
      help: 'clipboard of guest and screen, with an agent in the guest',
    },
    'bidirectionalCopyPaste',
  ),
  path(
    {
      name: 'tpm-socket',
      label: 'TPM Socket',
      section: 'KVM',
      json: 'TpmSocketPath',
      help: 'socket of swtpm, below -filepath',
    },
    'tpmSocket',
  ),
  field(
    {
      name: 'qemu-override',
      label: null,
      section: 'KVM',
      json: 'QemuOverride',
      help: "a text of QEMU's command line and what replaces it",
      role: 'admin',
    },
    'qemuOverride',
    'overrides',
    ([match = '', replacement = '', more], _given, now) => {
      const issue = findTextIssue(match) ?? findTextIssue(replacement);
      if (match.trim() === '' || more !== undefined) return bad('qemu-override takes a match and a replacement');
      if (issue !== null) return bad(issue);
      if (now.qemuOverride.length >= maxVmWords) return tooMany('qemu-override', maxVmWords);
      return set('qemuOverride', good([...now.qemuOverride, { match, replacement }]));
    },
  ),
];

/** Old names that minimega still takes. */
export const fieldAliases: Readonly<Record<string, string>> = { migrate: 'state' };

const byName = new Map(configFields.map((row) => [row.name, row]));

/** The field of this name or old name; undefined for another: the command does not exist then. */
export function findField(name: string): ConfigField | undefined {
  return byName.get(fieldAliases[name] ?? name);
}

/** The configuration with one field set. `words` is not empty: without words, a field is printed. */
export function setField(
  config: VmConfig,
  row: ConfigField,
  { words: given, surroundings }: { words: readonly string[]; surroundings: ConfigSurroundings },
): Result<VmConfig> {
  const parsed = row.parse(given, surroundings, config);
  return parsed.ok ? good({ ...config, ...parsed.value }) : parsed;
}

/** The configuration with one field at its default. */
export function clearField(config: VmConfig, row: ConfigField): VmConfig {
  return { ...config, [row.key]: defaultConfig[row.key] };
}

/** The configuration without one tag. */
export function clearTag(config: VmConfig, key: string): VmConfig {
  return { ...config, tags: Object.fromEntries(Object.entries(config.tags).filter(([known]) => known !== key)) };
}

/**
 * Answer to `vm config <field>`, in minimega's form [obs]: nothing for empty words, `[]` for no disks. `tags` are lines `key -> value`;
 * with a key, its value. `qemu-override` is printed by describeOverrides, which needs the command line.
 */
export function describeField(config: VmConfig, row: ConfigField, key?: string): string {
  if (row.kind === 'tags') {
    if (key !== undefined) return Object.hasOwn(config.tags, key) ? (config.tags[key] ?? '') : '';
    const tags = Object.entries(config.tags).sort(([a], [b]) => (a < b ? -1 : 1));
    return tags.map(([name, value]) => `${name} -> ${value}\n`).join('');
  }
  if (row.kind === 'words' && listOf(config, row).length === 0) return '';
  return valueText(config, row);
}

/** Answer to `vm config`: the sections of kvm as aligned `Label: value` lines [obs]. */
export function describeConfig(config: VmConfig): string {
  return (['VM', 'KVM'] as const)
    .map((section) => {
      const rows = configFields.filter((row) => row.section === section && row.label !== null);
      const width = Math.max(...rows.map(({ label }) => label?.length ?? 0)) + 2;
      const lines = rows.map((row) => `${`${row.label ?? ''}:`.padEnd(width)}${valueText(config, row)}\n`);
      return `${section} configuration:\n${lines.join('')}\n`;
    })
    .join('');
}

/** Answer to `vm config qemu-override`: the table, and the command line before and after [obs]. Words are joined for the eye only. */
export function describeOverrides(
  config: VmConfig,
  argv: { before: readonly string[]; after: readonly string[] },
): string {
  const rows = config.qemuOverride.map(
    ({ match, replacement }, id) => `${id}\t${JSON.stringify(match)}\t${JSON.stringify(replacement)}\n`,
  );
  const lines = [`Before overrides:\n${argv.before.join(' ')}\n`, `After overrides:\n${argv.after.join(' ')}\n`];
  return `id\tmatch\treplacement\n${rows.join('')}\n${lines.join('\n')}`;
}

/** Names of the virtio-serial ports. A count gives `virtio-serial0`, `virtio-serial1`, … [facts 5.6]. */
export function parseVirtioPorts(text: string): Result<string[]> {
  if (text === '') return good([]);
  const count = /^[0-9]+$/.test(text) ? Number(text) : null;
  if ((count ?? 0) > maxVmPorts) return tooMany('virtio-ports', maxVmPorts);
  const names = count === null ? text.split(',') : Array.from({ length: count }, (_, at) => `virtio-serial${at}`);
  if (names.length > maxVmPorts) return tooMany('virtio-ports', maxVmPorts);
  const odd = names.find((name) => !/^[\w.-]{1,64}$/.test(name));
  if (odd !== undefined) {
    return bad(
      `\`${clip(odd)}\` cannot be the name of a port: at most 64 letters, digits, dots, hyphens and underscores`,
    );
  }
  return new Set(names).size < names.length ? bad('two virtio-ports have one name') : good(names);
}

/** A model's name goes into a list of options, where a comma would begin the next one. */
function findNameIssue(name: string): string | null {
  return /^[\w.-]*$/.test(name) ? null : `\`${clip(name)}\` is not the name of a model: letters, digits, dots, hyphens`;
}

function listOf(config: VmConfig, row: ConfigField): readonly string[] {
  switch (row.key) {
    case 'append':
    case 'qemuAppend':
      return config[row.key];
    case 'networks':
      return config.networks.map(describeNetSpec);
    case 'bonds':
      return config.bonds.map(describeBondSpec);
    case 'disks':
      return config.disks.map(describeDiskSpec);
    default:
      return [];
  }
}

function valueText(config: VmConfig, row: ConfigField): string {
  switch (row.kind) {
    case 'words':
    case 'nets':
    case 'bonds':
    case 'disks':
      return `[${listOf(config, row).join(' ')}]`;
    case 'tags':
      return goJson(config.tags);
    case 'overrides':
      return '';
    default: {
      const value = config[row.key];
      return typeof value === 'object' ? '' : String(value);
    }
  }
}
