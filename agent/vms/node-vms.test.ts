// The VMs of a node, over adapters in memory: launches, actions, limits and the records.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { parseBondSpec } from '../../core/vms/bond-spec.ts';
import { vmActions, vmStates, type VmState } from '../../core/vms/states.ts';
import { AppError } from '../../contract/errors.ts';
import { describeBond, type SwitchHost } from '../../host/ovs/switch-host.ts';
import type { VmActionArguments } from './local-vms.ts';
import type { NodeVms } from './node-vms.ts';
import { VmBook } from './vm-book.ts';
import { launchOf, never, plan, SimulatedMachine } from './simulated-vms.ts';

const named = { signal: never, target: 'named' } as const;
let machine: SimulatedMachine;
let vms: NodeVms;

beforeEach(async () => {
  machine = new SimulatedMachine();
  vms = await machine.start();
});
afterEach(() => vms.stop());

async function launch(...planned: ReturnType<typeof plan>[]) {
  return vms.launch(launchOf(planned), { signal: never });
}
/** meshd again, with something between it and the switch's changes. */
async function restartWith(
  apply: (host: SwitchHost, ...change: Parameters<SwitchHost['apply']>) => Promise<void>,
): Promise<void> {
  await vms.stop();
  vms = await machine.start((part) => {
    if (!('apply' in part)) return part;
    const host = part as unknown as SwitchHost;
    return { ...part, apply: (...change: Parameters<SwitchHost['apply']>) => apply(host, ...change) };
  });
}
const states = () => Object.fromEntries(vms.list(null).map(({ name, state }) => [name, state]));
const errorOf = async (id: number, wanted: VmActionArguments) => (await vms.act([id], wanted, named))[0]?.error;

