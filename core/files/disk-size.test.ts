import { expect, test } from 'vitest';
import { describeDiskSize, parseDiskSize } from './disk-size.ts';
import { relativeName } from './file-name.ts';

const mib = 1024 * 1024;

test.each([
  ['20M', null, 20 * mib],
  ['1.5G', null, 1.5 * 1024 * mib],
  ['1048576', null, mib],
  ['1000', null, 1024],
  ['+10M', 20 * mib, 30 * mib],
  ['30m', 20 * mib, 30 * mib],
])('the size %s of a disk that has %s', (text, now, bytes) => {
  expect(parseDiskSize(text, now)).toEqual({ ok: true, value: bytes });
});

test.each([
  ['bogus', 'is not a size'],
  ['-10M', 'is not a size'],
  ['+10M', 'is not a size'],
  ['0', 'at least one sector'],
  ['5000P', 'at most 1 PiB'],
  ['20M; rm', 'is not a size'],
])('%s is not the size of a new disk', (text, why) => {
  expect(parseDiskSize(text, null)).toMatchObject({ ok: false, message: expect.stringContaining(why) as string });
});

test('sizes are printed as minimega prints them', () => {
  expect([20 * mib, 196 * 1024, 4096, 100, 0].map(describeDiskSize)).toEqual([
    '20.0 MiB',
    '196.0 KiB',
    '4.0 KiB',
    '100 B',
    '0 B',
  ]);
});

test.each([
  ['snap.qcow2', 'a.qcow2', 'a.qcow2'],
  ['saved/web/web.hdd', 'a.qcow2', '../../a.qcow2'],
  ['saved/web/web.hdd', 'saved/base.raw', '../base.raw'],
  ['top.qcow2', 'images/a.qcow2', 'images/a.qcow2'],
  ['a', 'nbd:b', './nbd:b'],
])('%s names %s as %s', (from, name, path) => {
  expect(relativeName(from, name)).toBe(path);
});
