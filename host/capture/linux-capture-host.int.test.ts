// Captures with the real programs, in a network namespace with its own Open vSwitch.
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { echo, ethernet, ip4Packet } from '../../core/capture/made-packets.ts';
import { PcapReader } from '../../core/capture/pcap.ts';
import { startChild, type Child } from '../child.ts';
import { describeWithTools, hasOpenVSwitch, PrivateOvs } from '../ovs/private-ovs.ts';
import { localRunner } from '../runner.ts';
import type { HeldTap } from '../ovs/switch-compliance.ts';
import { describeCaptures, type CaptureMachine } from './capture-compliance.ts';
import { createLinuxCaptureHost } from './linux-capture-host.ts';

describe.skipIf(!hasOpenVSwitch)('with Open vSwitch', () => {
  let ovs: PrivateOvs;
  beforeAll(async () => {
    ovs = await PrivateOvs.start();
  });
  afterAll(() => ovs.stop());

  const host = () => createLinuxCaptureHost({ runFolder: ovs.folder, within: ovs.within });

  /** Rows and interfaces of captures. */
  async function leftovers(): Promise<string[]> {
    const marked = async (table: string) =>
      (await ovs.vsctl('--bare', '--columns=external_ids', 'list', table))
        .split('\n')
        .filter((line) => line.includes('meshdeck-capture'));
    const links = (await ovs.run('ip', '-br', 'link')).split('\n').filter((line) => line.includes('mega_cap'));
    return [...(await Promise.all(['Port', 'Mirror', 'NetFlow'].map(marked))).flat(), ...links];
  }

  /** Programs that take packets in this namespace. */
  async function tcpdumps(): Promise<string[]> {
    const found = await localRunner.run(['pgrep', '-x', 'tcpdump']).catch(() => ({ stdout: '' }));
    const pids = found.stdout.split('\n').filter(Boolean);
    const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
    return pids.filter((_pid, index) => /tap-[ab]|mega_cap/.test(lines[index] ?? ''));
  }

  async function make(): Promise<CaptureMachine> {
    const vsctl = (...args: string[]) => ovs.vsctl(...args);
    const tools = describeWithTools({ within: ovs.within, run: (...argv) => ovs.run(...argv), vsctl });
    await vsctl('add-br', 'mega_bridge', '--', 'set', 'bridge', 'mega_bridge', 'datapath_type=netdev');
    const guests = new Map<string, HeldTap>();
    for (const [tap, vlan] of [
      ['tap-a', 101],
      ['tap-b', 102],
    ] as const) {
      await ovs.run('ip', 'tuntap', 'add', 'dev', tap, 'mode', 'tap');
      await ovs.run('ip', 'link', 'set', tap, 'up');
      await vsctl('add-port', 'mega_bridge', tap, `tag=${vlan}`);
      guests.set(tap, await tools.hold(tap));
    }
    return {
      host: host(),
      say: (tap, frame) => guests.get(tap)?.send(Buffer.from(frame)),
      removeTap: async (tap) => {
        await vsctl('del-port', tap);
        await ovs.run('ip', 'link', 'del', tap);
      },
      leftovers,
      async end() {
        for (const guest of guests.values()) await guest.letGo();
        await vsctl('--if-exists', 'del-br', 'mega_bridge');
        for (const tap of guests.keys()) await ovs.run('ip', 'link', 'del', tap).catch(() => undefined);
      },
    };
  }

  describeCaptures('on a real switch', make);

  test('tcpdump has no right but to see packets', async () => {
    const machine = await make();
    const place = { kind: 'tap', tap: 'tap-a' } as const;
    const options = { id: 1, place, snaplen: 100, filter: '', onEnd: () => undefined };
    const taking = await machine.host.take({ ...options, onBytes: () => Promise.resolve() });
    const [pid = ''] = await tcpdumps();
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    expect(status).toMatch(/^Uid:\s+65534\s+65534\s+65534\s+65534$/m);
    // CAP_NET_RAW is 13.
    for (const set of ['CapPrm', 'CapEff', 'CapInh', 'CapBnd', 'CapAmb'])
      expect(status).toMatch(new RegExp(`^${set}:\\s+0000000000002000$`, 'm'));
    await taking.stop();
    expect(await tcpdumps()).toEqual([]);
    await machine.end();
  });

  test('a slow reader loses packets, and holds nothing up', async () => {
    const machine = await make();
    const reader = new PcapReader();
    const release = Promise.withResolvers<undefined>();
    let packets = 0;
    const taking = await machine.host.take({
      ...{
        id: 1,
        place: { kind: 'tap', tap: 'tap-a' } as const,
        snaplen: 1_600,
        filter: 'icmp',
        onEnd: () => undefined,
      },
      async onBytes(bytes) {
        await release.promise;
        packets += reader.push(bytes).packets.length;
      },
    });
    for (let sequence = 0; sequence < 50; sequence += 1)
      await machine.say('tap-a', ethernet(0x0800, ip4Packet(1, echo(8, sequence))));
    release.resolve(undefined);
    await expect.poll(() => packets).toBe(50);
    expect(await taking.stop()).toEqual({ dropped: 0 });
    await machine.end();
  });

  test('100 starts and stops leave nothing, and neither does a process that is killed', async () => {
    const machine = await make();
    const options = { snaplen: 100, filter: '', onBytes: () => Promise.resolve(), onEnd: () => undefined };
    for (let round = 0; round < 25; round += 1) {
      const places = [{ kind: 'tap', tap: 'tap-a' } as const, { kind: 'bridge', bridge: 'mega_bridge' } as const];
      const takings = await Promise.all(
        [...places, ...places].map((place, index) => machine.host.take({ ...options, place, id: 10 * round + index })),
      );
      await Promise.all(takings.map((taking) => taking.stop()));
    }
    expect(await tcpdumps()).toEqual([]);
    expect(await leftovers()).toEqual([]);
    for (let round = 0; round < 3; round += 1) {
      const other = await startOther();
      expect(await tcpdumps()).not.toEqual([]);
      other.kill('SIGKILL');
      await other.ended;
      await expect.poll(tcpdumps).toEqual([]);
      expect(await leftovers()).not.toEqual([]);
      await host().removeLeftovers();
      expect(await leftovers()).toEqual([]);
    }
    await machine.end();
  });

  /** Another process that captures a tap and a bridge, and tells when it does. */
  async function startOther(): Promise<Child> {
    const script = `
      const { createLinuxCaptureHost } = await import(${JSON.stringify(new URL('./linux-capture-host.ts', import.meta.url).href)});
      const host = createLinuxCaptureHost(${JSON.stringify({ runFolder: ovs.folder, within: ovs.within })});
      const common = { snaplen: 100, filter: '', onBytes: () => Promise.resolve(), onEnd: () => undefined };
      await host.take({ ...common, id: 901, place: { kind: 'tap', tap: 'tap-a' } });
      await host.take({ ...common, id: 902, place: { kind: 'bridge', bridge: 'mega_bridge' } });
      await host.exportFlows({ id: 903, bridge: 'mega_bridge', timeoutSeconds: 10, onDatagram: () => undefined });
      console.log('ready');
      setInterval(() => undefined, 1_000);
    `;
    return new Promise((resolve, reject) => {
      const said: string[] = [];
      const started = startChild([process.execPath, '--input-type=module', '-e', script], {
        diesWithParent: true,
        onLine: (line) => {
          said.push(line);
          if (line === 'ready') void started.then(resolve);
        },
      });
      void started.then(({ ended }) => ended).then(() => reject(new Error(said.join('\n'))), reject);
    });
  }
});
