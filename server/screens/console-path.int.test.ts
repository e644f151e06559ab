// Consoles of VMs through everything: a page's WebSocket, the console, a node's command socket, the mesh, the service of another node, and QEMU. Once
// with VMs in memory, as `npm run dev` has them, and once with a QEMU of this machine, whose guest echoes its serial port and writes keys to it.
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { httpPaths } from '../../contract/http-paths.ts';
import type { Role } from '../../contract/roles.ts';
import { streamClose, takeKeyboard } from '../../contract/streams.ts';
import type { Hypervisor } from '../../host/qemu/hypervisor.ts';
import { createLinuxHypervisor } from '../../host/qemu/linux-hypervisor.ts';
import { decodePng, openVnc } from '../../host/qemu/vnc-for-tests.ts';
import { localRunner } from '../../host/runner.ts';
import { LocalDaemons } from '../../scripts/local-daemons.ts';
import { createAuth } from '../auth/auth.ts';
import { createMeshdEngine } from '../engines/meshd/engine.ts';
import { MeshdSockets } from '../engines/meshd/sockets.ts';
import { localRoute } from '../engines/route.ts';
import { openStream } from '../fleet/streams.ts';
import { createMemoryStore } from '../store/memory-store.ts';
import { silentLog } from '../parts-for-tests.ts';
import { createConsoleServices } from './consoles.ts';
import { createScreens, type Screens } from './screens.ts';

/** Firmware of 64 kB that sends back what comes over the first serial port, and writes there what the keyboard says. */
function echoFirmware(): Buffer {
  const rom = Buffer.alloc(64 * 1024, 0xf4);
  rom.set([
    ...[0xba, 0xfd, 0x03, 0xec, 0xa8, 0x01, 0x74, 0x08], // port 3fd: a byte came? otherwise to 10
    ...[0xba, 0xf8, 0x03, 0xec, 0xee, 0xeb, 0xf1, 0x90], // port 3f8: read, write; again
    ...[0xe4, 0x64, 0xa8, 0x01, 0x74, 0xea], // 10: port 64: a key? otherwise again
    ...[0xe4, 0x60, 0xba, 0xf8, 0x03, 0xee, 0xeb, 0xe2], // port 60: read, write to 3f8; again
  ]);
  // Where a processor begins: a jump to the first byte.
  rom.set([0xe9, 0x0d, 0x00], rom.length - 16);
  return rom;
}

interface Machine {
  readonly hypervisor: Hypervisor | undefined;
  /** Lines before `vm launch`. */
  readonly config: readonly string[];
  /** Bytes that the guest sends back as they are. */
  readonly echoes: Buffer;
  readonly hasKeyEcho: boolean;
  readonly dispose: () => Promise<void>;
}
const all = Buffer.from(Array.from({ length: 256 }, (_, at) => at));

const machines: readonly (readonly [string, number, () => Promise<Machine>])[] = [
  [
    'VMs in memory',
    17_580,
    () =>
      Promise.resolve({
        hypervisor: undefined,
        config: [],
        // At a carriage return this guest answers a line.
        echoes: Buffer.from(all.filter((byte) => byte !== 13)),
        hasKeyEcho: false,
        dispose: () => Promise.resolve(),
      }),
  ],
  [
    'a QEMU of this machine',
    17_585,
    async () => {
      const folder = await mkdtemp(join(tmpdir(), 'meshd-console-'));
      // Its VMs are other users, when this is root.
      await chmod(folder, 0o711);
      await mkdir(join(folder, 'files'), { mode: 0o711 });
      const rom = join(folder, 'echo');
      await writeFile(rom, echoFirmware(), { mode: 0o644 });
      const base = join(folder, 'instances');
      await mkdir(base, { mode: 0o711 });
      return {
        hypervisor: createLinuxHypervisor({
          base,
          filesPath: join(folder, 'files'),
          runner: localRunner,
          makeOverlay: () => Promise.reject(new Error('no disks here')),
        }),
        config: [`vm config qemu-append -bios ${rom}`, 'vm config memory 32'],
        echoes: all,
        hasKeyEcho: true,
        dispose: () => rm(folder, { recursive: true }),
      };
    },
  ],
];

