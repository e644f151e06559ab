// Proves that every import rule can fail: the fixture holds, per rule, one file named after it with one forbidden
// import. A rule without such a file, or a file whose import passes, fails the check.
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { CommandError, localRunner } from '../../host/runner.ts';

const root = new URL('../../', import.meta.url).pathname;
const Report = z.object({
  summary: z.object({ violations: z.array(z.object({ from: z.string(), rule: z.object({ name: z.string() }) })) }),
});

const config = readFileSync(`${root}.dependency-cruiser.cjs`, 'utf8');
const folders = /const mayImport = \{([^}]*)\}/.exec(config)?.[1]?.match(/^\s*(\w+):/gm) ?? [];
const expected = new Set([
  ...folders.map((folder) => `layers-${folder.trim().replace(':', '')}`),
  ...[...config.matchAll(/name: '([\w-]+)'/g)].map((match) => match[1] ?? ''),
]);

const argv = [
  process.execPath,
  `${root}node_modules/.bin/depcruise`,
  '--config',
  `${root}.dependency-cruiser.cjs`,
  '--output-type',
  'json',
  '.',
];
const output = await localRunner
  .run(argv, { cwd: `${root}scripts/import-rules/fixture`, timeoutMs: 60_000 })
  .then((result) => result.stdout)
  // The exit code is the number of violations: that there are some is the point.
  .catch((error: unknown) => {
    if (error instanceof CommandError && error.stdout.startsWith('{')) return error.stdout;
    throw error;
  });
const { violations } = Report.parse(JSON.parse(output)).summary;
const caught = new Set(
  violations.filter(({ from, rule }) => from.endsWith(`/${rule.name}.ts`)).map(({ rule }) => rule.name),
);
const missed = [...expected].filter((name) => !caught.has(name));
if (missed.length > 0) {
  console.error(`import rules that caught nothing in scripts/import-rules/fixture: ${missed.join(', ')}`);
  process.exit(1);
}
console.log(`import rules: each of ${expected.size} caught its forbidden import`);
