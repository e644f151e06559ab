// @vitest-environment happy-dom
import { afterEach, expect, it, vi } from 'vitest';
import { pictureKey, WallPictures } from './wall-pictures.ts';

afterEach(() => vi.restoreAllMocks());

it('has the newest picture of each screen, tells who draws it, and lets go of the others', () => {
  let made = 0;
  const gone: string[] = [];
  vi.spyOn(URL, 'createObjectURL').mockImplementation(() => `blob:${(made += 1)}`);
  vi.spyOn(URL, 'revokeObjectURL').mockImplementation((url) => void gone.push(url));
  const pictures = new WallPictures();
  const of = (node: string, vm: number) => ({ node, vm, png: Uint8Array.of(1) });
  const key = pictureKey(of('node1', 1));
  const told: (string | null)[] = [];
  const stop = pictures.subscribe(key, () => told.push(pictures.urlOf(key)));
  expect(pictures.urlOf(key)).toBeNull();
  pictures.put(of('node1', 1));
  pictures.put(of('node1', 2));
  pictures.put(of('node1', 1));
  expect(told).toEqual(['blob:1', 'blob:3']);
  stop();
  pictures.put(of('node1', 1));
  expect(told).toHaveLength(2);
  pictures.keep(new Set([pictureKey(of('node1', 2))]));
  expect(pictures.urlOf(key)).toBeNull();
  expect(gone).toEqual(['blob:1', 'blob:3', 'blob:4']);
});
