// meshdeck on real nodes, from bare machines with a root password to a mesh, by the shell alone. The tests build on each
// other from top to bottom. `kill -9` is what localRunner does to a program whose signal is aborted.
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { Plan, RunEvent, RunSummary } from '../contract/plans.ts';
import { AppError } from '../contract/errors.ts';
import { CommandError, localRunner } from '../host/runner.ts';
import { openLab } from '../lab/lab.ts';
import { exitCodes } from './exit-codes.ts';

const lab = openLab({ name: 'clitest' });
const main = fileURLToPath(new URL('./main.ts', import.meta.url));
const password = 'correct-horse-7431';
let data = '';
let list = '';

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs meshdeck; its exit code is an answer too. With `killAt` it is killed -9 as soon as a line of its output matches. */
async function meshdeck(args: readonly string[], options: { stdin?: string; killAt?: RegExp } = {}): Promise<Ended> {
  const abort = new AbortController();
  let seen = '';
  try {
    const { stdout, stderr } = await localRunner.run([process.execPath, main, '--data', data, ...args], {
      timeoutMs: 180_000,
      stdin: options.stdin ?? '',
      signal: abort.signal,
      onOutput: (text) => {
        seen += text;
        if (options.killAt?.test(seen)) abort.abort();
      },
    });
    return { code: 0, stdout, stderr };
  } catch (error) {
    if (error instanceof CommandError)
      return { code: error.exitCode ?? -1, stdout: error.stdout, stderr: error.stderr };
    if (error instanceof AppError && error.code === 'cancelled') return { code: -9, stdout: seen, stderr: '' };
    throw error;
  }
}
const sh = async (node: string, script: string, ...args: string[]) =>
  (await lab.exec(node, ['sh', '-c', script, 'sh', ...args])).stdout.trim();
const eventsOf = (text: string) =>
  text
    .split('\n')
    .filter((line) => line.startsWith('{"event"'))
    .flatMap((line) => {
      const parsed = RunEvent.safeParse(JSON.parse(line));
      return parsed.success ? [parsed.data] : [];
    });
const finalStates = (text: string) =>
  Object.fromEntries(
    eventsOf(text).flatMap((event) => (event.event === 'step' ? [[event.step.key, event.step.state]] : [])),
  );
async function newestRun(): Promise<RunSummary> {
  const { stdout } = await meshdeck(['runs', 'list', '--json']);
  const [run] = z.array(RunSummary).parse(JSON.parse(stdout));
  if (!run) throw new Error('no run');
  return run;
}
async function until(what: string, check: () => Promise<boolean>): Promise<void> {
  const endAt = performance.now() + 60_000;
  while (!(await check())) {
    if (performance.now() > endAt) throw new Error(`${what}: not within a minute`);
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}
const addFlags = ['--run', '--json', '--password-stdin', '--accept-new'];

beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'meshdeck-cli-'));
  await lab.down();
  const results = await lab.up({ nodes: 3 });
  expect(results.filter(({ error }) => error !== null)).toEqual([]);
  const items = [];
  for (const node of ['node1', 'node2', 'node3']) {
    items.push(`${node}=${await lab.address(node)}`);
    await lab.exec(node, ['chpasswd'], { stdin: `root:${password}\n` });
  }
  list = items.join(',');
});
afterAll(async () => {
  await lab.down();
  await rm(data, { recursive: true, force: true });
});

