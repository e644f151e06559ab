import { describe, expect, it } from 'vitest';
import { keysymOf, layouts, typedKeys, type LayoutName } from './layouts.ts';

const typed = (text: string, layout: LayoutName) =>
  typedKeys(text, layout)
    .keys.map(({ code, hasShift, hasAltGr }) => `${hasShift ? '⇧' : ''}${hasAltGr ? '⌥' : ''}${code}`)
    .join(' ');

describe('keys that type a text', () => {
  it.each([
    ['us', 'zy@\\|', 'KeyZ KeyY ⇧Digit2 Backslash ⇧Backslash'],
    ['de', 'zy@\\|', 'KeyY KeyZ ⌥KeyQ ⌥Minus ⌥IntlBackslash'],
    ['fr', 'zy@\\|', 'KeyW KeyY ⌥Digit0 ⌥Digit8 ⌥Digit6'],
    ['us', 'A b\r\n\t', '⇧KeyA Space KeyB Enter Tab'],
    ['de', 'ß{[]}~€µ', 'Minus ⌥Digit7 ⌥Digit8 ⌥Digit9 ⌥Digit0 ⌥BracketRight ⌥KeyE ⌥KeyM'],
    ['de', '^x', 'Backquote Space KeyX'],
    ['fr', 'M1,.?!€#', '⇧Semicolon ⇧Digit1 KeyM ⇧Comma ⇧KeyM Slash ⌥KeyE ⌥Digit3'],
  ] as const)('%s: %j', (layout, text, keys) => {
    expect(typed(text, layout)).toBe(keys);
  });

  it.each(Object.keys(layouts) as LayoutName[])('%s has every sign of a command line, on one key each', (name) => {
    const ascii = Array.from({ length: 95 }, (_, at) => String.fromCharCode(32 + at)).join('');
    expect(typedKeys(ascii, name).missing.filter((sign) => !/[`~^]/.test(sign))).toEqual([]);
    const { plain, shift, altGr } = layouts[name];
    for (const signs of [plain, shift]) expect(Array.from(signs)).toHaveLength(48);
    expect(Array.from(altGr).length).toBeLessThanOrEqual(48);
    const all = Array.from(plain + shift + altGr).filter((sign) => sign !== ' ');
    expect(all.filter((sign, at) => all.indexOf(sign) !== at)).toEqual([]);
  });

  it('names what no key has, once', () => {
    expect(typedKeys('añb→ñ', 'us')).toMatchObject({ keys: [{ code: 'KeyA' }, { code: 'KeyB' }], missing: ['ñ', '→'] });
  });

  it('names signs as X11 does', () => {
    expect(['a', 'ü', '€'].map(keysymOf)).toEqual([0x61, 0xfc, 0x010020ac]);
  });
});
