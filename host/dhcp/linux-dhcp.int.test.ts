// DHCP servers of a machine: dnsmasq in its own network, on an Open vSwitch of this test.
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { describeDnsmasqConfig, noExtras, type Lease } from '../../core/dhcp/config-text.ts';
import type { ProcessIdentity } from '../detached.ts';
import { hasOpenVSwitch, PrivateOvs } from '../ovs/private-ovs.ts';
import { VirtualSwitch } from '../ovs/virtual-switch.ts';
import { askForLease } from './dhcp-client-for-tests.ts';
import type { DhcpHost, DhcpOrder } from './dhcp-host.ts';
import { createLinuxDhcp } from './linux-dhcp.ts';

const hasDnsmasq = ['/usr/sbin/dnsmasq', '/usr/bin/dnsmasq'].some((path) => existsSync(path));
const prefix = `dhcp-test-${process.pid}-`;
const settings = {
  ...{ address: '10.9.0.1/24', low: '10.9.0.10', high: '10.9.0.20', gateway: '10.9.0.254' },
  ...{ dns: [], domain: 'lab', leaseSeconds: 600 },
};

describe.skipIf(!hasOpenVSwitch || !hasDnsmasq)('a DHCP server of this machine', () => {
  let ovs: PrivateOvs;
  let ports: VirtualSwitch;
  let base: string;
  let host: DhcpHost;
  let running: ProcessIdentity;
  const order = (id: number, tap: string): DhcpOrder => ({
    ...{ id, tap, address: settings.address, isOwnNetwork: true },
    config: (leases) => describeDnsmasqConfig(settings, noExtras, { tap, leases }),
  });
  const guestOn = async (tap: string, vlan: number) => {
    const place = { bridge: 'vms', vlan: { kind: 'access', tag: vlan } } as const;
    await ports.addPorts([{ tap, owner: tap, user: 0, place }]);
  };
  const ask = (tap: string, name: string, attempts = 5) =>
    askForLease(ovs.within, { tap, mac: `02:00:00:00:00:0${tap.slice(-1)}`, name, attempts });
  const hostTap = (name: string, vlan: number) =>
    ({ name, bridge: 'vms', vlan, use: 'dhcp', namespace: 'lab', address: '' }) as const;

  beforeAll(async () => {
    ovs = await PrivateOvs.start();
  });
  afterAll(() => ovs.stop());
  beforeEach(async () => {
    base = await mkdtemp(join(tmpdir(), 'dhcp-'));
    host = createLinuxDhcp({ base, prefix, within: ovs.within });
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
    await ports.addHostTap(hostTap('dhcp0', 5));
    running = await host.start(order(3, 'dhcp0'));
  });
  afterEach(async () => {
    for (const id of await host.found()) await host.remove(id);
    await ports.removeHostTaps(['dhcp0']);
    await ports.removePorts(ports.state().ports.map(({ tap }) => tap));
    await ports.removeBridge('vms');
    await ports.stop();
    await rm(base, { recursive: true, force: true });
  });

  test('gives leases on its VLAN and none on another one, and shows them', async () => {
    await guestOn('mega_tap1', 5);
    await guestOn('mega_tap2', 6);
    const told: (readonly Lease[])[] = [];
    const stop = host.followLeases(3, (leases) => told.push(leases));
    expect(await ask('mega_tap1', 'web1')).toMatch(/^lease 10\.9\.0\.(1\d|20) router 10\.9\.0\.254 dns 10\.9\.0\.1$/);
    expect(await ask('mega_tap2', 'web2', 2)).toBe('none');
    await expect.poll(() => told.at(-1)).toMatchObject([{ mac: '02:00:00:00:00:01', name: 'web1' }]);
    stop();
    // One that starts again knows what it has given.
    running = await host.start(order(3, 'dhcp0'));
    expect(await ask('mega_tap1', 'web1')).toContain(`lease ${told.at(-1)?.[0]?.ip ?? '?'} `);
  });

  test('has no right of root, and an interface that the machine does not have', async () => {
    const status = readFileSync(`/proc/${running.pid}/status`, 'utf8');
    expect(status).toMatch(/^Uid:\t2110000003\t2110000003\t2110000003\t2110000003$/m);
    expect(status).toMatch(/^Groups:\s*$/m);
    expect(status).toMatch(/^NoNewPrivs:\t1$/m);
    // CAP_NET_BIND_SERVICE and CAP_NET_ADMIN (linux/capability.h).
    expect(status).toMatch(new RegExp(`^CapBnd:\t0{12}1400$`, 'm'));
    expect(await ovs.run('ip', '-o', 'link', 'show')).not.toContain('dhcp0');
    expect(readFileSync(join(host.folderOf(3), 'dnsmasq.conf'), 'utf8')).toContain('no-resolv\nno-hosts\n');
  });

  test('serves on after Open vSwitch was started again and made its interface again', async () => {
    await guestOn('mega_tap1', 5);
    await ovs.stopSwitch();
    await ovs.startSwitch();
    await expect.poll(() => ports.view().links.has('dhcp0'), { timeout: 20_000 }).toBe(true);
    expect(await host.isPlaced(order(3, 'dhcp0'))).toBe(false);
    await host.start(order(3, 'dhcp0'));
    expect(await host.isPlaced(order(3, 'dhcp0'))).toBe(true);
    await expect.poll(() => ask('mega_tap1', 'web1', 2), { timeout: 30_000 }).toMatch(/^lease 10\.9\.0\./);
  });

  test('reports its end, and says why it cannot start', async () => {
    const died = Promise.withResolvers<null>();
    host.onEnd(running, () => died.resolve(null));
    process.kill(running.pid, 'SIGKILL');
    await died.promise;
    expect(host.isRunning(running)).toBe(false);
    const wrong = { ...order(3, 'dhcp0'), config: () => 'dhcp-range=nonsense\n' };
    await expect(host.start(wrong)).rejects.toMatchObject({
      message: expect.stringContaining('bad dhcp-range') as string,
    });
  });

  test('goes with its network and its folder, also when an earlier daemon started it', async () => {
    expect(await host.found()).toEqual([3]);
    await createLinuxDhcp({ base, prefix, within: ovs.within }).remove(3);
    expect(host.isRunning(running)).toBe(false);
    expect(await host.found()).toEqual([]);
    expect((await readdir('/run/netns')).filter((name) => name.startsWith(prefix))).toEqual([]);
    await host.remove(3);
  });
});