describe('nodes add', () => {
  test('shows its plan, with the host keys’ fingerprints, and changes nothing', async () => {
    const { code, stdout } = await meshdeck(['nodes', 'add', list, '--plan', '--json']);
    expect(code).toBe(exitCodes.done);
    const plan = Plan.parse(JSON.parse(stdout));
    const own = await sh('node2', 'ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub');
    const shown = plan.steps.find((step) => step.key === 'pinHostKey node2')?.preview[0]?.text.split(' ')[1] ?? 'none';
    expect(own).toContain(shown);
    expect(await sh('node2', 'ls -A /root/.ssh 2>/dev/null || true')).toBe('');
  });

  test('pins no key that nobody has looked at', async () => {
    const { code, stderr } = await meshdeck(['nodes', 'add', list, '--run', '--json', '--password-stdin']);
    expect(code).toBe(exitCodes.needsPerson);
    expect(stderr).toContain('node3: ssh-ed25519 SHA256:');
  });

  test('a wrong password stops the run, naming the nodes; with the right one it continues', async () => {
    const first = await meshdeck(['nodes', 'add', list, ...addFlags], { stdin: 'wrong\n' });
    expect(first.code).toBe(exitCodes.needsPerson);
    expect(first.stderr).toContain('needs password:root@node1, password:root@node2, password:root@node3');
    const { id, state } = await newestRun();
    expect(state).toBe('needs-secret');
    const second = await meshdeck(['runs', 'resume', id, '--json', '--password-stdin'], { stdin: `${password}\n` });
    expect(second.stderr).toBe('');
    expect(second.code).toBe(exitCodes.done);
    expect(await sh('node1', 'stat -c "%a %U" /root/.ssh /root/.ssh/authorized_keys')).toBe('700 root\n600 root');
    expect(await sh('node1', 'cat /run/meshdeck/lock 2>/dev/null || echo free')).toBe('free');
  });

  test('a second time it finds nothing to do, and asks for no password', async () => {
    const { code, stdout } = await meshdeck(['nodes', 'add', list, '--run', '--json']);
    expect(code).toBe(exitCodes.done);
    expect(new Set(Object.values(finalStates(stdout)))).toEqual(new Set(['unchanged']));
  });

  test('the password is in no file', async () => {
    for (const name of await readdir(data, { recursive: true })) {
      const content = await readFile(join(data, name)).catch(() => Buffer.alloc(0));
      expect(content.includes(password), name).toBe(false);
    }
  });

  test('names another holder of a node', async () => {
    await sh('node2', "mkdir -p /run/meshdeck && printf 'r9\\nBob at other\\n' >/run/meshdeck/lock");
    const { code, stdout } = await meshdeck(['nodes', 'check', 'node[1-2]', '--json']);
    expect(code).toBe(exitCodes.failed);
    expect(stdout).toContain('node2 is held by Bob at other (run r9');
    expect(finalStates(stdout)['observePreflight node1']).toBe('unchanged');
    await sh('node2', 'touch -d "2 minutes ago" /run/meshdeck/lock');
    expect((await meshdeck(['nodes', 'check', 'node2', '--json'])).code).toBe(exitCodes.done);
  });

  test.each(['pinHostKey', 'ensureKey', 'proveKeyLogin', 'observePreflight'])(
    'killed -9 in %s, the run continues, and asks for the password only where no key is yet',
    async (verb) => {
      const { id: before } = await newestRun();
      await sh('node3', 'rm -rf /root/.ssh');
      const forget = await meshdeck(['nodes', 'remove', 'node3', '--confirm', 'node3', '--run', '--json']);
      expect(forget.code).toBe(exitCodes.done);
      const item = list.split(',')[2] ?? '';
      const killed = await meshdeck(['nodes', 'add', item, ...addFlags], {
        stdin: `${password}\n`,
        killAt: new RegExp(`"key":"${verb} node3","state":"running"`),
      });
      expect(killed.code).toBe(-9);
      const { id, state } = await newestRun();
      expect(id).not.toBe(before);
      expect(state).toBe('running');
      const early = await meshdeck(['runs', 'resume', id, '--json']);
      if (early.code !== exitCodes.done) {
        expect(early.code).toBe(exitCodes.needsPerson);
        expect(['pinHostKey', 'ensureKey']).toContain(verb);
        expect(early.stderr).toContain('password:root@node3');
        const rest = await meshdeck(['runs', 'resume', id, '--json', '--password-stdin'], { stdin: `${password}\n` });
        expect(rest.code).toBe(exitCodes.done);
      }
      expect(await sh('node3', 'grep -c meshdeck@ /root/.ssh/authorized_keys')).toBe('1');
    },
  );
});

describe('deploy', () => {
  test('makes a mesh of them', async () => {
    const { code, stdout, stderr } = await meshdeck([
      'deploy',
      'node[1-3]',
      '--head',
      'node1',
      '--context',
      'john',
      '--degree',
      '2',
      '--run',
      '--json',
    ]);
    expect(stderr).toBe('');
    expect(code, stdout.slice(-3_000)).toBe(exitCodes.done);
    expect(await sh('node3', '/opt/meshd/bin/meshd -e mesh list all')).toContain('node[1-3]');
    expect(await sh('node1', 'systemctl is-active meshd')).toBe('active');
    // The guide's own command works there.
    expect(await sh('node1', '/opt/meshd/bin/meshd -e deploy launch "node[2-3]"')).toContain('mesh');
  });

  test('a second deploy finds nothing to do, and its undo removes nothing', async () => {
    const line = ['deploy', 'node[1-3]', '--head', 'node1', '--context', 'john', '--degree', '2', '--run', '--json'];
    const { code, stdout } = await meshdeck(line);
    expect(code, stdout.slice(-3_000)).toBe(exitCodes.done);
    expect(finalStates(stdout)).toMatchObject({
      'ensureHeadService node1': 'unchanged',
      'ensureMeshd node2': 'unchanged',
      'ensureMeshd node3': 'unchanged',
    });
    const { id } = await newestRun();
    const undone = await meshdeck(['runs', 'undo', id]);
    expect(undone.code).not.toBe(exitCodes.done);
    expect(undone.stderr).toContain('there is nothing to undo');
    expect(await sh('node3', '/opt/meshd/bin/meshd -e mesh list all')).toContain('node[1-3]');
  });

  test('killed -9 while the head deploys, the run joins that deploy and ends well', async () => {
    await sh(
      'node2',
      'systemctl disable --now meshd && rm -rf /opt/meshd /var/lib/meshd /etc/systemd/system/meshd.service',
    );
    await until(
      'node2 lost',
      async () => !(await sh('node1', '/opt/meshd/bin/meshd -e mesh list all')).includes('node[1-3]'),
    );
    const killed = await meshdeck(
      ['deploy', 'node[1-3]', '--head', 'node1', '--context', 'john', '--degree', '2', '--run', '--json'],
      {
        killAt: /copying|"text":"starting"|waiting for/,
      },
    );
    expect(killed.code).toBe(-9);
    const { id } = await newestRun();
    const { code, stdout } = await meshdeck(['runs', 'resume', id, '--json']);
    expect(code, stdout.slice(-3_000)).toBe(exitCodes.done);
    expect(await sh('node2', '/opt/meshd/bin/meshd -e mesh list all')).toContain('node[1-3]');
  });

  test('a node that nobody added is an error at its field', async () => {
    const { code, stderr } = await meshdeck(['deploy', 'node[1-9]', '--head', 'node1', '--plan']);
    expect(code).toBe(exitCodes.usage);
    expect(stderr).toContain('the console does not know "node4"');
  });
});

