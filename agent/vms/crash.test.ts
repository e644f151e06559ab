// meshd is killed at each step of a launch, a start and a flush, before the step and after it, and starts again. Nothing may be left
// that no record names, and every VM is in a named state, or gone.
import { beforeEach, describe, expect, it } from 'vitest';
import type { NodeVms } from './node-vms.ts';
import { launchOf, never, plan, SimulatedMachine } from './simulated-vms.ts';

const named = { signal: never, target: 'named' } as const;

/** What changes something outside of meshd. */
const steps = new Set(['write', 'remove', 'apply', 'launch', 'endStray', 'setAside']);

/** Lets `count` steps happen, and then none: as for a process that was killed, no call returns after that. */
class Gate {
  passed = 0;
  readonly killed = Promise.withResolvers<undefined>();
  private readonly count: number;
  private readonly isAfter: boolean;

  /** `isAfter`: the last step happens, and its result is lost. */
  constructor(count: number, isAfter: boolean) {
    this.count = count;
    this.isAfter = isAfter;
  }

  readonly wrap = <T extends object>(part: T): T =>
    new Proxy(part, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== 'function') return value;
        const call = value as (...args: unknown[]) => unknown;
        if (!steps.has(String(name))) return call.bind(target);
        return (...args: unknown[]) => {
          if (this.passed > this.count) return new Promise(() => undefined);
          this.passed += 1;
          if (this.passed <= this.count) return call.apply(target, args);
          const end = () => this.killed.resolve(undefined);
          if (this.isAfter) Promise.resolve(call.apply(target, args)).then(end, end);
          else end();
          return new Promise(() => undefined);
        };
      },
    });
}

const disks = [{ path: '/files/disk.qcow2', interface: null, cache: null }];

interface Work {
  readonly prepare: (machine: SimulatedMachine) => Promise<void>;
  readonly act: (vms: NodeVms) => Promise<unknown>;
}

const launchTwo: Work = {
  prepare: () => Promise.resolve(),
  act: (vms) => vms.launch(launchOf([plan('a', { disks }, [101, 250]), plan('b', {}, [101])]), { signal: never }),
};

const startAgain: Work = {
  async prepare(machine) {
    const vms = await machine.start();
    await launchTwo.act(vms);
    await vms.act([0, 1], { action: 'kill' }, named);
    await vms.stop();
  },
  act: (vms) => vms.act([0, 1], { action: 'start' }, named),
};

const flushTwo: Work = {
  prepare: startAgain.prepare,
  act: (vms) => vms.act([0, 1], { action: 'flush' }, named),
};

describe.each([
  ['a launch', launchTwo],
  ['a start', startAgain],
  ['a flush', flushTwo],
] as const)('%s', (_what, work) => {
  it.each([
    ['before', false],
    ['after', true],
  ] as const)('survives a kill %s each of its steps', async (_when, isAfter) => {
    let ends = 0;
    for (let count = 0; ; count += 1) {
      const machine = new SimulatedMachine();
      await work.prepare(machine);
      const gate = new Gate(count, isAfter);
      const vms = await Promise.race([machine.start(gate.wrap), gate.killed.promise]);
      const did = vms ? work.act(vms).then(() => 'done' as const) : null;
      const how = await Promise.race([gate.killed.promise, ...(did ? [did] : [])]);
      machine.crash();
      const after = await machine.start();
      expectWhole(machine, after, `after step ${count}`);
      await flushAll(machine, after);
      await after.stop();
      if (how === 'done') break;
      ends += 1;
    }
    // Otherwise nothing was tested.
    expect(ends).toBeGreaterThan(3);
  });
});

