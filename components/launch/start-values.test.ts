import { expect, test } from 'vitest';
import { imagesOf } from './cluster-facts.ts';
import { startValues } from './start-values.ts';
import { testFile, testRows } from './rows-for-tests.ts';

const start = (...files: ReturnType<typeof testFile>[]) => startValues(imagesOf(testRows({ files })));
const kernel = testFile('vmlinuz', 'node1', { Format: 'kernel' });
const initrd = testFile('initramfs.gz', 'node1', { Format: 'initrd' });
const none = { boot: 'disk', disks: [], kernel: '', initrd: '' };

test('the only file of a kind is chosen, and kernels where there is no disk image', () => {
  expect(start()).toEqual(none);
  expect(start(kernel, initrd)).toEqual({ boot: 'kernel', disks: [], kernel: 'vmlinuz', initrd: 'initramfs.gz' });
  expect(start(testFile('web.qcow2', 'node1'), testFile('web.qcow2', 'node2'))).toEqual({
    ...none,
    disks: ['web.qcow2'],
  });
  expect(start(testFile('web.qcow2', 'node1'), kernel)).toMatchObject({ boot: 'disk', disks: ['web.qcow2'] });
});

test('of several files none is chosen, nor where nodes have more than they tell', () => {
  expect(start(testFile('web.qcow2', 'node1'), testFile('db.qcow2', 'node1'))).toEqual(none);
  const other = testFile('vmlinuz-old', 'node2', { Format: 'kernel' });
  expect(start(kernel, other, initrd)).toEqual({ ...none, boot: 'kernel' });
  const more = testFile('', 'node1', { State: 'more', Size: 12 });
  expect(start(kernel, initrd, more)).toEqual({ ...none, boot: 'kernel' });
  expect(start(testFile('install.iso', 'node1', { Format: 'iso' }))).toEqual(none);
});
