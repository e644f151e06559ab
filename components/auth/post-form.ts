// Sends a form of the pages without a session to the server; the one place where pages use plain HTTP.
import type { HttpError } from '../../contract/http.ts';

export type PostResult =
  { readonly ok: true } | { readonly ok: false; readonly status: number; readonly message: string };

const timeoutMs = 15_000;

/** Never throws: what went wrong is a message for the form. */
export async function postForm(path: string, body: unknown): Promise<PostResult> {
  let response: Response;
  try {
    response = await fetch(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      credentials: 'same-origin',
      signal: AbortSignal.timeout(timeoutMs),
    });
  } catch {
    return { ok: false, status: 0, message: 'The console does not answer. Check that it runs, then try again.' };
  }
  if (response.ok) return { ok: true };
  const error = (await response.json().catch(() => null)) as Partial<HttpError> | null;
  // What stands before the console (a proxy) answers in its own way.
  const message =
    typeof error?.message === 'string' ? error.message : `The console answered with status ${response.status}.`;
  return { ok: false, status: response.status, message };
}

/** Where to go after the login: a path of this console only, never another site. */
export function safeNext(next: string | undefined): string {
  if (next === undefined || !/^\/(?![/\\])/.test(next)) return '/';
  // A browser drops tabs and line ends from a URL: `/\t/evil.example` would become `//evil.example`.
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  return /[\u0000-\u001f\\]/.test(next) ? '/' : next;
}
