// The launcher over hosts in memory: plans, bad input, hosts that fail at each call, and Cancel in each phase.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../contract/errors.ts';
import { parseLaunchNames } from '../../core/vms/names.ts';
import { defaultConfig, type VmConfig } from '../../core/vms/config.ts';
import type { NetSpec } from '../../core/vms/net-spec.ts';
import { VirtualClock } from '../mesh/virtual-clock.ts';
import type { LaunchOrder, ListedVm } from './launch-plan.ts';
import { Launcher, type DryRun, type LaunchOutcome, type LaunchVlans } from './launcher.ts';
import { MemoryVms, type MemoryCall, type MemoryVmsOptions } from './memory-vms.ts';

const namespace = 'exp';
const small: VmConfig = { ...defaultConfig, memory: 128 };

function net(vlan: string, mac = ''): NetSpec {
  return { vlan, bridge: 'mega_bridge', mac, driver: 'e1000', qinq: false };
}

/** VLANs of a cluster with one allocator. */
class MemoryVlans implements LaunchVlans {
  readonly numbers = new Map<string, number>();
  readonly asked: string[] = [];
  /** Numbers that are left. */
  left = 1_000;
  before: (text: string) => Promise<void> | void = () => undefined;

  async resolve(text: string) {
    this.asked.push(text);
    await this.before(text);
    const known = this.numbers.get(text);
    if (known !== undefined) return { vlan: known, alias: text, notes: [] };
    if (this.left === 0) throw new AppError('failed', 'out of VLANs');
    this.left -= 1;
    const vlan = 101 + this.numbers.size;
    this.numbers.set(text, vlan);
    return { vlan, alias: text, notes: [] };
  }

  isKnown(text: string): boolean {
    return this.numbers.has(text) || /^\d+$/.test(text);
  }
}

interface Cluster {
  readonly hosts: readonly MemoryVms[];
  readonly vlans: MemoryVlans;
  readonly launcher: Launcher;
  readonly clock: VirtualClock;
  readonly statuses: string[];
}

let ids = 0;
const newUuid = () => {
  ids += 1;
  return `00000000-0000-4000-8000-${ids.toString(16).padStart(12, '0')}`;
};

/** What a node tells all others. */
function listed(host: MemoryVms): ListedVm[] {
  return host.list(namespace).map((vm) => ({ ...vm, macs: vm.nets.map(({ mac }) => mac) }));
}

function launcherOf(
  hosts: readonly MemoryVms[],
  vlans: MemoryVlans,
  clock: VirtualClock,
  seed = 1,
  others: readonly ListedVm[] = [],
): Launcher {
  let byte = seed;
  return new Launcher({
    namespaces: { hosts: () => hosts.map(({ name }) => name), load: () => 'cpucommit' },
    host: (name) => {
      const host = hosts.find((one) => one.name === name);
      if (!host) throw new Error(`no host ${name}`);
      return host;
    },
    listed: () => [...others, ...hosts.flatMap(listed)],
    vlans,
    journal: { begin: () => () => undefined },
    clock,
    randomByte: () => (byte = (byte * 137 + 11) % 256),
    newUuid,
  });
}

function cluster(size: number, options: Partial<MemoryVmsOptions> = {}): Cluster {
  const hosts = Array.from({ length: size }, (_, at) => new MemoryVms({ name: `node${at + 1}`, ...options }));
  const clock = new VirtualClock();
  const vlans = new MemoryVlans();
  return { hosts, vlans, clock, launcher: launcherOf(hosts, vlans, clock), statuses: [] };
}

function order(text: string, config: VmConfig = small): LaunchOrder {
  const names = parseLaunchNames(text);
  if (!names.ok) throw new Error(names.message);
  return { names: names.value, config };
}