describe('a launch', () => {
  it('makes VMs that are paused, each with its taps on its VLANs, in one change of the switch', async () => {
    const launched = await launch(plan('a', {}, [101, 250]), plan('b', {}, [101]), plan('c'));
    expect(launched.map(({ name, error, vm }) => [name, error, vm?.state])).toEqual([
      ['a', '', 'BUILDING'],
      ['b', '', 'BUILDING'],
      ['c', '', 'BUILDING'],
    ]);
    expect(launched.map(({ vm }) => vm?.id)).toEqual([0, 1, 2]);
    expect(vms.list(null)[0]?.nets.map(({ tap, vlan, alias }) => [tap, vlan, alias])).toEqual([
      ['mega_tap0', 101, 'alpha'],
      ['mega_tap1', 250, ''],
    ]);
    expect(machine.taps()).toEqual(['mega_tap0', 'mega_tap1', 'mega_tap2']);
    expect(machine.hypervisor.processes()).toEqual([0, 1, 2]);
    expect(vms.commitment()).toEqual({ vms: 3, cpus: 3, memoryMb: 384, nets: 3 });
  });

  it('bonds NICs of a VM that runs, and makes each a port again, all of it or nothing', async () => {
    const bond = (text: string) => {
      const parsed = parseBondSpec(text);
      if (!parsed.ok) throw new Error(parsed.message);
      return parsed.value;
    };
    const ports = () =>
      [...machine.network.host().view().ports.values()].map(
        ({ name, interfaces }) => `${name}: ${interfaces.join('+')}`,
      );
    await launch(plan('a', {}, [101, 101, 250]), plan('b', {}, [101]));
    const apart = ports();
    await vms.bondNets(0, bond('0,1,balance-slb,off'), { signal: never });
    const bonded = ['mega_tap2: mega_tap2', 'mega_tap3: mega_tap3', 'mega_bond0: mega_tap0+mega_tap1'];
    expect(ports().sort()).toEqual(bonded.sort());
    for (const [text, why] of [
      ['0,2,balance-slb,off', 'is in another bond already'],
      ['1,2,balance-slb,off', 'is in another bond already'],
      ['2,9,balance-slb,off', 'no network 9, VM only has 3 networks'],
    ] as const)
      await expect(vms.bondNets(0, bond(text), { signal: never })).rejects.toThrow(why);
    await expect(vms.disconnectNet(0, 0, { signal: never })).rejects.toThrow('`clear vm net bond` first');
    await expect(vms.unbondNets(0, 'nope', { signal: never })).rejects.toThrow('a has no bond nope');
    machine.crash();
    vms = await machine.start();
    expect(ports().sort()).toEqual(bonded.sort());
    for (let cycle = 0; cycle < 100; cycle += 1) {
      await vms.unbondNets(0, cycle % 2 === 0 ? null : 'mega_bond0', { signal: never });
      expect(ports().sort()).toEqual([...apart].sort());
      await vms.bondNets(0, bond('0,1,active-backup'), { signal: never });
    }
    await vms.unbondNets(0, null, { signal: never });
    await expect(vms.bondNets(0, bond('0,2,balance-slb,off'), { signal: never })).rejects.toThrow('on different VLANs');
    await expect(vms.bondNets(0, bond('0,1,balance-slb,off,mega_tap3'), { signal: never })).rejects.toThrow(
      'a port of this node is called mega_tap3',
    );
    expect(ports().sort()).toEqual([...apart].sort());
    expect(vms.list(null)[0]?.config.bonds).toEqual([]);
    await vms.connectNet(0, 1, 'alpha', 'other_bridge', { signal: never });
    await expect(vms.bondNets(0, bond('0,1,balance-slb,off'), { signal: never })).rejects.toThrow(
      'on different bridges',
    );
    expect(vms.list(null)[0]?.config.bonds).toEqual([]);
  });

  it('looks at the VMs that there are as often for many as for a few', async () => {
    const looks = async (names: readonly string[]) => {
      const all = vi.spyOn(VmBook.prototype, 'all');
      try {
        const launched = await launch(...names.map((name) => plan(name, { memory: 1 }, [101])));
        expect(launched.map(({ error }) => error)).toEqual(names.map(() => ''));
        return all.mock.calls.length;
      } finally {
        all.mockRestore();
      }
    };
    const few = await looks(['a', 'b']);
    expect(await looks(Array.from({ length: 40 }, (_, index) => `many${index}`))).toBeLessThanOrEqual(few);
    const [again] = await launch(plan('a'));
    expect(again?.error).toContain('a');
    const twice = plan('twice');
    const both = await launch(twice, twice);
    expect(both.map(({ error }) => error === '')).toEqual([true, false]);
  });

  it('makes NICs that a configuration bonds one port, which stays one', async () => {
    const [bond, twice] = ['0,1,balance-slb,off', '0,1,active-backup,passive,no-lacp-fallback,b7'].map((text) => {
      const parsed = parseBondSpec(text);
      if (!parsed.ok) throw new Error(parsed.message);
      return parsed.value;
    });
    const launched = await launch(
      plan('a', { bonds: [bond!] }, [101, 101, 250]),
      plan('b', { bonds: [bond!] }, [101, 250]),
      plan('c', { bonds: [twice!] }, [101, 101]),
    );
    expect(launched.map(({ error }) => error)).toEqual([
      '',
      'bond 0,1,balance-slb,off: its networks are on different VLANs',
      '',
    ]);
    const ports = () =>
      [...machine.network.host().view().ports.values()].map(({ name, interfaces, bond: kind }) =>
        `${name} ${interfaces.join('+')} ${describeBond(kind)}`.trim(),
      );
    const expected = [
      'mega_bond0 mega_tap0+mega_tap1 balance-slb, LACP off',
      'mega_tap2 mega_tap2',
      'b7 mega_tap3+mega_tap4 active-backup, LACP passive, no fallback',
    ];
    expect(ports()).toEqual(expected);
    await vms.act([0], { action: 'start' }, named);
    await expect(vms.connectNet(0, 1, 'beta', 'mega_bridge', { signal: never })).rejects.toThrow(
      'network 1 of a is in the bond mega_bond0, whose NICs stay together',
    );
    await expect(vms.disconnectNet(0, 0, { signal: never })).rejects.toThrow('whose NICs stay together');
    await vms.connectNet(0, 2, 'beta', 'mega_bridge', { signal: never });
    machine.crash();
    vms = await machine.start();
    expect(ports()).toEqual(expected);
    await vms.act([0], { action: 'kill' }, named);
    await vms.act([0], { action: 'flush' }, named);
    expect(ports()).toEqual(expected.slice(2));
  });

  it('the log says what was asked of each VM', async () => {
    await launch(plan('a'));
    for (const action of ['start', 'stop', 'kill', 'flush'] as const) await vms.act([0], { action }, named);
    await vms.act([0], { action: 'kill' }, named);
    expect(machine.log.filter((line) => line.startsWith('vms: a'))).toEqual(
      ['is launched', 'is started', 'is stopped', 'is killed', 'is flushed'].map((what) => `vms: a (0) ${what}`),
    );
  });

  it('gives an id once, also after the VM is gone and meshd was started again', async () => {
    await launch(plan('a'));
    await vms.act([0], { action: 'kill' }, named);
    await vms.act([0], { action: 'flush' }, named);
    expect(vms.list(null)).toEqual([]);
    await vms.stop();
    vms = await machine.start();
    await launch(plan('a'));
    expect(vms.list(null).map(({ id }) => id)).toEqual([1]);
  });

  it('one VM that fails stops no other, stays as ERROR with its tag, and can be flushed', async () => {
    machine.hypervisor.failNextLaunch('no such device');
    const launched = await launch(plan('a', {}, [101]), plan('b', {}, [101]));
    expect(launched.map(({ error }) => error)).toEqual(['QEMU died: no such device', '']);
    expect(states()).toEqual({ a: 'ERROR', b: 'BUILDING' });
    expect(vms.list(null)[0]).toMatchObject({ config: { tags: { error: 'QEMU died: no such device' } }, pid: 0 });
    expect(await errorOf(0, { action: 'flush' })).toBe('');
    expect(machine.taps()).toEqual(['mega_tap1']);
    expect(machine.hypervisor.folders()).toEqual([1]);
  });

  it('a file that is missing or no image is named, and other VMs are launched', async () => {
    machine.images.put('notes.raw', Buffer.from('not an image'));
    const launched = await launch(
      plan('a', { disks: [{ path: '/files/none.qcow2', interface: null, cache: null }] }),
      plan('b', { disks: [{ path: '/files/notes.raw', interface: null, cache: null }] }),
      plan('c', { disks: [{ path: '/files/disk.qcow2', interface: null, cache: null }] }),
      plan('d', { disks: [{ path: '/etc/passwd', interface: null, cache: null }] }),
    );
    expect(launched.map(({ error }) => error)).toEqual([
      'none.qcow2: file not found',
      'notes.raw is not a disk image (qcow2 or raw): it is not an image that meshd knows',
      '',
      '/etc/passwd is not below -filepath, which is /files on this node',
    ]);
    expect(states()).toEqual({ a: 'ERROR', b: 'ERROR', c: 'BUILDING', d: 'ERROR' });
    expect(vms.isInUse('/files/base.qcow2')).toBe(true);
    expect(vms.isInUse('/files/data.raw')).toBe(false);
  });

  it('a name, a UUID and a MAC address are of one VM', async () => {
    const first = plan('a', {}, [101]);
    await launch(first);
    const launched = await launch(
      plan('a'),
      { ...plan('b'), uuid: first.uuid },
      { ...plan('c', { networks: first.config.networks }), vlans: first.vlans },
      plan('d'),
      plan('d'),
    );
    expect(launched.map(({ error, vm }) => [error, vm?.state])).toEqual([
      ['vm already exists with name `a`', undefined],
      [`vm already exists with UUID \`${first.uuid}\``, undefined],
      [`MAC address ${first.config.networks[0]?.mac} of c is taken: give it another, or none`, undefined],
      ['', 'BUILDING'],
      ['vm already exists with name `d`', undefined],
    ]);
    // Another namespace has its own names.
    const other = await vms.launch(launchOf([plan('a')], 'launch2', 'other'), { signal: never });
    expect(other[0]?.error).toBe('');
    expect(vms.list('other').map(({ name }) => name)).toEqual(['a']);
  });

  it('takes what memory there is, and no more; a VM that has ended takes none', async () => {
    machine.memoryMb = 300;
    const launched = await launch(plan('a'), plan('b'), plan('c'));
    expect(launched.map(({ error }) => error)).toEqual([
      '',
      '',
      'node1 has 44 MB of its 300 MB left, and this takes 128 MB',
    ]);
    await vms.act([0], { action: 'kill' }, named);
    expect((await launch(plan('d')))[0]?.error).toBe('');
    expect(await errorOf(0, { action: 'start' })).toBe('node1 has 44 MB of its 300 MB left, and this takes 128 MB');
  });

  it('a disk that one VM writes is of no other', async () => {
    const disks = [{ path: '/files/base.qcow2', interface: null, cache: null }];
    await launch(plan('a', { disks: [{ path: '/files/disk.qcow2', interface: null, cache: null }] }));
    // Its image is an overlay over the base.
    expect((await launch(plan('b', { disks, snapshot: false })))[0]?.error).toBe('disk conflict: /files/base.qcow2');
    expect((await launch(plan('c', { disks })))[0]?.error).toBe('');
  });

  it('without Open vSwitch a VM with networks says so, and one without runs', async () => {
    machine.network.setRunning('database', false);
    const launched = await launch(plan('a', {}, [101]), plan('b'));
    expect(launched.map(({ error }) => error)).toEqual(['the switch in memory is off', '']);
    expect(states()).toEqual({ a: 'ERROR', b: 'BUILDING' });
    machine.network.setRunning('database', true);
    expect(await errorOf(0, { action: 'start' })).toBe('');
    expect(vms.list(null)[0]).toMatchObject({ state: 'RUNNING', reason: '', config: { tags: {} } });
    expect(machine.taps()).toEqual(['mega_tap0']);
  });

  it('QEMUs start as soon as their taps are there, while the switch still works on the ports', async () => {
    await restartWith(async (host, ...change) => {
      await host.apply(...change);
      if (change[0].makeTaps.length > 0) await expect.poll(() => machine.hypervisor.processes()).toEqual([0, 1]);
    });
    const launched = await launch(plan('a', {}, [101]), plan('b', {}, [101]));
    expect(launched.map(({ error }) => error)).toEqual(['', '']);
  });

  it('a VM whose port the switch refuses has no QEMU, and the others get theirs on new taps', async () => {
    let tries = 0;
    await restartWith(async (host, change, waitMs, onWritten) => {
      await host.apply(change, waitMs, onWritten);
      if (change.makeTaps.length === 0) return;
      tries += 1;
      if (tries > 1) return;
      await expect.poll(() => machine.hypervisor.processes()).toEqual([0, 1]);
      for (const { name } of change.setPorts) machine.network.deletePort(name);
      for (const { name } of change.makeTaps) machine.network.deleteTap(name);
      throw new AppError('failed', 'mega_tap0: no buffers', { detail: { ports: { mega_tap0: 'no buffers' } } });
    });
    const launched = await launch(plan('a', {}, [101]), plan('b', {}, [101]));
    expect(launched.map(({ error }) => error)).toEqual(['mega_tap0: no buffers', '']);
    expect(states()).toEqual({ a: 'ERROR', b: 'BUILDING' });
    expect(machine.hypervisor.processes()).toEqual([1]);
    expect(machine.taps()).toEqual(['mega_tap1']);
    expect(machine.network.host().view().links.get('mega_tap1')?.hasCarrier).toBe(true);
    expect(await errorOf(0, { action: 'start' })).toBe('');
  });

  it('a bridge that cannot be made is the error of its VMs alone', async () => {
    machine.network.addLink('eth7');
    const odd = plan('a', {}, [101]);
    const networks = odd.config.networks.map((net) => ({ ...net, bridge: 'eth7' }));
    const launched = await launch({ ...odd, config: { ...odd.config, networks } }, plan('b', {}, [101]));
    expect(launched.map(({ error }) => error)).toEqual([
      'eth7 exists already, and is not a bridge: choose another name',
      '',
    ]);
    expect(machine.taps()).toHaveLength(1);
  });

  it('when it is aborted, what is not started yet is gone without a trace, and what runs stays', async () => {
    const waiting = Promise.withResolvers<undefined>();
    machine.fetches.set('data.raw', waiting.promise);
    const abort = new AbortController();
    const progress: string[] = [];
    const disks = [{ path: '/files/data.raw', interface: null, cache: null }];
    const pending = vms.launch(launchOf([plan('a', {}, [101]), plan('b', { disks }, [101])]), {
      signal: abort.signal,
      onProgress: (done, text) => {
        if (text.startsWith('fetching')) return;
        progress.push(`${done} ${text}`);
        abort.abort();
      },
    });
    const launched = await pending;
    expect(launched.map(({ error, vm }) => [error, vm?.state])).toEqual([
      ['', 'BUILDING'],
      ['cancelled', undefined],
    ]);
    expect(progress).toEqual(['1 a: launched', '2 b: cancelled']);
    expect(states()).toEqual({ a: 'BUILDING' });
    expect(machine.taps()).toHaveLength(1);
    expect([...machine.disk.files.keys()].filter((name) => /^\d/.test(name))).toEqual(['0.json']);
  });

  it('says something while a large image is on its way', async () => {
    const waiting = Promise.withResolvers<undefined>();
    machine.fetches.set('data.raw', waiting.promise);
    const disks = [{ path: '/files/data.raw', interface: null, cache: null }];
    const progress: string[] = [];
    const pending = vms.launch(launchOf([plan('a'), plan('b', { disks })]), {
      signal: never,
      onProgress: (done, text) => void progress.push(`${done} ${text}`),
    });
    await expect.poll(() => progress).toEqual(['0 fetching data.raw: 0 of 100 bytes', '1 a: launched']);
    waiting.resolve(undefined);
    expect((await pending).map(({ notes }) => notes)).toEqual([[], ['fetched data.raw']]);
    expect(progress.at(-1)).toBe('2 b: launched');
  });

  it('a VM that is not launched yet can be named, and what is asked of it comes after the launch', async () => {
    const waiting = Promise.withResolvers<undefined>();
    machine.fetches.set('data.raw', waiting.promise);
    const disks = [{ path: '/files/data.raw', interface: null, cache: null }];
    const pending = launch(plan('a', { disks }));
    await expect.poll(() => states()).toEqual({ a: 'BUILDING' });
    const started = errorOf(0, { action: 'start' });
    waiting.resolve(undefined);
    expect((await pending)[0]?.error).toBe('');
    expect(await started).toBe('');
    expect(states()).toEqual({ a: 'RUNNING' });
  });

  it('starts eight at a time, and a QEMU that is slow holds up no other; an abort waits for those that are starting', async () => {
    const start = machine.hypervisor.launch.bind(machine.hypervisor);
    const slow = Promise.withResolvers<undefined>();
    let now = 0;
    let most = 0;
    machine.hypervisor.launch = async (request) => {
      now += 1;
      most = Math.max(most, now);
      if (request.machine.name === 'vm0') await slow.promise;
      else await new Promise((resolve) => setImmediate(resolve));
      now -= 1;
      return start(request);
    };
    const abort = new AbortController();
    const many = Array.from({ length: 20 }, (_, at) => plan(`vm${at}`, {}, [101]));
    const finished: string[] = [];
    const pending = vms.launch(launchOf(many), {
      signal: abort.signal,
      onProgress: (_done, text) => void finished.push(text),
    });
    await expect.poll(() => finished.length).toBe(19);
    expect(most).toBe(8);
    abort.abort();
    slow.resolve(undefined);
    expect((await pending).map(({ error }) => error)).toEqual(many.map(() => ''));
    expect(machine.taps()).toHaveLength(20);
  });

  it('without QEMU each VM says so once', async () => {
    machine.hypervisor.facts = () => Promise.reject(new Error('no QEMU on this node'));
    const launched = await launch(plan('a', {}, [101]), plan('b'));
    expect(launched.map(({ error, vm }) => [error, vm])).toEqual([
      ['no QEMU on this node', null],
      ['no QEMU on this node', null],
    ]);
    expect(vms.list(null)).toEqual([]);
    expect(machine.taps()).toEqual([]);
  });
});

