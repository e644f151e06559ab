// What is said of an interface, from answers of `ip -j -d address` and `ip -j route` (iproute2 6.1, Debian 12), shortened.
import { expect, test } from 'vitest';
import { AddressList, describeUses, RouteList } from './interface-uses.ts';

const address = (local: string, scope = 'global') => ({ family: 'inet', local, prefixlen: 24, scope, label: 'x' });
const links = AddressList.parse([
  { ifindex: 1, ifname: 'lo', addr_info: [address('127.0.0.1', 'host')] },
  { ifindex: 2, ifname: 'eth0', addr_info: [address('192.0.2.5'), address('fe80::1', 'link')] },
  { ifindex: 3, ifname: 'eth1', addr_info: [address('fe80::2', 'link')] },
  { ifindex: 4, link: 'eth1', ifname: 'eth1.100', linkinfo: { info_kind: 'vlan' }, addr_info: [address('192.0.2.6')] },
  { ifindex: 5, ifname: 'eth2', master: 'bond0', linkinfo: { info_slave_kind: 'bond' }, addr_info: [] },
  { ifindex: 6, ifname: 'bond0', linkinfo: { info_kind: 'bond' }, addr_info: [] },
  { ifindex: 7, link: 'bond0', ifname: 'bond0.7', linkinfo: { info_kind: 'vlan' }, addr_info: [address('192.0.2.8')] },
  { ifindex: 8, link: 'veth1', ifname: 'veth0', linkinfo: { info_kind: 'veth' }, addr_info: [] },
  { ifindex: 9, link: 'veth0', ifname: 'veth1', linkinfo: { info_kind: 'veth' }, addr_info: [address('192.0.2.9')] },
  { ifindex: 10, link: null, ifname: 'gre0', linkinfo: { info_kind: 'gre' } },
  { ifindex: 11, ifname: 'ppp0', addr_info: [] },
  { ifindex: 12, ifname: 'eth3', addr_info: [] },
]);
const routes = RouteList.parse([
  { dst: 'default', gateway: '192.0.2.1', dev: 'ppp0', flags: [] },
  { dst: 'default', nexthops: [{ gateway: 'fe80::1', dev: 'eth3', weight: 1 }] },
]);

test.each([
  ['eth0', ['192.0.2.5/24']],
  ['lo', ['127.0.0.1/24']],
  ['eth1', ['192.0.2.6/24 on eth1.100']],
  ['eth2', ['192.0.2.8/24 on bond0.7']],
  // Its peer is the other end of the cable.
  ['veth0', []],
  ['gre0', []],
  ['ppp0', ['the default route']],
  ['eth3', ['the default route']],
])('%s: %j', (name, uses) => {
  expect(describeUses(name, { links, routes })).toEqual(uses);
});
