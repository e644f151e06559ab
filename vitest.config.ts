import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

// Deadlines here are for what hangs: a test says what happens and in which order, and a busy machine may take a minute over it.
const setupFiles = ['scripts/test-surroundings.ts'];
const poll = { timeout: 60_000 };

/** Where two labs run side by side, the longest files begin first: begun last, one keeps its worker busy alone. */
const longest = [
  'lab/bridge.drill.test.ts',
  'lab/bridge-owners.drill.test.ts',
  'lab/bridge.lab.test.ts',
  'cli/bridge.lab.test.ts',
  'scripts/demo.lab.test.ts',
  'server/bridge-alarms.lab.test.ts',
  'server/restarts.lab.test.ts',
  'lab/vms.lab.test.ts',
  'lab/bridge-stanzas.lab.test.ts',
  'lab/guide.lab.test.ts',
  'cli/cli.lab.test.ts',
];
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rankOf = ({ moduleId }: TestSpecification) => {
      const rank = longest.findIndex((file) => moduleId.endsWith(`/${file}`));
      return rank < 0 ? longest.length : rank;
    };
    return (await super.sort(files)).sort((a, b) => rankOf(a) - rankOf(b));
  }
}

// Six projects, by what a test needs: nothing (unit), a browser's document (pages), processes of this machine (int), the machine to itself for a figure
// (alone), real lab nodes and root (lab), and those for as long as it takes (drills, not in `npm test`). The browser's journeys
// run in Playwright (playwright.config.ts).
export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: 'unit',
          include: ['**/*.test.ts'],
          setupFiles,
          expect: { poll },
          testTimeout: 90_000,
          hookTimeout: 90_000,
          // One process loads each module once for all files: a third of the processor's time. No module here keeps a state.
          isolate: false,
          exclude: [
            'components/**',
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
          // Each file alone: they replace modules of Next by their own.
          name: 'pages',
          include: ['components/**/*.test.ts', '**/*.test.tsx'],
          exclude: ['**/node_modules/**', 'dist/**'],
          setupFiles,
          expect: { poll },
          testTimeout: 90_000,
          hookTimeout: 90_000,
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
          testTimeout: 600_000,
          // The first lab on a machine waits for its image.
          hookTimeout: 900_000,
          // A lab mostly waits, for boots and for windows to end: two at a time.
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
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
          hookTimeout: 900_000,
          maxWorkers: 2,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