describe('a launch asks first', () => {
  it('what a host has, what is taken, and which configurations it cannot run', async () => {
    await launch(plan('a', { memory: 1_000, vcpus: 2 }, [101]));
    const bad = plan('x', { cpu: 'nocpu' }).config;
    const survey = await vms.survey({ namespace: 'minimega', configs: [plan('y').config, bad] }, { signal: never });
    expect(survey.host).toMatchObject({
      name: 'node1',
      cpus: 4,
      committedCpus: 2,
      committedMemoryMb: 1_000,
      committedNets: 1,
      vms: [{ name: 'a', namespace: 'minimega', coschedule: -1 }],
    });
    expect(survey.taken.names).toEqual(['a']);
    expect(survey.issues).toMatchObject([{ config: 1, text: expect.stringContaining('invalid QEMU CPU') as string }]);
  });

  it('a hold keeps names and memory from other launches until it is released, or its time is over', async () => {
    machine.memoryMb = 300;
    const hold = (id: string, name: string) =>
      vms.hold({
        launch: id,
        namespace: 'minimega',
        vms: [{ name, uuid: `uuid-${id}`, macs: [] }],
        here: [{ name, vcpus: 1, memoryMb: 200, nets: 0 }],
      });
    await hold('one', 'a');
    await hold('one', 'a');
    await expect(hold('two', 'a')).rejects.toMatchObject({
      code: 'conflict',
      detail: { vms: { a: 'vm already exists with name `a`' } },
    });
    await expect(hold('two', 'b')).rejects.toMatchObject({
      detail: { vms: { b: 'node1 has 100 MB of its 300 MB left, and this takes 200 MB' } },
    });
    // The launch itself is not kept out by what it holds.
    expect((await vms.launch(launchOf([plan('a', { memory: 200 })], 'one'), { signal: never }))[0]?.error).toBe('');
    expect((await vms.survey({ namespace: 'minimega', configs: [] }, { signal: never })).host.committedMemoryMb).toBe(
      200,
    );
    // Nor by what it has made.
    await hold('one', 'a');
    await vms.release('one');
    await vms.act([0], { action: 'kill' }, named);
    await vms.hold({ launch: 'three', namespace: 'minimega', vms: [{ name: 'c', uuid: 'u', macs: [] }], here: [] });
    expect((await launch(plan('c')))[0]?.error).toBe('vm already exists with name `c`');
    await machine.clock.advance(120_000, 60_000);
    expect((await launch(plan('c')))[0]?.error).toBe('');
  });
});