/** Runs a launch to its end, however much time it takes. */
async function run<T>(clock: VirtualClock, does: Promise<T>): Promise<T | string> {
  let outcome: { value: T } | { error: string } | null = null;
  does.then(
    (value) => (outcome = { value }),
    (error: unknown) => (outcome = { error: error instanceof Error ? error.message : String(error) }),
  );
  // What takes no time is over before the first second is.
  await clock.advanceUntil(() => outcome !== null, 200, 10);
  const took = await clock.advanceUntil(() => outcome !== null, 7_200_000, 1_000);
  if (took === null) throw new Error('it did not end within two hours');
  const ended = outcome as { value: T } | { error: string } | null;
  if (ended === null) throw new Error('no outcome');
  return 'error' in ended ? ended.error : ended.value;
}

function launch(
  { launcher, clock, statuses }: Cluster,
  one: LaunchOrder,
  signal: AbortSignal = new AbortController().signal,
): Promise<LaunchOutcome | string> {
  return run(clock, launcher.launch(namespace, one, { signal, status: (text) => void statuses.push(text) }));
}

function dryRun({ launcher, clock }: Cluster, one: LaunchOrder): Promise<DryRun | string> {
  const options = { signal: new AbortController().signal, status: () => undefined };
  return run(clock, launcher.dryRun(namespace, one, options));
}

const names = (host: MemoryVms) => host.list(namespace).map(({ name }) => name);
const allNames = ({ hosts }: Cluster) => hosts.flatMap(names).sort();
const holds = ({ hosts }: Cluster) => hosts.flatMap((host) => [...host.holds.keys()]);
/** The outcome as text: states by VM, or the error. */
const said = (outcome: LaunchOutcome | string) =>
  typeof outcome === 'string' ? outcome : outcome.vms.map(({ name, host, is }) => `${name} ${host} ${is}`).join(', ');

