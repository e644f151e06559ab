// Session cookies carry the port that the browser sees in their name. Browsers keep cookies by host, not by port: two consoles
// on one host, or behind two SSH tunnels, would log each other out.
//
//   browser  meshdeck-3000.session_token  <-->  auth  meshdeck.session_token

const inner = 'meshdeck.';

/** `host` and scheme are what the browser sees. */
export function cookiePort({ host, isSecure }: { host: string; isSecure: boolean }): string {
  return /:(\d{1,5})$/.exec(host.replace(/^\[[^\]]*\]/, ''))?.[1] ?? (isSecure ? '443' : '80');
}

/** The Cookie header as auth reads it: only this console's session cookies are under the name that it knows. */
export function innerCookies(header: string | undefined, port: string): string | undefined {
  if (header === undefined) return undefined;
  const outer = `meshdeck-${port}.`;
  return header
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => !pair.startsWith(inner))
    .map((pair) => (pair.startsWith(outer) ? inner + pair.slice(outer.length) : pair))
    .join('; ');
}

/** A Set-Cookie header of auth as the browser gets it. */
export function outerCookie(header: string, port: string): string {
  return header.startsWith(inner) ? `meshdeck-${port}.${header.slice(inner.length)}` : header;
}
