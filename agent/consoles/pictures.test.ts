// Small pictures of the VMs of a node in memory, as a console has them.
import { duplexPair, type Duplex } from 'node:stream';
import { beforeEach, describe, expect, it } from 'vitest';
import { pngSize } from '../../host/qemu/screen-picture.ts';
import { openVnc } from '../../host/qemu/vnc-for-tests.ts';
import type { NodeVms } from '../vms/node-vms.ts';
import { launchOf, never, plan, SimulatedMachine } from '../vms/simulated-vms.ts';
import { Pictures } from './pictures.ts';

let machine: SimulatedMachine;
let vms: NodeVms;
let pictures: Pictures;
/** How often each VM was asked for its screen, and how long that takes. */
let asked: number[];
let takesMs: number;

beforeEach(async () => {
  machine = new SimulatedMachine();
  vms = await machine.start();
  [asked, takesMs] = [[], 0];
  const slow = {
    list: (namespace: string | null) => vms.list(namespace),
    screenshot: async (id: number, side: number | null) => {
      asked.push(id);
      await machine.clock.advance(takesMs);
      return vms.screenshot(id, side);
    },
  };
  pictures = new Pictures({ vms: slow, clock: machine.clock });
  await vms.launch(launchOf([plan('a'), plan('b')]), { signal: never });
  await vms.act([0, 1], { action: 'start' }, { signal: never, target: 'named' });
});

interface Watcher {
  readonly stream: Duplex;
  /** VMs of the pictures that came, in their order. */
  readonly seen: number[];
  readonly sizes: number[];
}

function watch(...wanted: number[]): Watcher & { want: (...vms: number[]) => void } {
  const [near, far] = duplexPair({ allowHalfOpen: true });
  pictures.serve({ from: { nodeId: 'n', name: 'node2' }, args: null, signal: never, accept: () => far });
  const watcher: Watcher = { stream: near, seen: [], sizes: [] };
  let rest = Buffer.alloc(0);
  near.on('error', () => undefined);
  near.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 8 && rest.length >= 8 + rest.readUInt32BE(4)) {
      const png = rest.subarray(8, 8 + rest.readUInt32BE(4));
      watcher.seen.push(rest.readUInt32BE(0));
      watcher.sizes.push(pngSize(png).width);
      rest = rest.subarray(8 + png.length);
    }
  });
  const want = (...ids: number[]) => void near.write(`${JSON.stringify({ vms: ids })}\n`);
  want(...wanted);
  return { ...watcher, want };
}

/** Until the check holds, while time passes. */
const until = (check: () => boolean) =>
  expect
    .poll(async () => {
      await machine.clock.advance(100);
      return check();
    })
    .toBe(true);

describe('small pictures', () => {
  it('come for each VM that is wanted, and again when one has changed', async () => {
    const watcher = watch(0, 1);
    await until(() => watcher.seen.length === 2);
    expect([...watcher.seen].sort()).toEqual([0, 1]);
    expect(watcher.sizes).toEqual([320, 320]);
    await machine.clock.advance(10_000);
    expect(watcher.seen).toHaveLength(2);
    expect(asked.length).toBeGreaterThan(10);
    const screen = await openVnc(await vms.openScreen(1));
    screen.press(97, 30);
    await screen.frame();
    await until(() => watcher.seen.length === 3);
    expect(watcher.seen.at(-1)).toBe(1);
  });

  it('are taken of what somebody wants, and of nothing else', async () => {
    const watcher = watch(0);
    await until(() => watcher.seen.length === 1);
    watcher.want();
    await machine.clock.advance(3_000);
    const before = asked.length;
    await machine.clock.advance(10_000);
    expect(asked.length).toBe(before);
    // A second one gets the picture at once, although it has not changed.
    const other = watch(0);
    await until(() => other.seen.length === 1);
    watcher.want(0, 1);
    await until(() => watcher.seen.length === 3);
    other.stream.end();
    watcher.stream.end();
    await until(() => asked.length > before);
    const after = asked.length;
    await machine.clock.advance(10_000);
    expect(asked.length - after).toBeLessThanOrEqual(1);
  });

  it('take a tenth of the time at most', async () => {
    takesMs = 300;
    watch(0, 1);
    await machine.clock.advance(30_000);
    expect(asked.length).toBeGreaterThan(6);
    expect(asked.length).toBeLessThanOrEqual(11);
  });

  it('skip a VM that has no screen, and continue with the others', async () => {
    await vms.act([0], { action: 'kill' }, { signal: never, target: 'named' });
    const watcher = watch(0, 1, 99);
    await until(() => watcher.seen.length === 1);
    expect(watcher.seen).toEqual([1]);
    await vms.act([0], { action: 'start' }, { signal: never, target: 'named' });
    await until(() => watcher.seen.includes(0));
  });

  it('end for who asks in another way', async () => {
    const { stream } = watch(0);
    const closed = new Promise((resolve) => stream.once('close', resolve));
    stream.write('{"vms":"all"}\n');
    await closed;
  });
});
