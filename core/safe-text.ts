// Text of nodes and users on its way to a terminal or a page. Its author may be hostile: it must not move the cursor, rename the
// window, write the clipboard or draw a false prompt. So every control character but line end and tab is shown, not obeyed. The
// web terminal, `meshd -e` and `-attach`, and `meshdeck` all use this function.

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

/** JSON that a terminal only shows: what JSON itself leaves as it is, is escaped, and reads back as the same value. */
export function safeJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replaceAll(
    /[\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
