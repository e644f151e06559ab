// For tests: a disk that holds one text, may be slow, full, or lose power.
import type { TextStore } from './table-store.ts';

export class MemoryTextStore implements TextStore {
  text: string | null = null;
  setAsides = 0;
  saves = 0;
  /** The disk is full: nothing is saved. */
  isFull = false;
  /** How long a write takes. */
  wait: () => Promise<void> = () => Promise.resolve();

  load(): Promise<string | null> {
    return Promise.resolve(this.text);
  }

  async save(text: string): Promise<void> {
    await this.wait();
    if (this.isFull) throw new Error('ENOSPC: no space left on device');
    this.saves += 1;
    this.text = text;
  }

  setAside(): Promise<void> {
    this.setAsides += 1;
    this.text = null;
    return Promise.resolve();
  }
}
