// @vitest-environment happy-dom
import { expect, test } from 'vitest';
import { setTheme } from './theme.ts';

const colours = () =>
  [...document.querySelectorAll<HTMLMetaElement>('meta[name=theme-color]')].map((tag) => [
    tag.content,
    tag.getAttribute('media'),
  ]);

test('the browser draws its own parts in the colour of the scheme that was chosen', () => {
  setTheme('system');
  expect(colours()).toEqual([
    ['#ffffff', '(prefers-color-scheme: light)'],
    ['#13161a', '(prefers-color-scheme: dark)'],
  ]);
  setTheme('dark');
  expect(colours()).toEqual([['#13161a', null]]);
  setTheme('light');
  expect(colours()).toEqual([['#ffffff', null]]);
});
