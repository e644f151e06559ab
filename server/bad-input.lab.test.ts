// What goes wrong on real nodes, through the real server: each is an error of its node that says what, where and what to do
// next, and the other nodes continue. What meshdeck's own lab tests show (cli/*.lab.test.ts) is not repeated: a wrong password, sudo,
// root forbidden, a read-only /root, a key that changed before the plan.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { logIn, openBrowser, RunWatch, startConsole, startRun } from '../lab/console.ts';
import type { ConsoleProcess } from '../lab/console.ts';
import { openLab } from '../lab/lab.ts';
import { nodePassword } from '../lab/node.ts';
import { hurry, placeSlowPackage, timesConfigured } from '../lab/slow-package.ts';
import type { ConsoleClient } from '../lib/client.ts';

const lab = openLab({ name: 'badinput' });
const names = ['node1', 'node2', 'node3', 'node4'] as const;
const secrets = { 'password:root': nodePassword };
let folder = '';
let server: ConsoleProcess;
let cookie = '';
let client: ConsoleClient;
const items: Record<string, string> = {};

const sh = async (node: string, script: string) => (await lab.exec(node, ['sh', '-c', script])).stdout.trim();
const listOf = (...nodes: string[]) => nodes.map((node) => items[node]).join(',');
const add = async (nodes: string, form: Record<string, unknown> = {}) => {
  const { plan, run } = await startRun(client, 'add-nodes', { nodes, ...form }, secrets);
  return { plan, watch: await RunWatch.open(client, run.id) };
};
const errorOf = (watch: RunWatch, key: string) => watch.steps.get(key)?.error ?? '';
const over = (watch: RunWatch, timeoutMs?: number) =>
  watch.until('the run is over', ({ summary }) => summary.endedAt !== null, timeoutMs);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meshdeck-bad-'));
  await lab.down();
  const results = await lab.up({ nodes: names.length });
  expect(results.filter(({ error }) => error !== null)).toEqual([]);
  for (const node of names) items[node] = `${node}=${await lab.address(node)}`;
  server = await startConsole(join(folder, 'data'));
  cookie = await logIn(server);
  client = await openBrowser(server, cookie);
});
afterAll(async () => {
  await server.stop();
  await lab.down();
  await rm(folder, { recursive: true, force: true });
});

