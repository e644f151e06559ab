import { describe, expect, it } from 'vitest';
import { isLoopback, parseConfig, parseListen } from './config.ts';

describe('the flags', () => {
  it('has defaults that are closed', () => {
    expect(parseConfig([], {})).toEqual({
      dataPath: '/var/lib/meshdeck',
      host: '127.0.0.1',
      port: 3000,
      tls: null,
      names: [],
      trustedProxies: [],
      socketPaths: [],
      minimegaSocketPaths: [],
      usesOwnKeys: false,
      isDevelopment: false,
      isSimulated: false,
      logLevel: 'info',
    });
  });

  it('prefers a flag to the environment', () => {
    const environment = { MESHDECK_DATA: '/e', MESHDECK_LISTEN: '127.0.0.1:1' };
    expect(parseConfig(['--data', '/f'], environment)).toMatchObject({ dataPath: '/f', port: 1 });
  });

  it('lends the keys of the user who starts it by flag only', () => {
    expect(parseConfig(['--own-keys'], {}).usesOwnKeys).toBe(true);
  });

  it.each([
    [['--nope'], /--nope/],
    [['--tls-cert', 'a'], /go together/],
    [['--trust-proxy', '10.0.0.0/33'], /CIDR/],
    [['--trust-proxy', 'proxy.example'], /CIDR/],
    [['--name', 'https://deck.example/mesh'], /path of another site.*its own host name/],
    [['--name', 'deck.example/mesh'], /path of another site/],
    [['--name', 'deck.example:8443'], /without scheme and port/],
    [['--listen', 'host:port'], /--listen/],
    [['--listen', '127.0.0.1:99999'], /--listen/],
    [['--level', 'loud'], /--level/],
  ])('refuses %j', (argv, message) => {
    expect(() => parseConfig(argv, {})).toThrow(message);
  });

  it.each([
    ['0.0.0.0:80', '0.0.0.0', 80],
    [':80', '0.0.0.0', 80],
    ['8080', '127.0.0.1', 8080],
    ['deck.example', 'deck.example', 3000],
    ['[::1]:0', '::1', 0],
  ])('reads --listen %s', (text, host, port) => {
    expect(parseListen(text)).toEqual({ host, port });
  });

  it('knows which addresses only this machine reaches', () => {
    expect(['127.0.0.1', '127.8.8.8', '::1', 'localhost'].map(isLoopback)).toEqual([true, true, true, true]);
    expect(['0.0.0.0', '::', '127.evil.example', '10.0.0.1'].map(isLoopback)).toEqual([false, false, false, false]);
  });
});
