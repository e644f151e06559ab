// What a fuzzed process holds, and whether it complains. Reads /proc.
import { readdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { residentMb } from '../facts.ts';
import type { Report } from '../report.ts';
import { within } from '../rounds.ts';

/** The least of a few looks at resident memory, MB: what is between two garbage collections does not count. */
export async function settledMb(pid: number): Promise<number> {
  const looks: number[] = [];
  for (let turn = 0; turn < 5; turn += 1) {
    looks.push(await residentMb(pid));
    await sleep(1_000);
  }
  return Math.min(...looks);
}

export interface Memory {
  /** What its code still refers to, MB: objects and the bytes of buffers. */
  readonly keptMb: number;
  /** What the kernel counts, MB: with what the allocators keep for later. */
  readonly residentMb: number;
}

/**
 * Memory of a Node.js program after a full collection, asked over its inspector (`--inspect`; Chrome DevTools Protocol,
 * HeapProfiler.collectGarbage and Runtime.getHeapUsage). Without the collection, garbage looks like growth.
 */
export async function collectedMemory(pid: number, inspector: string): Promise<Memory> {
  const socket = new WebSocket(inspector);
  const answers = new Map<number, (answer: unknown) => void>();
  const lost = Promise.withResolvers<never>();
  lost.promise.catch(() => undefined);
  socket.onmessage = ({ data }) => {
    const { id, result } = InspectorAnswer.parse(JSON.parse(String(data)));
    if (id !== undefined) answers.get(id)?.(result);
  };
  socket.onclose = () => lost.reject(new Error('the inspector closed the connection'));
  const call = async (id: number, method: string) => {
    const answer = new Promise((resolve) => answers.set(id, resolve));
    socket.send(JSON.stringify({ id, method }));
    return within(Promise.race([answer, lost.promise]), inspectorTimeoutMs, () => `no answer to ${method}`);
  };
  try {
    const opened = new Promise((resolve) => (socket.onopen = resolve));
    await within(Promise.race([opened, lost.promise]), inspectorTimeoutMs, () => `no inspector at ${inspector}`);
    await call(1, 'HeapProfiler.collectGarbage');
    const { usedSize, backingStorageSize } = HeapUsage.parse(await call(2, 'Runtime.getHeapUsage'));
    return { keptMb: (usedSize + backingStorageSize) / 1024 ** 2, residentMb: await residentMb(pid) };
  } finally {
    socket.close();
  }
}

const inspectorTimeoutMs = 60_000;
const InspectorAnswer = z.object({ id: z.number().optional(), result: z.unknown() });
const HeapUsage = z.object({ usedSize: z.number(), backingStorageSize: z.number() });

/** Open descriptors of a process; 0 when it is gone. */
export async function descriptorsOf(pid: number): Promise<number> {
  return (await readdir(`/proc/${pid}/fd`).catch(() => [])).length;
}

/** Waits until `isSo`, at most `timeoutMs`; false when it did not come. */
export async function comes(isSo: () => Promise<boolean> | boolean, timeoutMs = 60_000): Promise<boolean> {
  const end = performance.now() + timeoutMs;
  while (!(await isSo())) {
    if (performance.now() > end) return false;
    await sleep(100);
  }
  return true;
}

/** Faults of the product in the order found; the first few are printed as they come, all of them count. */
export class Faults {
  count = 0;
  private readonly report: Report;

  constructor(report: Report) {
    this.report = report;
  }

  add(text: string): void {
    this.count += 1;
    if (this.count <= 20) this.report.note(`FAULT: ${text.slice(0, 1_000)}`);
  }
}
