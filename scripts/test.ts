// All tests: the static checks, every vitest project, the browser's journeys. The last line is `N passed, N failed, N skipped`, summed over
// all runners, and the exit code follows it; before it comes each failure by name. What this machine cannot run is skipped by
// name and reason, never silently.
//
// Two lanes side by side: one that computes (checks, unit, pages, int), one that mostly waits (lab). Then the tests that need
// the whole machine (alone), and the browser (e2e).
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { z } from 'zod';
import { AppError, describeError } from '../contract/errors.ts';
import { startChild, type Child } from '../host/child.ts';
import { localRunner } from '../host/runner.ts';

const root = new URL('../', import.meta.url).pathname;
const minute = 60_000;
/** CI ends a job after 90 minutes and does not say what failed; setting up takes some of that time. */
const endAt = performance.now() + 84 * minute;

interface Count {
  readonly passed: number;
  readonly skipped: number;
  /** For each failure a name and what its message begins with. */
  readonly failed: readonly string[];
}

/** The end of the output may be all that is kept of a run in CI: it says why, too. */
const withReason = (name: string, message = ''): string => {
  const lines = stripVTControlCharacters(message).split('\n');
  const told = lines.filter((line) => line.trim() !== '' && !/^\s+at /.test(line)).slice(0, 5);
  return [name, ...told.map((line) => `    ${line.slice(0, 240)}`)].join('\n');
};

const VitestReport = z.object({
  numPassedTests: z.number(),
  numPendingTests: z.number(),
  numTodoTests: z.number(),
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      message: z.string(),
      assertionResults: z.array(
        z.object({ fullName: z.string(), status: z.string(), failureMessages: z.array(z.string()) }),
      ),
    }),
  ),
});

const running = new Set<Child>();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    void Promise.all([...running].map((child) => child.stop(10_000))).then(() => process.exit(1));
  });
}

/** Runs argv with each line of its output behind its name. @returns null when it exits with 0, else why not */
async function runShown(name: string, argv: readonly string[], limitMs: number): Promise<string | null> {
  const seconds = Math.max(1, Math.floor(Math.min(limitMs, endAt - performance.now()) / 1_000));
  // timeout(1) ends a whole process group: a worker that hangs in a loop would outlive its parent.
  const limited = process.platform === 'linux' ? ['timeout', '--kill-after=20', String(seconds)] : [];
  const startedAt = performance.now();
  const say = (line: string) => console.log(`${name.padEnd(13)} | ${line}`);
  say('begins');
  try {
    const child = await startChild([...limited, ...argv], { cwd: root, onLine: say });
    running.add(child);
    const { exitCode, signal } = await child.ended;
    running.delete(child);
    const tookSeconds = Math.round((performance.now() - startedAt) / 1_000);
    say(`over after ${tookSeconds} s`);
    if (exitCode === 0) return null;
    if (tookSeconds >= seconds) return `not over after ${tookSeconds} s: ended`;
    return exitCode === null ? `ended by ${signal ?? 'a signal'}` : `exit code ${exitCode}`;
  } catch (error) {
    return describeError(error);
  }
}

async function runCheck(script: string): Promise<Count> {
  const reason = await runShown(script, ['npm', 'run', '--silent', script], 15 * minute);
  return reason === null
    ? { passed: 1, skipped: 0, failed: [] }
    : { passed: 0, skipped: 0, failed: [`${script}: ${reason}`] };
}

const vitest = [process.execPath, `${root}node_modules/vitest/vitest.mjs`];

