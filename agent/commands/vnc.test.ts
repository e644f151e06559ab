// The `vnc` commands over the VMs of a node in memory, whose screens show what is typed.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { duplexPair } from 'node:stream';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openVnc, type VncForTests } from '../../host/qemu/vnc-for-tests.ts';
import { createSystemClock } from '../mesh/clock.ts';
import { createConsolesPart } from '../parts/consoles.ts';
import type { Part } from '../parts/part.ts';
import type { NodeVms } from '../vms/node-vms.ts';
import { launchOf, never, plan, SimulatedMachine } from '../vms/simulated-vms.ts';
import type { Dispatcher } from './dispatcher.ts';
import { createMemoryCluster } from './memory-cluster.ts';

let folder: string;
let machine: SimulatedMachine;
let vms: NodeVms;
let part: Part;
let dispatcher: Dispatcher;
const logged: string[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meshd-vnc-'));
  machine = new SimulatedMachine();
  vms = await machine.start();
  const log = { warn: (text: string) => void logged.push(text) };
  part = createConsolesPart(folder, { vms, clock: createSystemClock(), log });
  const cluster = await createMemoryCluster({ names: ['node1'], filePath: folder, handlers: () => part.handlers });
  dispatcher = cluster.get('node1')!;
  await vms.launch(launchOf([plan('web1'), plan('db')]), { signal: never });
  await vms.act([0, 1], { action: 'start' }, { signal: never, target: 'named' });
});
afterEach(async () => {
  await part.stop();
  await rm(folder, { recursive: true });
});

/** Its table, its text, or its error. */
async function run(line: string): Promise<unknown> {
  let answer: unknown;
  const idle = { signal: never, status: () => undefined };
  for await (const { Resp } of dispatcher.execute(dispatcher.session(), line, { via: 'socket' }, idle)) {
    const [entry] = Resp ?? [];
    answer = entry?.Error === '' ? (entry.Tabular ?? entry.Response) : `error: ${entry?.Error ?? ''}`;
  }
  return answer;
}

/** A viewer, as the mesh opens its stream. */
async function look(input: boolean): Promise<VncForTests> {
  const [near, far] = duplexPair({ allowHalfOpen: true });
  for (const end of [near, far]) end.on('error', () => undefined);
  void Promise.resolve(
    part.services?.['vnc']?.({
      ...{ from: { nodeId: 'n', name: 'node2' }, args: { vm: 0, input }, signal: never },
      accept: () => far,
    }),
  ).catch(() => undefined);
  return openVnc(near);
}

async function eventually(check: () => Promise<unknown>, expected: unknown): Promise<void> {
  await expect.poll(check, { timeout: 60_000, interval: 10 }).toEqual(expected);
}
const recorded = () => readFile(join(folder, 'a.kb'), 'utf8').then((text) => text.replaceAll(/^\d+:/gm, ''));

it('records what viewers type, and not what they may not', async () => {
  expect(await run('vnc')).toBe('');
  expect(await run('vnc record kb web1 a.kb')).toBe('');
  expect(await run('vnc')).toEqual([['web1', 'record kb', expect.stringMatching(/s$/), join(folder, 'a.kb')]]);
  expect(await run('vnc record kb web1 b.kb')).toBe('error: kb recording web1 already running');
  (await look(false)).press(0x62, 48);
  const typist = await look(true);
  typist.press(0x61, 30);
  await typist.frame();
  await eventually(recorded, 'KeyEvent,true,a\nKeyEvent,false,a\n');
  expect(await run('vnc stop kb web1')).toBe('');
  typist.press(0x63, 46);
  await typist.frame();
  expect(await recorded()).toBe('KeyEvent,true,a\nKeyEvent,false,a\n');
  expect(await run('vnc stop kb web1')).toBe('error: kb recording web1 not running');
  expect(await run('vnc')).toBe('');
});

it('plays a recording step by step, and through to its end', async () => {
  await writeFile(join(folder, 'a.kb'), '# one\n3600000000000:KeyEvent,true,a\n0:KeyEvent,false,a\n');
  const viewer = await look(false);
  const before = (await viewer.frame()).rgb;
  expect(await run('vnc play web1 a.kb')).toBe('');
  expect(await run('vnc play web1 a.kb')).toBe('error: kb playback web1 already running');
  expect(await run('vnc getstep web1')).toBe('KeyEvent,true,a');
  expect(await run('vnc pause web1')).toBe('');
  expect(await run('vnc pause web1')).toBe('error: already paused');
  expect(await run('vnc step web1')).toBe('');
  expect(await run('vnc getstep web1')).toBe('KeyEvent,false,a');
  expect(await run('vnc continue web1')).toBe('');
  await eventually(() => run('vnc'), '');
  await eventually(async () => Buffer.compare((await viewer.frame()).rgb, before) !== 0, true);
  expect(await run('vnc step web1')).toBe('error: kb playback web1 not running');
});

it('types text and single events, also on several VMs', async () => {
  const viewer = await look(false);
  const before = (await viewer.frame()).rgb;
  expect(await run('vnc type all "Hello, World!"')).toBe('');
  await eventually(async () => Buffer.compare((await viewer.frame()).rgb, before) !== 0, true);
  expect(await run('vnc inject web1 KeyEvent,true,a')).toBe('');
  expect(await run('vnc inject web1 KeyEvent,true,bogus')).toBe('error: unknown key: `bogus`');
  expect(await run('vnc type web1 é')).toBe('error: unknown key: `é`');
  expect(await run('vnc type nope a')).toBe('error: vm not found: nope');
});

it('ends with its VM, and with `clear vnc`', async () => {
  await writeFile(join(folder, 'long.kb'), '3600000000000:KeyEvent,true,a\n');
  await run('vnc record kb web1 a.kb');
  await run('vnc play web1 long.kb');
  await run('vnc play db long.kb');
  machine.hypervisor.powerOff(0);
  await eventually(async () => await run('vnc'), [['db', 'play kb', expect.any(String), join(folder, 'long.kb')]]);
  expect(await run('vnc record kb web1 a.kb')).toBe('error: vm not running: web1');
  expect(await run('clear vnc')).toBe('');
  expect(await run('vnc')).toBe('');
});

it('refuses files elsewhere, what is not a recording, images, and the screen itself', async () => {
  await writeFile(join(folder, 'disk.raw'), Buffer.alloc(10));
  await writeFile(join(folder, 'bad.kb'), '1:KeyEvent,true,bogus\n');
  expect(await run('vnc record kb web1 /etc/x')).toMatch(/only files below/);
  expect(await run('vnc record kb web1 disk.raw')).toMatch(/is not a text file/);
  expect(await run('vnc play web1 ../x')).toMatch(/only files below/);
  expect(await run('vnc play web1 none.kb')).toMatch(/no such file/);
  expect(await run('vnc play web1 bad.kb')).toBe('error: bad.kb:1 unknown key: `bogus`');
  expect(await run('vnc record fb web1 x')).toMatch(/not in meshd: `vnc record fb`/);
});
