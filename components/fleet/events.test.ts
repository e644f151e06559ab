import { describe, expect, it } from 'vitest';
import type { FleetEvent } from '../../contract/fleet.ts';
import { eventAfter, eventLines, eventsPerMinute, eventVms } from './events.ts';

const event = (at: number, kind: FleetEvent['Kind'], ...nodes: string[]): FleetEvent => ({
  At: at,
  Cluster: 'c1',
  Kind: kind,
  Nodes: nodes,
});

describe('eventLines', () => {
  it('is newest first and joins nodes that came together', () => {
    const lines = eventLines(
      [event(1000, 'node-up', 'node1'), event(1500, 'node-up', 'node2'), event(9000, 'node-down', 'node2')],
      10,
    );
    expect(lines.map(({ at, nodes, after, count }) => ({ at, nodes, after, count }))).toEqual([
      { at: 9000, nodes: ['node2'], after: 'left the mesh', count: 1 },
      { at: 1500, nodes: ['node1', 'node2'], after: 'is in the mesh', count: 2 },
    ]);
  });

  it('leaves out the links of a lost node, before and after the event of the loss', () => {
    const lines = eventLines(
      [
        event(1000, 'link-down', 'node1', 'node2'),
        event(1100, 'node-down', 'node2'),
        event(1200, 'link-down', 'node2', 'node3'),
        event(1300, 'link-down', 'node1', 'node3'),
      ],
      10,
    );
    expect(lines.map(({ nodes }) => nodes)).toEqual([['node1', 'node3'], ['node2']]);
  });

  it('names the VMs that something happened to, of several nodes in one line', () => {
    const lost = (at: number, node: string, Count: number, ...Names: string[]): FleetEvent => ({
      ...event(at, 'vm-lost', node),
      Vms: { Count, Names },
    });
    const lines = eventLines(
      [lost(1000, 'node1', 2, 'web1', 'web2'), lost(1100, 'node2', 9, 'web3'), lost(9000, 'node3', 1, 'db')],
      9,
    );
    expect(lines.map((line) => `${eventVms(line)} on ${line.nodes.join(' and ')} ${eventAfter(line)}`)).toEqual([
      'db on node3 is lost',
      'web[1-3] and 8 more on node1 and node2 are lost',
    ]);
  });

  it('stops at the limit', () => {
    const events = Array.from({ length: 50 }, (_, index) => event(index * 10_000, 'node-up', `node${index}`));
    expect(eventLines(events, 5).map(({ nodes }) => nodes[0])).toEqual([
      'node49',
      'node48',
      'node47',
      'node46',
      'node45',
    ]);
  });
});

describe('eventsPerMinute', () => {
  it('counts the last hour, oldest first', () => {
    const now = 3_600_000;
    const counts = eventsPerMinute(
      [event(now - 1, 'node-up', 'a'), event(now - 61_000, 'node-up', 'b'), event(-1, 'node-up', 'c')],
      now,
    );
    expect([counts.length, counts[59], counts[58], counts[0]]).toEqual([60, 1, 1, 0]);
  });
});
