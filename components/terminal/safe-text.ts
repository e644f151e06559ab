// Text of nodes on its way to the terminal. A node may be hostile: its answers must not move the cursor, rename the tab,
// write the clipboard or draw a false prompt, so every control character but line end and tab is shown, not obeyed.

const colours = { red: '31', green: '32', yellow: '33', blue: '34', grey: '90' } as const;

/** `\u001b` becomes `^[`, other C0 likewise; C1 and the bidirectional overrides become their code. */
export function safeText(text: string): string {
  return (
    text
      .replaceAll('\r\n', '\n')
      // eslint-disable-next-line no-control-regex -- control characters are what this is about
      .replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f]/g, (char) =>
        char === '\u007f' ? '^?' : `^${String.fromCharCode(char.charCodeAt(0) + 64)}`,
      )
      .replaceAll(
        /[\u0080-\u009f\u202a-\u202e\u2066-\u2069]/g,
        (char) => `<${char.charCodeAt(0).toString(16).padStart(4, '0')}>`,
      )
  );
}

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
