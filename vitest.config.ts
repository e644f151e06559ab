import { defineConfig } from 'vitest/config';

// Deadlines here are for what hangs: a test says what happens and in which order, and a busy machine may take a minute over it.
const setupFiles = ['scripts/test-deadlines.ts'];
const poll = { timeout: 60_000 };

// Six projects, by what a test needs: nothing (unit), processes of this machine (int), the machine to itself for a figure
// (alone), real lab nodes and root (lab), those and a browser (e2e), and those for as long as it takes (drills, not in `npm
// test`).
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['**/*.test.ts', '**/*.test.tsx'],
          setupFiles,
          expect: { poll },
          testTimeout: 90_000,
          hookTimeout: 90_000,
          exclude: [
            '**/*.int.test.ts',
            '**/*.alone.test.ts',
            '**/*.lab.test.ts',
            '**/*.drill.test.ts',
            'scripts/import-rules/fixture/**',
            '**/node_modules/**',
            'dist/**',
          ],
        },
      },
      {
        test: {
          name: 'int',
          include: ['**/*.int.test.ts'],
          exclude: ['**/node_modules/**', 'dist/**'],
          setupFiles,
          expect: { poll },
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
      {
        test: {
          name: 'alone',
          include: ['**/*.alone.test.ts'],
          exclude: ['**/node_modules/**', 'dist/**'],
          setupFiles,
          expect: { poll },
          testTimeout: 180_000,
          hookTimeout: 180_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'lab',
          include: ['**/*.lab.test.ts'],
          exclude: ['**/node_modules/**', 'dist/**'],
          setupFiles,
          expect: { poll: { timeout: 120_000 } },
          testTimeout: 300_000,
          hookTimeout: 300_000,
          // One lab at a time: two would share two cores, and their times would mean nothing.
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['e2e/*.e2e.ts'],
          expect: { poll: { timeout: 20_000 } },
          testTimeout: 150_000,
          hookTimeout: 300_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'drills',
          include: ['**/*.drill.test.ts'],
          exclude: ['**/node_modules/**', 'dist/**'],
          setupFiles,
          expect: { poll: { timeout: 120_000 } },
          testTimeout: 600_000,
          hookTimeout: 600_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