function expectWhole(machine: SimulatedMachine, vms: NodeVms, when: string): void {
  const records = vms.list(null);
  const ids = records.map(({ id }) => id);
  const withQemu = records.filter(({ state }) => ['BUILDING', 'RUNNING', 'PAUSED'].includes(state));
  expect(machine.hypervisor.processes(), `processes ${when}`).toEqual(withQemu.map(({ id }) => id));
  expect(
    withQemu.every(({ pid }) => pid > 0),
    `pids ${when}`,
  ).toBe(true);
  expect(
    records.every(({ state, reason }) => state !== 'ERROR' || reason !== ''),
    `reasons ${when}`,
  ).toBe(true);
  expect(
    machine.hypervisor.folders().filter((id) => !ids.includes(id)),
    `folders ${when}`,
  ).toEqual([]);
  const taps = records.flatMap(({ nets }) => nets.map(({ tap }) => tap).filter((tap) => tap !== ''));
  expect(machine.taps(), `taps ${when}`).toEqual(taps.sort());
  expect(new Set(ids).size).toBe(ids.length);
}

async function flushAll(machine: SimulatedMachine, vms: NodeVms): Promise<void> {
  const ids = vms.list(null).map(({ id }) => id);
  await vms.act(ids, { action: 'kill' }, named);
  const results = await vms.act(ids, { action: 'flush' }, named);
  expect(results.map(({ error }) => error).filter((error) => error !== '')).toEqual([]);
  expect(machine.hypervisor.folders()).toEqual([]);
  expect(machine.hypervisor.processes()).toEqual([]);
  expect(machine.taps()).toEqual([]);
  expect([...machine.disk.files.keys()].filter((name) => /^\d/.test(name))).toEqual([]);
}