/** `a` as X11 and a PC's keyboard know it, and what a keyboard says of it in either of its two languages. */
const keyA = { keysym: 97, scancode: 30, says: new Set([0x1c, 0xf0, 0x1e, 0x9e]) };
const keyB = { keysym: 98, scancode: 48 };

describe.each(machines)('consoles of %s', (_name, firstPort, create) => {
  let machine: Machine;
  let daemons: LocalDaemons;
  let screens: Screens;
  let server: Server;
  let url = '';
  let node = '';
  const engine = createMeshdEngine(
    new MeshdSockets({ version: '0.1.0' }, { keys: { get: () => Promise.resolve(null) } }),
  );
  const roles: Record<string, Role> = { ann: 'operator', bob: 'operator', vic: 'viewer' };
  const pages: WebSocket[] = [];
  const onHost = async (line: string) => {
    const entry = await daemons.run(1, line);
    expect(entry.Error).toBe('');
    return entry;
  };

  beforeAll(async () => {
    machine = await create();
    daemons = await LocalDaemons.start(2, firstPort, (index) => (index === 1 ? machine.hypervisor : undefined));
    node = daemons.name(1);
    for (const line of [...machine.config, `vm config schedule ${node}`, 'vm config serial-ports 1'])
      await onHost(line);
    await onHost('vm launch kvm web1');
    await onHost('vm start web1');
    const store = createMemoryStore();
    const auth = {
      ...createAuth({ log: silentLog, secret: 'x'.repeat(32), now: Date.now }, { store }),
      credentialOfToken: (token: string) => Promise.resolve({ kind: 'token', hash: token, id: token } as const),
      callerOf: ({ id }: { id: string }) =>
        Promise.resolve({ userId: id, name: id, role: roles[id] ?? ('viewer' as const) }),
    };
    const fleet = {
      vm: () => null,
      openStream: ({ node: to, ...call }: Parameters<Parameters<typeof createScreens>[1]['fleet']['openStream']>[0]) =>
        openStream([{ route: localRoute(daemons.socketPath(0)), sendTo: to }], call, { engine }),
    };
    const services = createConsoleServices({ now: Date.now }, { fleet });
    const options = { log: silentLog, now: Date.now, foreignOrigin: () => null, services };
    screens = createScreens(options, { auth, audit: store.audit, fleet });
    await screens.start();
    server = createServer();
    server.on('upgrade', (request, socket, head) => void screens.upgrade(request, socket, head));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}${httpPaths.streams}`;
  });
  afterEach(() => {
    for (const page of pages.splice(0)) page.terminate();
  });
  afterAll(async () => {
    await screens.stop();
    server.close();
    await daemons.run(1, 'vm kill all');
    await daemons.remove();
    await machine.dispose();
  });

  async function openPage(who: string, service: 'vnc' | 'serial') {
    const args = service === 'vnc' ? { vm: 0 } : { vm: 0, port: 0 };
    const path = `${url}/${service}?node=${node}&args=${encodeURIComponent(JSON.stringify(args))}`;
    const socket = new WebSocket(path, { headers: { authorization: `Bearer ${who}` } });
    pages.push(socket);
    let hasKeyboard: boolean | null = null;
    const duplex = new Duplex({
      read: () => undefined,
      write: (chunk: Buffer, _encoding, callback) => socket.send(chunk, callback),
    });
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      if (isBinary) duplex.push(data);
      else {
        const { watchers } = JSON.parse(data.toString()) as { watchers: { isYou: boolean; hasKeyboard: boolean }[] };
        hasKeyboard = watchers.find(({ isYou }) => isYou)?.hasKeyboard ?? null;
      }
    });
    const closed = once(socket, 'close').then(([code, reason]) => {
      duplex.push(null);
      return { code: Number(code), reason: String(reason) };
    });
    closed.catch(() => undefined);
    await once(socket, 'open');
    return { socket, duplex, closed, hasKeyboard: () => hasKeyboard };
  }
  type Page = Awaited<ReturnType<typeof openPage>>;
  const seen = ({ duplex }: Page) => {
    const bytes: number[] = [];
    duplex.on('data', (chunk: Buffer) => bytes.push(...chunk));
    return bytes;
  };

  test('a page sees over VNC what the screenshot has', async () => {
    const screen = await openVnc((await openPage('vic', 'vnc')).duplex);
    await expect
      .poll(async () => {
        const shot = decodePng(Buffer.from((await onHost('vm screenshot web1')).Data as string, 'base64'));
        const frame = await screen.frame();
        return [frame.width, frame.height, Buffer.compare(frame.rgb, shot.rgb)].join(' ');
      })
      .toMatch(/^[1-9]\d+ [1-9]\d+ 0$/);
  });

  test('every byte passes through the serial port and back, and a viewer writes none', async () => {
    const [ann, vic] = [await openPage('ann', 'serial'), await openPage('vic', 'serial')];
    const [typed, watched] = [seen(ann), seen(vic)];
    await vi.waitUntil(() => ann.hasKeyboard() === true && vic.hasKeyboard() === false);
    vic.socket.send(Buffer.from('not this'));
    ann.socket.send(machine.echoes);
    await expect.poll(() => typed.length).toBe(machine.echoes.length);
    expect(Buffer.compare(Buffer.from(typed), machine.echoes)).toBe(0);
    await expect.poll(() => watched).toEqual(typed);
  });

  test('keys reach the guest from who has the keyboard alone, and from another operator who takes it', async () => {
    const [ann, bob, vic] = [await openPage('ann', 'vnc'), await openPage('bob', 'vnc'), await openPage('vic', 'vnc')];
    const said = seen(await openPage('vic', 'serial'));
    // What was written before this test comes first.
    await vi.waitUntil(() => said.length >= machine.echoes.length);
    const before = said.length;
    const [annScreen, bobScreen, vicScreen] = [
      await openVnc(ann.duplex),
      await openVnc(bob.duplex),
      await openVnc(vic.duplex),
    ];
    // The screens in memory show keys at the top, and move at the bottom.
    const top = async () => (await annScreen.frame()).rgb.slice(0, annScreen.width * 3 * 16);
    const first = await top();
    for (const screen of [vicScreen, bobScreen]) screen.press(keyB.keysym, keyB.scancode);
    // Answered behind the keys: these would have been pressed by then.
    for (const screen of [vicScreen, bobScreen]) await screen.frame();
    expect(Buffer.compare(await top(), first)).toBe(0);
    annScreen.press(keyA.keysym, keyA.scancode);
    if (machine.hasKeyEcho) {
      await vi.waitUntil(() => said.length > before);
      bob.socket.send(takeKeyboard);
      await vi.waitUntil(() => bob.hasKeyboard() === true && ann.hasKeyboard() === false);
      annScreen.press(keyB.keysym, keyB.scancode);
      await annScreen.frame();
      const between = said.length;
      bobScreen.press(keyA.keysym, keyA.scancode);
      await vi.waitUntil(() => said.length > between);
      expect(said.slice(before).filter((byte) => !keyA.says.has(byte))).toEqual([]);
    } else {
      const typed = await top();
      expect(Buffer.compare(typed, first)).not.toBe(0);
      bob.socket.send(takeKeyboard);
      await vi.waitUntil(() => bob.hasKeyboard() === true && ann.hasKeyboard() === false);
      annScreen.press(keyB.keysym, keyB.scancode);
      expect(Buffer.compare(await top(), typed)).toBe(0);
      bobScreen.press(keyA.keysym, keyA.scancode);
      await bobScreen.frame();
      expect(Buffer.compare(await top(), typed)).not.toBe(0);
    }
  });

  test('a VM that is killed ends its consoles, which open again once it is started', async () => {
    const [screen, serial] = [await openPage('ann', 'vnc'), await openPage('ann', 'serial')];
    await openVnc(screen.duplex);
    const said = seen(serial);
    await vi.waitUntil(() => serial.hasKeyboard() === true);
    await onHost('vm kill web1');
    expect([streamClose.ended, streamClose.failed]).toContain((await screen.closed).code);
    expect(await serial.closed).toEqual({ code: streamClose.ended, reason: '' });
    expect(Buffer.from(said).toString('latin1')).toContain('[meshd: web1 is QUIT: somebody ended it]');
    expect(await (await openPage('ann', 'vnc')).closed).toEqual({
      code: streamClose.failed,
      reason: 'web1 is QUIT: it has no screen until it is started',
    });
    await onHost('vm start web1');
    await openVnc((await openPage('ann', 'vnc')).duplex);
  });
});