describe('states and actions', () => {
  const reach: Readonly<Record<Exclude<VmState, 'LOST'>, () => Promise<void>>> = {
    BUILDING: async () => {
      await launch(plan('a', {}, [101]));
    },
    RUNNING: async () => {
      await reach.BUILDING();
      expect(await errorOf(0, { action: 'start' })).toBe('');
    },
    PAUSED: async () => {
      await reach.RUNNING();
      expect(await errorOf(0, { action: 'stop' })).toBe('');
    },
    QUIT: async () => {
      await reach.RUNNING();
      expect(await errorOf(0, { action: 'kill' })).toBe('');
    },
    ERROR: async () => {
      machine.hypervisor.failNextLaunch('broken');
      await reach.BUILDING();
    },
  };
  /** What is left of each state by each action: a state, `-` for a VM that is gone, or the text. */
  const expected = {
    start: ['RUNNING', 'vm is already running', 'RUNNING', 'RUNNING', 'RUNNING'],
    stop: ['VM state error: a', 'PAUSED', 'VM state error: a', 'VM state error: a', 'VM state error: a'],
    kill: ['QUIT', 'QUIT', 'QUIT', 'VM state error: a', 'VM state error: a'],
    flush: ['VM state error: a', 'VM state error: a', 'VM state error: a', '-', '-'],
    shutdown: ['VM state error: a', 'QUIT', 'VM state error: a', 'VM state error: a', 'VM state error: a'],
    reboot: ['VM state error: a', 'RUNNING', 'VM state error: a', 'VM state error: a', 'VM state error: a'],
  } as const;
  const from = vmStates.filter((state) => state !== 'LOST');
  for (const [action, results] of Object.entries(expected)) {
    for (const [index, state] of from.entries()) {
      it(`${action} of a VM that is ${state}: ${results[index]}`, async () => {
        await reach[state]();
        expect(states()).toEqual({ a: state });
        const wanted = (action === 'shutdown' ? { action, deadlineMs: 1_000 } : { action }) as VmActionArguments;
        const [result] = await vms.act([0], wanted, named);
        const now = states()['a'] ?? '-';
        expect(result?.error === '' ? now : result?.error).toBe(results[index]);
        expect(result?.isSkip).toBe(result?.error !== '');
        if (result?.error !== '') expect(now).toBe(state);
      });
    }
  }
  const whileQemuRuns: readonly [string, () => Promise<unknown>][] = [
    ['screenshot', () => vms.screenshot(0, null)],
    ['qmp', () => vms.qmp(0, '{"execute":"query-status"}')],
    ['cdrom', () => vms.changeCdrom(0, '/files/data.raw', { force: false })],
    ['hotplug', () => vms.addDisk(0, 'data.raw', '1.1')],
    ['net add', () => vms.addNet(0, 'beta', { signal: never })],
    ['net connect', () => vms.connectNet(0, 0, 'beta', 'mega_bridge', { signal: never })],
    ['net disconnect', () => vms.disconnectNet(0, 0, { signal: never })],
    ['net bond', () => vms.unbondNets(0, null, { signal: never })],
    ['save', () => vms.save(0, { state: 'saved/a.state', disks: null, mayReplace: true }, { signal: never })],
  ];
  for (const [action, run] of whileQemuRuns) {
    it(`${action} needs a QEMU`, async () => {
      await reach.BUILDING();
      await run();
      await vms.act([0], { action: 'kill' }, named);
      await expect(run()).rejects.toMatchObject({ message: 'vm not running: 0' });
    });
  }
  it('every action has a test', () => {
    expect([...Object.keys(expected), ...whileQemuRuns.map(([name]) => name), 'tag']).toEqual(
      expect.arrayContaining([...vmActions]),
    );
  });

  it('start all leaves VMs that have ended as they are', async () => {
    await reach.QUIT();
    const [result] = await vms.act([0], { action: 'start' }, { signal: never, target: 'all' });
    expect([result?.isSkip, states()['a']]).toEqual([true, 'QUIT']);
  });

  it('tags are set and removed, in any state', async () => {
    await reach.QUIT();
    await vms.tag(0, { role: 'web', zone: 'b' });
    await vms.tag(0, { zone: null });
    expect(vms.list(null)[0]?.config.tags).toEqual({ role: 'web' });
    await expect(vms.tag(0, { 'a\n': 'b' })).rejects.toMatchObject({ code: 'invalid' });
    await expect(vms.tag(9, { a: 'b' })).rejects.toMatchObject({ code: 'not-found' });
  });

  it('a guest that powers off, a QEMU that is killed and a disk that is full are seen, with the reason', async () => {
    await launch(plan('a'), plan('b'), plan('c'));
    await vms.act([0, 1, 2], { action: 'start' }, named);
    machine.hypervisor.powerOff(0);
    machine.hypervisor.killOutside({ id: 1, uuid: '', process: { pid: 0, startTicks: '', bootId: '' } });
    machine.hypervisor.fillDisk(2);
    expect(vms.list(null).map(({ state, reason, pid }) => [state, reason, pid > 0])).toEqual([
      ['QUIT', 'the guest powered off', false],
      ['QUIT', 'QEMU ended without a word: killed from outside?', false],
      ['PAUSED', 'io-error: the disk of its node is full (write on disk0)', true],
    ]);
    expect(await errorOf(2, { action: 'start' })).toContain('io-error');
    machine.hypervisor.makeRoom(2);
    expect(await errorOf(2, { action: 'start' })).toBe('');
  });

  it('a kill does not wait for a shutdown that the guest ignores', async () => {
    await reach.RUNNING();
    machine.hypervisor.setObeys(0, false);
    const [shutdown, kill] = await Promise.all([
      errorOf(0, { action: 'shutdown', deadlineMs: 5_000 }),
      errorOf(0, { action: 'kill' }),
    ]);
    expect(kill).toBe('');
    expect(shutdown).toBe('a did not follow the power button within 5 s and runs on: vm kill ends it');
  });

  it('actions on one VM come one after the other, on many side by side', async () => {
    await launch(plan('a'), plan('b'));
    const results = await Promise.all([
      vms.act([0, 1], { action: 'start' }, named),
      vms.act([0], { action: 'kill' }, named),
      vms.act([0], { action: 'flush' }, named),
      vms.act([0], { action: 'start' }, named),
    ]);
    expect(results.flat().map(({ error }) => error)).toEqual(['', '', '', '', 'vm not found: 0']);
    expect(states()).toEqual({ b: 'RUNNING' });
  });
});

