// The labs of tests and drills: drills run rarely, and a name that no lab may have shows only then.
import { globSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { describeLabNameIssue } from './plan.ts';

test('every test file with a lab gives it a name that a lab may have, and that no other file uses', () => {
  const root = new URL('..', import.meta.url).pathname;
  const folders = ['agent', 'bench', 'cli', 'e2e', 'lab', 'scripts', 'server'];
  const files = globSync(`{${folders.join(',')}}/**/*.{lab.test,drill.test,drill,e2e}.ts`, { cwd: root });
  const labs = files.flatMap((file) =>
    [...readFileSync(`${root}${file}`, 'utf8').matchAll(/\b(?:openLab\(\{ name|lab): '([^']+)'/g)].map(
      ([, name = '']) => ({ file, name }),
    ),
  );
  expect(labs.length).toBeGreaterThan(20);
  expect(labs.flatMap(({ file, name }) => describeLabNameIssue(name)?.concat(` (${file})`) ?? [])).toEqual([]);
  const shared = labs.filter(({ file, name }) => labs.some((other) => other.name === name && other.file !== file));
  expect(shared).toEqual([]);
});
