import { describe, expect, it } from 'vitest';
import { proxyList } from '../config.ts';
import { isOwnOrigin, readOrigin } from './origin.ts';

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
    expect(readOrigin(request(forged), proxies)).toEqual({ address: '192.0.2.7', isSecure: false, host: 'deck:3000' });
  });

  it('believes a configured proxy, and takes the client that this one saw', () => {
    const headers = {
      host: 'inner:3000',
      'x-forwarded-for': '6.6.6.6, 1.2.3.4, 10.0.0.5',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'deck.example',
    };
    const expected = { address: '1.2.3.4', isSecure: true, host: 'deck.example' };
    expect(readOrigin(request(headers, '::ffff:10.0.0.5'), proxies)).toEqual(expected);
    expect(readOrigin(request(headers, 'fd00::1'), proxies)).toEqual(expected);
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