describe('networks of a VM', () => {
  const places = () =>
    [...machine.network.host().view().ports.values()].map(({ name, vlan }) => `${name} ${JSON.stringify(vlan)}`);

  it('are added, moved to another VLAN, taken off it, and follow a join', async () => {
    await launch(plan('a', {}, [101]));
    await vms.addNet(0, 'beta,virtio-net-pci', { signal: never });
    expect(vms.list(null)[0]?.nets.map(({ alias, vlan, tap, driver }) => [alias, vlan, tap, driver])).toEqual([
      ['alpha', 101, 'mega_tap0', 'e1000'],
      ['beta', 102, 'mega_tap1', 'virtio-net-pci'],
    ]);
    await vms.connectNet(0, 0, '250', 'mega_bridge', { signal: never });
    await vms.disconnectNet(0, 1, { signal: never });
    expect(places()).toEqual(['mega_tap0 {"kind":"access","tag":250}']);
    expect(vms.users.using([250, 102])).toEqual([{ vm: 'a', namespace: 'minimega', vlan: 250, alias: '' }]);
    await vms.connectNet(0, 1, 'beta', 'mega_bridge', { signal: never });
    const name = { namespace: 'minimega', alias: 'beta' };
    expect(await vms.users.move({ name, from: [102, 250], to: 300 })).toEqual([
      { vm: 'a', namespace: 'minimega', vlan: 102, alias: 'beta' },
    ]);
    expect(places()).toEqual(['mega_tap0 {"kind":"access","tag":250}', 'mega_tap1 {"kind":"access","tag":300}']);
    await expect(vms.connectNet(0, 5, 'beta', 'mega_bridge', { signal: never })).rejects.toMatchObject({
      message: 'no network 5, VM only has 2 networks',
    });
    await expect(vms.addNet(0, 'nowhere', { signal: never })).rejects.toMatchObject({ code: 'refused' });
  });

  it('a tap that somebody removes is made again, and plugged into its VM again', async () => {
    await launch(plan('a', {}, [101, 250]));
    const { network, hypervisor, clock } = machine;
    await clock.advance(200, 50);
    network.deleteTap('mega_tap1');
    await clock.advance(5_000, 50);
    expect(machine.taps()).toEqual(['mega_tap0', 'mega_tap1']);
    expect(hypervisor.replugs).toEqual(['mega_tap1']);
  });

  it('a move that the switch refuses leaves the network where it was', async () => {
    await launch(plan('a', {}, [101]));
    machine.network.setRunning('switch', false);
    await expect(vms.connectNet(0, 0, '250', 'mega_bridge', { signal: never })).rejects.toThrow();
    expect(vms.list(null)[0]?.nets[0]).toMatchObject({ vlan: 101, alias: 'alpha', bridge: 'mega_bridge' });
  });
});

