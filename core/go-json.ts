// JSON as Go's encoder writes it: `<`, `>`, `&`, U+2028 and U+2029 escaped inside strings. Clients of minimega that
// compare bytes, or paste into HTML, rely on it.

const escapes: Readonly<Record<string, string>> = {
  '<': '\\u003c',
  '>': '\\u003e',
  '&': '\\u0026',
  '\u2028': '\\u2028',
  '\u2029': '\\u2029',
};

/** One line of JSON; these characters stand inside strings only, so replacing them in the text is safe. */
export function goJson(value: unknown): string {
  return JSON.stringify(value).replace(/[<>&\u2028\u2029]/g, (char) => escapes[char] ?? char);
}
