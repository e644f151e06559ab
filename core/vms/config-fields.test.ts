import { describe, expect, it } from 'vitest';
import { maxVmNetworks, maxVmTextCharacters } from '../../contract/limits.ts';
import { recordedEntries } from '../../lab/minimega/replay.ts';
import {
  clearField,
  clearTag,
  configFields,
  describeConfig,
  describeField,
  describeOverrides,
  findField,
  parseVirtioPorts,
  setField,
  type ConfigSurroundings,
} from './config-fields.ts';
import {
  cloneConfig,
  defaultConfig,
  describeSavedConfigs,
  restoreConfig,
  saveConfig,
  type VmConfig,
} from './config.ts';

const filesPath = '/tmp/minimega/files';
const catalogue = { cpus: ['qemu64', 'max'], machines: ['pc', 'q35'], netDrivers: ['e1000', 'virtio-net-pci'] };
const given: ConfigSurroundings = { filesPath, catalogue };

function change(config: VmConfig, name: string, words: string[], surroundings = given) {
  const row = findField(name);
  if (!row) throw new Error(`no field ${name}`);
  return setField(config, row, { words, surroundings });
}

function changed(name: string, ...words: string[]): VmConfig {
  const result = change(defaultConfig, name, words);
  if (!result.ok) throw new Error(result.message);
  return result.value;
}

function issue(name: string, ...words: string[]): string {
  const result = change(defaultConfig, name, words);
  return result.ok ? 'no issue' : result.message;
}

function shown(name: string, config: VmConfig): string {
  const row = findField(name);
  return row ? describeField(config, row) : 'no field';
}

