import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import type { VmRecord } from '../../core/vms/record.ts';
import { VirtualClock } from '../mesh/virtual-clock.ts';
import { createRatesService } from './rates.ts';

function world() {
  const clock = new VirtualClock();
  const records = [{ id: 3, pid: 100, nets: [{ tap: 'mega_tap0' }, { tap: '' }] }] as unknown as VmRecord[];
  const asked: unknown[] = [];
  const usage = { cpuMs: 0, guestMs: 0, memoryMb: 512, virtualMb: 1_024, sharedMb: 24, rxBytes: 0, txBytes: 0 };
  const service = createRatesService({
    vms: { get: (id: number) => records.find((record) => record.id === id) },
    observeVm: (vm) => {
      asked.push(vm);
      return Promise.resolve({ ...usage });
    },
    clock,
  });
  const stream = new PassThrough();
  const written: string[] = [];
  stream.on('data', (data: Buffer) => written.push(data.toString()));
  const open = (args: unknown) =>
    service({
      from: { nodeId: 'n1', name: 'node1' },
      args,
      signal: new AbortController().signal,
      accept: () => stream,
    });
  const advance = async (ms: number) => {
    await clock.advance(ms);
    // What was written has been read.
    await new Promise((resolve) => setImmediate(resolve));
  };
  const samples = () => written.map((line) => JSON.parse(line) as Record<string, unknown>);
  return { advance, records, asked, usage, stream, open, samples };
}

test('once a second, what it took since the last one; nothing once the stream is closed', async () => {
  const { advance, asked, usage, stream, open, samples } = world();
  void open({ vm: 3 });
  await advance(0);
  expect(samples()).toMatchObject([{ Cpu: null, Memory: 512, Rx: null, Tx: null }]);
  Object.assign(usage, { cpuMs: 1_500, rxBytes: 10_000, txBytes: 400 });
  await advance(1_000);
  expect(samples()[1]).toMatchObject({ Cpu: 1.5, Memory: 512, Rx: 10_000, Tx: 400 });
  expect(asked).toEqual([
    { pid: 100, taps: ['mega_tap0'] },
    { pid: 100, taps: ['mega_tap0'] },
  ]);
  stream.destroy();
  await advance(5_000);
  expect(asked).toHaveLength(2);
});

test('a VM that has quit takes nothing, a new process begins again, and with the VM the stream ends', async () => {
  const { advance, records, usage, stream, open, samples } = world();
  void open({ vm: 3 });
  await advance(0);
  const put = (pid: number) => (records[0] = { ...records[0]!, pid });
  put(0);
  await advance(1_000);
  expect(samples().at(-1)).toMatchObject({ Cpu: null, Memory: null });
  usage.cpuMs = 9_000;
  put(200);
  await advance(1_000);
  expect(samples().at(-1)).toMatchObject({ Cpu: null, Memory: 512 });
  records.pop();
  await advance(1_000);
  expect(stream.writableEnded).toBe(true);
});

test.each([
  [{ vm: 4 }, 'vm not found: 4'],
  [{ vm: 'web' }, 'vm-rates wants'],
  [null, 'vm-rates wants'],
])('no stream for %j', (args, message) => {
  expect(() => void world().open(args)).toThrow(message);
});
