import { describe, expect, it } from 'vitest';
import { proxyList } from '../config.ts';
import { foreignOrigin, readOrigin, type OriginRequest } from './origin.ts';

const isOwnOrigin = (request: OriginRequest, trusted: ReturnType<typeof proxyList>) =>
  foreignOrigin(request, trusted) === null;

const none = proxyList([]);
const proxies = proxyList(['10.0.0.5', 'fd00::/8']);
const request = (headers: Record<string, string>, remoteAddress = '192.0.2.7', encrypted = false) => ({
  headers,
  socket: { remoteAddress, encrypted },
});

describe('where a request came from', () => {
  it('believes the connection, not the headers of a stranger', () => {
    const forged = {
      host: 'deck:3000',
      'x-forwarded-for': '1.2.3.4',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'evil',
    };
    expect(readOrigin(request(forged), proxies)).toEqual({
      address: '192.0.2.7',
      isSecure: false,
      host: 'deck:3000',
      proxy: null,
    });
  });

  it('believes a configured proxy, and takes the client that this one saw', () => {
    const headers = {
      host: 'inner:3000',
      'x-forwarded-for': '6.6.6.6, 1.2.3.4, 10.0.0.5',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'deck.example',
    };
    const expected = { address: '1.2.3.4', isSecure: true, host: 'deck.example' };
    expect(readOrigin(request(headers, '::ffff:10.0.0.5'), proxies)).toEqual({ ...expected, proxy: '10.0.0.5' });
    expect(readOrigin(request(headers, 'fd00::1'), proxies)).toEqual({ ...expected, proxy: 'fd00::1' });
  });
});

describe('the origin check', () => {
  it.each([
    ['http://deck:3000', 'deck:3000', true],
    ['http://DECK:3000', 'deck:3000', true],
    ['http://deck', 'deck:80', true],
    ['https://deck:3000', 'deck:3000', false],
    ['http://deck:3001', 'deck:3000', false],
    ['http://evil.example', 'deck:3000', false],
    ['http://deck:3000.evil.example', 'deck:3000', false],
    ['null', 'deck:3000', false],
    ['http://deck:3000', '', false],
  ])('%s at %s: %s', (origin, host, isOwn) => {
    expect(isOwnOrigin(request({ origin, host }), none)).toBe(isOwn);
  });

  it('is not passed by a request without one', () => {
    expect(isOwnOrigin(request({ host: 'deck:3000' }), none)).toBe(false);
  });

  it('follows the scheme of TLS and of a configured proxy', () => {
    expect(isOwnOrigin(request({ origin: 'https://deck', host: 'deck' }, '192.0.2.7', true), none)).toBe(true);
    const forwarded = { origin: 'https://deck', host: 'x', 'x-forwarded-host': 'deck', 'x-forwarded-proto': 'https' };
    expect(isOwnOrigin(request(forwarded, '10.0.0.5'), proxies)).toBe(true);
    expect(isOwnOrigin(request(forwarded), proxies)).toBe(false);
  });
});

describe('what a proxy says', () => {
  const at = (headers: Record<string, string>, peer = '127.0.0.1') =>
    request({ origin: 'https://deck.example:8443', host: '127.0.0.1:3000', ...headers }, peer);
  const local = proxyList(['127.0.0.1']);
  const https = { 'x-forwarded-proto': 'https' };

  it.each([
    ['the host with its port', { ...https, host: 'deck.example:8443' }],
    ['the host without a port', { ...https, host: 'deck.example' }],
    ['the host without a port in X-Forwarded-Host', { ...https, 'x-forwarded-host': 'deck.example' }],
    ['the port in X-Forwarded-Port', { ...https, host: 'deck.example', 'x-forwarded-port': '8443' }],
    ['all of it in Forwarded', { forwarded: 'for=192.0.2.1;proto=https;host="deck.example:8443"' }],
    ['the scheme in capitals', { 'x-forwarded-proto': 'HTTPS', host: 'deck.example:8443' }],
  ])('is enough with %s', (_what, headers) => {
    expect(foreignOrigin(at(headers), local)).toBeNull();
    expect(foreignOrigin(at(headers, '::1'), local)).toBeNull();
  });

  it.each<[string, Record<string, string>, RegExp]>([
    [
      'no scheme',
      { host: 'deck.example:8443' },
      /at https:\/\/deck.example:8443, but .* 127.0.0.1 sends no X-Forwarded-Proto. nginx: "proxy_set_header X-Forwarded-Proto \$scheme;"/,
    ],
    ['a misspelt scheme', { 'x-forwarded-proto': 'ssl', host: 'deck.example:8443' }, /says "X-Forwarded-Proto: ssl"/],
    ['its own target as the host', https, /says "Host: 127.0.0.1:3000". nginx: "proxy_set_header Host \$http_host;"/],
    ['another host', { ...https, 'x-forwarded-host': 'inner' }, /says "X-Forwarded-Host: inner"/],
    ['another port', { ...https, host: 'deck.example', 'x-forwarded-port': '443' }, /and "X-Forwarded-Port: 443"/],
    ['http in Forwarded', { forwarded: 'proto=http;host="deck.example:8443"' }, /says http in Forwarded/],
    [
      'another site',
      { ...https, host: 'deck.example:8443', origin: 'https://evil.example' },
      /at https:\/\/evil.example, but/,
    ],
  ])('is refused with %s, and the wrong header named', (_what, headers, message) => {
    expect(foreignOrigin(at(headers), local)).toMatch(message);
  });

  it('of one that is not trusted names the setting', () => {
    expect(foreignOrigin(at({ ...https, 'x-forwarded-host': 'deck.example' }), none)).toContain(
      'start the console with --trust-proxy 127.0.0.1.',
    );
  });

  it('about clients may have ports, brackets and quotes', () => {
    const address = (headers: Record<string, string>) => readOrigin(at(headers), local).address;
    expect(address({ 'x-forwarded-for': '192.0.2.1:4711' })).toBe('192.0.2.1');
    expect(address({ forwarded: 'for="[2001:db8::1]:4711", for=127.0.0.1' })).toBe('2001:db8::1');
    // Where the proxy sends X-Forwarded-*, Forwarded came from the client.
    expect(address({ forwarded: 'for=6.6.6.6', 'x-forwarded-for': '192.0.2.1' })).toBe('192.0.2.1');
  });
});
