// A table on disk, as one text.
import { rename } from 'node:fs/promises';
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