describe('what is typed', () => {
  const long = 'x'.repeat(300_000);
  test.each([
    ['a range of 5,000', 'add-nodes', { nodes: 'node[1-5000]' }, 'nodes', 'more than 1000 nodes in one run'],
    ['a block of 16 million', 'add-nodes', { nodes: '10.0.0.0/8' }, 'nodes', 'scan blocks of /22 or smaller'],
    ['markup as a node', 'add-nodes', { nodes: '<img src=x onerror=alert(1)>' }, 'nodes', 'is not a host name'],
    ['an option as a node', 'add-nodes', { nodes: '-oProxyCommand=reboot' }, 'nodes', 'is not a host name'],
    ['a command as a node', 'add-nodes', { nodes: 'node1;reboot' }, 'nodes', 'is not a host name'],
    ['a NUL in a node', 'add-nodes', { nodes: 'node1\0' }, 'nodes', 'has the character U+0000'],
    ['a path as an address', 'add-nodes', { nodes: 'node1=/etc/passwd' }, 'nodes', 'is not a host name'],
    ['a very long list', 'add-nodes', { nodes: long }, 'nodes', ''],
    ['a command as a user', 'add-nodes', { nodes: 'node1', user: 'root; reboot' }, 'user', 'a login name'],
    ['an option as a user', 'add-nodes', { nodes: 'node1', user: '-oX' }, 'user', 'a login name'],
    ['a port that is not a number', 'add-nodes', { nodes: 'node1', port: '22 -oX' }, 'port', ''],
    ['a list as nodes', 'add-nodes', { nodes: ['node1'] }, 'nodes', ''],
    ['a deploy of 5,000', 'deploy', { head: 'node1', nodes: 'node[1-5000]' }, 'nodes', 'at most 1,000'],
    ['a head that nobody knows', 'deploy', { head: '<b>x</b>', nodes: 'node1' }, 'head', 'does not know'],
    [
      'a context with markup',
      'deploy',
      { head: 'node1', nodes: 'node1', context: '<b>' },
      'context',
      'letters, digits',
    ],
    [
      'a context with a flag',
      'deploy',
      { head: 'node1', nodes: 'node1', context: 'a -x' },
      'context',
      'letters, digits',
    ],
    ['a degree of 0', 'deploy', { head: 'node1', nodes: 'node1', degree: 0 }, 'degree', ''],
    ['a node to remove', 'remove-node', { nodes: '../x', confirm: '../x' }, 'nodes', 'does not know'],
    ['a node to replace', 'replace-node', { node: "'; rm -rf /", confirm: "'; rm -rf /" }, 'node', 'does not know'],
    ['nodes to rotate', 'rotate-key', { nodes: '$(reboot)' }, 'nodes', ''],
    ['nodes without password', 'passwordless-root', { nodes: 'n1', confirm: 'yes' }, 'confirm', ''],
  ] as const)('%s is an error at its field, and starts nothing', async (_what, kind, form, field, text) => {
    const error: unknown = await client
      .call('plans.make', { kind, form, secrets: {} })
      .catch((cause: unknown) => cause);
    expect(error).toMatchObject({ code: 'invalid', detail: { field } });
    expect((error as Error).message).toContain(text);
    // It names what was typed, and does not repeat all of it.
    expect((error as Error).message.length).toBeLessThan(600);
  });

  test('and nothing was changed by any of it', async () => {
    expect(await client.call('runs.list', { limit: 10 })).toEqual([]);
    for (const node of names) expect(await sh(node, 'ls -A /root/.ssh 2>/dev/null || true')).toBe('');
  });
});

