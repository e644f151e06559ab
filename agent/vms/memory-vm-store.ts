// What a simulated node or a test writes down about VMs, in memory.
import type { VmStore } from './vm-store.ts';

export class MemoryVmStore implements VmStore {
  readonly files = new Map<string, string>();

  list(): Promise<readonly string[]> {
    return Promise.resolve([...this.files.keys()]);
  }

  read(name: string): Promise<string | null> {
    return Promise.resolve(this.files.get(name) ?? null);
  }

  async write(name: string, text: string): Promise<void> {
    await Promise.resolve();
    this.files.set(name, text);
  }

  async remove(name: string): Promise<void> {
    await Promise.resolve();
    this.files.delete(name);
  }

  async setAside(name: string): Promise<string> {
    await Promise.resolve();
    const aside = `${name}.damaged`;
    this.files.set(aside, this.files.get(name) ?? '');
    this.files.delete(name);
    return aside;
  }
}
