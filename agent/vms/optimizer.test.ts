import { beforeEach, expect, test } from 'vitest';
import type { VmRecord } from '../../core/vms/record.ts';
import { createMemoryTuning, type MemoryTuning } from '../../host/tuning.ts';
import { MemoryVmStore } from './memory-vm-store.ts';
import { Optimizer } from './optimizer.ts';

let tuning: MemoryTuning;
let store: MemoryVmStore;
let records: { id: number; pid: number }[];
let changed: () => void;

const open = async () => {
  const optimizer = await Optimizer.open({ tuning, store, log: { warn: (text) => expect.fail(text) } });
  optimizer.follow({
    list: () => records as VmRecord[],
    onChange: (listener) => {
      changed = () => listener([], []);
      return () => undefined;
    },
  });
  return optimizer;
};

beforeEach(() => {
  tuning = createMemoryTuning(3);
  store = new MemoryVmStore();
  records = [];
  changed = () => undefined;
});

test('KSM comes back as the kernel had it, also after a restart, and twice is once', async () => {
  tuning.ksm = { run: 0, pagesToScan: 77, sleepMs: 5 };
  const optimizer = await open();
  await optimizer.setKsm(true);
  await optimizer.setKsm(true);
  expect([optimizer.status.ksm, tuning.ksm]).toEqual([true, { run: 1, pagesToScan: 100_000, sleepMs: 10 }]);
  const again = await open();
  expect(again.status.ksm).toBe(true);
  await again.clear();
  expect([again.status.ksm, tuning.ksm]).toEqual([false, { run: 0, pagesToScan: 77, sleepMs: 5 }]);
});

test('a kernel without KSM, and a folder without huge pages, are a clear no', async () => {
  const optimizer = await open();
  tuning.ksm = null;
  await expect(optimizer.setKsm(true)).rejects.toThrow('has no KSM');
  expect(optimizer.status.ksm).toBe(false);
  await optimizer.setKsm(false);
  for (const path of ['/dev/hugepages', 'relative'])
    await expect(optimizer.setHugepages(path)).rejects.toThrow('is not a hugetlbfs');
  tuning.hugepages.add('/dev/hugepages');
  await optimizer.setHugepages('/dev/hugepages');
  expect(optimizer.hugepages).toBe('/dev/hugepages');
  expect((await open()).hugepages).toBe('/dev/hugepages');
  await optimizer.clear();
  expect(optimizer.hugepages).toBe('');
});

test('VMs are pinned to the processors that fewest are on, new ones too, and set free again', async () => {
  records = [1, 2, 3, 4].map((id) => ({ id, pid: 100 + id }));
  const optimizer = await open();
  await optimizer.setAffinity(true);
  expect(optimizer.affinity()).toEqual([
    { cpu: 0, pids: [101, 104] },
    { cpu: 1, pids: [102] },
    { cpu: 2, pids: [103] },
  ]);
  records = [...records.slice(1), { id: 5, pid: 105 }, { id: 6, pid: 0 }];
  changed();
  await expect.poll(() => tuning.pinned.get(105)).toEqual([0]);
  await optimizer.setFilter('1-2');
  expect(optimizer.affinity().map(({ cpu }) => cpu)).toEqual([1, 2]);
  expect([...tuning.pinned.values()].every(([cpu]) => cpu !== undefined)).toBe(true);
  expect(tuning.pinned.get(105)).not.toEqual([0]);
  for (const wrong of ['', '3', 'a'])
    await expect(optimizer.setFilter(wrong)).rejects.toMatchObject({ code: 'invalid' });
  await optimizer.clear();
  expect(records.filter(({ pid }) => pid !== 0).map(({ pid }) => tuning.pinned.get(pid))).toEqual(
    Array(4).fill([0, 1, 2]),
  );
  for (let cycle = 0; cycle < 100; cycle += 1) {
    await optimizer.setAffinity(true);
    await optimizer.setAffinity(false);
  }
  expect(optimizer.affinity().flatMap(({ pids }) => pids)).toEqual([]);
});