describe('vm config, as minimega printed it', () => {
  /** Commands of the recording that this table answers, in order, with what each said. */
  const steps = recordedEntries('recorded-vms').flatMap(({ line, entry }) =>
    entry ? [{ line, response: entry.Response, error: entry.Error }] : [],
  );

  it('alone: the sections of minimega, without those of containers and Android', () => {
    const first = steps.find(({ line }) => line === 'vm config')?.response ?? '';
    expect(describeConfig(defaultConfig)).toBe(first.slice(0, first.indexOf('Container configuration:')));
  });

  it('alone, with values', () => {
    const printed = steps.filter(({ line }) => line === 'vm config').map(({ response }) => response);
    const config = {
      ...changed('networks', 'alpha,virtio-net-pci'),
      memory: 96,
      kernel: `${filesPath}/vmlinuz`,
      initrd: `${filesPath}/initramfs.gz`,
      append: ['console=ttyS0', 'quiet', 'ip=10.0.0.1/24'],
      serialPorts: 1,
      cpu: 'qemu64',
    };
    const text = printed[2] ?? '';
    expect(describeConfig(config)).toBe(text.slice(0, text.indexOf('Container configuration:')));
  });

  it.each(configFields.filter(({ name }) => name !== 'qemu-override').map(({ name }) => name))(
    '%s: its default',
    (name) => {
      // The recorder's machine names disks by their full path; the abbreviation `net` is the command language's.
      const printed = steps.find(({ line }) => line === `vm config ${name}`);
      expect(printed).toBeDefined();
      expect(shown(name, defaultConfig)).toBe(printed?.response);
    },
  );

  it.each([
    ['networks', ['alpha,00:11:22:33:44:55', 'br0,beta', 'br0,gamma,virtio-net-pci']],
    ['networks', ['mega_bridge,alpha,00:00:00:00:00:01,e1000,qinq']],
    ['disks', ['a.qcow2,ide', 'b.qcow2,virtio,writeback']],
    ['bonds', ['0,1,active-backup,active']],
    ['append', ['console=ttyS0', 'quiet']],
    ['qemu-append', ['-foo', 'bar']],
    ['uuid', ['11111111-2222-3333-4444-555555555555']],
    ['kernel', ['vmlinuz']],
    ['snapshot', ['false']],
  ])('%s %j is printed as it was', (name, words) => {
    const at = steps.findIndex(({ line }) => line === `vm config ${name} ${words.join(' ')}`);
    const printed = steps.slice(at).find(({ line }) => line === `vm config ${name}`);
    expect(at).toBeGreaterThan(-1);
    expect(shown(name, changed(name, ...words))).toBe(printed?.response);
  });

  it.each([
    ['memory', 'abc'],
    ['memory', '-5'],
    ['vcpus', 'abc'],
    ['networks', ','],
    ['networks', 'a,b,c,d,e,f'],
    ['disks', 'a.qcow2,bogus'],
    ['bonds', '0'],
  ])('%s %s is refused in its words', (name, word) => {
    const said = steps.find(({ line }) => line === `vm config ${name} ${word}`)?.error;
    expect(said).not.toBe('');
    expect(issue(name, word)).toBe(said);
  });

  it.each([
    ['cpu', 'bogus'],
    ['machine', 'bogus'],
  ])('%s: its words, and behind them the valid ones', (name, word) => {
    const said = steps.find(({ line }) => line === `vm config ${name} ${word}`)?.error ?? '';
    expect(issue(name, word)).toBe(`${said}: ${name === 'cpu' ? 'host, qemu64, max' : 'pc, q35'}`);
  });

  it('restore without a name lists the names, and a wrong one is refused', () => {
    const one = saveConfig(new Map(), 'small', defaultConfig);
    const two = one.ok ? saveConfig(one.value, 'base', { ...defaultConfig, memory: 1 }) : one;
    if (!two.ok) throw new Error(two.message);
    expect(describeSavedConfigs(two.value)).toEqual({ ok: true, value: 'base\nsmall\n' });
    expect(describeSavedConfigs(new Map())).toEqual({ ok: false, message: 'no vm configs saved' });
    expect(restoreConfig(two.value, 'nope')).toEqual({ ok: false, message: 'config nope does not exist' });
    expect(restoreConfig(two.value, 'base')).toMatchObject({ ok: true, value: { memory: 1 } });
  });

  it('tags are lines of key and value', () => {
    const config = changed('tags', 'role', 'web');
    expect(shown('tags', config)).toBe(steps.find(({ response }) => response === 'role -> web\n')?.response);
    expect(shown('tags', clearTag(config, 'role'))).toBe('');
  });

  it('qemu-override shows the table, and the command line before and after', () => {
    const recorded = steps.filter(({ line }) => line === 'vm config qemu-override')[1]?.response ?? '';
    const line = recorded.split('\n')[4]?.split(' ') ?? [];
    const config = changed('qemu-override', 'foo', 'bar');
    expect(describeOverrides(config, { before: line, after: line })).toBe(recorded);
  });
});

