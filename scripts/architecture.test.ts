// What ARCHITECTURE.md names is there: files, folders, and in the table of where things go at most five of them a row.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = new URL('../', import.meta.url).pathname;
const text = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8');
const folders = /^(contract|core|host|agent|server|cli|lib|components|app|lab|bench|e2e|scripts|docs)\//;

/** What stands in backticks and begins with a folder of the tree; `<family>` and what follows it is anybody's choice. */
function pathsIn(part: string): string[] {
  const named = [...part.matchAll(/`([^`\n]+)`/g)].map(([, name = '']) => name.replace(/<.*/, ''));
  return named.filter((name) => folders.test(name) && !/[\s,*{]/.test(name));
}

const isThere = (path: string): boolean =>
  ['', '.ts', '.tsx', '.md'].some((ending) => existsSync(join(root, `${path}${ending}`)));

test('files and folders that it names exist', () => {
  const paths = pathsIn(text);
  expect(paths.length).toBeGreaterThan(80);
  expect(paths.filter((path) => !isThere(path))).toEqual([]);
});

test('folders inside a folder, as the table of folders has them, exist', () => {
  const rows = [...text.matchAll(/^\| `([a-z0-9]+\/)` +\| (.*) \|$/gm)];
  expect(rows.length).toBeGreaterThan(8);
  const inside = rows.flatMap(([, folder = '', rule = '']) =>
    [...rule.matchAll(/`([a-z-]+\/)`/g)].map(([, name = '']) => `${folder}${name}`),
  );
  expect(inside.length).toBeGreaterThan(15);
  expect(inside.filter((path) => !isThere(path))).toEqual([]);
});

test('each row of where things go names at most five places, and a commit', () => {
  const section = /^## Where does it go\?$(.*?)^## /ms.exec(text)?.[1] ?? '';
  const rows = [...section.matchAll(/^\| (?:a|an) .*$/gm)].map(([row]) => row);
  expect(rows.length).toBeGreaterThanOrEqual(6);
  for (const row of rows) {
    expect(pathsIn(row).length).toBeGreaterThan(1);
    expect(pathsIn(row).length).toBeLessThanOrEqual(5);
    expect(row).toMatch(/\| [0-9a-f]{7} [a-z]+\([a-z]+\): \S.* \|$/);
  }
});