describe('a launch', () => {
  it('spreads VMs over the hosts, each with an own UUID and MAC addresses, on VLANs that were asked for once', async () => {
    const all = cluster(2);
    const config = { ...small, networks: [net('lan'), net('dmz'), net('lan')] };
    const outcome = await launch(all, order('web[1-4]', config));
    expect(said(outcome)).toBe('web1 node1 launched, web2 node2 launched, web3 node1 launched, web4 node2 launched');
    expect(all.vlans.asked).toEqual(['lan', 'dmz']);
    const vms = all.hosts.flatMap((host) => host.list(namespace));
    const macs = vms.flatMap(({ nets }) => nets.map(({ mac }) => mac));
    expect(new Set(macs).size).toBe(12);
    for (const mac of macs) expect(mac).toMatch(/^02(:[0-9a-f]{2}){5}$/);
    expect(new Set(vms.map(({ uuid }) => uuid)).size).toBe(4);
    expect(vms[0]?.nets.map(({ vlan, alias }) => `${alias} ${vlan}`)).toEqual(['lan 101', 'dmz 102', 'lan 101']);
    expect(vms.map(({ state }) => state)).toEqual(Array(4).fill('BUILDING'));
    expect(holds(all)).toEqual([]);
  });

  it('says once a second how far it is, and nothing when it takes less', async () => {
    const all = cluster(2);
    await launch(all, order('a'));
    expect(all.statuses).toEqual([]);
    const wait = (ms: number) => new Promise<void>((resolve) => all.clock.after(ms, resolve));
    const [first, second] = all.hosts;
    if (first) first.onCall = () => wait(1_500);
    if (second) second.onCall = (call) => (call === 'launch one' ? wait(4_500) : undefined);
    await launch(all, order('b[1-2]', { ...small, networks: [net('lan')] }));
    expect(all.statuses.slice(0, 2)).toEqual(['asking 2 hosts', 'reserving 2 VMs']);
    expect(all.statuses.at(-1)).toBe('launched 2 of 2');
  });

  it('names VMs without names by a counter that keeps counting, and leaves out what exists', async () => {
    const all = cluster(1);
    await launch(all, order('2'));
    await launch(all, order('vm-3'));
    await launch(all, order('2'));
    expect(allNames(all)).toEqual(['vm-0', 'vm-1', 'vm-2', 'vm-3', 'vm-4']);
  });

  it('a host that does not answer gets no VM and is named', async () => {
    const all = cluster(3);
    const [, second] = all.hosts;
    if (second) second.onCall = () => new Promise(() => undefined);
    const outcome = await launch(all, order('a[1-2]'));
    expect(said(outcome)).toBe('a1 node1 launched, a2 node3 launched');
    expect(outcome).toMatchObject({ notes: ['node2 gets no VM: node2 did not answer within 10 seconds'] });
  });

  it('a host that is named in its own error is named once', async () => {
    const all = cluster(2);
    const [, second] = all.hosts;
    if (second) {
      second.onCall = () => {
        throw new AppError('unreachable', 'node2: node2: it is not in the mesh');
      };
    }
    expect(await launch(all, order('a'))).toMatchObject({ notes: ['node2 gets no VM: it is not in the mesh'] });
  });

  it('without any host that answers, says why of each', async () => {
    const all = cluster(2);
    for (const host of all.hosts) {
      host.onCall = () => {
        throw new AppError('unreachable', 'it is not in the mesh');
      };
    }
    expect(await launch(all, order('a'))).toBe(
      'no host of the namespace answered:\nnode1: it is not in the mesh\nnode2: it is not in the mesh',
    );
    expect(await launch(cluster(0), order('a'))).toBe('namespace must contain at least one host to launch VMs');
  });

  it('a host that dies while it launches leaves its VMs unknown, with what to do, and the others as they are', async () => {
    const all = cluster(2);
    const [, second] = all.hosts;
    if (second) {
      second.onCall = (call) => {
        if (call === 'launch') throw new AppError('unreachable', 'node2 left the mesh');
      };
    }
    const outcome = await launch(all, order('a[1-4]'));
    expect(said(outcome)).toBe('a1 node1 launched, a2 node2 unknown, a3 node1 launched, a4 node2 unknown');
    if (typeof outcome === 'string') throw new Error(outcome);
    expect(outcome.vms[1]?.error).toBe(
      'unknown, since node2 did not say: node2 left the mesh. Look with `vm info` once it answers; it may have launched it',
    );
    expect(holds(all)).toEqual([]);
  });

  it('a VM that fails stays in the state ERROR, and the outcome says how to be rid of it', async () => {
    const all = cluster(1);
    const [first] = all.hosts;
    if (first) {
      first.onCall = (call, what) => {
        if (call === 'launch one' && what === 'a2') throw new AppError('failed', 'QEMU: no such device');
      };
    }
    const outcome = await launch(all, order('a[1-2]'));
    expect(said(outcome)).toBe('a1 node1 launched, a2 node1 failed');
    if (typeof outcome === 'string') throw new Error(outcome);
    expect(outcome.vms[1]?.error).toBe('QEMU: no such device (it stays in the state ERROR: `vm flush` removes it)');
    expect(first?.list(namespace).map(({ state }) => state)).toEqual(['BUILDING', 'ERROR']);
  });

  it('of two launches that want the same name, one gets it and the other says so', async () => {
    const hosts = cluster(3).hosts;
    const clock = new VirtualClock();
    const vlans = new MemoryVlans();
    const options = { signal: new AbortController().signal, status: () => undefined };
    const both = [1, 2].map((seed) =>
      launcherOf(hosts, vlans, clock, seed).launch(namespace, order('a[1-3]'), options),
    );
    const outcomes = await Promise.all(both.map((one) => run(clock, one)));
    const texts = outcomes.map(said).sort();
    expect(texts).toEqual([
      'a1 node1 launched, a2 node2 launched, a3 node3 launched',
      'a1: vm already exists with name `a1`\na2: vm already exists with name `a2`\na3: vm already exists with name `a3`'.replaceAll(
        /a\d: /g,
        '',
      ),
    ]);
    expect(hosts.flatMap(names).sort()).toEqual(['a1', 'a2', 'a3']);
  });

  it('two launches without names at once both get theirs', async () => {
    const hosts = cluster(2).hosts;
    const clock = new VirtualClock();
    const vlans = new MemoryVlans();
    const options = { signal: new AbortController().signal, status: () => undefined };
    const both = [1, 2].map((seed) => launcherOf(hosts, vlans, clock, seed).launch(namespace, order('3'), options));
    const outcomes = await Promise.all(both.map((one) => run(clock, one)));
    for (const outcome of outcomes) expect(said(outcome)).toMatch(/launched.*launched.*launched/);
    expect(hosts.flatMap(names).sort()).toEqual(['vm-0', 'vm-1', 'vm-2', 'vm-3', 'vm-4', 'vm-5']);
  });

  it('a host that says something may take as long as it likes; one that says nothing is given up', async () => {
    const all = cluster(2);
    const [first, second] = all.hosts;
    if (!first || !second) throw new Error('two hosts');
    const wait = (ms: number) => new Promise<void>((resolve) => all.clock.after(ms, resolve));
    const launchAll = first.launch.bind(first);
    first.launch = async (request, options) => {
      for (let minutes = 0; minutes < 20; minutes += 4) {
        options.onProgress?.(0, `fetching web.qcow2: ${minutes} of 20 bytes`);
        await wait(240_000);
      }
      return launchAll(request, options);
    };
    second.launch = () => new Promise(() => undefined);
    const outcome = await launch(all, order('a[1-2]'));
    expect(said(outcome)).toBe('a1 node1 launched, a2 node2 unknown');
    expect(all.statuses).toContain('launched 0 of 2; node1: fetching web.qcow2: 4 of 20 bytes');
  });

  it('holds again while a host takes long, and releases after that', async () => {
    const all = cluster(1);
    const [first] = all.hosts;
    let held = 0;
    if (first) {
      first.onCall = (call) => {
        if (call === 'hold') held += 1;
        if (call === 'launch one') return new Promise((resolve) => all.clock.after(180_000, resolve));
        return undefined;
      };
    }
    expect(said(await launch(all, order('a')))).toBe('a node1 launched');
    expect(held).toBe(4);
    await all.clock.advance(120_000, 1_000);
    expect(held).toBe(4);
    expect(holds(all)).toEqual([]);
  });

  it('uses its VLANs from the moment that it has their numbers until it has ended', async () => {
    const all = cluster(2);
    const using = () => all.launcher.vlanUsers.using([101, 102, 103]).map(({ vm, vlan }) => `${vm} ${vlan}`);
    const seen: Record<string, string[]> = {};
    all.vlans.before = async (text) => {
      // The second alias takes long, as with an owner that answers late.
      if (text === 'dmz') await new Promise<void>((resolve) => void all.clock.after(5_000, resolve));
      seen[`before ${text}`] = using();
    };
    for (const host of all.hosts) {
      host.onCall = (call) => {
        if (call === 'launch') seen[call] = using();
      };
    }
    const config = { ...small, networks: [net('lan'), net('dmz'), net('lan')] };
    expect(said(await launch(all, order('a,b', config)))).toBe('a node1 launched, b node2 launched');
    const lan = ['a 101', 'a 101', 'b 101', 'b 101'];
    expect(seen).toEqual({ 'before lan': [], 'before dmz': lan, launch: [...lan, 'a 102', 'b 102'] });
    expect(using()).toEqual([]);
    // One that fails uses none either.
    all.vlans.before = (text) => {
      if (text === 'dmz') throw new AppError('failed', 'out of VLANs');
    };
    expect(await launch(all, order('c', config))).toContain('out of VLANs');
    expect(using()).toEqual([]);
  });

  it('waits for a hold that is on its way before it releases', async () => {
    const all = cluster(1);
    const [first] = all.hosts;
    if (first) {
      first.onCall = (call) => {
        if (call === 'hold') return new Promise((resolve) => all.clock.after(5_000, resolve));
        if (call === 'launch one') return new Promise((resolve) => all.clock.after(52_000, resolve));
        return undefined;
      };
    }
    await launch(all, order('a'));
    await all.clock.advance(20_000, 1_000);
    expect(holds(all)).toEqual([]);
  });

  it('two launches that reach the hosts in different orders do not keep each other from it', async () => {
    const hosts = cluster(2).hosts;
    const clock = new VirtualClock();
    const vlans = new MemoryVlans();
    const options = { signal: new AbortController().signal, status: () => undefined };
    const [slow, other] = hosts;
    const launches: string[] = [];
    const wait = (ms: number) => new Promise<void>((resolve) => clock.after(ms, resolve));
    const delay = (first: number, second: number) => async (call: MemoryCall, launch: string) => {
      if (call !== 'hold') return;
      if (!launches.includes(launch)) launches.push(launch);
      await wait(launches.indexOf(launch) === 0 ? first : second);
    };
    if (slow) slow.onCall = delay(2_000, 1_000);
    if (other) other.onCall = delay(1_000, 2_000);
    const both = [1, 2].map((seed) =>
      launcherOf(hosts, vlans, clock, seed).launch(namespace, order('a[1-2]'), options),
    );
    const outcomes = await Promise.all(both.map((one) => run(clock, one)));
    expect(outcomes.map(said).sort()).toEqual([
      'a1 node1 launched, a2 node2 launched',
      'vm already exists with name `a1`\nvm already exists with name `a2`',
    ]);
  });
});

