// What the terminal draws: our own words in colours, and how wide a text is.
import { safeText } from '../../core/safe-text.ts';

const colours = { red: '31', green: '32', yellow: '33', blue: '34', grey: '90' } as const;

/** Our own words in a colour of the theme; `text` is made safe here. */
export function coloured(text: string, colour: keyof typeof colours): string {
  return `\u001b[${colours[colour]}m${safeText(text)}\u001b[0m`;
}

/** Cells that a text takes on the terminal: combining marks none, East Asian wide characters and emoji two. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const char of text) width += charWidth(char);
  return width;
}

function charWidth(char: string): number {
  if (/^[\p{Mark}\u200b-\u200f\ufeff]$/u.test(char)) return 0;
  const code = char.codePointAt(0) ?? 0;
  const isWide =
    (code >= 0x1100 && code <= 0x115f) ||
    (code >= 0x2e80 && code <= 0xa4cf && code !== 0x303f) ||
    (code >= 0xac00 && code <= 0xd7a3) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe30 && code <= 0xfe6f) ||
    (code >= 0xff00 && code <= 0xff60) ||
    (code >= 0xffe0 && code <= 0xffe6) ||
    (code >= 0x1f300 && code <= 0x1faff) ||
    (code >= 0x20000 && code <= 0x3fffd);
  return isWide ? 2 : 1;
}
