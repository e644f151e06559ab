import { describe } from 'vitest';
import { createMemoryStore } from './memory-store.ts';
import { describeStore } from './store-compliance.ts';

describe('the store in memory', () => {
  describeStore(() => Promise.resolve(createMemoryStore()));
});
