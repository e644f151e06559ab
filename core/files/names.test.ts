import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseFileName, parseImageName } from './file-name.ts';
import { isGlob, matchesGlob, parseGlob } from './glob.ts';

describe('file names', () => {
  test.each([
    ['web.qcow2', 'web.qcow2'],
    ['images/web.qcow2', 'images/web.qcow2'],
    ['images//./web.qcow2', 'images/web.qcow2'],
    ['my, disk=1 v1.qcow2', 'my, disk=1 v1.qcow2'],
    ['..a/b..', '..a/b..'],
    ['', ''],
    ['.', ''],
    ['Übung/日本.iso', 'Übung/日本.iso'],
  ])('%j means %j', (text, name) => {
    expect(parseFileName(text)).toEqual({ ok: true, name });
  });

  test.each([
    ['../a', 'no `..`'],
    ['a/../b', 'no `..`'],
    ['/etc/passwd', 'without a slash in front'],
    ['a\0b', 'control characters'],
    ['a\nb', 'control characters'],
    ['a\u202egnp.exe', 'control characters'],
    ['a\ufffdb', 'UTF-8'],
    ['x'.repeat(256), 'at most 255 bytes'],
    ['ü'.repeat(128), 'at most 255 bytes'],
    ['a/'.repeat(600), 'at most 1024 bytes'],
    ['a/'.repeat(33), 'folders deep'],
    ['images/.fetch-0123', 'belong to fetches'],
  ])('%j is refused', (text, why) => {
    const result = parseFileName(text);
    expect(result).toMatchObject({ ok: false, message: expect.stringContaining(why) as string });
    // eslint-disable-next-line no-control-regex -- what the error shows cannot move a cursor
    expect(result.ok ? '' : result.message).not.toMatch(/[\u0000\u202e\n]/);
    expect(result.ok ? '' : result.message.length).toBeLessThan(250);
  });

  test('a parsed name parses to itself, and never leaves the folder', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', '.', '..', '/', '\0', 'ü', '\u202e', ' ') }), (text) => {
        const result = parseFileName(text);
        if (!result.ok) return;
        expect(parseFileName(result.name)).toEqual(result);
        expect(`/${result.name}/`).not.toContain('/../');
        expect(result.name.startsWith('/')).toBe(false);
      }),
    );
  });

  test.each([
    ['web.qcow2', 'web.qcow2'],
    ['file:images/web.qcow2', 'images/web.qcow2'],
    ['/srv/files/images/web.qcow2', 'images/web.qcow2'],
    ['file:/srv/files/web.qcow2', 'web.qcow2'],
  ])('a VM that names %j means %j', (text, name) => {
    expect(parseImageName(text, '/srv/files')).toEqual({ ok: true, name });
  });

  test.each(['/etc/passwd', '/srv/filesystem/x', '/srv/files', '/srv/files/', 'file:', '/srv/files/../x'])(
    'a VM that names %j is refused',
    (text) => {
      expect(parseImageName(text, '/srv/files').ok).toBe(false);
    },
  );
});

describe('patterns', () => {
  const matches = (pattern: string, name: string) => {
    const glob = parseGlob(pattern);
    return glob !== null && matchesGlob(glob, name);
  };
  test.each([
    ['*.qcow2', 'web.qcow2', true],
    ['*.qcow2', 'images/web.qcow2', false],
    ['*/*.qcow2', 'images/web.qcow2', true],
    ['images/*', 'images/', true],
    ['web?.iso', 'web1.iso', true],
    ['web?.iso', 'web/.iso', false],
    ['web[0-9].iso', 'web7.iso', true],
    ['web[^0-9].iso', 'web7.iso', false],
    ['a\\*b', 'a*b', true],
    ['a\\*b', 'axb', false],
    ['*a*b*c', 'xxaxxbxxbxxc', true],
    ['*a*b*c', 'xxaxxbxxbxx', false],
    ['', '', true],
    ['*', '', true],
  ])('%j and %j: %s', (pattern, name, expected) => {
    expect(matches(pattern, name)).toBe(expected);
  });

  test.each(['[a', '[', '[]', '[a-', 'a\\'])('%j is not a complete pattern', (pattern) => {
    expect(isGlob(pattern)).toBe(true);
    expect(parseGlob(pattern)).toBeNull();
  });

  test('agrees with a regular expression, and many stars cost little', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('a', 'b', '*', '?', '/') }),
        fc.string({ unit: fc.constantFrom('a', 'b', '/') }),
        (pattern, name) => {
          const regex = new RegExp(`^${pattern.replaceAll(/\*+/g, '[^/]*').replaceAll('?', '[^/]')}$`);
          expect(matches(pattern, name)).toBe(regex.test(name));
        },
      ),
    );
    // A regular expression with as many stars would not end.
    expect(matches(`${'*a'.repeat(400)}b`, 'a'.repeat(800))).toBe(false);
  });
});
