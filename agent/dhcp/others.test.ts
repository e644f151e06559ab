// The warning for a person who starts a DHCP server where another node has one on the same VLAN, over the simulated mesh.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { seededRandom, Simulation } from '../mesh/simulation.ts';
import { VirtualClock } from '../mesh/virtual-clock.ts';
import type { DhcpServer } from './node-dhcp.ts';
import { OtherServers } from './others.ts';

const clock = new VirtualClock();
let simulation: Simulation;
/** By node. */
let servers: DhcpServer[][];
let others: OtherServers[];

function serverOn(vlan: number, id: number, namespace = 'minimega'): DhcpServer {
  const settings = { address: '10.0.0.1/24', low: '10.0.0.10', high: '10.0.0.99' };
  const rest = { gateway: '', domain: '', dns: [], leaseSeconds: 3_600 };
  const record = {
    ...{ id, namespace, vlan, alias: 'lan', bridge: 'mega_bridge', tap: `mega_tap${id}`, isOwnTap: true },
    ...{ settings: { ...settings, ...rest }, process: null },
    extras: { statics: [], names: [], upstream: [], options: [] },
  };
  return { record, state: 'running', reason: '', leases: [] };
}

async function warnings(index: number, vlan: number): Promise<string[]> {
  const said: string[][] = [];
  void others[index]?.warnings(vlan, new AbortController().signal).then((texts) => said.push(texts));
  await clock.advanceUntil(() => said.length > 0, 60_000);
  return said[0] ?? ['no answer'];
}

beforeEach(async () => {
  simulation = await Simulation.create({ size: 3, degree: 2 }, { clock, random: seededRandom(5) });
  await simulation.startAll();
  servers = [[], [], []];
  others = servers.map((own, index) => new OtherServers(simulation.mesh(index), () => own));
  await clock.advanceUntil(() => simulation.isSettled(), 30_000);
});
afterEach(() => simulation.stopAll());

test('the second server on a VLAN says where the first is, and how it ends', async () => {
  servers[1]?.push(serverOn(101, 0), serverOn(102, 1, 'exp'));
  const { name } = simulation.node(1);
  expect(await warnings(0, 101)).toEqual([
    `${name} serves DHCP on VLAN 101 too, at 10.0.0.1/24: guests take the answer that comes first. \`mesh send ${name} dnsmasq kill 0\` ends that one`,
  ]);
  expect(await warnings(0, 102)).toEqual([
    expect.stringContaining(`\`mesh send ${name} namespace exp dnsmasq kill 1\` ends that one`),
  ]);
  // Neither of another VLAN nor its own.
  expect([await warnings(0, 103), await warnings(1, 101)]).toEqual([[], []]);
});

test('a node that does not answer is named', async () => {
  simulation.mesh(2).serve('dhcp-on', () => new Promise(() => undefined));
  expect(await warnings(0, 101)).toEqual([
    `${simulation.node(2).name} did not say whether DHCP runs on VLAN 101 there too`,
  ]);
});
