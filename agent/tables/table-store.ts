// A table on disk, as one text.
import { rename } from 'node:fs/promises';
import type { z } from 'zod';
import { writeFileAtomic } from '../../host/files.ts';
import { readIfThere } from '../identity/authority.ts';

export interface TextStore {
  /** null: nothing was saved yet. */
  load(): Promise<string | null>;
  /** On the disk when it resolves. */
  save(text: string): Promise<void>;
  /** Keeps what is not readable for a person to look at. */
  setAside(): Promise<void>;
}

export class TextFile implements TextStore {
  private readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  load(): Promise<string | null> {
    return readIfThere(this.path);
  }

  save(text: string): Promise<void> {
    return writeFileAtomic(this.path, text);
  }

  setAside(): Promise<void> {
    return rename(this.path, `${this.path}.damaged`);
  }
}

/**
 * What this node has stored; null for nothing. A node that is removed and deployed again has another id: what it knew under the old one may be
 * long out of date.
 */
export async function loadStored<Value extends { readonly node: string }>(
  store: TextStore,
  shape: z.ZodType<Value>,
  { nodeId, onDamage }: { nodeId: string; onDamage: () => void },
): Promise<Value | null> {
  const text = await store.load();
  if (text === null) return null;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = null;
  }
  const stored = shape.safeParse(json);
  if (stored.success) return stored.data.node === nodeId ? stored.data : null;
  onDamage();
  await store.setAside();
  return null;
}
