// The icons that a phone installs: as large as the manifest says, and drawn from the one mark.
import { readFileSync } from 'node:fs';
import { renderToString } from 'react-dom/server';
import { expect, test } from 'vitest';
import manifest from './manifest.ts';
import { Mark } from '../components/frame/Mark.tsx';
import { appleIconPath, installFiles } from '../contract/install-files.ts';

const read = (path: string) => readFileSync(new URL(`..${path}`, import.meta.url));
/** Width and height of a PNG, from its first chunk. */
function sizeOf(path: string): string {
  const png = read(`/public${path}`);
  expect(png.subarray(0, 8), path).toEqual(Buffer.from('89504e470d0a1a0a', 'hex'));
  return `${png.readUInt32BE(16)}x${png.readUInt32BE(20)}`;
}

test('the manifest names icons that are there, of the sizes that it says, a maskable one among them', () => {
  const icons = manifest().icons ?? [];
  expect(icons.map(({ src, sizes }) => [src, sizes])).toEqual(icons.map(({ src }) => [src, sizeOf(src.slice(1))]));
  expect(icons.map(({ sizes, purpose }) => [sizes, purpose])).toEqual([
    ['192x192', 'any'],
    ['512x512', 'any'],
    ['512x512', 'maskable'],
  ]);
  for (const { src } of icons) expect(installFiles).toContain(src.slice(1));
  expect(sizeOf(appleIconPath)).toBe('180x180');
});

test('the icon of the tab and the mark of the pages are one drawing', () => {
  const shapes = (svg: string) =>
    [...svg.matchAll(/ (?:d|x|y|cx|cy|r|rx|width|height)="[^"]+"/g)].map(([text]) => text.trim());
  expect(shapes(read('/app/icon.svg').toString())).toEqual(shapes(renderToString(Mark({}))));
});