describe('a dry run', () => {
  it('says where VMs would go, what would be fetched and which VLANs would be made, and changes nothing', async () => {
    const image = '/f/web.qcow2';
    const hosts = [
      new MemoryVms({ name: 'node1', files: new Set([image]) }),
      new MemoryVms({ name: 'node2', elsewhere: new Map([[image, 1_000]]) }),
    ];
    const clock = new VirtualClock();
    const vlans = new MemoryVlans();
    const known = await vlans.resolve('old');
    const all = { hosts, vlans, clock, launcher: launcherOf(hosts, vlans, clock), statuses: [] };
    const config = {
      ...small,
      disks: [{ path: image, interface: null, cache: null }],
      networks: [net('old'), net('new'), net('200')],
    };
    const run = await dryRun(all, order('a[1-2]', config));
    if (typeof run === 'string') throw new Error(run);
    expect(run.vms.map(({ name, host }) => `${name} ${host}`)).toEqual(['a1 node1', 'a2 node2']);
    expect(run.images).toEqual([{ host: 'node2', name: image, bytes: 1_000 }]);
    expect(run.vlans).toEqual(['new']);
    expect([...vlans.numbers.values()]).toEqual([known.vlan]);
    expect(allNames(all)).toEqual([]);
    expect(holds(all)).toEqual([]);
  });

  it('names the hosts of a warning, and says it once', async () => {
    const all = cluster(3, { warning: 'no KVM' });
    expect(await dryRun(all, order('a[1-2]'))).toMatchObject({ notes: ['node[1-2]: no KVM'] });
  });

  it('uses up no name', async () => {
    const all = cluster(1);
    await dryRun(all, order('2'));
    await launch(all, order('1'));
    expect(allNames(all)).toEqual(['vm-0']);
  });
});

