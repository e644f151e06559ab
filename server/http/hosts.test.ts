import { hostname, networkInterfaces } from 'node:os';
import { describe, expect, it } from 'vitest';
import { describeForeignHost, isOwnHost } from './hosts.ts';

describe('which Host headers are the console', () => {
  const config = { host: '10.0.0.5', names: ['deck.example.org'] };

  it.each([
    'localhost:3000',
    '127.0.0.1:3000',
    '[::1]:8443',
    '10.0.0.5:3000',
    '10.0.0.5',
    'DECK.example.org:8443',
    'deck.example.org.',
  ])('takes %s', (host) => expect(isOwnHost(host, config)).toBe(true));

  it.each([
    '',
    'evil.example:3000',
    'localhost.evil.example',
    'deck.example.org.evil.example',
    '10.0.0.6:3000',
    'deck.example.org:1;x',
    'evil@localhost',
    'localhost/evil.example',
  ])('refuses %j', (host) => expect(isOwnHost(host, config)).toBe(false));

  it("takes this machine's name, and all of its addresses where it listens on all", () => {
    expect(isOwnHost(`${hostname()}:3000`, config)).toBe(true);
    const own = Object.values(networkInterfaces())
      .flatMap((addresses) => addresses ?? [])
      .find(({ internal, family }) => !internal && family === 'IPv4');
    const everywhere = { host: '0.0.0.0', names: [] };
    if (own) expect([isOwnHost(own.address, everywhere), isOwnHost(own.address, config)]).toEqual([true, false]);
    expect(isOwnHost('192.0.2.77:3000', everywhere)).toBe(false);
  });

  it('names the setting', () => {
    expect(describeForeignHost('evil.example:3000')).toContain(
      '"evil.example". If it should, start it with --name evil.example',
    );
  });
});
