import { describe, expect, test } from 'vitest';
import type { BridgeSummary } from '../../contract/bridge.ts';
import type { KnownNode } from '../../contract/known-nodes.ts';
import { addedNodes } from './added-nodes.ts';
import { bridgeOf } from './bridge-facts.ts';
import type { MeshNode } from './mesh-view.ts';
import { searchNodes } from './search.ts';

const known = (name: string, parts: Partial<KnownNode> = {}): KnownNode => ({
  id: `id-${name}`,
  name,
  addresses: [`10.0.0.${name.slice(4)}`],
  user: 'root',
  cluster: '',
  addedAt: 1,
  bridge: null,
  port: 22,
  checkedAt: null,
  missing: [],
  ...parts,
});
const summary: BridgeSummary = {
  bridge: 'mega_bridge',
  uplink: 'eth0',
  owner: 'ifupdown',
  persistence: 'ifupdown',
  reboot: 'safe',
  transaction: '',
  alarms: [],
};

describe('nodes that were added', () => {
  test('are sorted by name, and hold no node of a cluster or of a mesh', () => {
    const nodes = addedNodes(
      [known('node10'), known('node2'), known('node3', { cluster: 'c1' }), known('node4')],
      // Deployed by hand on the head: the console's record does not know.
      [{ Name: 'node4' }],
    );
    expect(nodes.map(({ name, word }) => [name, word])).toEqual([
      ['node2', 'no meshd yet'],
      ['node10', 'no meshd yet'],
    ]);
  });

  test('are found as those of a mesh are: by part of a name, a range, an address', () => {
    const nodes = addedNodes([known('node2'), known('node3'), known('node10')], []);
    expect(['node1', 'node[2-3]', '0.3'].map((text) => searchNodes(nodes, text).map(({ name }) => name))).toEqual([
      ['node10'],
      ['node2', 'node3'],
      ['node3'],
    ]);
  });

  test('have the bridge that the console saw last, and none before it looked', () => {
    const bridged = known('node2', { bridge: { summary, at: 5 } });
    const left = known('node3', {
      bridge: { summary: { ...summary, bridge: '', reboot: '', alarms: ['left'] }, at: 5 },
    });
    const views = addedNodes([known('node1'), bridged, left], []).map((node) => bridgeOf(node));
    expect(views).toMatchObject([
      null,
      { name: 'mega_bridge', uplink: 'eth0', isRebootSafe: true, state: 'ok' },
      { name: '', alarms: ['left'], state: 'bad' },
    ]);
  });

  test('what a meshd reports of its bridge counts, not what the console saw', () => {
    const seen = { summary, at: 5 };
    const row = (Bridge: string): MeshNode['bridge'] => ({
      ...{ Node: 'n1', Cluster: 'c', AsOf: 6 },
      ...{ Bridge, Uplink: '', Owner: '', Persistence: '', Reboot: '', Alarms: [] },
    });
    const told = [null, row(''), row('br0')].map((bridge) => bridgeOf({ bridge, added: null }, seen)?.name);
    expect(told).toEqual(['mega_bridge', '', 'br0']);
  });
});
