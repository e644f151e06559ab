// The lab itself, on real nodes. Tests run in order on one lab of three nodes and one of a single stock node.
import { mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { readProcessIdentity } from '../host/detached.ts';
import { CommandError, localRunner } from '../host/runner.ts';
import { processesOfGroup } from './cgroups.ts';
import { ensureGuest } from './guest.ts';
import { openLab, type NodeResult } from './lab.ts';
import { defaultCache, labPaths, nodePaths } from './layout.ts';
import { mountsBelow } from './mounts.ts';
import { leaderOf } from './node.ts';

const base = '/var/lib/meshdeck-lab-test';
const lab = openLab({ name: 'test-a', base });
const stock = openLab({ name: 'test-b', base });
const run = async (node: string, ...argv: string[]) => (await lab.exec(node, argv)).stdout.trim();
/** Runs sh text in a node: tests need pipes. */
const sh = (node: string, text: string) => run(node, 'sh', '-c', text);
const pings = (node: string, target: string) =>
  lab.exec(node, ['ping', '-c', '2', '-i', '0.3', '-W', '1', '-q', target]).then(
    () => true,
    () => false,
  );
/** Asks until the answer is as hoped, at most this long: carriers and MAC tables take a moment. */
async function eventually(check: () => Promise<boolean>, timeoutMs = 60_000): Promise<boolean> {
  const endAt = performance.now() + timeoutMs;
  while (performance.now() < endAt) {
    if (await check()) return true;
    await sleep(200);
  }
  return false;
}
const ssh = (user: string, address: string, ...argv: string[]) => {
  const options = ['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'LogLevel=ERROR', 'ConnectTimeout=5'];
  const flags = options.flatMap((option) => ['-o', option]);
  return localRunner.run(['sshpass', '-p', 'lab', 'ssh', ...flags, `${user}@${address}`, ...argv]);
};

let results: NodeResult[] = [];
let stockResults: NodeResult[] = [];

beforeAll(async () => {
  await Promise.all([lab.down(), stock.down()]);
  [results, stockResults] = await Promise.all([lab.up({ nodes: 3 }), stock.up({ nodes: 1, login: 'sudo' })]);
});
afterAll(async () => {
  await Promise.all([lab.down(), stock.down()]);
});

describe('a fresh lab', () => {
  it('has every node ready, in two labs side by side', async () => {
    expect([...results, ...stockResults].map(({ name, error }) => ({ name, error }))).toEqual(
      ['node1', 'node2', 'node3', 'node1'].map((name) => ({ name, error: null })),
    );
    const [first, second] = await Promise.all([lab.status(), stock.status()]);
    expect(first.subnet).not.toBe(second.subnet);
    for (const node of [...first.nodes, ...second.nodes]) {
      expect(node).toMatchObject({ power: 'on', system: 'running', sshd: true, openVswitch: true, faults: [] });
      expect(node.addresses).toEqual([node.plannedAddress]);
    }
  });

  it('gives each node its own identity, no root keys, and only what Debian brings', async () => {
    const identities = await Promise.all(
      ['node1', 'node2'].map((node) => sh(node, 'hostname; cat /etc/machine-id /etc/ssh/ssh_host_ed25519_key.pub')),
    );
    const [first, second] = identities.map((text) => text.split('\n'));
    expect(first?.[0]).toBe('node1');
    expect(second?.[0]).toBe('node2');
    expect(first?.[1]).toMatch(/^[0-9a-f]{32}$/);
    expect(first?.[1]).not.toBe(second?.[1]);
    expect(first?.[2]).not.toBe(second?.[2]);
    expect(await sh('node1', 'ls /root/.ssh 2>/dev/null; command -v zstd; ovs-vsctl list-br; true')).toBe('');
    expect(await sh('node1', 'ls /usr/bin/qemu-system-x86_64 /sbin/ifup')).toContain('qemu-system-x86_64');
  });

  it('resolves names both ways', async () => {
    const address = await lab.address('node2');
    expect(await run('node1', 'getent', 'ahostsv4', 'node2')).toContain(address);
    expect(await run('node1', 'getent', 'hosts', address)).toMatch(/\snode2$/);
    expect(await pings('node1', 'node3')).toBe(true);
  });

  it('takes root’s password over SSH, or as stock Debian only the user’s', async () => {
    expect((await ssh('root', await lab.address('node1'), 'hostname')).stdout).toBe('node1\n');
    const address = await stock.address('node1');
    await expect(ssh('root', address, 'true')).rejects.toThrow('Permission denied');
    expect((await ssh('debian', address, 'echo lab | sudo -S id -u')).stdout).toBe('0\n');
  });
});

describe('exec', () => {
  it('passes stdin, output and the exit code', async () => {
    expect((await lab.exec('node1', ['cat'], { stdin: 'hello' })).stdout).toBe('hello');
    const failed = lab.exec('node1', ['sh', '-c', 'echo no >&2; exit 7']);
    await expect(failed).rejects.toBeInstanceOf(CommandError);
    await expect(failed).rejects.toMatchObject({
      exitCode: 7,
      stderr: 'no\n',
      message: expect.stringContaining('node1') as string,
    });
  });
  it('kills what runs over its deadline', async () => {
    await expect(lab.exec('node1', ['sleep', '4711'], { timeoutMs: 300 })).rejects.toMatchObject({ code: 'timeout' });
    expect(await eventually(async () => (await sh('node1', 'pgrep -f "[s]leep 4711" || true')) === '')).toBe(true);
  });
  it('cannot set this machine’s clock, and neither can the fault', async () => {
    await expect(lab.exec('node1', ['date', '-s', '@0'])).rejects.toThrow('not permitted');
    await expect(lab.fault.clock('node1', 3600)).rejects.toMatchObject({ code: 'refused' });
  });
  it('names what is not there', async () => {
    await expect(lab.exec('node9', ['true'])).rejects.toThrow('no node node9 in lab test-a: it has node1 node2 node3');
    await expect(openLab({ name: 'no-lab', base }).status()).rejects.toMatchObject({ code: 'not-found' });
  });
});

describe('faults', () => {
  // A test that fails half-way must not make later ones fail.
  afterEach(async () => {
    await lab.fault.dhcp('on');
    await lab.fault.heal();
    await lab.fault.link('node3', 'up');
  });

  it('power off and on keeps the disk and nothing else', async () => {
    await sh('node3', 'echo kept > /root/kept; echo lost > /tmp/lost; sync');
    const before = await leaderOf(labPaths(base, 'test-a'), 'node3');
    await lab.fault.power('node3', 'off');
    expect(await pings('node1', 'node3')).toBe(false);
    await expect(lab.exec('node3', ['true'])).rejects.toMatchObject({ code: 'unreachable' });
    await lab.copyIn('node3', new URL('packages.txt', import.meta.url).pathname, '/root/copied');
    await lab.fault.power('node3', 'on');
    const health = await lab.ready('node3');
    expect(health.addresses).toEqual([await lab.address('node3')]);
    expect(await sh('node3', 'cat /root/kept; head -n1 /root/copied; ls /tmp/lost 2>/dev/null || true')).toMatch(
      /^kept\n# Debian packages[^\n]*$/,
    );
    expect(await leaderOf(labPaths(base, 'test-a'), 'node3')).not.toBe(before);
    expect(await pings('node1', 'node3')).toBe(true);
  });

  it('a node that reboots comes back', async () => {
    const paths = labPaths(base, 'test-a');
    const before = await leaderOf(paths, 'node2');
    await sh('node2', 'systemctl reboot');
    expect(
      await eventually(async () => {
        const leader = await leaderOf(paths, 'node2');
        return leader !== null && leader !== before;
      }),
    ).toBe(true);
    await lab.ready('node2');
    expect(await pings('node1', 'node2')).toBe(true);
  });

  it('link down takes the carrier, and up gives it back', async () => {
    await lab.fault.link('node3', 'down');
    expect(await sh('node3', 'cat /sys/class/net/eth0/carrier')).toBe('0');
    expect(await pings('node1', 'node3')).toBe(false);
    expect((await lab.status()).nodes[2]?.faults).toEqual(['link down']);
    await lab.fault.link('node3', 'up');
    expect(await eventually(() => pings('node1', 'node3'))).toBe(true);
  });

  it('dhcp off gives no lease, other-range another address, and names keep working', async () => {
    // A dhclient that remembers a lease would fall back on it.
    const ask =
      'pkill -x dhclient; rm -f /var/lib/dhcp/*; ip address flush dev eth0; ' +
      'timeout -s KILL 5 dhclient -1 eth0 >/dev/null 2>&1; hostname -I';
    await lab.fault.dhcp('off');
    expect(await run('node1', 'getent', 'hosts', 'node2')).toContain(await lab.address('node2'));
    expect(await sh('node3', ask)).toBe('');
    await lab.fault.dhcp('other-range');
    const other = await sh('node3', ask);
    expect(other).toMatch(/\.133$/);
    expect(await run('node1', 'getent', 'hosts', 'node3')).toContain(other);
    await lab.fault.dhcp('on');
    expect(await sh('node3', ask)).toBe(await lab.address('node3'));
  });

  it('kills by name inside one node only', async () => {
    for (const node of ['node1', 'node2'])
      await sh(node, 'cp /bin/sleep /root/meshd; /root/meshd 999 >/dev/null 2>&1 &');
    const states = () => Promise.all(['node1', 'node2'].map((node) => sh(node, 'ps -o stat= -C meshd || true')));
    expect(await lab.fault.signal('node1', 'meshd', 'SIGSTOP')).toBe(1);
    expect(await states()).toEqual([expect.stringMatching(/^T/), expect.stringMatching(/^S/)]);
    expect(await lab.fault.signal('node1', 'meshd', 'SIGCONT')).toBe(1);
    expect(await lab.fault.signal('node1', 'meshd', 'SIGKILL')).toBe(1);
    expect(await eventually(async () => (await states())[0] === '')).toBe(true);
    expect((await states())[1]).toMatch(/^S/);
    await expect(lab.fault.signal('node1', 'meshd', 'SIGKILL')).rejects.toThrow('no process named meshd');
  });

  it('partition separates the groups, over a power cycle too, until it heals', async () => {
    await lab.fault.partition([['node1'], ['node2', 'node3']]);
    await lab.fault.power('node3', 'off');
    await lab.fault.power('node3', 'on');
    await lab.ready('node3');
    expect(await pings('node1', 'node2')).toBe(false);
    expect(await pings('node3', 'node1')).toBe(false);
    expect(await pings('node2', 'node3')).toBe(true);
    // DHCP, DNS and this machine stay in reach of both.
    expect(await run('node1', 'getent', 'hosts', 'node3')).toContain(await lab.address('node3'));
    await lab.fault.heal();
    expect(await eventually(() => pings('node1', 'node2'))).toBe(true);
    await expect(lab.fault.partition([['node1'], ['node1']])).rejects.toMatchObject({ code: 'invalid' });
  });
});

describe('bridges, VLANs and a guest on the nodes', () => {
  const bridge = (node: number) =>
    [
      'ovs-vsctl add-br b -- set bridge b datapath_type=netdev -- add-port b eth0',
      ...[120, 121].flatMap((vlan) => [
        `ovs-vsctl add-port b v${vlan} tag=${vlan} -- set interface v${vlan} type=internal`,
        `ip address add 172.30.${vlan}.${node}/24 dev v${vlan}`,
        `ip link set v${vlan} up`,
      ]),
    ].join(' && ');

  it('carries 802.1Q tags from one node’s bridge to another’s, and drops the VLAN that a trunk leaves out', async () => {
    await Promise.all([sh('node1', bridge(1)), sh('node2', bridge(2))]);
    expect(await eventually(() => pings('node1', '172.30.120.2'))).toBe(true);
    expect(await eventually(() => pings('node1', '172.30.121.2'))).toBe(true);
    await lab.fault.dropVlans('node2', [120]);
    expect(await pings('node1', '172.30.120.2')).toBe(false);
    expect(await pings('node1', '172.30.121.2')).toBe(true);
    await lab.fault.dropVlans('node2', []);
    expect(await eventually(() => pings('node1', '172.30.120.2'))).toBe(true);
    // 64 kB segments or missing checksums would not pass through a node's own bridge.
    const receive = "import socket; s = socket.create_server(('172.30.120.2', 5001)); c, _ = s.accept()\n";
    const count = 'n = 0\nwhile d := c.recv(65536): n += len(d)\nprint(n)';
    const received = run('node2', 'timeout', '20', 'python3', '-c', receive + count);
    const send = "import socket; c = socket.create_connection(('172.30.120.2', 5001)); c.sendall(b'x' * 20_000_000)";
    expect(
      await eventually(() =>
        run('node1', 'timeout', '15', 'python3', '-c', send).then(
          () => true,
          () => false,
        ),
      ),
    ).toBe(true);
    expect(await received).toBe('20000000');
  });

  it('boots the guest on one node, and it answers another node on its VLAN', async () => {
    const guest = await ensureGuest(defaultCache, () => undefined);
    await lab.copyIn('node1', guest.kernel, '/root/guest/vmlinuz');
    await lab.copyIn('node1', guest.initramfs, '/root/guest/initramfs.gz');
    const qemu = [
      'qemu-system-x86_64 -accel tcg -m 96 -display none -serial null -monitor none -daemonize',
      '-kernel /root/guest/vmlinuz -initrd /root/guest/initramfs.gz -append "quiet ip=172.30.120.9/24 hostname=web1"',
      '-netdev tap,id=n,ifname=vm0,script=no,downscript=no -device virtio-net-pci,netdev=n',
    ];
    await sh('node1', `${qemu.join(' ')} && ovs-vsctl add-port b vm0 tag=120 && ip link set vm0 up`);
    expect(await eventually(() => pings('node2', '172.30.120.9'))).toBe(true);
  });
});

describe('up and down', () => {
  it('up continues an existing lab: starts nodes that are off, adds missing ones, refuses other options', async () => {
    await lab.fault.power('node2', 'off');
    const leader = await leaderOf(labPaths(base, 'test-a'), 'node3');
    // Node 1's bridge took its address's traffic away; a power cycle gives it a fresh machine.
    await lab.fault.power('node1', 'off');
    const again = await lab.up({ nodes: 4 });
    expect(again.map(({ name, error }) => ({ name, error }))).toEqual(
      [1, 2, 3, 4].map((index) => ({ name: `node${index}`, error: null })),
    );
    expect(await leaderOf(labPaths(base, 'test-a'), 'node3')).toBe(leader);
    await expect(lab.up({ nodes: 4, login: 'sudo' })).rejects.toMatchObject({ code: 'conflict' });
    await expect(lab.up({ nodes: 0 })).rejects.toMatchObject({ code: 'invalid' });
  });

  it('clones share their keys and machine-id', async () => {
    await stock.down();
    await stock.up({ nodes: 2, login: 'root', cloneIdentity: true });
    const read = (node: string) => stock.exec(node, ['cat', '/etc/machine-id', '/etc/ssh/ssh_host_ecdsa_key.pub']);
    expect((await read('node1')).stdout).toBe((await read('node2')).stdout);
  });

  it('down leaves nothing, even after a half-failed up', async () => {
    const half = openLab({ name: 'test-c', base });
    const failed = await half.up({ nodes: 2, timeoutMs: 1 });
    expect(failed.every(({ error }) => error !== null)).toBe(true);
    const paths = labPaths(base, 'test-c');
    const namespaces = await Promise.all(
      [paths.namespace, nodePaths(paths, 'node1').namespace].map(async (file) => (await stat(file)).ino),
    );
    const processes = await processesOfGroup('test-c', '');
    expect(processes.length).toBeGreaterThan(3);

    await Promise.all([half.down(), lab.down(), stock.down()]);
    await half.down();

    await expect(stat(base)).rejects.toThrow('ENOENT');
    expect(await mountsBelow(base)).toEqual([]);
    for (const name of ['test-a', 'test-b', 'test-c']) {
      expect(await processesOfGroup(name, '')).toEqual([]);
      expect((await localRunner.run(['ip', '-o', 'link'])).stdout).not.toContain(`mdl-${name}`);
      const groups = (
        await localRunner.run(['find', '/sys/fs/cgroup', '-type', 'd', '-path', `*/meshdeck-lab/${name}*`])
      ).stdout;
      expect(groups).toBe('');
      const left = (await localRunner.run(['find', '/run/systemd/nspawn', '-name', `meshdeck-lab-${name}-*`])).stdout;
      expect(left).toBe('');
    }
    // No process keeps one of its network namespaces.
    for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
      const namespace = await stat(`/proc/${pid}/ns/net`).catch(() => null);
      if (namespace) expect(namespaces).not.toContain(namespace.ino);
    }
    // A zombie holds nothing; it waits for this machine's PID 1 to look at it.
    for (const pid of processes) {
      const groups = readProcessIdentity(pid) && (await readFile(`/proc/${pid}/cgroup`, 'utf8').catch(() => ''));
      expect(groups ?? '').not.toContain('test-c');
    }
  });
});

describe('command line', () => {
  it('passes exit codes through and says what is wrong', async () => {
    const scratch = await mkdtemp(join(tmpdir(), 'meshdeck-lab-cli-'));
    const main = new URL('main.ts', import.meta.url).pathname;
    const cli = (...argv: string[]) =>
      localRunner.run([process.execPath, main, '--base', join(scratch, 'labs'), ...argv]).then(
        () => 0,
        (error: unknown) => (error instanceof CommandError ? [error.exitCode, error.stderr.split('\n')[0]] : error),
      );
    expect(await cli('status')).toEqual([1, 'lab: no lab lab: `lab up --nodes 3 --name lab` starts it']);
    expect(await cli('up', '--nodes', 'x')).toEqual([2, expect.stringContaining('a number of nodes')]);
    expect(await cli('up', '--nodes', '101')).toEqual([2, 'lab: 101 nodes: a lab has 1 to 100']);
    expect(await cli('exec', 'node[5-2]', '--', 'true')).toEqual([2, expect.stringContaining('node[5-2]')]);
    await writeFile(join(scratch, 'unrelated'), '');
    expect(await cli('down')).toBe(0);
    expect(await readdir(scratch)).toEqual(['unrelated']);
    await rm(scratch, { recursive: true });
  });
});
