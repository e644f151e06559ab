// The parsers for the output of this machine and the nodes.
import { describe, expect, it } from 'vitest';
import { parseTrackingMounts } from './cgroups.ts';
import { assertDisjoint } from './faults.ts';
import { orderModules, parseModuleDepends } from './guest.ts';
import { parseHealth } from './health.ts';
import { parseMountsBelow } from './mounts.ts';
import { isNamed, parseNamespacePids } from './node-processes.ts';
import { boundingSet } from './node.ts';

describe('machine', () => {
  it('finds the hierarchies that track, not those that limit', () => {
    const mounts = [
      'cgroup /sys/fs/cgroup/memory cgroup rw,relatime,memory 0 0',
      'cgroup /sys/fs/cgroup/systemd cgroup rw,relatime,name=systemd 0 0',
      'cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0',
    ];
    expect(parseTrackingMounts(mounts.join('\n'))).toEqual(['/sys/fs/cgroup/systemd', '/sys/fs/cgroup/unified']);
  });
  it('lists mounts of one folder, latest first, and not of a neighbour with a longer name', () => {
    const line = (path: string) => `36 35 98:0 / ${path} rw,noatime - ext4 /dev/vda rw`;
    const info = ['/labs/a', '/labs/a/root', '/labs/ab', '/labs/a/with\\040blank'].map(line).join('\n');
    expect(parseMountsBelow(info, '/labs/a')).toEqual(['/labs/a/with blank', '/labs/a/root', '/labs/a']);
  });
  it('keeps the capabilities that PID 1 has', () => {
    expect(boundingSet('CapBnd:\t0000000000000005\n')).toBe('--bounding-set=-all,+cap_0,+cap_2');
    expect(boundingSet('no such line')).toBe('--bounding-set=-all');
  });
});

describe('node', () => {
  it('reads its health', () => {
    expect(parseHealth('running\nactive\nactive\n10.91.7.11 fd00::1 \n')).toEqual({
      power: 'on',
      system: 'running',
      sshd: true,
      openVswitch: true,
      addresses: ['10.91.7.11'],
    });
    expect(parseHealth('starting\ninactive\nfailed\n\n')).toMatchObject({
      sshd: false,
      openVswitch: false,
      addresses: [],
    });
  });
  it('reads pids per namespace', () => {
    expect(parseNamespacePids('Name:\tsystemd\nNSpid:\t18441\t1\n')).toEqual([18441, 1]);
    expect(parseNamespacePids('Name:\tsystemd\n')).toEqual([]);
  });
  it.each([
    ['meshd', 'meshd', ['/opt/meshd/bin/meshd'], true],
    [
      'meshd',
      'node',
      ['/opt/meshd/current/runtime/node', '--no-warnings', '/opt/meshd/program/meshd.mjs', '-base'],
      true,
    ],
    ['meshd', 'MainThread', ['node', 'agent/meshd.ts'], true],
    ['meshd', 'cat', ['cat', '/var/log/meshd'], false],
    ['meshd', 'vi', ['vi', 'meshd'], false],
    ['qemu-system-x86_64', 'qemu-system-x86', ['qemu-system-x86_64', '-m', '128'], true],
  ])('finds %s: comm %s', (name, comm, argv, expected) => {
    expect(isNamed({ pid: 1, comm, argv }, name)).toBe(expected);
  });
  it('stands in one group only', () => {
    expect(() => {
      assertDisjoint([['node1', 'node2'], ['node2']]);
    }).toThrow('node2 stands in two groups');
  });
});

describe('guest modules', () => {
  it('come after those they need', () => {
    const module = Buffer.from('ELF\0license=GPL\0depends=virtio,virtio_ring\0name=virtio_net\0');
    expect(parseModuleDepends(module)).toEqual(['virtio', 'virtio_ring']);
    expect(parseModuleDepends(Buffer.from('\0depends=\0'))).toEqual([]);
    const depends: Record<string, string[]> = { net: ['ring', 'virtio'], ring: ['virtio'] };
    expect(orderModules(['net', 'ring'], (name) => depends[name] ?? [])).toEqual(['virtio', 'ring', 'net']);
  });
});
