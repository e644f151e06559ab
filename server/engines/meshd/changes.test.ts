import { describe, expect, test } from 'vitest';
import { clusterKinds } from '../../../contract/cluster-kinds.ts';
import { maxFleetLinks, maxFleetNodes, maxNodeAddresses, maxRangeNameLength } from '../../../contract/limits.ts';
import type { RowChanges } from '../../../contract/kinds.ts';
import type { WatchMessage } from '../../../contract/watch-messages.ts';
import type { WatchMessage1 } from '../../../contract/watch-messages-1.ts';
import type { ClusterChange } from '../engine.ts';
import { watchChanges } from './changes.ts';
import { ringOfNodes } from './memory-mesh.ts';

const [node] = ringOfNodes(1).nodes;
if (!node) throw new Error('a ring of one has a node');
const host = {
  ...{ CPUs: 2, Load: '0 0 0', MemTotal: 1, MemUsed: 1, RxBps: 0, TxBps: 0, VMs: 0, AndroidVMs: 0 },
  ...{ Limit: -1, CPUCommit: 0, MemCommit: 0, NetworkCommit: 0, Uptime: 1, Name: 'node1' },
};

/** What a watcher makes of these messages. */
async function read(messages: readonly (WatchMessage | WatchMessage1)[], isOld = false): Promise<ClusterChange[]> {
  async function* say<Message>() {
    await Promise.resolve();
    for (const message of messages) yield message as Message;
  }
  const asked: unknown[] = [];
  const client = {
    watch: <Message>(request: object) => {
      asked.push(request);
      return say<Message>();
    },
  };
  const hello = isOld ? {} : { Kinds: ['nodes', 'links', 'hosts', 'clocks'] };
  const changes: ClusterChange[] = [];
  for await (const change of watchChanges(client, hello, clusterKinds)) changes.push(change);
  expect(asked).toEqual([isOld ? {} : { Kinds: ['nodes', 'links', 'hosts'] }]);
  return changes;
}

const place = { Self: 'a', Cluster: 'c', Context: 'john', Revision: { Epoch: 'e', N: 0 } };
const begin = (Kinds: RowChanges, More = false) => ({ Watch: 'begin', ...place, Kinds, More }) as WatchMessage;
const rows = (Kinds: RowChanges, More = false) =>
  ({ Watch: 'rows', From: place.Revision, Revision: place.Revision, Kinds, More }) as WatchMessage;
const put = (...all: Record<string, unknown>[]) => ({ put: all, gone: [] });

describe('what a node says of its cluster', () => {
  test('is whole at the beginning, whatever came in between, and then what changes', async () => {
    const changes = await read([
      begin({ nodes: put(node), hosts: put({ Node: node.Id, Version: '1', ...host }) }, true),
      rows({ nodes: put({ Id: node.Id, Degree: 9 }), hosts: { put: [], gone: [node.Id] } }),
      rows({ links: put({ A: 'a', B: 'b', State: 'up' }), clocks: put({ Any: 1 }) }),
    ]);
    expect(changes).toEqual([
      {
        begins: { mesh: 'c', context: 'john', self: 'a' },
        rows: { nodes: put({ ...node, Degree: 9 }), links: put(), hosts: put() },
      },
      { begins: null, rows: { links: put({ A: 'a', B: 'b', State: 'up' }) } },
    ]);
  });

  const long = 'x'.repeat(maxRangeNameLength + 1);
  const link = { A: 'a', B: 'b', State: 'up' };

  test('may be as much as any cluster has', async () => {
    const name = 'x'.repeat(maxRangeNameLength);
    const full = { ...node, Name: name, Addresses: Array<string>(maxNodeAddresses).fill(name) };
    await expect(read([begin({ nodes: put(...Array<typeof full>(maxFleetNodes).fill(full)) })])).resolves.toHaveLength(
      1,
    );
    await expect(read([begin({ links: put(...Array<typeof link>(maxFleetLinks).fill(link)) })])).resolves.toHaveLength(
      1,
    );
  });

  test.each<[string, WatchMessage]>([
    ['nodes', begin({ nodes: put(...Array<typeof node>(maxFleetNodes + 1).fill(node)) })],
    ['links', rows({ links: put(...Array<typeof link>(maxFleetLinks + 1).fill(link)) })],
    ['nodes that are gone', rows({ nodes: { put: [], gone: Array<string>(maxFleetNodes + 1).fill('a') } })],
    ['addresses', begin({ nodes: put({ ...node, Addresses: Array<string>(maxNodeAddresses + 1).fill('a') }) })],
    ['an address', begin({ nodes: put({ ...node, Addresses: [long] }) })],
    ['a name', begin({ nodes: put({ ...node, Name: long }) })],
    ['a version', rows({ hosts: put({ Node: 'a', Version: long }) })],
    ['a load', rows({ hosts: put({ Node: 'a', Load: `${long}xxx` }) })],
    ['a link', begin({ links: put({ ...link, B: long }) })],
  ])('with one more of %s is refused', async (_, message) => {
    await expect(read([message])).rejects.toThrow(/more than the \d+ rows|a row of (nodes|links|hosts)/);
  });

  test('of the version before becomes the same rows', async () => {
    const node1 = { ...node, Version: '0.9', Facts: { ...host, Bridge: 'br0', BridgeUplink: 'eth0', BridgeOwner: '' } };
    const whole = { ...node1.Facts, BridgePersistence: '', BridgeReboot: 'safe', BridgeAlarms: 'one\ntwo' };
    const nothing = { GoneNodes: [], Links: [], GoneLinks: [] };
    const delta = { Watch: 'delta' as const, From: place.Revision, Revision: place.Revision, ...nothing };
    const changes = await read(
      [
        { Watch: 'snapshot', ...place, Nodes: [{ ...node1, Facts: whole }], Links: [] },
        { ...delta, Nodes: [{ Id: node.Id, Facts: { VMs: 3, BridgeAlarms: '' } }] },
        { ...delta, Nodes: [{ Id: node.Id, State: 'absent', Facts: null }], GoneLinks: [{ A: 'a', B: 'b' }] },
      ],
      true,
    );
    const bridge = {
      Bridge: 'br0',
      Uplink: 'eth0',
      Owner: '',
      Persistence: '',
      Reboot: 'safe',
      Alarms: ['one', 'two'],
    };
    expect(changes).toEqual([
      {
        begins: { mesh: 'c', context: 'john', self: 'a' },
        rows: {
          nodes: put(node),
          links: put(),
          hosts: put({ Node: node.Id, Version: '0.9', ...host }),
          bridges: put({ Node: node.Id, ...bridge }),
        },
      },
      {
        begins: null,
        rows: {
          nodes: put({ Id: node.Id }),
          links: put(),
          hosts: put({ Node: node.Id, VMs: 3 }),
          bridges: put({ Node: node.Id, Alarms: [] }),
        },
      },
      {
        begins: null,
        rows: {
          nodes: put({ Id: node.Id, State: 'absent' }),
          links: { put: [], gone: ['a b'] },
          hosts: { put: [], gone: [node.Id] },
          bridges: { put: [], gone: [node.Id] },
        },
      },
    ]);
  });
});
