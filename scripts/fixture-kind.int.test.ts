// A kind that nothing but this test knows: its definition and a source, and it arrives in a browser's collection, over two
// real meshds, a real console's fleet and its wire.
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { startDaemon, type Daemon } from '../agent/daemon.ts';
import type { RowSink } from '../agent/rows/source.ts';
import { makeIdentities, type LocalNodes } from '../bench/identities.ts';
import { clusterKinds } from '../contract/cluster-kinds.ts';
import { fleetKind, fleetKinds } from '../contract/fleet.ts';
import { defineKind } from '../contract/kinds.ts';
import { parseFlags } from '../core/flags.ts';
import { rowsOf } from '../core/fleet-view.ts';
import { createMemoryMachine } from '../host/memory-machine.ts';
import { FleetCollection } from '../lib/fleet.ts';
import { createEngines } from '../server/engines/engines.ts';
import { Fleet } from '../server/fleet/fleet.ts';
import { clientOf } from './fleet-client.ts';

const beds = defineKind({
  name: 'beds',
  key: ['Node', 'Id'],
  owner: 'Node',
  bound: 10,
  row: z.object({ Node: z.string(), Id: z.number(), Flowers: z.array(z.string()), Watered: z.boolean() }),
});
const kinds = [...clusterKinds, beds];
const firstPort = 17_450;

let identities: LocalNodes;
const daemons: Daemon[] = [];
const sinks = new Map<string, RowSink>();
let fleet: Fleet;
let page: FleetCollection;

const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

beforeAll(async () => {
  identities = await makeIdentities(2, firstPort);
  for (const { base, port, name, id } of identities.nodes) {
    const parsed = parseFlags(['-base', base, '-port', String(port), '-context', 'bench', '-degree', '1', '-nostdin']);
    if (!parsed.ok) throw new Error(parsed.message);
    const source = {
      kind: beds,
      start: (sink: RowSink) => {
        sinks.set(id, sink);
        sink.put({ Node: id, Id: 1, Flowers: ['rose'], Watered: false });
        return () => void sinks.delete(id);
      },
    };
    const daemon = await startDaemon(
      { flags: { ...parsed.flags, base }, programPath: '/nowhere/meshd' },
      {
        log: { ...log, fatal: () => undefined },
        machine: createMemoryMachine({ name, number: port }),
        onQuit: () => undefined,
        kinds,
        parts: () => [{ handlers: {}, kinds: [source], stop: () => undefined }],
      },
    );
    daemons.push(daemon);
  }
  const cluster = { id: identities.cluster, context: 'bench', engine: 'meshd', addedAt: 0 } as const;
  const socketPaths = [daemons[0]?.socketPath ?? ''];
  const nobody = () => Promise.reject(new Error('not used here'));
  const keys = { get: nobody, put: nobody, list: nobody, remove: nobody };
  const store = {
    clusters: { list: () => Promise.resolve([{ ...cluster, socketPaths }]), put: nobody, remove: nobody },
    hosts: { list: () => Promise.resolve([]), put: nobody, update: nobody, remove: nobody },
    keys,
  };
  fleet = new Fleet(
    { engines: createEngines({ version: 'test' }, { keys }), now: () => Date.now(), log, kinds },
    { store },
  );
  await fleet.start();
  page = new FleetCollection({ client: clientOf(fleet), now: () => Date.now(), kinds: fleetKinds(kinds) });
});

afterAll(async () => {
  await fleet.stop();
  for (const daemon of daemons) await daemon.stop();
  await identities.remove();
});

test('its rows arrive in a collection of a browser, change there, and go', async () => {
  const release = page.retain();
  const [, second] = identities.nodes;
  if (!second) throw new Error('there are two nodes');
  const rows = () => rowsOf(page.state.get().view, fleetKind(beds));
  await vi.waitFor(() => expect([...rows().keys()].sort()).toEqual(identities.nodes.map(({ id }) => `${id} 1`).sort()));
  expect(rows().get(`${second.id} 1`)).toMatchObject({
    Flowers: ['rose'],
    Watered: false,
    Cluster: identities.cluster,
  });

  sinks.get(second.id)?.put({ Node: second.id, Id: 1, Watered: true });
  sinks.get(second.id)?.put({ Node: second.id, Id: 2, Flowers: [], Watered: false });
  await vi.waitFor(() => {
    expect(rows().get(`${second.id} 1`)).toMatchObject({ Flowers: ['rose'], Watered: true });
    expect(rows().has(`${second.id} 2`)).toBe(true);
  });
  sinks.get(second.id)?.drop(`${second.id} 1`);
  await vi.waitFor(() => expect(rows().has(`${second.id} 1`)).toBe(false));

  await daemons[1]?.stop();
  await vi.waitFor(() => expect([...rows().values()].map(({ Node }) => Node)).toEqual([identities.nodes[0]?.id]));
  release();
});
