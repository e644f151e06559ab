import { describe, expect, it } from 'vitest';
import { defaultConfig } from '../../core/vms/config.ts';
import { hypervisorCompliance } from './hypervisor-compliance.ts';
import { createMemoryHypervisor } from './memory-hypervisor.ts';

hypervisorCompliance('in memory', () => {
  const hypervisor = createMemoryHypervisor();
  const launch = hypervisor.launch.bind(hypervisor);
  const deaf = Object.assign(hypervisor, {
    async launch(request: Parameters<typeof launch>[0]) {
      const vm = await launch(request);
      hypervisor.setObeys(request.machine.id, false);
      return vm;
    },
  });
  return Promise.resolve({
    hypervisor: deaf,
    // Its VMs are nowhere but in it: a restart of meshd in memory keeps them.
    restarted: () => hypervisor,
    killOutside: (instance) => hypervisor.killOutside(instance),
    image: '/f/image',
    config: {},
    dispose: () => Promise.resolve(),
  });
});

describe('the hypervisor in memory', () => {
  const machine = { id: 1, name: 'a', uuid: 'u', config: defaultConfig, disks: [], nics: [] };

  it('a full disk pauses a VM with its reason, again until there is room', async () => {
    const hypervisor = createMemoryHypervisor();
    const vm = await hypervisor.launch({ machine });
    await vm.resume();
    hypervisor.fillDisk(1);
    expect(vm.status).toEqual({ state: 'PAUSED', reason: 'io-error: the disk of its node is full (write on disk0)' });
    await vm.resume();
    expect(vm.status.state).toBe('PAUSED');
    hypervisor.makeRoom(1);
    await vm.resume();
    expect(vm.status).toEqual({ state: 'RUNNING', reason: '' });
  });

  it('a guest powers itself off, or follows the power button', async () => {
    const hypervisor = createMemoryHypervisor();
    const vm = await hypervisor.launch({ machine });
    await vm.resume();
    hypervisor.powerOff(1);
    expect(vm.status).toEqual({ state: 'QUIT', reason: 'the guest powered off' });
    const again = await hypervisor.launch({ machine });
    await again.resume();
    expect(await again.powerDown(1_000)).toBe(true);
    expect(again.status).toEqual({ state: 'QUIT', reason: '' });
  });

  it('a launch dies with the words it is given, once', async () => {
    const hypervisor = createMemoryHypervisor();
    hypervisor.failNextLaunch('could not open disk');
    await expect(hypervisor.launch({ machine })).rejects.toThrow('QEMU died: could not open disk');
    await hypervisor.launch({ machine });
    expect(hypervisor.folders()).toEqual([1]);
  });
});
