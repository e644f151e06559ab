import { expect, test } from 'vitest';
import { maxFileRows } from '../../../contract/limits.ts';
import { fileRows, formatOfName } from './files.ts';

test.each([
  ['web.qcow2', 'qcow2'],
  ['images/web.QC2', 'qcow2'],
  ['disk.img', 'raw'],
  ['debian-12.iso', 'iso'],
  ['vmlinuz', 'kernel'],
  ['boot/vmlinuz-6.1.0-35-amd64', 'kernel'],
  ['bzImage', 'kernel'],
  ['minirouter.kernel', 'kernel'],
  ['minirouter.initrd', 'initrd'],
  ['initramfs.gz', 'initrd'],
  ['initrd.img-6.1.0-35-amd64', 'initrd'],
  ['initramfs-linux.img', 'initrd'],
  ['constructor', 'other'],
  ['notes.constructor', 'other'],
  ['vmlinuzer.txt', 'other'],
])('%s is %s', (name, format) => {
  expect(formatOfName(name)).toBe(format);
});

const recordOf = (name: string, size = 1, dir = '') => ({
  dir,
  name,
  size: String(size),
  modified: '2026-12-01T02:10:47Z',
});
const rowsOf = (table: readonly Record<string, string>[]) =>
  fileRows(
    { files: new Map([['n1', table]]), transfers: new Map(), neighbours: new Map([['n1', []]]) },
    (host) => host,
  );

test('what has no row: a folder, and what a program in a guest wrote', () => {
  const table = [recordOf('lin', 4096, '<dir>'), recordOf('lin/vmlinuz'), recordOf('miniccc_responses/1/web1/stdout')];
  expect(rowsOf(table)).toMatchObject([{ Node: 'n1', Name: 'lin/vmlinuz', Format: 'kernel', State: 'here' }]);
});

test('only the largest of too many files are sent, with the number of the others', () => {
  const small = Array.from({ length: maxFileRows + 9 }, (_, at) => recordOf(`note${at}`, at));
  const rows = rowsOf([...small, recordOf('web.qcow2', 1_000_000)]);
  expect(rows[0]).toMatchObject({ Name: 'web.qcow2', State: 'here' });
  expect(rows.slice(-1)).toMatchObject([{ Name: '', Size: 10, State: 'more' }]);
  expect(rows).toHaveLength(maxFileRows + 1);
});
