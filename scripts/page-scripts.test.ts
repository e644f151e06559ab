// What the pages of the console load from the start: every kB of it is sent before a page shows anything.
import { build } from 'esbuild';
import { expect, test } from 'vitest';

const root = new URL('../', import.meta.url).pathname;
const pages = [
  ...['layout', 'page', 'mesh/page', 'nodes/page', 'vlans/page', 'runs/page', 'settings/page', 'terminal/page'],
  ...['consoles/page', 'console/[node]/[name]/page'],
  ...['vms/page', 'vms/[node]/[vm]/page', 'vlans/probe/page', 'vlans/trace/page'],
];

/** Packages that a page and the modules it imports name; those that wait for an `import()` are left out. */
async function packagesOf(page: string): Promise<string[]> {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: [`app/(console)/${page}.tsx`],
    bundle: true,
    splitting: true,
    write: false,
    metafile: true,
    outdir: 'out',
    format: 'esm',
    platform: 'browser',
    jsx: 'automatic',
    packages: 'external',
    loader: { '.css': 'empty' },
    logLevel: 'warning',
  });
  const packages = new Set<string>();
  const seen = new Set<string>();
  const follow = (path: string) => {
    if (seen.has(path)) return;
    seen.add(path);
    for (const { path: imported, external, kind } of metafile.inputs[path]?.imports ?? []) {
      if (kind !== 'import-statement') continue;
      if (external) packages.add(imported);
      else follow(imported);
    }
  };
  follow(`app/(console)/${page}.tsx`);
  return [...packages].sort();
}

test.each(pages)('app/(console)/%s loads no schema library, and nothing that draws consoles', async (page) => {
  const packages = await packagesOf(page);
  expect(packages).toContain('react/jsx-runtime');
  expect(packages.filter((name) => name.startsWith('zod'))).toEqual([]);
  // Of xterm its styles alone: what draws screens and terminals waits for one that is shown.
  const drawers = packages.filter((name) => /^@(novnc|xterm)\//.test(name) && !name.endsWith('.css'));
  expect(drawers).toEqual([]);
});
