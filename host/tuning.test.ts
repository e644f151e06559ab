import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { AppError } from '../contract/errors.ts';
import { describeRanges, parseCpuList } from './cpu-list.ts';
import { createLinuxTuning } from './linux-tuning.ts';
import type { Runner } from './runner.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ksm-'));
});
afterEach(() => rm(folder, { recursive: true }));

const none: Runner = { where: 'nowhere', run: () => Promise.reject(new AppError('failed', 'none')) };

test('KSM is read from sysfs and written there; a kernel without it has none', async () => {
  const tuning = createLinuxTuning({ runner: none, ksmFolder: folder });
  for (const [name, value] of Object.entries({ run: '0\n', pages_to_scan: '100\n', sleep_millisecs: '20\n' }))
    await writeFile(join(folder, name), value);
  expect(await tuning.readKsm()).toEqual({ run: 0, pagesToScan: 100, sleepMs: 20 });
  await tuning.writeKsm({ run: 1, pagesToScan: 1_000, sleepMs: 10 });
  expect(await tuning.readKsm()).toEqual({ run: 1, pagesToScan: 1_000, sleepMs: 10 });
  expect(await readFile(join(folder, 'run'), 'utf8')).toBe('1');
  const without = createLinuxTuning({ runner: none, ksmFolder: join(folder, 'nothing') });
  expect(await without.readKsm()).toBeNull();
  await expect(without.writeKsm({ run: 1, pagesToScan: 1, sleepMs: 1 })).rejects.toMatchObject({ code: 'failed' });
});

test('a folder without huge pages has none, and a process that has ended needs no pinning', async () => {
  const tuning = createLinuxTuning({ runner: none, ksmFolder: folder });
  expect(await tuning.hasHugepages(folder)).toBe(false);
  expect(await tuning.hasHugepages(join(folder, 'nothing'))).toBe(false);
  await tuning.pin(2 ** 22 + 1, [0]);
  await expect(tuning.pin(process.pid, [0])).rejects.toThrow('none');
});

test('lists of processors', () => {
  expect(parseCpuList('0,2-4', 8)).toEqual([0, 2, 3, 4]);
  expect(['', 'x', '3-1', '8', '0-8', '1,,2', '-1'].map((text) => parseCpuList(text, 8))).toEqual(Array(7).fill(null));
  expect(describeRanges([4, 0, 2, 3])).toBe('0,2-4');
});
