// VLANs of two real meshds over their command sockets: one table on both, kept over a restart, and in a browser's collection.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startDaemon, type Daemon } from '../agent/daemon.ts';
import { makeIdentities, type LocalNodes } from '../bench/identities.ts';
import { vlans } from '../contract/cluster-kinds.ts';
import { CommandClient } from '../contract/command-client.ts';
import type { ResponseEntry } from '../contract/command-socket.ts';
import { fleetKind } from '../contract/fleet.ts';
import { parseFlags, statePathOf } from '../core/flags.ts';
import { rowsOf } from '../core/fleet-view.ts';
import { connectSocket, socketTransport } from '../host/command-socket.ts';
import { createMemoryMachine } from '../host/memory-machine.ts';
import { FleetCollection } from '../lib/fleet.ts';
import { createEngines } from '../server/engines/engines.ts';
import { Fleet } from '../server/fleet/fleet.ts';
import { clientOf } from './fleet-client.ts';

const firstPort = 17_460;
const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

let identities: LocalNodes;
const daemons: (Daemon | undefined)[] = [];

beforeAll(async () => {
  identities = await makeIdentities(2, firstPort);
  await start(0);
  await start(1);
  // The first of five columns is the size.
  await vi.waitFor(async () => expect((await tabular(0, 'mesh status'))[0]?.[0]).toBe('2'), { timeout: 60_000 });
});
afterAll(async () => {
  for (const daemon of daemons) await daemon?.stop();
  await identities.remove();
});

async function start(index: number): Promise<void> {
  const node = identities.nodes[index];
  if (!node) throw new Error(`no node ${index}`);
  const { base, port, name } = node;
  const parsed = parseFlags(['-base', base, '-port', String(port), '-context', 'bench', '-degree', '1', '-nostdin']);
  if (!parsed.ok) throw new Error(parsed.message);
  daemons[index] = await startDaemon(
    { flags: { ...parsed.flags, base }, programPath: '/nowhere/meshd' },
    {
      log: { ...log, fatal: () => undefined },
      machine: createMemoryMachine({ name, number: port }),
      onQuit: () => undefined,
    },
  );
}

/** The one entry of a command's answer. */
async function run(index: number, line: string): Promise<ResponseEntry> {
  const transport = socketTransport(await connectSocket(daemons[index]?.socketPath ?? ''));
  const client = new CommandClient({ canCancel: true }, { transport });
  try {
    for await (const { Resp } of client.command(line, {})) if (Resp?.[0]) return Resp[0];
    throw new Error(`${line}: no answer`);
  } finally {
    client.close();
  }
}

async function tabular(index: number, line: string): Promise<readonly (readonly string[])[]> {
  const entry = await run(index, line);
  expect(entry.Error).toBe('');
  return entry.Tabular ?? [];
}

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
  const cluster = { id: identities.cluster, context: 'bench', engine: 'meshd', addedAt: 0 } as const;
  const socketPaths = [daemons[0]?.socketPath ?? ''];
  const nobody = () => Promise.reject(new Error('not used here'));
  const keys = { get: nobody, put: nobody, list: nobody, remove: nobody };
  const store = {
    clusters: { list: () => Promise.resolve([{ ...cluster, socketPaths }]), put: nobody, remove: nobody },
    hosts: { list: () => Promise.resolve([]), put: nobody, update: nobody, remove: nobody },
    keys,
  };
  const fleet = new Fleet(
    { engines: createEngines({ version: 'test' }, { keys }), now: () => Date.now(), log },
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
  await daemons[1]?.stop();
  daemons[1] = undefined;
  await daemons[0]?.stop();
  const { base = '' } = identities.nodes[0] ?? {};
  const stored = JSON.parse(await readFile(join(statePathOf(base), 'vlans.json'), 'utf8')) as {
    rows: { vlan: number }[];
  };
  expect(stored.rows.map(({ vlan }) => vlan)).toContain(200);
  await start(0);
  expect(await tabular(0, 'namespace exp1 vlans')).toEqual([['lan', '200']]);
});
