// Namespaces of three real meshds over their command sockets: the same on each, kept over restarts, with hosts that are away, and cleared with all in
// them.
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { LocalDaemons } from './local-daemons.ts';

let daemons: LocalDaemons;
beforeAll(async () => {
  daemons = await LocalDaemons.start(3, 17_490);
});
afterAll(() => daemons.remove());

const hostsOf = async (index: number, namespace: string) =>
  (await daemons.run(index, `namespace ${namespace} ns hosts`)).Response;
const texts = async (index: number, line: string) =>
  (await daemons.entries(index, line)).map(({ Host, Response, Error }) => `${Host}: ${Response}${Error}`).sort();

test('a namespace that one node mentions is on all of them, with the same hosts, and its commands run there', async () => {
  const [first, second, third] = [0, 1, 2].map((index) => daemons.name(index));
  await daemons.run(0, 'namespace exp version');
  await vi.waitFor(
    async () => expect(await daemons.tabular(2, 'namespace')).toContainEqual(['exp', '', 'false']),
    60_000,
  );
  expect(await hostsOf(2, 'exp')).toBe(await hostsOf(0, 'exp'));
  expect(await texts(2, 'namespace exp host name')).toEqual([`${second}: ${second}`, `${third}: ${third}`].sort());
  expect((await daemons.run(1, `namespace exp ns add-hosts ${first}`)).Error).toBe('');
  await vi.waitFor(async () => expect(await texts(2, 'namespace exp host name')).toHaveLength(3), 60_000);
});

test('`namespace` shows the VLANs that were set for one', async () => {
  expect((await daemons.run(1, 'namespace exp vlans range 200 300')).Error).toBe('');
  await vi.waitFor(
    async () => expect(await daemons.tabular(0, 'namespace')).toContainEqual(['exp', '200-300', 'false']),
    60_000,
  );
});

test('a host that is away is named, keeps the namespace from being cleared, and then it is cleared with its VLANs', async () => {
  const away = daemons.name(2);
  expect((await daemons.run(0, 'namespace exp vlans add lan 250')).Error).toBe('');
  await daemons.stop(2);
  await daemons.sees(0, 2);
  const entries = await daemons.entries(0, 'namespace exp host name');
  expect(entries.find(({ Host }) => Host === away)?.Error).toContain('not in the mesh');
  const cleared = await daemons.entries(1, 'clear namespace exp');
  expect(cleared.filter(({ Error }) => Error !== '').map(({ Host }) => Host)).toEqual([away]);
  expect(cleared.find(({ Host }) => Host === away)?.Error).toContain('Run `clear namespace exp` again');
  expect(await daemons.tabular(1, 'namespace exp vlans')).toEqual([['lan', '250']]);

  await daemons.start(2);
  // A node that does not see the one that asks cannot answer it.
  for (const index of [0, 1, 2]) await daemons.sees(index, 3);
  await vi.waitFor(async () => {
    const again = await daemons.entries(1, 'clear namespace exp');
    expect(again.map(({ Error }) => Error)).toEqual(['', '', '']);
  }, 60_000);
  await vi.waitFor(async () => expect(await daemons.tabular(0, 'namespace')).toHaveLength(1), 60_000);
  // The number rests until every node knows that it is free.
  await vi.waitFor(async () => expect((await daemons.run(0, 'vlans add other 250')).Error).toBe(''), 60_000);
});

test('namespaces, and what was set in them, are there after all nodes were restarted', async () => {
  await daemons.run(0, 'namespace kept ns load memcommit');
  await vi.waitFor(
    async () => expect((await daemons.run(1, 'namespace kept ns load')).Response).toBe('memcommit'),
    60_000,
  );
  for (const index of [0, 1, 2]) await daemons.stop(index);
  await daemons.start(1);
  expect((await daemons.run(1, 'namespace kept ns load')).Response).toBe('memcommit');
  await daemons.start(0);
  await daemons.start(2);
  for (const index of [0, 1, 2]) await daemons.sees(index, 3);
});

test('`clear all` ends every namespace and every alias on all nodes', async () => {
  await daemons.run(0, 'namespace kept vlans add lan 260');
  const entry = await daemons.run(0, 'clear all');
  expect(entry.Error).toBe('');
  await vi.waitFor(async () => {
    for (const index of [0, 1, 2]) expect(await daemons.tabular(index, 'namespace')).toHaveLength(1);
    // Notices about aliases travel on their own.
    expect(await daemons.tabular(2, 'vlans')).toEqual([]);
  }, 60_000);
});
