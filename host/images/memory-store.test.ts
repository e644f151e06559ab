import { beforeEach, describe } from 'vitest';
import { MemoryStore } from './memory-image-store.ts';
import { complyingStore, type TestedStore } from './image-store-compliance.ts';

let tested: TestedStore;
beforeEach(() => {
  const store = new MemoryStore({ now: () => 1_000 });
  tested = {
    store,
    put: (name, data) => {
      store.put(name, data);
      return Promise.resolve();
    },
    overlay: (path) => Promise.resolve(store.overlays.get(path) ?? Buffer.alloc(0)),
    overlayPath: '/run/vm1/disk.qcow2',
  };
});

describe('files in memory', () => {
  complyingStore(() => tested);
});