describe('when meshd starts again', () => {
  let machine: SimulatedMachine;
  let vms: NodeVms;
  beforeEach(async () => {
    machine = new SimulatedMachine();
    vms = await machine.start();
    await vms.launch(launchOf([plan('a', { disks }, [101]), plan('b', {}, [250]), plan('c'), plan('d')]), {
      signal: never,
    });
    await vms.act([0, 1, 3], { action: 'start' }, named);
    await vms.act([1], { action: 'stop' }, named);
  });

  it('it takes over what runs, in the state that it finds, with the same ids, taps and VLANs', async () => {
    const before = vms.list(null);
    machine.crash();
    const after = await machine.start();
    expect(after.list(null)).toEqual(before);
    expect(after.list(null).map(({ state }) => state)).toEqual(['RUNNING', 'PAUSED', 'BUILDING', 'RUNNING']);
    machine.hypervisor.powerOff(3);
    expect(after.list(null)[3]).toMatchObject({ state: 'QUIT', reason: 'the guest powered off' });
    expect(await after.act([1], { action: 'start' }, named)).toMatchObject([{ error: '' }]);
  });

  it('a tap that was removed while it was away is made again, and plugged into its VM again', async () => {
    machine.crash();
    machine.network.deleteTap('mega_tap1');
    const after = await machine.start();
    await machine.clock.advance(5_000, 50);
    expect(machine.taps()).toEqual(['mega_tap0', 'mega_tap1']);
    expect(machine.hypervisor.replugs).toEqual(['mega_tap1']);
    expect(machine.network.host().view().links.get('mega_tap1')).toMatchObject({ isUp: true, hasCarrier: true });
    // The next life finds nothing to do.
    await after.stop();
    machine.crash();
    await machine.start();
    await machine.clock.advance(5_000, 50);
    expect(machine.hypervisor.replugs).toEqual(['mega_tap1']);
  });

  it('the tap of a VM that ended with it is made again, and nothing is plugged in', async () => {
    machine.crash();
    machine.network.deleteTap('mega_tap0');
    machine.hypervisor.killOutside({ id: 0, uuid: '', process: { pid: 0, startTicks: '', bootId: '' } });
    await machine.start();
    await machine.clock.advance(5_000, 50);
    expect(machine.taps()).toEqual(['mega_tap0', 'mega_tap1']);
    expect(machine.hypervisor.replugs).toEqual([]);
    expect(machine.log.filter((line) => line.includes('tap-unheld'))).toEqual([]);
  });

  it('what ended while it was away is QUIT and says so', async () => {
    machine.crash();
    machine.hypervisor.killOutside({ id: 0, uuid: '', process: { pid: 0, startTicks: '', bootId: '' } });
    const after = await machine.start();
    expect(after.list(null)[0]).toMatchObject({ state: 'QUIT', reason: 'QEMU ended while meshd was away', pid: 0 });
    expect(after.list(null)[3]?.state).toBe('RUNNING');
  });

  it('after a power cut all are QUIT with that reason, and start again on their disks', async () => {
    machine.crash();
    machine.bootId = 'another';
    for (const id of machine.hypervisor.processes())
      machine.hypervisor.killOutside({ id, uuid: '', process: { pid: 0, startTicks: '', bootId: '' } });
    for (const tap of machine.taps()) machine.network.deleteTap(tap);
    const after = await machine.start();
    expect(after.list(null).map(({ state, reason }) => [state, reason])).toEqual(
      Array.from({ length: 4 }, () => [
        'QUIT',
        'the node was restarted while it ran: vm start starts it again on its disks',
      ]),
    );
    expect(machine.hypervisor.folders()).toEqual([0, 1, 2, 3]);
    expect(machine.taps()).toEqual(['mega_tap0', 'mega_tap1']);
    const results = await after.act([0, 1], { action: 'start' }, named);
    expect(results.map(({ error }) => error)).toEqual(['', '']);
  });

  it('a record that cannot be read is kept aside and logged, and the others are there', async () => {
    machine.crash();
    machine.disk.files.set('1.json', '{"version":1,"rec');
    machine.disk.files.set('2.json', (machine.disk.files.get('2.json') ?? '').replace('"version":1', '"version":2'));
    const after = await machine.start();
    expect(after.list(null).map(({ name }) => name)).toEqual(['a', 'd']);
    expect([...machine.disk.files.keys()].filter((name) => name.endsWith('.damaged')).sort()).toEqual([
      '1.json.damaged',
      '2.json.damaged',
    ]);
    expect(machine.log.filter((line) => line.includes('cannot be read'))).toHaveLength(2);
    // Its id is given to nobody.
    machine.disk.files.delete('counter.json');
    machine.crash();
    const again = await machine.start();
    await again.launch(launchOf([plan('e')]), { signal: never });
    expect(again.list(null).map(({ id }) => id)).toEqual([0, 3, 4]);
  });

  it('what QEMU said in several lines is one line of the record, which can be read again', async () => {
    machine.hypervisor.failNextLaunch("first line\n\tsecond\t'line'\u001b[1m");
    await vms.launch(launchOf([plan('e')]), { signal: never });
    machine.crash();
    const after = await machine.start();
    expect(after.list(null).at(-1)).toMatchObject({ name: 'e', state: 'ERROR' });
    expect(after.list(null).at(-1)?.reason).toMatch(/^QEMU died: first line; second 'line'/);
  });

  it('on a disk that is full VMs can be flushed', async () => {
    machine.disk.write = () => Promise.reject(new Error('no space left on device'));
    expect(await vms.act([0], { action: 'kill' }, named)).toMatchObject([{ error: '' }]);
    expect(await vms.act([0], { action: 'flush' }, named)).toMatchObject([{ error: '' }]);
    expect(machine.disk.files.has('0.json')).toBe(false);
    expect(machine.hypervisor.folders()).toEqual([1, 2, 3]);
  });

  it('a disk that is full loses no VM: what cannot be written down is not launched', async () => {
    machine.disk.write = () => Promise.reject(new Error('no space left on device'));
    const launched = await vms.launch(launchOf([plan('e', {}, [101])]), { signal: never });
    expect(launched).toMatchObject([{ vm: null, error: expect.stringContaining('no space left') as string }]);
    expect(machine.taps()).toEqual(['mega_tap0', 'mega_tap1']);
  });
});
