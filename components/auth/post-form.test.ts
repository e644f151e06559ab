import { describe, expect, it } from 'vitest';
import { safeNext } from './post-form.ts';

describe('safeNext', () => {
  it.each([
    ['/mesh?node=node3', '/mesh?node=node3'],
    ['/', '/'],
    [undefined, '/'],
    ['', '/'],
    ['mesh', '/'],
    ['//evil.example', '/'],
    ['/\\evil.example', '/'],
    ['/\t/evil.example', '/'],
    ['/a\\b', '/'],
    ['https://evil.example/', '/'],
    ['javascript:alert(1)', '/'],
  ])('%s leads to %s', (next, path) => {
    expect(safeNext(next)).toBe(path);
  });
});
