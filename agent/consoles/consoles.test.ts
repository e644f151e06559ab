// Screens and serial ports of the VMs of a node in memory, as another member opens them.
import { duplexPair, type Duplex } from 'node:stream';
import { beforeEach, describe, expect, it } from 'vitest';
import { maxSerialKeptBytes, maxSerialViewers } from '../../contract/limits.ts';
import { openVnc } from '../../host/qemu/vnc-for-tests.ts';
import type { StreamHandler } from '../mesh/streams.ts';
import type { NodeVms } from '../vms/node-vms.ts';
import { launchOf, never, plan, SimulatedMachine } from '../vms/simulated-vms.ts';
import { Consoles } from './consoles.ts';

let machine: SimulatedMachine;
let vms: NodeVms;
let consoles: Consoles;

beforeEach(async () => {
  machine = new SimulatedMachine();
  vms = await machine.start();
  consoles = new Consoles({ vms, clock: machine.clock });
  await vms.launch(launchOf([plan('web1', { serialPorts: 1 }), plan('db')]), { signal: never });
  await act('start', 0, 1);
});

const act = (action: 'start' | 'kill' | 'flush', ...ids: number[]) =>
  vms.act(ids, { action }, { signal: never, target: 'named' });

/** Opens a stream as the mesh does: the viewer's end, and how the service ends it. */
async function open(
  service: 'vnc' | 'serial',
  args: unknown,
): Promise<{ stream: Duplex; ended: Promise<Error | null>; closed: Promise<unknown> }> {
  const [near, far] = duplexPair({ allowHalfOpen: true });
  for (const end of [near, far]) end.on('error', () => undefined);
  const taken = Promise.withResolvers<undefined>();
  const handler: StreamHandler = consoles.services[service];
  const served = Promise.resolve(
    handler({
      from: { nodeId: 'n', name: 'node2' },
      args,
      signal: never,
      accept: () => {
        taken.resolve(undefined);
        return far;
      },
    }),
  );
  // After it was taken, what the service throws is the end of the stream.
  const ended = served.then(
    () => null,
    (error: unknown) => {
      far.destroy();
      return error as Error;
    },
  );
  await Promise.race([taken.promise, served]);
  return { stream: near, ended, closed: new Promise((resolve) => far.once('close', resolve)) };
}

function textOf(stream: Duplex): { text: string; isOver: boolean } {
  const seen = { text: '', isOver: false };
  stream.on('data', (chunk: Buffer) => (seen.text += chunk.toString('latin1')));
  stream.on('end', () => (seen.isOver = true));
  return seen;
}

const screen = { vm: 0, input: true };
const serial = { vm: 'web1', port: 0, input: true };

describe('the screen of a VM', () => {
  it('shows what is typed, to who types and to who looks; who looks types nothing', async () => {
    const typist = await openVnc((await open('vnc', screen)).stream);
    const viewer = await openVnc((await open('vnc', { vm: 'web1', input: false })).stream);
    const before = await typist.frame();
    expect(Buffer.compare((await viewer.frame()).rgb, before.rgb)).toBe(0);
    viewer.press(97, 30);
    // Answered in the order in which they were sent: the key would be in it.
    expect(Buffer.compare((await viewer.frame()).rgb, before.rgb)).toBe(0);
    typist.press(97, 30);
    const after = await typist.frame();
    expect(Buffer.compare(after.rgb, before.rgb)).not.toBe(0);
    await expect.poll(async () => Buffer.compare((await viewer.frame()).rgb, after.rgb)).toBe(0);
  });

  it('ends with the reason when the VM does, and opens again once it is started', async () => {
    const { stream, ended } = await open('vnc', screen);
    await openVnc(stream);
    machine.hypervisor.powerOff(0);
    expect(await ended).toMatchObject({ message: 'web1 is QUIT: the guest powered off' });
    await expect(open('vnc', screen)).rejects.toThrow(
      'web1 is QUIT (the guest powered off): it has no screen until it is started',
    );
    await act('start', 0);
    await openVnc((await open('vnc', screen)).stream);
  });

  it('ends a viewer that speaks something else, and no other', async () => {
    const good = await openVnc((await open('vnc', screen)).stream);
    const { stream, ended } = await open('vnc', screen);
    stream.write('GET / HTTP/1.1\r\n\r\n');
    expect(await ended).toMatchObject({ code: 'invalid' });
    await good.frame();
  });

  it('is let go of when the viewer leaves', async () => {
    const { stream, ended } = await open('vnc', screen);
    stream.end();
    expect(await ended).toBeNull();
  });
});