describe('one node of many', () => {
  test('that does not answer is named with the reason, and the others are added', async () => {
    await lab.fault.power('node4', 'off');
    try {
      const { plan, watch } = await add(listOf('node1', 'node4'));
      expect(plan.warnings.join()).toMatch(/node4.*is it powered on/);
      await over(watch);
      expect(watch.states()).toMatchObject({
        'pinHostKey node4': 'failed',
        'ensureKey node4': 'skipped',
        'observePreflight node1': 'unchanged',
      });
      expect(errorOf(watch, 'pinHostKey node4')).toMatch(/^node4.*is it powered on/);
    } finally {
      await lab.fault.power('node4', 'on');
      await lab.up({ nodes: names.length });
    }
  });

  test('whose /root is full says so, and the others are added', async () => {
    await sh('node2', 'mount -t tmpfs -o size=16k tmpfs /root && { cat /dev/zero >/root/filler 2>/dev/null || true; }');
    try {
      const { watch } = await add(listOf('node2', 'node3'));
      await over(watch);
      expect(watch.states()).toMatchObject({ 'ensureKey node2': 'failed', 'observePreflight node3': 'unchanged' });
      expect(errorOf(watch, 'ensureKey node2')).toMatch(/^node2: .*a disk there is full, or fails: look with df -h/s);
      expect(await sh('node2', 'ls -A /root/.ssh 2>/dev/null || true')).toBe('');
    } finally {
      await sh('node2', 'cd / && umount -l /root');
    }
  });

  test('that changes its host key after the plan gets no more commands, and the error shows both fingerprints', async () => {
    const fingerprint = () => sh('node2', 'ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub | cut -d" " -f2');
    const before = await fingerprint();
    const plan = await client.call('plans.make', {
      kind: 'add-nodes',
      form: { nodes: listOf('node2', 'node3') },
      secrets: {},
    });
    await sh(
      'node2',
      'mkdir /run/keys && cp -a /etc/ssh/ssh_host_* /run/keys && rm /etc/ssh/ssh_host_* && ssh-keygen -A && systemctl restart ssh',
    );
    const after = await fingerprint();
    try {
      const { id } = await client.call('runs.start', { plan: plan.id, secrets });
      const watch = await RunWatch.open(client, id);
      await over(watch);
      expect(watch.states()).toMatchObject({ 'ensureKey node2': 'failed', 'observePreflight node3': 'unchanged' });
      const text = errorOf(watch, 'ensureKey node2');
      expect(text).toContain(before);
      expect(text).toContain(after);
      expect(text).toContain('meshdeck nodes replace node2');
      expect(await sh('node2', 'ls -A /root/.ssh 2>/dev/null || true')).toBe('');
    } finally {
      await sh('node2', 'cp -a /run/keys/* /etc/ssh/ && systemctl restart ssh');
    }
  });

  test('that calls itself something else than a name is not taken in under it', async () => {
    const uname = `#!/bin/sh
      [ "$1" = -n ] || exec /usr/bin/uname "$@"
      printf 'x\\nnode1 ssh-ed25519 AAAA<img src=x onerror=alert(1)>\\n'`;
    await lab.exec('node3', ['sh', '-c', 'cat >/usr/local/bin/uname && chmod 755 /usr/local/bin/uname'], {
      stdin: uname,
    });
    await sh('node3', `printf 'PRETTY_NAME="<script>alert(1)</script>\\033[2J"\\nID=debian\\n' >/etc/os-release`);
    try {
      await sh('node3', 'rm -rf /root/.ssh');
      const { watch } = await add(listOf('node3'));
      await over(watch);
      expect(watch.states()).toMatchObject({ 'proveKeyLogin node3': 'failed', 'observePreflight node3': 'skipped' });
      expect(errorOf(watch, 'proveKeyLogin node3')).toMatch(
        /^node3 calls itself ".*not a host name.*hostnamectl set-hostname/,
      );
      await sh('node3', 'rm /usr/local/bin/uname');
      watch.summary = await client.call('runs.retry', { run: watch.summary.id, secrets });
      await over(watch);
      expect(watch.summary.state, watch.describe()).toBe('done');
      // What it says of itself is text: bounded, and for the screen to draw as text.
      const { facts } = watch.steps.get('observePreflight node3')?.result as { facts: { os: string } };
      expect(facts.os).toContain('<script>alert(1)</script>');
    } finally {
      await sh('node3', 'rm -f /usr/local/bin/uname');
    }
  });
});

