// Saves of VMs, over adapters in memory.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../../contract/errors.ts';
import { inspectFile } from '../../host/images/chain.ts';
import type { NodeVms } from './node-vms.ts';
import type { SaveNames } from './saving.ts';
import { launchOf, never, plan, SimulatedMachine } from './simulated-vms.ts';

const named = { signal: never, target: 'named' } as const;
const disks = [{ path: '/files/disk.qcow2', interface: null, cache: null }];
const names: SaveNames = { state: 'saved/x/a.state', disks: ['saved/x/a.hdd'], mayReplace: true };
let machine: SimulatedMachine;
let vms: NodeVms;

beforeEach(async () => {
  machine = new SimulatedMachine();
  vms = await machine.start();
  await vms.launch(launchOf([plan('a', { disks }, [101]), plan('b')]), { signal: never });
});
afterEach(() => vms.stop());

const state = (id = 0) => vms.list(null).find((vm) => vm.id === id)?.state;
const start = (id = 0) => vms.act([id], { action: 'start' }, named);
const files = async () => {
  const { entries } = await machine.images.list('', { isRecursive: true, most: 100 });
  return entries
    .filter(({ isFolder, name }) => !isFolder && name.startsWith('saved'))
    .map(({ name }) => name)
    .sort();
};
const nothingLeft = async () => {
  expect(await files()).toEqual([]);
  expect(machine.images.unfinished).toBe(0);
};
/** A save that is under way when this returns. */
async function held(options: { signal: AbortSignal } = { signal: never }) {
  const letGo = machine.hypervisor.holdSaves();
  const saved = vms.save(0, names, options).then(
    () => 'saved',
    (error: unknown) => (error instanceof AppError ? `${error.code}: ${error.message}` : String(error)),
  );
  await expect.poll(() => machine.images.unfinished, { interval: 1 }).toBe(1);
  return { saved, letGo };
}

describe('a save', () => {
  it('writes memory and disks, and the VM stands still, as in minimega', async () => {
    await start();
    await vms.save(0, names, { signal: never });
    expect(state()).toBe('PAUSED');
    expect(await files()).toEqual(['saved/x/a.hdd', 'saved/x/a.state']);
    expect(machine.images.content('saved/x/a.state')?.toString()).toMatch(/^memory of .* at its end$/);
    // The overlay names its image from where it lies, so a copy of the folder works elsewhere.
    const { facts } = await inspectFile(machine.images, 'saved/x/a.hdd');
    expect(facts.backing).toEqual({ file: '../../disk.qcow2', format: 'qcow2' });
    expect(await vms.saves('minimega')).toEqual([
      { id: 0, name: 'a', namespace: 'minimega', status: 'completed', percent: 100 },
    ]);
    expect(await vms.saves('other')).toEqual([]);
    await start();
    expect(state()).toBe('RUNNING');
    // It may be saved again, over what nobody needs.
    await vms.save(0, names, { signal: never });
    await vms.act([0], { action: 'kill' }, named);
    await vms.act([0], { action: 'flush' }, named);
    expect(await vms.saves('minimega')).toEqual([]);
  });

  it('is launched from, and its files are in use then', async () => {
    await vms.save(0, names, { signal: never });
    const saved = { state: '/files/saved/x/a.state', disks: [{ ...disks[0]!, path: '/files/saved/x/a.hdd' }] };
    const [launched] = await vms.launch(launchOf([plan('again', saved)], 'second'), { signal: never });
    expect(launched?.error).toBe('');
    await expect(vms.save(0, names, { signal: never })).rejects.toThrow(
      'saved/x/a.state is in use by again, which was launched from it',
    );
    expect(vms.usersOf('/files/saved/x/a.hdd')).toMatchObject([{ name: 'again', isWriter: false }]);
    // Its disks have changed since: it boots again without its memory.
    const requests: string[] = [];
    await vms.stop();
    vms = await machine.start((part) => {
      if (!('launch' in part) || typeof part.launch !== 'function') return part;
      const launch = part.launch as (request: { machine: { config: { state: string } } }) => unknown;
      return Object.assign(part, {
        launch: (request: { machine: { config: { state: string } } }) => {
          requests.push(request.machine.config.state);
          return launch.call(part, request);
        },
      });
    });
    await vms.act([2], { action: 'kill' }, named);
    await start(2);
    expect([state(2), requests]).toEqual(['RUNNING', ['']]);
  });

  it('shows how far it is, and holds what would start its guest', async () => {
    await start();
    const { saved, letGo } = await held();
    expect(await vms.saves('minimega')).toMatchObject([{ name: 'a', status: 'active' }]);
    const [{ percent } = { percent: -1 }] = await vms.saves('minimega');
    expect(percent).toBeGreaterThan(0);
    expect(percent).toBeLessThan(100);
    await expect(vms.save(0, names, { signal: never })).rejects.toMatchObject({ code: 'conflict' });
    const started = start();
    expect(state()).toBe('PAUSED');
    letGo();
    expect(await saved).toBe('saved');
    await started;
    expect(state()).toBe('RUNNING');
  });
});

describe('a save leaves nothing', () => {
  it('when it is cancelled, and the VM runs on', async () => {
    await start();
    for (let cycle = 0; cycle < 100; cycle += 1) {
      const abort = new AbortController();
      const { saved, letGo } = await held({ signal: abort.signal });
      abort.abort(new AppError('cancelled', 'cancelled by its user'));
      letGo();
      expect(await saved).toBe('cancelled: cancelled by its user');
      expect(state()).toBe('RUNNING');
      await nothingLeft();
    }
    expect(await vms.saves('minimega')).toMatchObject([{ status: 'cancelled' }]);
  });

  it('when its VM is killed, which does not wait for it', async () => {
    await start();
    const { saved, letGo } = await held();
    const killed = vms.act([0], { action: 'kill' }, named);
    letGo();
    expect(await saved).toContain('killed while it was saved');
    expect((await killed)[0]?.error).toBe('');
    expect(state()).toBe('QUIT');
    await nothingLeft();
  });

  it('when QEMU dies, when meshd stops, and on a full disk', async () => {
    const first = await held();
    machine.hypervisor.killOutside({ ...vms.list(null)[0]!, process: { pid: 0, startTicks: '', bootId: '' } });
    first.letGo();
    expect(await first.saved).toContain('ended while it was saved');
    await nothingLeft();

    await start();
    const second = await held();
    const stopped = vms.stop();
    second.letGo();
    expect(await second.saved).toContain('cancelled');
    await stopped;
    await nothingLeft();

    vms = await machine.start();
    machine.images.diskBytes = 1_000_000;
    await expect(vms.save(0, names, { signal: never })).rejects.toThrow('free below -filepath');
    await nothingLeft();
  });

  it('when its VM has what a launch would not have, or a file may not be replaced', async () => {
    await vms.addDisk(0, 'data.raw', '2.0');
    await expect(vms.save(0, names, { signal: never })).rejects.toThrow('vm hotplug remove a all');
    await vms.removeDisk(0, null);
    await vms.addNet(0, 'alpha', { signal: never });
    await expect(vms.save(0, names, { signal: never })).rejects.toThrow('launch it with all its networks');
    const once = { state: 'saved/b.state', disks: null, mayReplace: false };
    await vms.save(1, once, { signal: never });
    await expect(vms.save(1, once, { signal: never })).rejects.toThrow('saved/b.state is there already');
    expect(await files()).toEqual(['saved/b.state']);
    expect(machine.images.unfinished).toBe(0);
  });
});
