import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { defaultConfig } from './config.ts';
import { parseLaunchSettings } from './launch-settings.ts';
import { uuidOfHash, uuidText } from './launch-uuid.ts';

const surroundings = { filesPath: '/files', catalogue: null };
const read = (...words: string[]) => parseLaunchSettings(words, surroundings);

test('settings are fields of `vm config`; the others are as for a new VM', () => {
  expect(read('memory=96', 'kernel=vmlinuz', 'append=console=ttyS0 quiet', 'append=ip=off')).toEqual({
    ok: true,
    value: {
      config: { ...defaultConfig, memory: 96, kernel: '/files/vmlinuz', append: ['console=ttyS0', 'quiet', 'ip=off'] },
      uuids: '',
    },
  });
});

test('fields with several words are given once for each, and tags are pairs', () => {
  const settings = read(
    'networks=lan,virtio-net-pci',
    'disks=a.qcow2',
    'networks=dmz',
    'tags=role=web',
    'tags=note=a=b',
  );
  expect(settings).toMatchObject({
    ok: true,
    value: {
      config: {
        networks: [{ vlan: 'lan', driver: 'virtio-net-pci' }, { vlan: 'dmz' }],
        disks: [{ path: '/files/a.qcow2' }],
        tags: { role: 'web', note: 'a=b' },
      },
    },
  });
});

test.each([
  [['memory'], '`memory`: settings are field=value, such as memory=512'],
  [['=512'], '`=512`: settings are field=value'],
  [['memory=512', 'memory=96'], 'memory is given twice'],
  [['memory=0'], 'memory: memory is a number from 1 to'],
  [['vram=3'], 'no field `vram`: memory, vcpus'],
  [['qemu-append=-foo'], '`qemu-append` is set by `vm config qemu-append`, by an admin'],
  [['networks=alpha,e100'], 'networks: unknown driver `e100`'],
  [['disks=../passwd'], 'disks:'],
  [['schedule=a', 'colocate=b'], 'cannot specify colocate and schedule in the same config'],
  [['uuids=a b'], 'uuids: 8 to 64 letters'],
])('%j is refused', (words, message) => {
  const settings = read(...words);
  expect(settings.ok ? '' : settings.message).toContain(message);
});

test('a UUID is of its launch and its name, and of the version that says so', () => {
  const of = (launch: string, name: string) =>
    uuidOfHash(createHash('sha256').update(uuidText(launch, name)).digest('hex'));
  const uuid = of('launch-1', 'web1');
  expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(of('launch-1', 'web1')).toBe(uuid);
  expect(new Set([uuid, of('launch-1', 'web2'), of('launch-2', 'web1')]).size).toBe(3);
});
