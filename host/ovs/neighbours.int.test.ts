// Guests' addresses from what they say on a real bridge: frames are forwarded as before, and nothing of ours stays behind.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { localRunner } from '../runner.ts';
import type { LinuxHost } from './linux-host.ts';
import { hasOpenVSwitch, NamespaceGuest, PrivateOvs } from './private-ovs.ts';

describe.skipIf(!hasOpenVSwitch)('addresses of guests on a real bridge', () => {
  let ovs: PrivateOvs;
  let host: LinuxHost;
  /** What ARP and IPv6 they speak is the kernel's. */
  let guests: NamespaceGuest[];
  let learnt: string[];
  const taps = new Set(['g0', 'g1']);
  const ping = (from: number, to: string) => guests[from]?.ping(to);
  const macOf = (index: number) => guests[index]?.mac() ?? '';
  const flows = async () =>
    (await localRunner.run(['ovs-ofctl', '-O', 'OpenFlow13', 'dump-flows', `unix:${ovs.folder}/vms.mgmt`])).stdout
      .split('\n')
      .filter((line) => line.includes('actions='))
      .map((line) => line.replace(/.*table=0, n_packets=\d+, n_bytes=\d+, (idle_age=\d+, )?/, ''));

  const start = () => host.start({ changed: () => host.listen(taps), learnt: (tap) => learnt.push(tap) });

  const plug = async (index: number) => {
    const cable = `g${index}`;
    const guest = await NamespaceGuest.plug(ovs, cable);
    guests.push(guest);
    await guest.run('ip', 'address', 'add', `10.9.0.${index + 1}/24`, 'dev', 'eth0');
    await guest.run('ip', 'address', 'add', `fd00::${index + 1}/64`, 'dev', 'eth0', 'nodad');
    await ovs.vsctl('add-port', 'vms', cable, 'tag=5', '--', 'set', 'port', cable, 'external_ids:meshdeck-role=vm');
  };

  beforeEach(async () => {
    ovs = await PrivateOvs.start();
    guests = [];
    learnt = [];
    await ovs.vsctl('add-br', 'vms', '--', 'set', 'bridge', 'vms', 'datapath_type=netdev');
    for (const index of [0, 1]) await plug(index);
    host = ovs.host((text) => learnt.push(text));
  });
  afterEach(async () => {
    host.stop();
    for (const guest of guests) await guest.stop();
    await ovs.stop();
  });

  test('learns both guests’ addresses while they talk, over IPv4 and IPv6', async () => {
    await start();
    await expect.poll(flows).toHaveLength(7);
    expect(await ping(0, '10.9.0.2')).toBe(3);
    expect(await ping(1, 'fd00::1')).toBe(3);
    await expect
      .poll(async () => host.guestAddresses('g0', await macOf(0)))
      .toEqual({ ip4: '10.9.0.1', ip6: 'fd00::1' });
    await expect
      .poll(async () => host.guestAddresses('g1', await macOf(1)))
      .toEqual({ ip4: '10.9.0.2', ip6: 'fd00::2' });
    expect(host.guestAddresses('g1', '02:00:00:00:00:99')).toEqual({ ip4: '', ip6: '' });
    host.stop();
    await expect.poll(flows).toEqual(['priority=0 actions=NORMAL']);
    expect(await ping(0, '10.9.0.2')).toBe(3);
  });

  test('removes what a daemon that was killed left, and comes back after the switch', async () => {
    const left = 'cookie=0x6d6573686465636b,priority=1,in_port=9,arp,actions=CONTROLLER:128,NORMAL';
    await localRunner.run(['ovs-ofctl', '-O', 'OpenFlow13', 'add-flow', `unix:${ovs.folder}/vms.mgmt`, left]);
    await start();
    await expect.poll(flows).toHaveLength(7);
    expect((await flows()).join('\n')).not.toContain('in_port=9');
    await ovs.stopSwitch();
    await expect.poll(() => host.view().switchFailure).toContain('ovs-vswitchd does not serve vms');
    await ovs.startSwitch();
    await expect.poll(flows).toHaveLength(7);
    expect(host.view().switchFailure).toBe('');
    expect(await ping(0, '10.9.0.2')).toBe(3);
    await expect.poll(() => learnt).toContain('g0');
    // Its port is gone: so are the flows that named its number.
    await ovs.vsctl('del-port', 'g1');
    await expect.poll(flows).toHaveLength(4);
  });

  test('leaves a bridge alone on which others have flows', async () => {
    const foreign = 'priority=50,arp,actions=LOCAL,NORMAL';
    await localRunner.run(['ovs-ofctl', 'add-flow', `unix:${ovs.folder}/vms.mgmt`, foreign]);
    await start();
    await expect
      .poll(() => learnt)
      .toContain('vms has flows or a controller of others: addresses of guests are not learnt there');
    expect(await flows()).toHaveLength(2);
  });

  test('stops listening to a guest that says too much, while the other one is heard and frames pass', async () => {
    await start();
    await expect.poll(flows).toHaveLength(7);
    const mac = Buffer.from((await macOf(0)).replaceAll(':', ''), 'hex');
    const frames = Array.from({ length: 250 }, (_, last) =>
      Buffer.concat([
        Buffer.from('ffffffffffff', 'hex'),
        mac,
        Buffer.from('08060001080006040002', 'hex'),
        mac,
        Buffer.from([10, 9, 0, last, 0, 0, 0, 0, 0, 0, 10, 9, 0, 254]),
      ]),
    );
    await expect
      .poll(async () => {
        await guests[0]?.send(frames);
        return learnt.join('\n');
      })
      .toContain('the guest on g0 sends more than 100');
    await expect.poll(flows).toHaveLength(4);
    expect(await ping(0, '10.9.0.2')).toBe(3);
    await expect.poll(() => learnt).toContain('g1');
  });
});
