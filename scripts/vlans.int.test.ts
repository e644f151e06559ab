// VLANs of two real meshds over their command sockets: one table on both, kept over a restart, and in a browser's collection.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { vlans } from '../contract/cluster-kinds.ts';
import { fleetKind } from '../contract/fleet.ts';
import { statePathOf } from '../core/flags.ts';
import { rowsOf } from '../core/fleet-view.ts';
import { FleetCollection } from '../lib/fleet.ts';
import { createEngines } from '../server/engines/engines.ts';
import { Fleet } from '../server/fleet/fleet.ts';
import { clientOf } from './fleet-client.ts';
import { LocalDaemons, silentLog } from './local-daemons.ts';

let daemons: LocalDaemons;
beforeAll(async () => {
  daemons = await LocalDaemons.start(2, 17_460);
});
afterAll(() => daemons.remove());

const run = (index: number, line: string) => daemons.run(index, line);
const tabular = (index: number, line: string) => daemons.tabular(index, line);

test('what one node adds shows on the other, and in its namespace only', async () => {
  expect(await run(0, 'namespace exp1 vlans add lan 200')).toMatchObject({ Error: '', Response: '' });
  await vi.waitFor(async () => expect(await tabular(1, 'vlans')).toEqual([]));
  // `vlans` is of the node that is asked: a namespace's other hosts have the same table.
  await vi.waitFor(async () => expect(await tabular(1, 'namespace exp1 vlans')).toEqual([['lan', '200']]));
  expect((await run(1, 'namespace exp1 vlans add other 200')).Error).toBe('vlan already in use');
});

test('`namespace` shows the ranges that were set, on either node', async () => {
  expect(await run(1, 'vlans range 300 400')).toMatchObject({ Error: '' });
  await vi.waitFor(async () => expect(await tabular(0, 'namespace')).toContainEqual(['minimega', '300-400', 'true']));
});

test('a browser’s collection has the rows, and loses what is cleared', async () => {
  const cluster = { id: daemons.identities.cluster, context: 'bench', engine: 'meshd', addedAt: 0 } as const;
  const socketPaths = [daemons.socketPath(0)];
  const nobody = () => Promise.reject(new Error('not used here'));
  const keys = { get: nobody, put: nobody, list: nobody, remove: nobody };
  const store = {
    clusters: { list: () => Promise.resolve([{ ...cluster, socketPaths }]), put: nobody, remove: nobody },
    hosts: { list: () => Promise.resolve([]), put: nobody, update: nobody, remove: nobody },
    keys,
  };
  const fleet = new Fleet(
    { engines: createEngines({ version: 'test' }, { keys }), now: () => Date.now(), log: silentLog },
    { store },
  );
  await fleet.start();
  const page = new FleetCollection({ client: clientOf(fleet), now: () => Date.now() });
  const release = page.retain();
  try {
    const rows = () => [...rowsOf(page.state.get().view, fleetKind(vlans)).values()];
    await vi.waitFor(() =>
      expect(rows()).toMatchObject([
        { Vlan: 200, Namespace: 'exp1', Alias: 'lan', Pinned: true, Split: false, Clash: false },
      ]),
    );
    await run(1, 'vlans blacklist 350');
    await vi.waitFor(() =>
      expect(
        rows()
          .map(({ Vlan }) => Vlan)
          .sort(),
      ).toEqual([200, 350]),
    );
    await run(1, 'vlans add lan 360');
    await vi.waitFor(() => expect(rows()).toHaveLength(3));
    await run(1, 'clear vlans');
    await vi.waitFor(() =>
      expect(
        rows()
          .map(({ Vlan }) => Vlan)
          .sort(),
      ).toEqual([200, 350]),
    );
  } finally {
    release();
    await fleet.stop();
  }
});

test('a node that restarts has the table from its disk, with the other one away', async () => {
  await daemons.stop(1);
  await daemons.stop(0);
  const { base = '' } = daemons.identities.nodes[0] ?? {};
  const stored = JSON.parse(await readFile(join(statePathOf(base), 'vlans.json'), 'utf8')) as {
    rows: { vlan: number }[];
  };
  expect(stored.rows.map(({ vlan }) => vlan)).toContain(200);
  await daemons.start(0);
  expect(await tabular(0, 'namespace exp1 vlans')).toEqual([['lan', '200']]);
});
