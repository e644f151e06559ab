// Keys that a browser keeps for itself, or a phone has not, for the keys menu. Positions are of KeyboardEvent.code, names of X11 (keysymdef.h).

export interface Key {
  readonly code: string;
  readonly keysym: number;
}

const named = {
  Ctrl: { code: 'ControlLeft', keysym: 0xffe3 },
  Alt: { code: 'AltLeft', keysym: 0xffe9 },
  AltGr: { code: 'AltRight', keysym: 0xfe03 },
  Shift: { code: 'ShiftLeft', keysym: 0xffe1 },
  Super: { code: 'MetaLeft', keysym: 0xffeb },
  Esc: { code: 'Escape', keysym: 0xff1b },
  Tab: { code: 'Tab', keysym: 0xff09 },
  Enter: { code: 'Enter', keysym: 0xff0d },
  Backspace: { code: 'Backspace', keysym: 0xff08 },
  Delete: { code: 'Delete', keysym: 0xffff },
  PrintScreen: { code: 'PrintScreen', keysym: 0xff61 },
  T: { code: 'KeyT', keysym: 0x74 },
  W: { code: 'KeyW', keysym: 0x77 },
  N: { code: 'KeyN', keysym: 0x6e },
} as const satisfies Readonly<Record<string, Key>>;

export const heldKeys = { shift: named.Shift, altGr: named.AltGr };
export const lineKeys = { enter: named.Enter, backspace: named.Backspace };

export interface Chord {
  /** As it is written: `Ctrl+Alt+Del`. */
  readonly label: string;
  /** Pressed in this order, and let go of in the reverse. */
  readonly keys: readonly Key[];
}

const functionKey = (number: number): Key => ({ code: `F${number}`, keysym: 0xffbd + number });
const functionKeys = Array.from({ length: 12 }, (_, at) => at + 1);

/** In the order of the menu, a group each. */
export const chordGroups: readonly (readonly Chord[])[] = [
  [
    { label: 'Ctrl+Alt+Del', keys: [named.Ctrl, named.Alt, named.Delete] },
    { label: 'Ctrl+Alt+Backspace', keys: [named.Ctrl, named.Alt, named.Backspace] },
    { label: 'Alt+Tab', keys: [named.Alt, named.Tab] },
    { label: 'Alt+F4', keys: [named.Alt, functionKey(4)] },
    { label: 'Super', keys: [named.Super] },
    { label: 'Esc', keys: [named.Esc] },
    { label: 'Print Screen', keys: [named.PrintScreen] },
    { label: 'Ctrl+W', keys: [named.Ctrl, named.W] },
    { label: 'Ctrl+T', keys: [named.Ctrl, named.T] },
    { label: 'Ctrl+N', keys: [named.Ctrl, named.N] },
  ],
  functionKeys.slice(0, 7).map((number) => ({
    label: `Ctrl+Alt+F${number}`,
    keys: [named.Ctrl, named.Alt, functionKey(number)],
  })),
  functionKeys.map((number) => ({ label: `F${number}`, keys: [functionKey(number)] })),
];

/** What a serial line gets for a chord that a browser keeps: a control character. */
export const serialChords: readonly { readonly label: string; readonly bytes: string }[] = [
  { label: 'Ctrl+C', bytes: '\x03' },
  { label: 'Ctrl+D', bytes: '\x04' },
  { label: 'Ctrl+W', bytes: '\x17' },
  { label: 'Ctrl+T', bytes: '\x14' },
  { label: 'Ctrl+N', bytes: '\x0e' },
  { label: 'Ctrl+]', bytes: '\x1d' },
  { label: 'Esc', bytes: '\x1b' },
];
