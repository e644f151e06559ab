// Names of keys, as X11 has them (X11/keysymdef.h) and minimega's recordings write them.

const ascii =
  'space exclam quotedbl numbersign dollar percent ampersand apostrophe parenleft parenright asterisk plus comma minus period slash 0 1 2 3 4 5 6 7 8 9 colon semicolon less equal greater question at A B C D E F G H I J K L M N O P Q R S T U V W X Y Z bracketleft backslash bracketright asciicircum underscore grave a b c d e f g h i j k l m n o p q r s t u v w x y z braceleft bar braceright asciitilde'.split(
    ' ',
  );

const others: Readonly<Record<string, number>> = {
  ...{ BackSpace: 0xff08, Tab: 0xff09, Linefeed: 0xff0a, Clear: 0xff0b, Return: 0xff0d, Pause: 0xff13 },
  ...{ Scroll_Lock: 0xff14, Sys_Req: 0xff15, Escape: 0xff1b, Delete: 0xffff, Multi_key: 0xff20 },
  ...{ Home: 0xff50, Left: 0xff51, Up: 0xff52, Right: 0xff53, Down: 0xff54, Prior: 0xff55, Next: 0xff56, End: 0xff57 },
  ...{ Begin: 0xff58, Select: 0xff60, Print: 0xff61, Execute: 0xff62, Insert: 0xff63, Undo: 0xff65, Redo: 0xff66 },
  ...{ Menu: 0xff67, Find: 0xff68, Cancel: 0xff69, Help: 0xff6a, Break: 0xff6b, Mode_switch: 0xff7e, Num_Lock: 0xff7f },
  ...{ KP_Enter: 0xff8d, KP_Home: 0xff95, KP_Left: 0xff96, KP_Up: 0xff97, KP_Right: 0xff98, KP_Down: 0xff99 },
  ...{ KP_Prior: 0xff9a, KP_Next: 0xff9b, KP_End: 0xff9c, KP_Begin: 0xff9d, KP_Insert: 0xff9e, KP_Delete: 0xff9f },
  ...{ KP_Multiply: 0xffaa, KP_Add: 0xffab, KP_Separator: 0xffac, KP_Subtract: 0xffad, KP_Decimal: 0xffae },
  ...{ KP_Divide: 0xffaf, KP_Equal: 0xffbd, ISO_Level3_Shift: 0xfe03, ISO_Left_Tab: 0xfe20 },
  ...{ Shift_L: 0xffe1, Shift_R: 0xffe2, Control_L: 0xffe3, Control_R: 0xffe4, Caps_Lock: 0xffe5, Shift_Lock: 0xffe6 },
  ...{ Meta_L: 0xffe7, Meta_R: 0xffe8, Alt_L: 0xffe9, Alt_R: 0xffea, Super_L: 0xffeb, Super_R: 0xffec },
  ...{ Hyper_L: 0xffed, Hyper_R: 0xffee },
  ...Object.fromEntries(Array.from({ length: 10 }, (_, at) => [`KP_${at}`, 0xffb0 + at])),
  ...Object.fromEntries(Array.from({ length: 35 }, (_, at) => [`F${at + 1}`, 0xffbe + at])),
};

const byName = new Map<string, number>([
  ...ascii.map((name, at) => [name, 0x20 + at] as const),
  ...Object.entries(others),
]);
const byKeysym = new Map([...byName].map(([name, keysym]) => [keysym, name]));

/** The number of a key by its name, or `0x…` for one without a name; null for no key. */
export function keysymOf(name: string): number | null {
  const number = /^0x([0-9a-f]{1,8})$/i.exec(name)?.[1];
  return number === undefined ? (byName.get(name) ?? null) : parseInt(number, 16);
}

export function keyName(keysym: number): string {
  return byKeysym.get(keysym) ?? `0x${keysym.toString(16)}`;
}

/** Characters that need Shift on a keyboard of the United States, which QEMU's VNC server supposes. */
const shifted = '~!@#$%^&*()_+{}|:"<>?ABCDEFGHIJKLMNOPQRSTUVWXYZ';

/** The keys that type a character; null for one that no such keyboard has. */
export function keysOf(character: string): readonly string[] | null {
  const code = character.codePointAt(0) ?? 0;
  const name = character === '\n' ? 'Return' : character === '\t' ? 'Tab' : byKeysym.get(code);
  if (name === undefined || (code > 0x7e && name !== 'Return')) return null;
  return shifted.includes(character) ? ['Shift_L', name] : [name];
}