describe('bad input', () => {
  const disk = (path: string) => ({ ...small, disks: [{ path, interface: null, cache: null }] });
  const refused: [string, LaunchOrder, Partial<MemoryVmsOptions>, string][] = [
    ['an image that no node has', order('a[1-2]', disk('/f/no.qcow2')), {}, 'no node has /f/no.qcow2'],
    [
      'an initrd without a kernel',
      order('a', { ...small, initrd: '/f/initrd' }),
      {},
      'an initrd without a kernel: set vm config kernel too',
    ],
    [
      'more memory than any host has',
      order('a', { ...small, memory: 99_999 }),
      {},
      'it takes 99999 MB, and no host has more than 8192 MB',
    ],
    [
      'one MAC address for several VMs',
      order('a[1-2]', { ...small, networks: [net('lan', '02:00:00:00:00:01')] }),
      {},
      '2 VMs cannot have the one MAC address 02:00:00:00:00:01: leave it out, or launch them one by one',
    ],
    [
      'one UUID for several VMs',
      order('a[1-2]', { ...small, uuid: '11111111-2222-3333-4444-555555555555' }),
      {},
      'cannot launch multiple VMs with a pre-configured UUID',
    ],
    [
      'an unknown CPU',
      order('a', { ...small, cpu: 'bogus' }),
      { cpuModels: ['qemu64', 'max'] },
      'invalid QEMU CPU: `bogus`, see help: host, qemu64, max',
    ],
    [
      'a host that there is not',
      order('a', { ...small, schedule: 'node9' }),
      {},
      'VM scheduled on unknown host: `node9`',
    ],
    [
      'a VM to colocate with that there is not',
      order('a', { ...small, colocate: 'nope' }),
      {},
      'nonexistent colocate VMs: [nope]',
    ],
    [
      'two VMs that write one disk',
      order('a[1-2]', { ...disk('/f/d.qcow2'), snapshot: false }),
      { files: new Set(['/f/d.qcow2']) },
      'disk conflict: /f/d.qcow2: with `vm config snapshot false` one VM alone writes it',
    ],
    ['more VMs than the hosts may have', order('a', small), { vmLimit: 0 }, ''],
  ];

  it.each(refused)('%s', async (_, one, options, text) => {
    const all = cluster(2, options);
    const outcome = await launch(all, { ...one, config: { ...one.config, networks: one.config.networks } });
    if (text === '') expect(outcome).toContain('limit of 0 VMs');
    else expect(outcome).toBe(text);
    expect(allNames(all)).toEqual([]);
    expect(all.vlans.asked).toEqual([]);
    expect(holds(all)).toEqual([]);
  });

  it('a name that exists on another host, or is taken by the launch before', async () => {
    const all = cluster(2);
    await launch(all, order('a[1-2]'));
    expect(await launch(all, order('a1'))).toBe('vm already exists with name `a1`');
    expect(await launch(all, order('a[2-5]'))).toBe('vm already exists with name `a2`');
    expect(allNames(all)).toEqual(['a1', 'a2']);
  });

  it('a MAC address and a UUID that another VM has', async () => {
    const all = cluster(2);
    const uuid = '11111111-2222-3333-4444-555555555555';
    const mac = '02:00:00:00:00:01';
    await launch(all, order('a', { ...small, uuid, networks: [net('lan', mac)] }));
    expect(await launch(all, order('b', { ...small, uuid }))).toBe(`vm already exists with UUID \`${uuid}\``);
    expect(await launch(all, order('b', { ...small, networks: [net('lan', mac)] }))).toBe(
      `another VM has the MAC address ${mac}`,
    );
    expect(allNames(all)).toEqual(['a']);
  });

  it('a name on a node that is not asked stays taken, and VMs without names leave it out', async () => {
    const all = cluster(1);
    const lost = { name: 'vm-0', host: 'node9', uuid: newUuid(), macs: ['02:00:00:00:00:09'] };
    const launcher = launcherOf(all.hosts, all.vlans, all.clock, 1, [lost]);
    expect(await launch({ ...all, launcher }, order('vm-0'))).toBe('vm already exists with name `vm-0` on node9');
    expect(await launch({ ...all, launcher }, order('a', { ...small, networks: [net('lan', lost.macs[0])] }))).toBe(
      'another VM has the MAC address 02:00:00:00:00:09',
    );
    expect(said(await launch({ ...all, launcher }, order('1')))).toBe('vm-1 node1 launched');
  });

  it('a name that another launch gives on a node that does not answer, before anything is held, is found', async () => {
    const all = cluster(2);
    const late = { name: 'a1', host: 'node9', uuid: newUuid(), macs: [] };
    const known: ListedVm[] = [];
    const launcher = launcherOf(all.hosts, all.vlans, all.clock, 1, known);
    const [first] = all.hosts;
    if (first) first.onCall = (call) => (call === 'hold' ? void known.push(late) : undefined);
    expect(await launch({ ...all, launcher }, order('a[1-2]'))).toBe('vm already exists with name `a1` on node9');
    expect(allNames(all)).toEqual([]);
    expect(holds(all)).toEqual([]);
  });

  it('VLANs that ran out: nothing is launched, and nothing stays held', async () => {
    const all = cluster(2);
    all.vlans.left = 1;
    const config = { ...small, networks: [net('one'), net('two')] };
    expect(await launch(all, order('a[1-2]', config))).toBe('VLAN two: out of VLANs');
    expect(allNames(all)).toEqual([]);
    expect(holds(all)).toEqual([]);
  });

  it('a host that cannot run the VM gets none; wanted by `schedule`, it says why', async () => {
    const image = '/f/d.qcow2';
    const hosts = [new MemoryVms({ name: 'node1', files: new Set([image]) }), new MemoryVms({ name: 'node2' })];
    const clock = new VirtualClock();
    const vlans = new MemoryVlans();
    const all = { hosts, vlans, clock, launcher: launcherOf(hosts, vlans, clock), statuses: [] };
    const config = disk(image);
    const outcome = await launch(all, order('a[1-2]', config));
    expect(said(outcome)).toBe('a1 node1 launched, a2 node1 launched');
    expect(outcome).toMatchObject({ notes: [`node2 gets no VM: no node has ${image}`] });
    expect(await launch(all, order('b', { ...config, schedule: 'node2' }))).toBe(
      `it is to run on node2: no node has ${image}`,
    );
  });

  it('10,000 names that find no place are one line', async () => {
    const all = cluster(2, { memoryMb: 1_000 });
    expect(await launch(all, order('a[1-10000]'))).toBe(
      'a[15-10000]: none of 2 hosts takes it: node1 has 104 MB of its 1000 MB left, and this takes 128 MB',
    );
  });

  it('a kernel without an initrd or a disk is launched, with a word about it', async () => {
    const all = cluster(1, { files: new Set(['/f/vmlinuz']) });
    const outcome = await launch(all, order('a', { ...small, kernel: '/f/vmlinuz' }));
    expect(outcome).toMatchObject({
      notes: ['a kernel without an initrd or a disk: the guest stops, unless its kernel has an initrd inside'],
    });
  });
});

