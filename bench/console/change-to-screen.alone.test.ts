// How long a change on a node takes to a reader's eyes: real meshds, the real server, the real page in Chromium.
//
// Measured from just before the command that changes it is written to the node's own command socket (the mesh knows later
// than that), or, for a node that dies, from the moment at which another node says that it is gone. Until the frame is drawn
// in which the page shows it, by the clock that both processes share.
import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startChild, type Child } from '../../host/child.ts';
import { makeIdentities, type LocalNodes } from '../identities.ts';
import { followMeshd, memberNames, openClient, runLine } from '../meshd-view.ts';
import { within } from '../rounds.ts';
import { openPage, probe, type OpenPage } from './page.ts';
import { quantile } from './quantile.ts';
import { startConsole, type RunningConsole } from './running-console.ts';

const program = new URL('../../agent/main.ts', import.meta.url).pathname;
const firstPort = 17_800;
const size = 5;
const degreeChanges = 16;
const losses = 3;
const waitMs = 60_000;

let identities: LocalNodes;
const children: Child[] = [];
let console: RunningConsole;
let open: OpenPage;

beforeAll(async () => {
  identities = await makeIdentities(size, firstPort);
  for (let index = 0; index < size; index += 1) await startNode(index);
  console = await startConsole(join(nodeAt(0).base, 'meshd'));
  open = await openPage(console.url, console.cookie, probe);
  await open.page.goto(`${console.url}/mesh?view=both`);
  for (const { name } of identities.nodes) await (await shown(name, 'in the mesh'))();
});
afterAll(async () => {
  await open.close();
  await console.stop();
  await Promise.all(children.map((child) => child.stop()));
  await identities.remove();
});

const nodeAt = (index: number) => {
  const node = identities.nodes[index];
  if (!node) throw new RangeError(`no node ${index}`);
  return node;
};
async function startNode(index: number): Promise<void> {
  const { base, port } = nodeAt(index);
  const flags = ['-base', base, '-port', String(port), '-degree', '3', '-context', 'bench', '-nostdin', '-force'];
  children[index] = await startChild([process.execPath, program, ...flags], { diesWithParent: true });
}

/** Looks out for `text` in the table's row of a node; what it returns gives the time at which it was drawn, ms since 1970. */
async function shown(name: string, text: string): Promise<() => Promise<number>> {
  await open.page.evaluate(`bench.lookOut(${JSON.stringify(name)}, ${JSON.stringify(text)})`);
  return () => within(open.page.evaluate<number>('bench.seen'), waitMs, () => `${name} does not show "${text}"`);
}

/** Not in step with the rhythm in which deltas go out. */
const pause = (leastMs: number) => sleep(leastMs + 200 * Math.random());

function report(what: string, samples: readonly number[]): void {
  const figures = [0.5, 0.95, 1].map((share) => Math.round(quantile(samples, share)));
  process.stdout.write(
    `${what}, ${samples.length} times: p50 ${figures[0]} ms, p95 ${figures[1]} ms, most ${figures[2]} ms\n`,
  );
}

test('each change on a node is drawn, and each node lost and back', { timeout: 180_000 }, async () => {
  const commands: number[] = [];
  const clients = await Promise.all(identities.nodes.map(({ base }) => openClient(join(base, 'meshd'))));
  for (let count = 0; count < degreeChanges; count += 1) {
    const index = 1 + (count % (size - 1));
    const degree = Math.floor(count / (size - 1)) % 2 === 0 ? 4 : 3;
    const seen = await shown(nodeAt(index).name, `of ${degree}`);
    const client = clients[index];
    if (!client) throw new RangeError(`no client ${index}`);
    const changedAt = Date.now();
    await runLine(client, `mesh degree ${degree}`, waitMs);
    commands.push((await seen()) - changedAt);
    await pause(200);
  }
  for (const client of clients) client.close();
  report('a command on a node until it is on the screen', commands);

  const deaths: number[] = [];
  const victim = size - 1;
  const { name } = nodeAt(victim);
  let onState = (_names: readonly string[]): void => undefined;
  const unfollow = followMeshd({
    path: () => Promise.resolve(join(nodeAt(1).base, 'meshd')),
    onState: (state) => onState(memberNames(state)),
  });
  for (let count = 0; count < losses; count += 1) {
    const known = new Promise<number>((resolve) => {
      onState = (names) => {
        if (names.length > 0 && !names.includes(name)) resolve(Date.now());
      };
    });
    await pause(300);
    const seen = await shown(name, 'lost');
    children[victim]?.kill('SIGKILL');
    const knownAt = await within(known, waitMs, () => `${name} is not lost`);
    deaths.push((await seen()) - knownAt);
    const isBack = await shown(name, 'in the mesh');
    await startNode(victim);
    await isBack();
  }
  unfollow();
  report('a node lost by the mesh until it is on the screen', deaths);
  expect([commands.length, deaths.length]).toEqual([degreeChanges, losses]);
});