describe('bad surroundings', () => {
  test('a read-only /root fails its node, with what the system said', async () => {
    await sh(
      'node2',
      'cp -a /root/.ssh /run/ssh.kept && sed -i /meshdeck@/d /root/.ssh/authorized_keys && mount -t tmpfs -o ro tmpfs /root',
    );
    try {
      const { code, stdout } = await meshdeck(['nodes', 'add', list, ...addFlags], { stdin: `${password}\n` });
      expect(code).toBe(exitCodes.failed);
      expect(finalStates(stdout)).toMatchObject({ 'ensureKey node2': 'failed', 'observePreflight node1': 'unchanged' });
      expect(stdout).toContain('Read-only file system');
    } finally {
      await sh('node2', 'cd / && umount -l /root && rm -rf /root/.ssh && cp -a /run/ssh.kept /root/.ssh');
    }
  });

  test('a changed host key stops everything there, and both fingerprints are shown; replace pins the new one', async () => {
    const before = await sh('node3', 'ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub | cut -d" " -f2');
    await sh('node3', 'rm /etc/ssh/ssh_host_* && ssh-keygen -A >/dev/null && systemctl restart ssh');
    const after = await sh('node3', 'ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub | cut -d" " -f2');
    const { code, stdout } = await meshdeck(['nodes', 'add', list, ...addFlags], { stdin: `${password}\n` });
    expect(code).toBe(exitCodes.failed);
    expect(finalStates(stdout)).toMatchObject({ 'pinHostKey node3': 'failed', 'ensureKey node3': 'skipped' });
    expect(stdout).toContain(before);
    expect(stdout).toContain(after);
    const replaced = await meshdeck([
      'nodes',
      'replace',
      'node3',
      '--confirm',
      'node3',
      '--run',
      '--json',
      '--fingerprint',
      after,
    ]);
    expect(replaced.code, replaced.stdout.slice(-2_000)).toBe(exitCodes.done);
  });

  test('a node that answers is removed with all that is ours there', async () => {
    const { code, stdout } = await meshdeck(['nodes', 'remove', 'node2', '--confirm', 'node2', '--run', '--json']);
    expect(code, stdout.slice(-2_000)).toBe(exitCodes.done);
    expect(finalStates(stdout)).toEqual({
      'revokeMember node2': 'done',
      'removeMeshd node2': 'done',
      'removeKeys node2': 'done',
      'forgetHost node2': 'done',
    });
    expect(
      await sh(
        'node2',
        'ls -d /opt/meshd /var/lib/meshd /run/meshd /etc/systemd/system/meshd.service 2>/dev/null || :',
      ),
    ).toBe('');
    expect(await sh('node2', 'grep -cE "meshdeck@|root@node1" /root/.ssh/authorized_keys || :')).toBe('0');
    expect(await sh('node1', '/opt/meshd/bin/meshd -e mesh list all')).not.toMatch(/node\[1-[23]\]/);
  });

  test('a node that is off is removed: shut out of the mesh, and forgotten', async () => {
    await lab.fault.power('node3', 'off');
    const { code, stdout } = await meshdeck(['nodes', 'remove', 'node3', '--confirm', 'node3', '--run', '--json']);
    expect(code, stdout.slice(-2_000)).toBe(exitCodes.done);
    expect(finalStates(stdout)).toEqual({ 'revokeMember node3': 'done', 'forgetHost node3': 'done' });
  });
});

test('runs are listed, shown and undone', async () => {
  const item = list.split(',')[1] ?? '';
  await sh('node2', 'sed -i /meshdeck@/d /root/.ssh/authorized_keys');
  expect((await meshdeck(['nodes', 'add', item, ...addFlags], { stdin: `${password}\n` })).code).toBe(exitCodes.done);
  const { id } = await newestRun();
  expect((await meshdeck(['runs', 'show', id])).stdout).toContain('ensureKey node2: done');
  expect((await meshdeck(['runs', 'undo', id, '--json'])).code).toBe(exitCodes.done);
  expect(await sh('node2', 'grep -c meshdeck@ /root/.ssh/authorized_keys || true')).toBe('0');
  expect((await meshdeck(['runs', 'undo', 'nonsense'])).code).toBe(exitCodes.usage);
});
