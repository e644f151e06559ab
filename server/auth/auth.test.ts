import { describe } from 'vitest';
import { createMemoryStore } from '../store/memory-store.ts';
import { describeAuth } from './auth-compliance.ts';

describe('authentication in memory', () => {
  describeAuth(() => Promise.resolve(createMemoryStore()));
});