describe('nodes that hang, and others that hold them', () => {
  test('each ends at its deadline, and the healthy node is done long before', async () => {
    for (const [node, seconds] of [
      ['node1', 600],
      ['node2', 1],
      ['node3', 60],
      ['node4', 60],
    ] as const) {
      await placeSlowPackage(lab, node, seconds);
    }
    // Another apt at work on node2, for longer than ours waits. systemd-run: what `exec` leaves behind ends with it.
    const hold = `$0 = 'unattended-upgr'; use Fcntl; open(F, '>>', '/var/lib/dpkg/lock-frontend') or die;
      my $lock = pack('ssx4qqi', F_WRLCK, 0, 0, 0, 0); fcntl(F, F_SETLK, $lock) or die; sleep 600`;
    await lab.exec('node2', ['sh', '-c', 'cat >/run/apt-holder'], { stdin: hold });
    await lab.exec('node2', ['systemd-run', '-q', '--unit=apt-holder', 'perl', '/run/apt-holder']);
    const { watch } = await add(listOf(...names), { install: true });
    const startedAt = performance.now();
    const seconds = () => Math.round((performance.now() - startedAt) / 1_000);
    const atWork = (node: string) => watch.steps.get(`ensurePackages ${node}`)?.state === 'running';
    await watch.until('packages are installed on all', () => names.every(atWork), 60_000);

    // Meanwhile another console wants a node that this one holds.
    const other = await startConsole(join(folder, 'other'));
    try {
      const rival = await openBrowser(other, await logIn(other));
      const { run } = await startRun(rival, 'add-nodes', { nodes: listOf('node1') }, secrets);
      const rivals = await RunWatch.open(rival, run.id);
      await over(rivals);
      expect(rivals.states(), rivals.describe()).toMatchObject({ 'ensureKey node1': 'failed' });
      expect(errorOf(rivals, 'ensureKey node1')).toMatch(
        /^node1 is held by Root <root@example\.org> at \S+ \(run [0-9a-f]{8}, seen \d+ s ago\): wait for its end and retry/,
      );
    } finally {
      await other.stop();
    }

    await lab.fault.signal('node3', 'sshd', 'SIGSTOP');
    await lab.fault.link('node4', 'down');
    try {
      await hurry(lab, 'node1');
      await watch.until('node1 is done', ({ steps }) => steps.get('ensurePackages node1')?.state === 'done');
      const doneAfter = seconds();
      expect(watch.states()).toMatchObject({ 'ensurePackages node3': 'running', 'ensurePackages node4': 'running' });
      // Its lock is free at once: the others hold up nothing of it.
      await expect.poll(() => sh('node1', 'cat /run/meshdeck/lock 2>/dev/null || echo free')).toBe('free');
      await watch.until('the hanging nodes are given up', ({ steps }) =>
        ['node3', 'node4'].every((node) => steps.get(`ensurePackages ${node}`)?.state === 'failed'),
      );
      const givenUpAfter = seconds();
      for (const node of ['node3', 'node4']) {
        expect(errorOf(watch, `ensurePackages ${node}`)).toMatch(/SSH connection to node\d was lost/);
      }
      await over(watch, 90_000);
      process.stdout.write(
        `the node that is well was done after ${doneAfter} s, the hanging ones given up after ${givenUpAfter} s, all over after ${seconds()} s\n`,
      );
      expect(errorOf(watch, 'ensurePackages node2')).toMatch(
        /^node2: another \S+ \(process \d+\) holds the lock of apt there: wait for its end, then retry/,
      );
    } finally {
      await lab.fault.signal('node3', 'sshd', 'SIGCONT');
      await lab.fault.link('node4', 'up');
      await sh('node2', 'systemctl stop apt-holder || true');
      await Promise.all(names.map((node) => hurry(lab, node)));
    }
    // Recovery: once they answer again, a retry does what is left, and nothing twice.
    watch.summary = await client.call('runs.retry', { run: watch.summary.id, secrets });
    await over(watch, 120_000);
    expect(watch.summary.state, watch.describe()).toBe('done');
    expect(await Promise.all(names.map((node) => timesConfigured(lab, node)))).toEqual([1, 1, 1, 1]);
  });

  test('a run outlives the session that started it', async () => {
    await placeSlowPackage(lab, 'node1', 5);
    const { watch } = await add(listOf('node1'), { install: true });
    await watch.until('it is at work', ({ steps }) => steps.get('ensurePackages node1')?.state === 'running');
    const elsewhere = await openBrowser(server, await logIn(server));
    await elsewhere.call('sessions.revokeOthers', {});
    await expect
      .poll(() => client.connection.get())
      .toMatchObject({
        state: 'ended',
        reason: 'You were logged out from another place.',
      });
    const seen = await RunWatch.open(elsewhere, watch.summary.id);
    expect(seen.summary.state).toBe('running');
    await over(seen);
    expect(seen.summary.state, seen.describe()).toBe('done');
    client = elsewhere;
  });

  test('a disk without space for meshd is found before anything is copied', async () => {
    await sh('node1', 'mkdir -p /opt/meshd && mount -t tmpfs -o size=20m tmpfs /opt/meshd');
    try {
      const { run } = await startRun(client, 'deploy', { head: 'node1', nodes: 'node1', context: 'john' });
      const watch = await RunWatch.open(client, run.id);
      await over(watch);
      expect(watch.states()).toMatchObject({ 'ensureTree node1': 'failed', 'ensureHeadService node1': 'skipped' });
      expect(errorOf(watch, 'ensureTree node1')).toMatch(/^node1 cannot run meshd: .*MB/);
      expect(await sh('node1', 'find /opt/meshd -type f | wc -l')).toBe('0');
    } finally {
      await sh('node1', 'umount -l /opt/meshd');
    }
  });
});