describe('a serial port', () => {
  it('carries every byte both ways, to all who look; who looks writes nothing', async () => {
    const typist = (await open('serial', serial)).stream;
    const viewer = (await open('serial', { ...serial, input: false })).stream;
    const [typed, seen] = [textOf(typist), textOf(viewer)];
    viewer.write('not this');
    // Without the carriage return, at which this guest answers a line.
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, at) => at).filter((at) => at !== 13));
    typist.write(bytes);
    await expect.poll(() => typed.text).toBe(bytes.toString('latin1'));
    expect(seen.text).toBe(typed.text);
  });

  it('shows who joins what came last, from the beginning of a line on', async () => {
    const first = textOf((await open('serial', serial)).stream);
    machine.hypervisor.print(0, 0, 'one\r\ntwo\r\n');
    await expect.poll(() => first.text).toBe('one\r\ntwo\r\n');
    const second = textOf((await open('serial', serial)).stream);
    await expect.poll(() => second.text).toBe(first.text);
    machine.hypervisor.print(0, 0, `${'x'.repeat(300_000)}\r\nthree`);
    await expect.poll(() => first.text.endsWith('three')).toBe(true);
    const third = textOf((await open('serial', serial)).stream);
    await expect.poll(() => third.text).toBe('three');
  });

  it('holds nobody up for a viewer that does not read; a line says what it missed', async () => {
    const quick = textOf((await open('serial', serial)).stream);
    const slow = (await open('serial', serial)).stream;
    const line = `${'y'.repeat(98)}\r\n`;
    for (let at = 0; at < 50; at += 1) {
      machine.hypervisor.print(0, 0, line.repeat(200));
      await expect.poll(() => quick.text.length).toBe((at + 1) * 20_000);
    }
    const seen = textOf(slow);
    await expect.poll(() => seen.text.length > maxSerialKeptBytes).toBe(true);
    const skipped = Number(/\[meshd: (\d+) bytes skipped: this side was too slow\]/.exec(seen.text)?.[1]);
    expect(skipped).toBeGreaterThan(500_000);
    await expect.poll(() => seen.text.replace(/.\r\n\[meshd: .*\]\r\n/, '').length + skipped).toBe(1_000_000);
  });

  it('ends with the last words of the guest, and then the reason', async () => {
    const seen = textOf((await open('serial', serial)).stream);
    machine.hypervisor.print(0, 0, 'Kernel panic');
    await act('kill', 0);
    await expect.poll(() => seen.isOver).toBe(true);
    expect(seen.text).toBe('Kernel panic\x18\r\n[meshd: web1 is QUIT: somebody ended it]\r\n');
    await expect(open('serial', serial)).rejects.toThrow('web1 is QUIT: it has no serial port until it is started');
  });

  it('is kept for a minute after the last viewer, with what the guest writes then', async () => {
    const first = (await open('serial', serial)).stream;
    first.end();
    await new Promise((resolve) => first.resume().once('close', resolve));
    machine.hypervisor.print(0, 0, 'meanwhile');
    const second = (await open('serial', serial)).stream;
    const seen = textOf(second);
    await expect.poll(() => seen.text).toBe('meanwhile');
    second.end();
    await new Promise((resolve) => second.once('close', resolve));
    await expect(vms.openSerial(0, 0)).rejects.toMatchObject({ code: 'conflict' });
    await machine.clock.advance(60_000);
    await expect.poll(() => vms.openSerial(0, 0).then((stream) => stream.destroy(), String)).toBeTypeOf('object');
  });

  it('has a bound on who looks', async () => {
    for (let at = 0; at < maxSerialViewers; at += 1) await open('serial', serial);
    await expect(open('serial', serial)).rejects.toThrow(`${maxSerialViewers} look at serial port 0 of web1`);
  });

  it('is given up when meshd stops', async () => {
    const { closed } = await open('serial', serial);
    consoles.stop();
    await closed;
    (await vms.openSerial(0, 0)).destroy();
  });
});

describe('what is not there', () => {
  it.each([
    ['another port', 'serial', { vm: 'web1', port: 2, input: true }, 'serial port 2: web1 has 1, counted from 0'],
    ['no port at all', 'serial', { vm: 'db', port: 0, input: true }, 'db has no serial port: vm config serial-ports 1'],
    ['a name', 'vnc', { vm: 'web9', input: true }, 'node1 has no VM web9 in the namespace minimega'],
    ['a name in another namespace', 'vnc', { vm: 'web1', namespace: 'x', input: true }, 'in the namespace x'],
    ['an id', 'vnc', { vm: 99, input: true }, 'node1 has no VM 99: it was flushed'],
    ['input that is not decided', 'vnc', { vm: 0 }, 'the console asks for something else: input'],
  ] as const)('%s', async (_name, service, args, message) => {
    await expect(open(service, args)).rejects.toThrow(message);
  });
});
