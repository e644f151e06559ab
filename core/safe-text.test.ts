import fc from 'fast-check';
import { expect, test } from 'vitest';
import { safeJson, safeText } from './safe-text.ts';

// eslint-disable-next-line no-control-regex -- control characters are what this is about
const obeyed = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;

test('control characters are shown, and line ends and tabs stay', () => {
  expect(safeText('a\tb\r\nc\u001b]0;x\u0007\u0000\r\u007f\u009b2J\u202e')).toBe('a\tb\nc^[]0;x^G^@^M^?<009b>2J<202e>');
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(safeText(text)).not.toMatch(obeyed);
    }),
  );
});

test('JSON for a terminal holds none, and reads back as the same', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const json = safeJson({ text });
      expect(json).not.toMatch(obeyed);
      expect(JSON.parse(json)).toEqual({ text });
    }),
  );
});
