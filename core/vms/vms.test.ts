import { describe, expect, it } from 'vitest';
import { maxRangeNames } from '../../contract/limits.ts';
import { recordedEntries } from '../../lab/minimega/replay.ts';
import { defaultConfig } from './config.ts';
import { infoColumns, infoData, infoRow, minimegaInfoColumns, summaryColumns } from './info.ts';
import { findTaken, matchTarget, nameUnnamed, parseLaunchNames, parseTarget } from './names.ts';
import type { VmNet, VmRecord } from './record.ts';
import { describeRefusal, outcomeOf, vmActions, vmStates, type VmState } from './states.ts';
import { describeVlan } from './vlan-words.ts';

const entries = recordedEntries('recorded-vms');
const recorded = (line: string) => entries.find((one) => one.line === line)?.entry;

describe('names of a launch', () => {
  const read = (text: string) => {
    const result = parseLaunchNames(text);
    if (!result.ok) return result.message;
    return 'count' in result.value ? result.value.count : result.value.names.join(' ');
  };

  it.each(['0', '-1', 'all', 'a/b', 'a,a'])('%s is refused as minimega does', (text) => {
    expect(read(text)).toBe(recorded(`vm launch kvm ${text}`)?.Error);
  });

  it.each([
    ['3', 3],
    ['web[1-3],db', 'web1 web2 web3 db'],
    ['a_b.c-d', 'a_b.c-d'],
    ['', 'no VMs to launch'],
    ['a b', recorded('vm launch kvm "a b"')?.Error],
    ['..', 'invalid name; must only include letters, numbers, hyphens and underscores: `..`'],
    ['x,7', 'invalid vm name, `7` is an integer'],
    ['x,all', 'invalid vm name, `all` is a reserved word'],
    ['a[1-3],b,a[3-4]', '`a3` is specified twice in VMs to launch'],
    ['a[2-1]', 'range runs backwards: `2-1` in `a[2-1]`; write `1-2`'],
    [`a[1-${maxRangeNames}]`, Array.from({ length: maxRangeNames }, (_, at) => `a${at + 1}`).join(' ')],
    [`a[1-${maxRangeNames + 1}]`, 'more than 10000 names in one range'],
    [String(maxRangeNames + 1), '10001 VMs in one launch: at most 10000'],
  ])('%s', (text, expected) => {
    expect(read(text)).toBe(expected);
  });

  it('VMs without names are counted on from the last, without those that are taken', () => {
    expect(nameUnnamed(2, 3, (name) => name === 'vm-4')).toEqual({ names: ['vm-3', 'vm-5'], next: 6 });
  });

  it('finds names and UUIDs that exist, for each VM', () => {
    const existing = [{ name: 'a1', uuid: 'u' }];
    expect([...findTaken(['a1', 'a2'], '', existing)]).toEqual([['a1', recorded('vm launch kvm a1')?.Error]]);
    expect([...findTaken(['b'], 'u', existing)]).toEqual([['b', 'vm already exists with UUID `u`']]);
    expect([...findTaken(['b', 'c'], 'x', existing).values()]).toEqual(
      Array<string>(2).fill('cannot launch multiple VMs with a pre-configured UUID'),
    );
  });
});

describe('targets', () => {
  const vms = [
    { id: 1, name: 'a1', uuid: 'u-1' },
    { id: 2, name: 'a2', uuid: 'u-2' },
    { id: 3, name: 'b', uuid: 'u-3' },
  ];
  const match = (text: string) => {
    const target = parseTarget(text);
    if (!target.ok) return target.message;
    const { matched, missing, isSingle } = matchTarget(target.value, vms);
    return `${matched.map(({ name }) => name).join(' ')} | ${missing.join(' ')} | ${isSingle ? 'single' : 'list'}`;
  };

  it.each([
    ['all', 'a1 a2 b |  | list'],
    ['a[1-3]', 'a1 a2 | a3 | list'],
    ['2', 'a2 |  | single'],
    ['u-3', 'b |  | single'],
    ['b,b,3', 'b |  | list'],
    ['nope', ' | nope | single'],
    ['', 'vm not found: '],
  ])('%s', (text, expected) => {
    expect(match(text)).toBe(expected);
  });
});