async function runProject(project: string, limitMs: number, flags: readonly string[] = []): Promise<Count> {
  const reportFile = `${root}.cache/vitest-${project}.json`;
  rmSync(reportFile, { force: true });
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`];
  const reason = await runShown(project, [...vitest, 'run', '--project', project, ...flags, ...reporters], limitMs);
  try {
    const report = VitestReport.parse(JSON.parse(readFileSync(reportFile, 'utf8')));
    const failed = report.testResults.flatMap(({ name, status, message, assertionResults }) => {
      const file = relative(root, name);
      const tests = assertionResults.filter((test) => test.status === 'failed');
      // A file that fails to load holds no test: it counts as one failure, since it would otherwise vanish from the sum.
      if (status === 'failed' && tests.length === 0) return [withReason(`${project}: ${file}`, message)];
      return tests.map(({ fullName, failureMessages }) =>
        withReason(`${project}: ${file}: ${fullName.trim()}`, failureMessages[0]),
      );
    });
    if (failed.length === 0 && reason !== null) failed.push(`${project}: outside of its tests: ${reason}`);
    return { passed: report.numPassedTests, skipped: report.numPendingTests + report.numTodoTests, failed };
  } catch (error) {
    return { passed: 0, skipped: 0, failed: [`${project}: ${reason ?? `no report: ${describeError(error)}`}`] };
  }
}

/** How many tests a project holds, for the sum, when it cannot run here. */
async function skipProject(project: string, reason: string): Promise<Count> {
  console.log(`${project.padEnd(13)} | skipped: ${reason}`);
  const { stdout } = await localRunner.run([...vitest, 'list', '--json', '--project', project], {
    cwd: root,
    timeoutMs: 5 * minute,
  });
  const tests = z.array(z.unknown()).parse(JSON.parse(stdout.slice(stdout.indexOf('['))));
  return { passed: 0, skipped: tests.length, failed: [] };
}

const Spec = z.object({
  title: z.string(),
  file: z.string(),
  ok: z.boolean(),
  tests: z.array(
    z.object({ results: z.array(z.object({ error: z.object({ message: z.string().optional() }).optional() })) }),
  ),
});
/** Of Playwright's JSON reporter: a suite is a file, or a group in one. */
interface Suite {
  readonly specs: readonly z.infer<typeof Spec>[];
  readonly suites?: readonly Suite[] | undefined;
}
const Suite: z.ZodType<Suite> = z.lazy(() => z.object({ specs: z.array(Spec), suites: z.array(Suite).optional() }));
const BrowserReport = z.object({
  stats: z.object({ expected: z.number(), skipped: z.number() }),
  /** Of the run itself: a file that does not load, a worker that died between tests. */
  errors: z.array(z.object({ message: z.string().optional() })),
  suites: z.array(Suite),
});

const playwright = [process.execPath, `${root}node_modules/@playwright/test/cli.js`, 'test', '--project=e2e'];
const specsOf = (suites: readonly Suite[]): Suite['specs'] =>
  suites.flatMap((suite) => [...suite.specs, ...specsOf(suite.suites ?? [])]);

/** Tests that a failed one before them kept from running are skipped, as Playwright counts them. */
async function runBrowser(limitMs: number): Promise<Count> {
  const reportFile = `${root}.cache/playwright.json`;
  rmSync(reportFile, { force: true });
  const named = ['env', `PLAYWRIGHT_JSON_OUTPUT_FILE=${reportFile}`];
  const reason = await runShown('e2e', [...named, ...playwright, '--reporter=list,json'], limitMs);
  try {
    const { stats, errors, suites } = BrowserReport.parse(JSON.parse(readFileSync(reportFile, 'utf8')));
    const failed = [
      ...specsOf(suites)
        .filter(({ ok }) => !ok)
        .map(({ title, file, tests }) =>
          withReason(`e2e: ${file}: ${title}`, tests.at(-1)?.results.at(-1)?.error?.message),
        ),
      ...errors.map(({ message = '' }) => `e2e: outside of its tests: ${message.split('\n')[0] ?? ''}`),
    ];
    if (failed.length === 0 && reason !== null) failed.push(`e2e: outside of its tests: ${reason}`);
    return { passed: stats.expected, skipped: stats.skipped, failed };
  } catch (error) {
    return { passed: 0, skipped: 0, failed: [`e2e: ${reason ?? `no report: ${describeError(error)}`}`] };
  }
}

async function skipBrowser(reason: string): Promise<Count> {
  console.log(`${'e2e'.padEnd(13)} | skipped: ${reason}`);
  const { stdout } = await localRunner.run([...playwright, '--list', '--reporter=json'], {
    cwd: root,
    timeoutMs: 5 * minute,
  });
  return { passed: 0, skipped: specsOf(BrowserReport.parse(JSON.parse(stdout)).suites).length, failed: [] };
}

function reasonAgainstLab(): string | null {
  if (process.platform !== 'linux') return `the lab needs Linux, this is ${process.platform}`;
  if (process.getuid?.() !== 0) return 'the lab needs root: run `sudo npm test`';
  return null;
}

/** One after the other. */
async function lane(jobs: readonly (() => Promise<Count>)[]): Promise<Count[]> {
  const counts: Count[] = [];
  for (const job of jobs) counts.push(await job());
  return counts;
}

mkdirSync(`${root}.cache`, { recursive: true });
const reason = reasonAgainstLab();
const onLab =
  (project: string, limitMs: number, flags: readonly string[] = []) =>
  () =>
    reason === null ? runProject(project, limitMs, flags) : skipProject(project, reason);
/** Built here: otherwise the first test that needs it would wait for it while its own deadline runs. */
const buildImage = async (owner: string): Promise<Count> => {
  if (reason === null)
    await runShown('image', [process.execPath, 'lab/main.ts', 'image', '--owner', owner], 15 * minute);
  return { passed: 0, skipped: 0, failed: [] };
};
const browser = () => (reason === null ? runBrowser(25 * minute) : skipBrowser(reason));
// A lab mostly waits, for boots and for windows to end: two at a time.
const twoLabs = ['--fileParallelism', '--maxWorkers=2'];
try {
  const checks = ['check:types', 'check:lint', 'check:imports', 'check:format'].map((script) => () => runCheck(script));
  const sideBySide = await Promise.all([
    lane([
      ...checks,
      () => runProject('unit', 20 * minute),
      () => runProject('pages', 10 * minute),
      () => runProject('int', 45 * minute),
    ]),
    lane([() => buildImage('networkmanager'), onLab('lab', 65 * minute, twoLabs)]),
  ]);
  const after = await lane([() => runProject('alone', 15 * minute), browser]);
  const counts = [...sideBySide.flat(), ...after];
  const sum = (key: 'passed' | 'skipped') => counts.reduce((total, count) => total + count[key], 0);
  const failed = counts.flatMap((count) => count.failed);
  if (failed.length > 0) console.log(`\nfailed:\n${failed.map((name) => `  ${name}`).join('\n')}`);
  console.log(`\n${sum('passed')} passed, ${failed.length} failed, ${sum('skipped')} skipped`);
  process.exit(failed.length === 0 ? 0 : 1);
} catch (error) {
  console.error(error instanceof AppError ? error.message : error);
  console.log('\n0 passed, 1 failed, 0 skipped');
  process.exit(1);
}
