// "Safe" is said only of what the next boot really gives: each address that runs, beside a lease too.
import { describe, expect, it } from 'vitest';
import type { NicAddress } from '../observe/facts.ts';
import { readObserved } from '../observe/observed.ts';
import { judgeReboot } from './reboot.ts';
import { bridgedFacts } from '../observe/facts-for-tests.ts';

const address = (text: string, flags: string[] = []): NicAddress => ({
  family: text.includes(':') ? 6 : 4,
  address: text,
  scope: 'global',
  flags,
  validSeconds: null,
});
const units = ['openvswitch-switch.service', 'networking.service', 'meshdeck-bridge-up.service'].map(
  (unit) => `Id=${unit}\nLoadState=loaded\nActiveState=active\nUnitFileState=enabled`,
);

/** Doubts about a node with a lease, these fixed addresses, and this file. */
function doubtsOf(
  { fixed, content, path = '/etc/network/interfaces' }: { fixed: readonly string[]; content: string; path?: string },
  runs: Record<string, string> = {},
) {
  const isUnit = path !== '/etc/network/interfaces';
  const facts = bridgedFacts({
    files: [{ path, content, mode: '644', sha256: '' }],
    ifupdown: { queries: {}, runs },
  });
  const nics = facts.nics.map((nic) =>
    nic.name === 'mega_bridge'
      ? { ...nic, addresses: [address('10.0.0.5/24', ['dynamic']), ...fixed.map((each) => address(each))] }
      : nic,
  );
  const blob = (name: string, text: string) => `${name} ${btoa(text)}`;
  const observed = readObserved(
    [
      '= bridge mega_bridge',
      `= class auto lo ${isUnit ? '' : 'mega_bridge mega_bridge:1'}`,
      '= class mega_bridge eth0',
      blob('units', (isUnit ? units : units.slice(0, 2)).join('\n\n')),
      blob('ifquery mega_bridge', 'ovs_ports: eth0\n'),
      'end',
    ].join('\n'),
  );
  return judgeReboot({ ...facts, nics }, observed);
}

describe('with a lease beside it, a fixed address still has to come from somewhere', () => {
  const leased = 'auto mega_bridge\niface mega_bridge inet dhcp\n';
  it('no stanza gives it', () => {
    const wanted = ['no stanza gives mega_bridge 192.168.178.4/24'];
    expect(doubtsOf({ fixed: ['192.168.178.4/24'], content: leased })).toEqual(wanted);
    // What ifupdown would run counts for more than what we read.
    const content = `${leased}iface mega_bridge inet static\n  address 192.168.178.4/24\n`;
    expect(doubtsOf({ fixed: ['192.168.178.4/24'], content }, { mega_bridge: 'dhclient mega_bridge' })).toEqual(wanted);
  });
  it('a second stanza or a label gives it', () => {
    const content = `${leased}iface mega_bridge inet static\n  address 192.168.178.4/24\n`;
    expect(doubtsOf({ fixed: ['192.168.178.4/24'], content })).toEqual([]);
    const label = `${leased}iface mega_bridge:1 inet6 static\n  address fd00:0::4/64\n`;
    expect(doubtsOf({ fixed: ['fd00::4/64'], content: label })).toEqual([]);
  });
  it('a boot unit of ours gives it, or does not', () => {
    const path = '/usr/local/lib/meshdeck/bridge-up';
    const script = `#!/bin/sh\naddresses=dhcp\nip address replace '192.168.178.4/24' dev "$bridge"\n`;
    expect(doubtsOf({ fixed: ['192.168.178.4/24'], content: script, path })).toEqual([]);
    expect(doubtsOf({ fixed: ['192.168.178.5/24'], content: script, path })).toEqual([
      `${path} does not give mega_bridge 192.168.178.5/24`,
    ]);
  });
});
