// What a node writes down about its captures: one file beside the identity. One that cannot be read is set aside, and captures begin again.
import { z } from 'zod';
import { describeError } from '../../contract/errors.ts';
import type { CaptureRecord } from '../../core/capture/record.ts';

export interface CaptureStore {
  /** null: nothing yet. */
  read(): Promise<string | null>;
  /** On the disk when it resolves. */
  write(text: string): Promise<void>;
  setAside(): Promise<void>;
}

export interface StoredCaptures {
  readonly nextId: number;
  readonly captures: readonly CaptureRecord[];
}

const whole = z.number().int().min(0);
const text = z.string().max(4_096);
const Stored: z.ZodType<StoredCaptures & { readonly version: 1 }> = z.object({
  version: z.literal(1),
  nextId: whole,
  captures: z.array(
    z.object({
      id: whole,
      kind: z.enum(['pcap', 'netflow']),
      namespace: text,
      bridge: text,
      vm: z.object({ id: whole, name: text, nic: whole }).nullable(),
      target: text,
      isFile: z.boolean(),
      mode: text,
      isCompressed: z.boolean(),
      snaplen: whole,
      filter: text,
      maxBytes: z.number().min(0),
      maxSeconds: z.number().min(0),
      by: text,
      startedAtMs: z.number(),
      endedAtMs: z.number().nullable(),
      state: z.enum(['running', 'ended', 'failed']),
      reason: text,
      packets: whole,
      bytes: whole,
      dropped: whole.nullable(),
    }),
  ),
});

export async function readCaptures(store: CaptureStore, warn: (text: string) => void): Promise<StoredCaptures> {
  const written = await store.read();
  if (written === null) return { nextId: 1, captures: [] };
  try {
    return Stored.parse(JSON.parse(written));
  } catch (error) {
    warn(`what was written of captures cannot be read and is set aside: ${describeError(error).slice(0, 200)}`);
    await store.setAside();
    // Marks of before may have low ids; no two captures are to have one.
    return { nextId: Math.floor(Math.random() * 1_000) + 1_000, captures: [] };
  }
}

export function writeCaptures(store: CaptureStore, captures: StoredCaptures): Promise<void> {
  return store.write(JSON.stringify({ version: 1, ...captures }));
}