describe('states and actions', () => {
  it('every pair has an outcome', () => {
    for (const state of vmStates) {
      for (const action of vmActions) expect(outcomeOf(action, state)).toHaveProperty('is');
    }
  });

  // minimega's table [facts 5.8].
  it.each<[VmState, string, string, string, string]>([
    ['BUILDING', 'RUNNING', 'state', 'QUIT', 'state'],
    ['RUNNING', 'running', 'PAUSED', 'QUIT', 'state'],
    ['PAUSED', 'RUNNING', 'state', 'QUIT', 'state'],
    ['QUIT', 'RUNNING', 'state', 'state', 'gone'],
    ['ERROR', 'RUNNING', 'state', 'state', 'gone'],
    ['LOST', 'lost', 'lost', 'lost', 'lost'],
  ])('%s: start, stop, kill, flush', (state, ...expected) => {
    const outcomes = (['start', 'stop', 'kill', 'flush'] as const).map((action) => {
      const outcome = outcomeOf(action, state);
      return outcome.is === 'to' ? outcome.state : outcome.is === 'works' ? 'works' : outcome.because;
    });
    expect(outcomes).toEqual(expected);
  });

  it('`start all` leaves what has quit or failed as it is', () => {
    expect(outcomeOf('start', 'QUIT', 'all').is).toBe('skip');
    expect(outcomeOf('start', 'PAUSED', 'all').is).toBe('to');
  });

  it('texts are minimega’s; a lost VM names its node', () => {
    const vm = { id: 4, name: 'a1', host: 'node3' };
    const say = (action: (typeof vmActions)[number], state: VmState) => {
      const outcome = outcomeOf(action, state);
      return outcome.is === 'skip' || outcome.is === 'refuse' ? describeRefusal(outcome, vm) : outcome.is;
    };
    expect(say('start', 'RUNNING')).toBe(
      entries.find(({ entry }) => entry?.Error === 'vm is already running')?.entry?.Error,
    );
    expect(say('stop', 'BUILDING')).toBe(recorded('vm stop a1')?.Error);
    expect(say('screenshot', 'QUIT')).toBe('vm not running: 4');
    expect(say('kill', 'LOST')).toContain('its node node3 does not answer');
  });
});

describe('vm info', () => {
  const net = (more: Partial<VmNet> = {}): VmNet => ({
    ...{ alias: 'alpha', vlan: 101, bridge: 'mega_bridge', tap: 'mega_tap0', mac: '00:c0:c6:6c:f8:06' },
    ...{ driver: 'virtio-net-pci', qinq: false, ip4: '', ip6: '', qos: '', raw: 'alpha,virtio-net-pci' },
    ...more,
  });
  const vm: VmRecord = {
    id: 1,
    name: 'a1',
    namespace: 'minimega',
    host: 'node1',
    uuid: '1a9cf579-7c19-4d56-8faf-0c9228cdacbc',
    config: {
      ...defaultConfig,
      memory: 96,
      kernel: '/tmp/minimega/files/vmlinuz',
      initrd: '/tmp/minimega/files/initramfs.gz',
      append: ['console=ttyS0', 'quiet', 'ip=10.0.0.1/24'],
      serialPorts: 1,
      cpu: 'qemu64',
    },
    state: 'BUILDING',
    reason: '',
    launchedAtMs: Date.parse('2026-11-29T13:05:58.382Z'),
    pid: 77,
    nets: [net()],
    hotplug: [],
    accelerator: 'kvm',
  };
  const withVms = entries.find(({ line, entry }) => line === 'vm info' && (entry?.Tabular?.length ?? 0) > 0)?.entry;

  it('has the columns of minimega in their order, then ours', () => {
    expect(minimegaInfoColumns).toEqual(withVms?.Header);
    expect(infoColumns.slice(minimegaInfoColumns.length)).toEqual(['reason', 'accelerator']);
    expect(summaryColumns).toEqual(
      entries.find(({ line, entry }) => line === 'vm info summary' && entry?.Header)?.entry?.Header,
    );
  });

  it('prints a VM as minimega did, but for the uptime and the port of the screen', () => {
    const row = infoRow(vm, minimegaInfoColumns, vm.launchedAtMs + 1_214);
    const theirs = withVms?.Tabular?.[0]?.map((cell, at) =>
      minimegaInfoColumns[at] === 'uptime' ? '1.21s' : minimegaInfoColumns[at] === 'vnc_port' ? 'N/A' : cell,
    );
    expect(row).toEqual(theirs);
  });

  it('Data has the keys of minimega, but for the port of the screen and rates', () => {
    const theirs = (withVms?.Data as Record<string, unknown>[])[0]!;
    const ours = infoData(vm);
    const missing = Object.keys(theirs).filter((key) => !(key in ours));
    expect(missing).toEqual(['VNCPort']);
    for (const key of [
      'UUID',
      'Memory',
      'State',
      'Type',
      'KernelPath',
      'Append',
      'Coschedule',
      'Tags',
      'Pid',
      'Disks',
      'Bonds',
    ]) {
      expect(ours[key]).toEqual(theirs[key]);
    }
  });

  it('lists interfaces in order, and leaves out what one does not have', () => {
    const nets = [
      net({ ip4: '10.0.0.1' }),
      net({ alias: '', vlan: 250, tap: 't1' }),
      net({ vlan: -1, bridge: '', tap: 't2', qinq: true }),
    ];
    const cells = infoRow(
      { ...vm, nets, config: { ...vm.config, tags: { b: '<x>' } } },
      ['vlan', 'bridge', 'tap', 'ip', 'qinq', 'tags'],
      0,
    );
    expect(cells).toEqual([
      '[alpha (101), 250, disconnected]',
      '[mega_bridge, mega_bridge]',
      '[mega_tap0, t1, t2]',
      '[10.0.0.1]',
      '[false, false, true]',
      '{"b":"\\u003cx\\u003e"}',
    ]);
    expect(describeVlan({ alias: 'other//alpha', vlan: 3 })).toBe('other//alpha (3)');
  });

  it('says why a VM is as it is, and that TCG is slow', () => {
    const cells = infoRow({ ...vm, reason: 'io-error: no space', accelerator: 'tcg' }, ['reason', 'accelerator'], 0);
    expect(cells).toEqual(['io-error: no space', 'tcg (slow: no KVM on this node)']);
  });
});