describe('disks that are plugged in', () => {
  it('have ids of their VM, are in use, and go with its QEMU', async () => {
    await launch(plan('a'));
    await vms.addDisk(0, 'data.raw', '1.1');
    await vms.addDisk(0, '/files/disk.qcow2', '2.0');
    expect(vms.list(null)[0]?.hotplug).toEqual([
      { id: 0, path: '/files/data.raw', version: '1.1' },
      { id: 1, path: '/files/disk.qcow2', version: '2.0' },
    ]);
    expect(vms.isInUse('/files/data.raw')).toBe(true);
    await vms.removeDisk(0, 0);
    await expect(vms.removeDisk(0, 0)).rejects.toMatchObject({ message: 'no such hotplug device' });
    await vms.removeDisk(0, null);
    expect(vms.list(null)[0]?.hotplug).toEqual([]);
  });

  it('a disk elsewhere on the host is refused', async () => {
    await launch(plan('a'));
    await expect(vms.addDisk(0, '/etc/shadow', '1.1')).rejects.toMatchObject({ code: 'invalid' });
    await expect(vms.changeCdrom(0, '../x', { force: true })).rejects.toMatchObject({ code: 'invalid' });
  });

  it('qmp takes a command and nothing else', async () => {
    await launch(plan('a'));
    expect(JSON.parse(await vms.qmp(0, '{"execute":"query-status"}'))).toMatchObject({ return: { running: false } });
    await expect(vms.qmp(0, 'bogus')).rejects.toMatchObject({
      message: expect.stringMatching(/^invalid JSON/) as string,
    });
    await expect(vms.qmp(0, '[1]')).rejects.toMatchObject({ code: 'invalid' });
  });
});
