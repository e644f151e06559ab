// All tests: the static checks, then every vitest project. The last line is `N passed, N failed, N skipped`, summed over
// all runners, and the exit code follows it. What this machine cannot run is skipped by name and reason, never silently.
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { z } from 'zod';
import { AppError, describeError } from '../contract/errors.ts';
import { localRunner } from '../host/runner.ts';

const root = new URL('../', import.meta.url).pathname;
const minute = 60_000;

interface Count {
  passed: number;
  failed: number;
  skipped: number;
}

const VitestReport = z.object({
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  numPendingTests: z.number(),
  numTodoTests: z.number(),
  testResults: z.array(z.object({ name: z.string(), status: z.string(), assertionResults: z.array(z.unknown()) })),
});

/** Runs argv with its output on this terminal; true when it exits with 0. */
async function runShown(argv: readonly string[], timeoutMs: number): Promise<boolean> {
  try {
    await localRunner.run(argv, {
      cwd: root,
      timeoutMs,
      maxBytes: 0,
      onOutput: (text, stream) => process[stream].write(text),
    });
    return true;
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'failed') console.error(describeError(error));
    return false;
  }
}

async function runCheck(script: string): Promise<Count> {
  console.log(`\n== ${script}`);
  const isPassed = await runShown(['npm', 'run', '--silent', script], 10 * minute);
  return { passed: isPassed ? 1 : 0, failed: isPassed ? 0 : 1, skipped: 0 };
}

async function runProject(project: string, timeoutMs: number): Promise<Count> {
  console.log(`\n== tests: ${project}`);
  const reportFile = `${root}.cache/vitest-${project}.json`;
  rmSync(reportFile, { force: true });
  const vitest = [process.execPath, `${root}node_modules/vitest/vitest.mjs`, 'run', '--project', project];
  const isPassed = await runShown(
    [...vitest, '--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`],
    timeoutMs,
  );
  try {
    const report = VitestReport.parse(JSON.parse(readFileSync(reportFile, 'utf8')));
    // A file that fails to load holds no test: it counts as one failure, or it would vanish from the sum.
    const brokenFiles = report.testResults.filter(
      (file) => file.status === 'failed' && file.assertionResults.length === 0,
    );
    const failed = report.numFailedTests + brokenFiles.length;
    return {
      passed: report.numPassedTests,
      failed: failed === 0 && !isPassed ? 1 : failed,
      skipped: report.numPendingTests + report.numTodoTests,
    };
  } catch (error) {
    console.error(`no report of ${project}: ${describeError(error)}`);
    return { passed: 0, failed: 1, skipped: 0 };
  }
}

/** How many tests a project holds, for the sum, when it cannot run here. */
async function skipProject(project: string, reason: string): Promise<Count> {
  console.log(`\n== tests: ${project}: skipped: ${reason}`);
  const vitest = [process.execPath, `${root}node_modules/vitest/vitest.mjs`, 'list', '--json', '--project', project];
  const { stdout } = await localRunner.run(vitest, { cwd: root, timeoutMs: 2 * minute });
  const tests = z.array(z.unknown()).parse(JSON.parse(stdout.slice(stdout.indexOf('['))));
  return { passed: 0, failed: 0, skipped: tests.length };
}

function reasonAgainstLab(): string | null {
  if (process.platform !== 'linux') return `the lab needs Linux, this is ${process.platform}`;
  if (process.getuid?.() !== 0) return 'the lab needs root: run `sudo npm test`';
  return null;
}

mkdirSync(`${root}.cache`, { recursive: true });
const counts: Count[] = [];
for (const script of ['check:types', 'check:lint', 'check:imports', 'check:format'])
  counts.push(await runCheck(script));
for (const project of ['unit', 'int', 'alone']) counts.push(await runProject(project, 20 * minute));
const reason = reasonAgainstLab();
for (const project of ['lab', 'e2e'])
  counts.push(reason === null ? await runProject(project, 60 * minute) : await skipProject(project, reason));

const sum = (key: keyof Count) => counts.reduce((total, count) => total + count[key], 0);
console.log(`\n${sum('passed')} passed, ${sum('failed')} failed, ${sum('skipped')} skipped`);
process.exit(sum('failed') === 0 ? 0 : 1);
