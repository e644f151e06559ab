import { expect, it } from 'vitest';
import { cookiePort, innerCookies, outerCookie } from './cookies.ts';

it.each([
  ['deck:3000', false, '3000'],
  ['[::1]:8443', true, '8443'],
  ['[::1]', false, '80'],
  ['deck.example.org', true, '443'],
])('knows the port that the browser sees of %s', (host, isSecure, port) => {
  expect(cookiePort({ host, isSecure })).toBe(port);
});

it('gives auth only this console’s session cookie on a shared host, and drops a forged cookie under auth’s own name', () => {
  const sent =
    'meshdeck.session_token=forged; meshdeck-3001.session_token=other; meshdeck-3000.session_token=own; meshdeck-theme=dark';
  expect(innerCookies(sent, '3000')).toBe(
    'meshdeck-3001.session_token=other; meshdeck.session_token=own; meshdeck-theme=dark',
  );
  expect(innerCookies(undefined, '3000')).toBeUndefined();
});

it('names the port in the cookie that it sets', () => {
  expect(outerCookie('meshdeck.session_token=x; Path=/', '3000')).toBe('meshdeck-3000.session_token=x; Path=/');
});
