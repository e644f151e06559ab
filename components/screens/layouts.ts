// Which keys type a text on a keyboard of some language: a guest gets positions, and its own layout makes signs of them.

/** One sign: the key's position (KeyboardEvent.code), what is held with it, and what X11 calls it. */
export interface TypedKey {
  readonly code: string;
  readonly keysym: number;
  readonly hasShift: boolean;
  readonly hasAltGr: boolean;
}

/** The keys of a keyboard row by row, as the layouts below have them. */
const positions = [
  ...['Backquote', ...Array.from('1234567890', (digit) => `Digit${digit}`), 'Minus', 'Equal'],
  ...Array.from('QWERTYUIOP', keyOf),
  ...['BracketLeft', 'BracketRight', 'Backslash'],
  ...Array.from('ASDFGHJKL', keyOf),
  ...['Semicolon', 'Quote', 'IntlBackslash'],
  ...Array.from('ZXCVBNM', keyOf),
  ...['Comma', 'Period', 'Slash'],
];

interface Layout {
  readonly label: string;
  /** The signs of all positions alone, with Shift and with AltGr; a space where there is no sign. */
  readonly plain: string;
  readonly shift: string;
  readonly altGr: string;
  /** Signs that appear only with the next key, a space. */
  readonly dead: string;
}

export const layouts = {
  us: {
    label: 'US',
    plain: "`1234567890-=qwertyuiop[]\\asdfghjkl;' zxcvbnm,./",
    shift: '~!@#$%^&*()_+QWERTYUIOP{}|ASDFGHJKL:" ZXCVBNM<>?',
    altGr: '',
    dead: '',
  },
  de: {
    label: 'German',
    plain: '^1234567890ß´qwertzuiopü+#asdfghjklöä<yxcvbnm,.-',
    shift: '°!"§$%&/()=?`QWERTZUIOPÜ*\'ASDFGHJKLÖÄ>YXCVBNM;:_',
    altGr: '  ²³   {[]}\\ @ €        ~            |      µ   ',
    dead: '^´`',
  },
  fr: {
    label: 'French',
    plain: '²&é"\'(-è_çà)=azertyuiop $*qsdfghjklmù<wxcvbn,;:!',
    shift: ' 1234567890°+AZERTYUIOP¨£µQSDFGHJKLM%>WXCVBN?./§',
    altGr: '  ~#{[|`\\^@]}  €        ¤                       ',
    dead: '¨',
  },
} as const satisfies Readonly<Record<string, Layout>>;
export type LayoutName = keyof typeof layouts;

const xEnter = 0xff0d;
const xTab = 0xff09;

/** What types this text, in its order; and signs that no key of the layout has, each once. */
export function typedKeys(text: string, name: LayoutName): { keys: TypedKey[]; missing: string[] } {
  const layout: Layout = layouts[name];
  const keys: TypedKey[] = [];
  const missing = new Set<string>();
  const space = { code: 'Space', keysym: 0x20, hasShift: false, hasAltGr: false };
  for (const sign of text.replaceAll(/\r\n?/g, '\n')) {
    const found = sign === ' ' ? space : keyFor(sign, layout);
    if (!found) missing.add(sign);
    else keys.push(found, ...(layout.dead.includes(sign) ? [space] : []));
  }
  return { keys, missing: [...missing] };
}

function keyFor(sign: string, { plain, shift, altGr }: Layout): TypedKey | null {
  const plainKey = { keysym: keysymOf(sign), hasShift: false, hasAltGr: false };
  if (sign === '\n') return { ...plainKey, code: 'Enter', keysym: xEnter };
  if (sign === '\t') return { ...plainKey, code: 'Tab', keysym: xTab };
  for (const [signs, held] of [
    [plain, {}],
    [shift, { hasShift: true }],
    [altGr, { hasAltGr: true }],
  ] as const) {
    const code = positions[signs.indexOf(sign)];
    if (code !== undefined) return { ...plainKey, ...held, code };
  }
  return null;
}

/** X11's name of a sign (keysymdef.h): Latin-1 as it is, all others with a mark. */
export function keysymOf(sign: string): number {
  const point = sign.codePointAt(0) ?? 0;
  return point < 0x100 ? point : 0x01000000 + point;
}

function keyOf(letter: string): string {
  return `Key${letter}`;
}
