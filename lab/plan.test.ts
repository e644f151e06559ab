import { describe, expect, it } from 'vitest';
import {
  describeDnsmasqConfig,
  describeLabNameIssue,
  describePrefixIssue,
  maxNodes,
  nodeAddress,
  parseLeases,
  parseVlans,
  planNode,
  portNumber,
  subnetCandidates,
  trunksWithout,
  type LabPlan,
} from './plan.ts';

const plan: LabPlan = {
  version: 1,
  name: 'demo',
  prefix: 'node',
  login: 'root',
  cloneIdentity: false,
  offload: false,
  owner: 'ifupdown',
  extra: [],
  router: false,
  subnet: '10.91.7',
  image: 'node-x',
  nodes: [1, 2].map((index) => planNode({ prefix: 'node', subnet: '10.91.7' }, index)),
};

describe('names', () => {
  it.each(['lab', 'a', 'two-labs', 'abcdefghijk'])('takes lab %s', (name) => {
    expect(describeLabNameIssue(name)).toBeNull();
  });
  it.each(['', 'Lab', '1lab', 'a_b', '../x', 'abcdefghijkl'])('refuses lab %j', (name) => {
    expect(describeLabNameIssue(name)).toContain('lab name');
  });
  it.each(['node', 'n', 'rack-a-'])('takes prefix %s', (prefix) => {
    expect(describePrefixIssue(prefix)).toBeNull();
  });
  it.each(['', 'node1', '-x', 'Node', 'twelveletters'])('refuses prefix %j', (prefix) => {
    expect(describePrefixIssue(prefix)).toContain('prefix');
  });
});

describe('addresses', () => {
  it('gives every node of the largest lab its own, in both ranges', () => {
    const all = Array.from({ length: maxNodes }, (_, index) => index + 1);
    const addresses = all.flatMap((index) => [nodeAddress('10.91.7', index), nodeAddress('10.91.7', index, 'other')]);
    expect(new Set(addresses).size).toBe(2 * maxNodes);
    for (const address of addresses) expect(Number(address.split('.')[3])).toBeLessThan(255);
    const nodes = all.map((index) => planNode({ prefix: 'abcdefghijk', subnet: '10.91.7' }, index));
    expect(new Set(nodes.map((node) => node.mac)).size).toBe(maxNodes);
    expect(new Set(nodes.map((node) => node.port)).size).toBe(maxNodes);
    expect(new Set(nodes.map(portNumber)).size).toBe(maxNodes);
    // IFNAMSIZ holds 15 characters and a zero.
    for (const node of nodes) expect(node.port.length).toBeLessThanOrEqual(15);
  });
  it('tries every subnet once, beginning where the name says', () => {
    const candidates = subnetCandidates('demo');
    expect(new Set(candidates).size).toBe(256);
    expect(candidates).toEqual(subnetCandidates('demo'));
    expect(candidates[0]).not.toBe(subnetCandidates('other')[0]);
  });
});

describe('dnsmasq', () => {
  const options = { folder: '/x', interfaceName: 'switch' };
  it('leases each node its address by MAC', () => {
    const config = describeDnsmasqConfig(plan, 'on', options);
    expect(config).toContain('dhcp-range=10.91.7.11,static,255.255.255.0,1h\n');
    expect(config).toContain('dhcp-host=02:4d:44:07:00:02,node2,10.91.7.12\n');
    expect(config).not.toContain('host-record=node');
  });
  it('names the switch as router where asked, and otherwise says that nodes have no router', () => {
    expect(describeDnsmasqConfig(plan, 'on', options)).toContain('\ndhcp-option=3\n');
    expect(describeDnsmasqConfig({ ...plan, router: true }, 'on', options)).toContain('\ndhcp-option=3,10.91.7.1\n');
  });
  it('leases from the other range', () => {
    expect(describeDnsmasqConfig(plan, 'other-range', options)).toContain('node2,10.91.7.132\n');
  });
  it('keeps naming nodes while DHCP is off', () => {
    const known = parseLeases('1763805067 02:4d:44:07:00:01 10.91.7.11 node1 *\n1763805067 x 10.91.7.99 * *\n');
    expect(known).toEqual([{ name: 'node1', address: '10.91.7.11' }]);
    const config = describeDnsmasqConfig(plan, 'off', { ...options, known });
    expect(config).toContain('host-record=node1,10.91.7.11\n');
    expect(config).not.toContain('dhcp-');
  });
});

describe('VLANs', () => {
  it.each([
    ['120', [120]],
    ['0,4094', [0, 4094]],
    ['130-132,101', [101, 130, 131, 132]],
  ])('reads %s', (text, vlans) => {
    expect(parseVlans(text)).toEqual(vlans);
  });
  it.each(['', 'x', '4095', '5-2', '1,,2', '-1'])('refuses %j', (text) => {
    expect(parseVlans(text)).toBeNull();
  });
  it('lists what passes, and nothing when all does', () => {
    expect(trunksWithout([])).toEqual([]);
    const trunks = trunksWithout([120]);
    expect(trunks).toHaveLength(4094);
    expect(trunks).toContain(0);
    expect(trunks).not.toContain(120);
  });
});
