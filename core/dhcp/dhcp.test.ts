import { describe, expect, test } from 'vitest';
import { describeDnsmasqConfig, noExtras, parseLeases } from './config-text.ts';
import {
  describeDhcpOptions,
  findDhcpIssues,
  parseDhcp,
  readDhcpOptions,
  suggestDhcp,
  type DhcpWords,
} from './settings.ts';

const words: DhcpWords = {
  ...{ address: '10.0.0.1/24', low: '10.0.0.10', high: '10.0.0.200' },
  ...{ gateway: '', dns: '', domain: '', lease: '1h' },
};

describe('settings of a DHCP server', () => {
  test('are read as they were typed', () => {
    const parsed = parseDhcp({
      ...words,
      gateway: '10.0.0.254',
      dns: '10.0.0.2, 9.9.9.9',
      domain: 'lab.test',
      lease: '10m',
    });
    expect(parsed).toEqual({
      ok: true,
      value: {
        ...{ address: '10.0.0.1/24', low: '10.0.0.10', high: '10.0.0.200', gateway: '10.0.0.254' },
        ...{ dns: ['10.0.0.2', '9.9.9.9'], domain: 'lab.test', leaseSeconds: 600 },
      },
    });
  });

  test.each<[Partial<DhcpWords>, keyof DhcpWords, string]>([
    [{ address: '10.0.0.1' }, 'address', 'prefix length'],
    [{ address: '10.0.0.0/24' }, 'address', 'first or the last'],
    [{ address: '10.0.0.255/24' }, 'address', 'first or the last'],
    [{ address: '10.0.0.1/31' }, 'address', 'at most 30'],
    [{ address: '127.0.0.1/8' }, 'address', 'not an address for a machine'],
    [{ address: '10.0.0.01/24' }, 'address', 'prefix length'],
    [{ low: '10.0.1.10' }, 'low', 'not in 10.0.0.0/24'],
    [{ low: 'x' }, 'low', 'not an IPv4 address'],
    [{ high: '10.0.0.5' }, 'high', 'before'],
    [{ high: '10.0.0.255' }, 'high', 'not in'],
    [{ low: '10.0.0.1' }, 'low', 'server’s own'],
    [{ gateway: '192.0.2.1' }, 'gateway', 'guests’ own network'],
    [{ dns: '1.2.3' }, 'dns', 'not an IPv4 address'],
    [{ domain: 'a b' }, 'domain', 'not a domain'],
    [{ domain: 'a\nserver=1.2.3.4' }, 'domain', 'not a domain'],
    [{ lease: '10' }, 'lease', '120 seconds'],
  ])('%o is refused at the field', (wrong, field, text) => {
    const issues = findDhcpIssues({ ...words, ...wrong });
    expect(Object.keys(issues)).toEqual([field]);
    expect(issues[field]).toContain(text);
  });

  test('options of a line come in any order, and those that nobody knows are named', () => {
    expect(readDhcpOptions(['lease=10m', 'gateway=10.0.0.254'])).toEqual({
      ok: true,
      value: { gateway: '10.0.0.254', dns: '', domain: '', lease: '10m' },
    });
    expect(readDhcpOptions(['route=1'])).toMatchObject({
      ok: false,
      message: expect.stringContaining('gateway=') as string,
    });
    expect(describeDhcpOptions({ gateway: '', dns: '9.9.9.9, 1.1.1.1', domain: '', lease: '1h' })).toEqual([
      'dns=9.9.9.9,1.1.1.1',
    ]);
  });

  test.each(['10.0.0.0/24', '192.168.7.0/29', '10.1.0.0/16'])('what is suggested for %s is right', (network) => {
    expect(findDhcpIssues({ ...words, ...suggestDhcp(network) })).toEqual({});
  });
});

describe('the configuration of dnsmasq', () => {
  const parsed = parseDhcp({ ...words, gateway: '10.0.0.254', dns: '9.9.9.9' });
  const text = (extras = noExtras) =>
    parsed.ok ? describeDnsmasqConfig(parsed.value, extras, { tap: 'mega_tap3', leases: '/x/leases' }) : '';

  test('uses one interface and nothing of the machine', () => {
    expect(text().split('\n')).toEqual(
      expect.arrayContaining([
        ...['interface=mega_tap3', 'no-resolv', 'no-hosts', 'pid-file=', 'dhcp-leasefile=/x/leases'],
        ...['dhcp-range=10.0.0.10,10.0.0.200,255.255.255.0,3600s', 'dhcp-option=option:router,10.0.0.254'],
        'dhcp-option=option:dns-server,9.9.9.9',
      ]),
    );
  });

  test('has what was added', () => {
    const extras = {
      statics: [{ mac: '02:00:00:00:00:01', ip: '10.0.0.20' }],
      names: [{ ip: '10.0.0.30', name: 'db' }],
      ...{ upstream: ['9.9.9.9'], options: ['option:ntp-server,10.0.0.5'] },
    };
    expect(text(extras)).toContain(
      'dhcp-host=02:00:00:00:00:01,10.0.0.20\nhost-record=db,10.0.0.30\nserver=9.9.9.9\ndhcp-option=option:ntp-server,10.0.0.5\n',
    );
  });
});

test('leases are read, and lines that are half written are not', () => {
  expect(
    parseLeases(
      '1800000000 02:00:00:00:00:0A 10.0.0.11 web1 01:02:00:00:00:00:0a\n1800000001 02:00:00:00:00:0b 10.0.0.12 * *\n18000',
    ),
  ).toEqual([
    { mac: '02:00:00:00:00:0a', ip: '10.0.0.11', name: 'web1', expiresAtMs: 1_800_000_000_000 },
    { mac: '02:00:00:00:00:0b', ip: '10.0.0.12', name: '', expiresAtMs: 1_800_000_001_000 },
  ]);
});