describe('Cancel', () => {
  const cases: [string, MemoryCall | 'vlan'][] = [
    ['while hosts are asked', 'survey'],
    ['while it reserves', 'hold'],
    ['while it gets VLANs', 'vlan'],
    ['while VMs are launched', 'launch one'],
  ];
  it.each(cases)('%s: no VM is half-made, and nothing stays held', async (_, phase) => {
    const all = cluster(2);
    const cancel = new AbortController();
    let count = 0;
    const stop = () => {
      count += 1;
      if (count === 2) cancel.abort(new AppError('cancelled', 'cancelled'));
      return Promise.resolve();
    };
    for (const host of all.hosts) host.onCall = (call) => (call === phase ? stop() : undefined);
    if (phase === 'vlan') all.vlans.before = stop;
    const config = { ...small, networks: [net('lan'), net('dmz')] };
    const outcome = await launch(all, order('a[1-4]', config), cancel.signal);
    if (phase === 'launch one') {
      if (typeof outcome === 'string') throw new Error(outcome);
      // Each VM is launched or gone; a cancelled one says so.
      for (const { name, is, error } of outcome.vms) {
        expect(allNames(all).includes(name)).toBe(is === 'launched');
        expect(error === '' || error.startsWith('cancelled')).toBe(true);
      }
      expect(outcome.vms.some(({ is }) => is === 'failed')).toBe(true);
    } else {
      expect(outcome).toBe('cancelled');
      expect(allNames(all)).toEqual([]);
    }
    await all.clock.advance(60_000, 1_000);
    expect(holds(all)).toEqual([]);
  });
});

