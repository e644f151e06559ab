import { describe, expect, it } from 'vitest';
import { imagesGroup, launchArgv, scopeName, vmUser } from './launcher.ts';

describe('what stands in front of QEMU', () => {
  it('a new scope, then the VM’s own user without capabilities, then QEMU', () => {
    expect(launchArgv(['qemu', '-m', '96'], { user: 7, groups: [3, 4], unit: 'meshd-vm-1-x.scope' })).toEqual([
      ...[
        'systemd-run',
        '--scope',
        '--quiet',
        '--collect',
        '--unit=meshd-vm-1-x.scope',
        '--slice=meshd-vms.slice',
        '--',
      ],
      ...[
        'setpriv',
        '--reuid=7',
        '--regid=7',
        '--groups=7,3,4',
        '--no-new-privs',
        '--inh-caps=-all',
        '--bounding-set=-all',
        '--',
      ],
      ...['qemu', '-m', '96'],
    ]);
  });

  it('nothing, without systemd and root', () => {
    expect(launchArgv(['qemu'], { user: null, groups: [3], unit: null })).toEqual(['qemu']);
  });

  it('each VM has its own user, whom neither accounts nor containers have', () => {
    expect(vmUser(1)).toBe(vmUser(0) + 1);
    for (const user of [imagesGroup, vmUser(0), vmUser(100_000_000)]) {
      expect(user).toBeGreaterThan(1_879_048_191);
      expect(user).toBeLessThan(2_147_483_648);
    }
    for (const id of [-1, 1.5, 100_000_001, Number.NaN]) expect(() => vmUser(id)).toThrow('is not the id of a VM');
  });

  it('two starts of one VM have two scopes', () => {
    expect(scopeName(3, 1)).not.toBe(scopeName(3, 2));
    expect(scopeName(3, Date.now())).toMatch(/^meshd-vm-3-[a-z0-9]+\.scope$/);
  });
});
