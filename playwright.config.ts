import { defineConfig } from '@playwright/test';
import { deadlineMs } from './e2e/browser.ts';
import { chromiumPath } from './e2e/chromium.ts';

// As scripts/test-surroundings.ts has it for the other tests.
process.env['NODE_COMPILE_CACHE'] ??= new URL('.cache/compiled', import.meta.url).pathname;

// Journeys in a browser, on lab nodes. Two projects: e2e, and drills for as long as it takes (`npm run drills`, not in
// `npm test`).
export default defineConfig({
  testDir: 'e2e',
  // One lab at a time; the tests of a file share its lab, console and person, from top to bottom.
  workers: 1,
  timeout: 300_000,
  expect: { timeout: deadlineMs },
  // After a failure the next test gets a new lab: one cause would take an hour for all that it breaks.
  maxFailures: 8,
  // Beside the screenshots for people: what a failed test saw.
  outputDir: 'artefacts/e2e/failed',
  reporter: 'list',
  use: {
    launchOptions: {
      executablePath: chromiumPath,
      args: [
        '--no-sandbox',
        ...['--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
        // The mesh is drawn by WebGL: in software, where there is no graphics card.
        ...['--use-angle=swiftshader', '--enable-unsafe-swiftshader', '--disable-quic'],
      ],
    },
    // Without its film, which costs a processor of software drawing: a failure has its screenshot.
    trace: { mode: 'retain-on-failure', screenshots: false },
    screenshot: 'only-on-failure',
  },
  projects: [
    { name: 'e2e', testMatch: '*.e2e.ts' },
    { name: 'drills', testMatch: '*.drill.ts', timeout: 900_000 },
  ],
});