describe('fields of vm config', () => {
  it('every field of the configuration is in the table once', () => {
    expect(configFields.map(({ key }) => key).sort()).toEqual(Object.keys(defaultConfig).sort());
    expect(new Set(configFields.map(({ name }) => name)).size).toBe(configFields.length);
  });

  it('what reaches the command line unchecked, or names the program, is an admin’s', () => {
    const admins = configFields.filter(({ role }) => role === 'admin').map(({ name }) => name);
    expect(admins).toEqual(['qemu', 'qemu-append', 'qemu-override']);
  });

  it('files are below -filepath, and marked so that a launch brings them along', () => {
    const files = configFields.filter(({ isBelowFiles }) => isBelowFiles).map(({ name }) => name);
    expect(files).toEqual(['state', 'disks', 'cdrom', 'kernel', 'initrd', 'qemu', 'tpm-socket']);
    for (const name of files) {
      for (const path of ['/etc/shadow', '../x', 'a/../../x', '/tmp/minimega/files/../x', '/tmp/minimega/filesx']) {
        expect(issue(name, path)).toMatch(/is not below \/tmp\/minimega\/files: copy the file there/);
      }
      expect(issue(name, 'a/b')).toBe('no issue');
    }
  });

  it('a path keeps commas, spaces and equals signs', () => {
    expect(changed('kernel', 'my,disk v=1').kernel).toBe(`${filesPath}/my,disk v=1`);
  });

  it('the old name migrate is state', () => {
    expect(changed('migrate', 'a').state).toBe(`${filesPath}/a`);
  });

  it.each([
    ['memory', ['0'], 'memory is a number from 1 to 16777216'],
    ['memory', ['18446744073709551615'], 'strconv.ParseUint: parsing "18446744073709551615": value out of range'],
    ['memory', ['1', '2'], 'one value is wanted here, not 2: quote a value that has spaces'],
    ['coschedule', ['x'], 'strconv.ParseInt: parsing "x": invalid syntax'],
    ['coschedule', ['-2'], 'coschedule is a number from -1 to 1000000'],
    ['snapshot', ['maybe'], 'snapshot is true or false'],
    ['uuid', ['bogus'], '`bogus` is not a UUID: write it as 11111111-2222-3333-4444-555555555555'],
    ['vga', ['bogus'], 'invalid QEMU VGA: `bogus`, see help: none, std, cirrus, vmware, qxl, virtio'],
    ['cpu', [''], 'invalid QEMU CPU: ``, see help: host, qemu64, max'],
    ['virtio-ports', ['a,a'], 'two virtio-ports have one name'],
    ['virtio-ports', ['99'], 'virtio-ports: at most 28'],
    [
      'virtio-ports',
      ['a b'],
      '`a b` cannot be the name of a port: at most 64 letters, digits, dots, hyphens and underscores',
    ],
    ['kernel', ['a\nb'], 'a control character in `a\\nb`: leave it out'],
    ['append', ['a\u0000b'], 'a control character in `a\\u0000b`: leave it out'],
    [
      'tags',
      ['a'.repeat(maxVmTextCharacters + 1), 'b'],
      `a value of 4097 characters: \`${'a'.repeat(57)}...\` (at most 4096)`,
    ],
    ['qemu-override', ['', 'x'], 'qemu-override takes a match and a replacement'],
    ['networks', ['a,00:11:22:33:44:55', 'b,00:11:22:33:44:55'], 'two NICs have the MAC address 00:11:22:33:44:55'],
    ['networks', Array<string>(maxVmNetworks + 1).fill('a'), 'networks: at most 124'],
  ])('%s %j is refused', (name, words, text) => {
    expect(issue(name, ...words)).toBe(text);
  });

  it('schedule and colocate exclude each other, in both orders', () => {
    const scheduled = changed('schedule', 'node1');
    expect(change(scheduled, 'colocate', ['x'])).toEqual({
      ok: false,
      message: 'cannot specify colocate and schedule in the same config',
    });
    expect(change(changed('colocate', 'x'), 'schedule', ['node1'])).toEqual({
      ok: false,
      message: 'cannot specify schedule and colocate in the same config',
    });
  });

  it('where no QEMU was asked, any model is taken, but nothing that ends an option', () => {
    const unknown = { filesPath, catalogue: null };
    expect(change(defaultConfig, 'cpu', ['Haswell-v4'], unknown).ok).toBe(true);
    expect(change(defaultConfig, 'cpu', ['host,+vmx'], unknown).ok).toBe(false);
    expect(change(defaultConfig, 'machine', ['q35,accel=kvm'], unknown).ok).toBe(false);
  });

  it('setting, clearing and cloning leave the configuration before as it was', () => {
    const before = changed('networks', 'alpha,00:11:22:33:44:55');
    const copy = structuredClone(before);
    const row = findField('networks')!;
    expect(clearField(before, row).networks).toEqual([]);
    expect(cloneConfig({ ...before, uuid: 'x' })).toMatchObject({ uuid: '', networks: [{ vlan: 'alpha', mac: '' }] });
    change(before, 'tags', ['a', 'b']);
    expect(before).toEqual(copy);
  });

  it('a tag may have any key, also one of every object', () => {
    for (const key of ['constructor', '__proto__', 'toString']) {
      expect(describeField(defaultConfig, findField('tags')!, key)).toBe('');
      expect(describeField(changed('tags', key, 'x'), findField('tags')!, key)).toBe('x');
    }
  });

  it('a count of virtio-ports names them', () => {
    expect(parseVirtioPorts('2')).toEqual({ ok: true, value: ['virtio-serial0', 'virtio-serial1'] });
  });
});