describe('hosts that fail at random calls', () => {
  const fault = fc.record({
    host: fc.integer({ min: 0, max: 3 }),
    call: fc.constantFrom<MemoryCall>('survey', 'hold', 'release', 'launch', 'launch one'),
    /** Which of these calls. */
    at: fc.integer({ min: 0, max: 2 }),
    how: fc.constantFrom('hangs', 'unreachable', 'refused', 'slow'),
  });
  const launches = fc.array(
    fc.record({ first: fc.integer({ min: 0, max: 8 }), count: fc.integer({ min: 1, max: 5 }) }),
    {
      minLength: 1,
      maxLength: 3,
    },
  );

  it('each VM has one outcome that is true, none is there twice, and nothing stays held', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fault, { maxLength: 6 }), launches, async (faults, wanted) => {
        const all = cluster(4);
        const counts = new Map<string, number>();
        const isBroken = new Set<string>();
        all.hosts.forEach((host, index) => {
          host.onCall = async (call) => {
            const key = `${index} ${call}`;
            const at = counts.get(key) ?? 0;
            counts.set(key, at + 1);
            const found = faults.find((one) => one.host === index && one.call === call && one.at === at);
            if (!found) return;
            if (call === 'release') isBroken.add(host.name);
            if (found.how === 'unreachable') throw new AppError('unreachable', 'away');
            if (found.how === 'refused') throw new AppError('refused', 'not here');
            await new Promise((resolve) =>
              found.how === 'slow' ? all.clock.after(3_000, resolve as () => void) : null,
            );
          };
        });
        const options = { signal: new AbortController().signal, status: () => undefined };
        const orders = wanted.map(({ first, count }) =>
          order(`w[${first + 10}-${first + 9 + count}]`, { ...small, networks: [net('lan')] }),
        );
        // Side by side, from as many nodes.
        const outcomes = await Promise.all(
          orders.map((one, at) =>
            run(all.clock, launcherOf(all.hosts, all.vlans, all.clock, at).launch(namespace, one, options)),
          ),
        );
        const isOfAnother = (own: number, { name, host }: { name: string; host: string }) =>
          outcomes.some(
            (other, at) =>
              at !== own &&
              typeof other !== 'string' &&
              other.vms.some((vm) => vm.is === 'launched' && vm.name === name && vm.host === host),
          );
        outcomes.forEach((outcome, at) => {
          if (typeof outcome === 'string') {
            expect(outcome).not.toBe('');
            return;
          }
          const asked = orders[at]?.names;
          expect(outcome.vms.map(({ name }) => name)).toEqual(asked && 'names' in asked ? asked.names : []);
          for (const { name, host, is, error } of outcome.vms) {
            expect(error === '').toBe(is === 'launched');
            const there = all.hosts
              .find((one) => one.name === host)
              ?.list(namespace)
              .find((vm) => vm.name === name);
            if (is === 'launched') expect(there?.state).toBe('BUILDING');
            // The name is free for the launch beside it, once this one gave it up.
            if (is === 'failed' && !isOfAnother(at, { name, host }))
              expect(there === undefined || there.state === 'ERROR').toBe(true);
          }
        });
        const everywhere = allNames(all);
        expect(new Set(everywhere).size).toBe(everywhere.length);
        const macs = all.hosts.flatMap((host) => host.list(null).flatMap(({ nets }) => nets.map(({ mac }) => mac)));
        expect(new Set(macs).size).toBe(macs.length);
        // A release that failed is the hold's own end after two minutes.
        for (const host of all.hosts) if (!isBroken.has(host.name)) expect([...host.holds.keys()]).toEqual([]);
      }),
      {
        numRuns: 200,
        // The same name from two nodes: one is refused, then the other gets it.
        examples: [
          [
            [
              { host: 0, call: 'survey', at: 0, how: 'slow' },
              { host: 0, call: 'launch', at: 0, how: 'refused' },
            ],
            [
              { first: 6, count: 1 },
              { first: 6, count: 1 },
            ],
          ],
        ],
      },
    );
  });
});
