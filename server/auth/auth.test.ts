import { describe } from 'vitest';
import { createMemoryStore } from '../store/memory-store.ts';
import { describeAuth } from './auth-compliance.ts';

// Each hash takes a core a tenth of a second, on a machine that may have others to serve.
describe('authentication in memory', { timeout: 120_000 }, () => {
  describeAuth(() => Promise.resolve(createMemoryStore()));
});
