// What a mirror brings on a real Open vSwitch, of traffic that flowed before it was made.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startChild, type Child } from '../child.ts';
import { hasOpenVSwitch, PrivateOvs } from './private-ovs.ts';
import { VirtualSwitch } from './virtual-switch.ts';

/** Holds a tap as QEMU does, prints the addresses of each frame that it gets, and sends each line as a frame. */
const guest = `
import fcntl, os, struct, sys, threading
tap = os.open('/dev/net/tun', os.O_RDWR)
fcntl.ioctl(tap, 0x400454ca, struct.pack('16sH22s', sys.argv[1].encode(), 0x1002, b''))
def read():
    while True: print(os.read(tap, 2000)[:12].hex(), flush=True)
threading.Thread(target=read, daemon=True).start()
print('held', flush=True)
for line in sys.stdin: os.write(tap, bytes.fromhex(line))
`;
const macs = ['020000000001', '020000000002'] as const;

describe.skipIf(!hasOpenVSwitch)('a mirror', () => {
  let ovs: PrivateOvs;
  let ports: VirtualSwitch;
  const guests: Child[] = [];
  /** By guest. */
  const heard: string[][] = [[], [], []];

  beforeAll(async () => {
    ovs = await PrivateOvs.start();
    ports = new VirtualSwitch('c1', {
      host: ovs.host(),
      clock: {
        now: () => performance.now(),
        after: (delayMs, run) => {
          const timer = setTimeout(run, delayMs);
          return { cancel: () => clearTimeout(timer) };
        },
      },
      log: () => undefined,
    });
    await ports.start({ ports: [], bridges: [] });
    await ports.ensureBridge('vms');
    const place = (tag: number) => ({ bridge: 'vms', vlan: { kind: 'access', tag } }) as const;
    const taps = ['mega_tap0', 'mega_tap1', 'mega_tap2'];
    await ports.addPorts(taps.map((tap, at) => ({ tap, owner: tap, user: 0, place: place(at === 2 ? 6 : 5) })));
    for (const [at, tap] of taps.entries())
      guests.push(
        await startChild([...ovs.within, '/usr/bin/python3', '-c', guest, tap], {
          ...{ diesWithParent: true, hasInput: true },
          onLine: (line) => heard[at]?.push(line),
        }),
      );
  });
  afterAll(async () => {
    for (const child of guests) await child.stop();
    await ports.stop();
    await ovs.stop();
  });

  /** Each to the other, until both have heard a frame. */
  async function talk(): Promise<void> {
    for (const list of heard) list.length = 0;
    const [a, b] = macs;
    await expect
      .poll(() => {
        guests[0]?.write(`${b}${a}0800${'00'.repeat(50)}\n`);
        guests[1]?.write(`${a}${b}0800${'00'.repeat(50)}\n`);
        return heard.slice(0, 2).every((list) => list.length > 2);
      })
      .toBe(true);
  }
  const mirrored = () => new Set(heard[2]);
  const both = new Set([`${macs[1]}${macs[0]}`, `${macs[0]}${macs[1]}`]);

  test('brings both directions, also of what flows already, and nothing after its end', async () => {
    await expect.poll(() => heard.flat().filter((line) => line === 'held')).toHaveLength(3);
    await talk();
    expect(mirrored()).toEqual(new Set());
    await ports.addMirror({ bridge: 'vms', source: 'mega_tap0', output: 'mega_tap2', namespace: 'lab' });
    await expect
      .poll(async () => {
        await talk();
        return mirrored();
      })
      .toEqual(both);
    await ports.removeMirrors(['mega_tap2']);
    await expect
      .poll(async () => {
        await talk();
        return mirrored();
      })
      .toEqual(new Set());
  });
});
