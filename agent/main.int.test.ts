// meshd as a process: what it says and how it exits when its surroundings are wrong, and that it changes nothing then.
import { existsSync } from 'node:fs';
import { cp, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Roster, SignedRoster } from '../contract/roster.ts';
import { startChild, type Child } from '../host/child.ts';
import { CommandError, localRunner } from '../host/runner.ts';
import { createKeyPair, issueNodeCertificate } from './identity/certificates.ts';

const program = new URL('./main.ts', import.meta.url).pathname;
let base = '';
let port = 0;
let children: Child[] = [];

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'meshd-main-'));
  port = await freePort();
});
afterEach(async () => {
  await Promise.all(children.map((child) => child.stop()));
  children = [];
  await rm(base, { recursive: true, force: true });
});

/** A port that nobody listens on, below those that the system gives to outgoing connections (32768 and up). */
async function freePort(): Promise<number> {
  for (;;) {
    const candidate = 24_000 + Math.floor(Math.random() * 8_000);
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(candidate, () => server.close(() => resolve(true)));
    });
    if (isFree) return candidate;
  }
}

/** Starts a daemon on `base` and waits until it says that it runs. */
async function startDaemon(...flags: string[]): Promise<Child> {
  const lines: string[] = [];
  const started = Promise.withResolvers<undefined>();
  const argv = [process.execPath, program, '-base', base, '-port', String(port), '-nostdin', ...flags];
  const child = await startChild(argv, {
    onLine: (line) => {
      lines.push(line);
      if (line.includes(' INFO meshd ')) started.resolve(undefined);
    },
    diesWithParent: true,
  });
  children.push(child);
  void child.ended.then(() => started.reject(new Error(lines.join('\n'))));
  await started.promise;
  return child;
}

/** Runs meshd to its end; its exit code and all it printed. */
async function run(...argv: string[]): Promise<{ exitCode: number | null; text: string }> {
  try {
    const result = await localRunner.run([process.execPath, program, ...argv], { timeoutMs: 20_000 });
    return { exitCode: 0, text: result.stdout + result.stderr };
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return { exitCode: error.exitCode, text: error.stdout + error.stderr };
  }
}
const daemon = (...flags: string[]) => run('-base', base, '-port', String(port), '-nostdin', ...flags);
const command = (...words: string[]) => run('-base', base, '-e', ...words);

/** All files below a folder with their content, for "nothing was changed". */
async function contents(folder: string): Promise<Map<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return new Map(await Promise.all(files.map(async (path) => [path, await readFile(path, 'latin1')] as const)));
}

describe('a daemon', () => {
  test('starts, answers, keeps its secrets, and leaves nothing but its state at quit', async () => {
    const child = await startDaemon('-degree', '3', '-context', 'john');
    const status = await command('mesh', 'status');
    expect(status.exitCode).toBe(0);
    expect(status.text).toMatch(/\| 1 +\| 3 +\| 0 +\| john +\| \d+/);
    expect((await stat(join(base, 'meshd'))).mode & 0o777).toBe(0o600);
    for (const secret of ['identity/node.key', 'ca/ca.key']) {
      expect((await stat(join(base, 'state', secret))).mode & 0o777).toBe(0o600);
    }
    expect((await command('quit')).exitCode).toBe(0);
    expect((await child.ended).exitCode).toBe(0);
    expect(await readdir(base)).toEqual(['state']);
  });

  test('SIGTERM ends it with exit code 0; kill -9 leaves a socket and files half written, which the next start replaces and removes', async () => {
    const first = await startDaemon();
    first.kill('SIGKILL');
    await first.ended;
    expect(await readdir(base)).toContain('meshd');
    const left = ['.settings.json', 'identity/.roster.json'].map((name) =>
      join(base, 'state', `${name}.${first.pid}.1a2b`),
    );
    for (const path of left) await writeFile(path, '{');
    const second = await startDaemon();
    expect(left.filter((path) => existsSync(path))).toEqual([]);
    expect((await command('version')).exitCode).toBe(0);
    second.kill('SIGTERM');
    expect((await second.ended).exitCode).toBe(0);
  });

  test('a degree set at run time is kept over a restart, and handed on by deploy', async () => {
    const first = await startDaemon('-degree', '3');
    expect((await command('mesh', 'degree', '5')).exitCode).toBe(0);
    first.kill('SIGKILL');
    await first.ended;
    await startDaemon('-degree', '3');
    expect((await command('.annotate', 'false', 'mesh', 'degree')).text.trim()).toBe('5');
    expect((await command('deploy', 'flags')).text).toContain('-degree=5');
  });
});

describe('bad surroundings: a clear error, a non-zero exit, nothing changed', () => {
  test('a second daemon on one base', async () => {
    await startDaemon();
    const before = await contents(base);
    const second = await daemon('-context', 'other');
    expect(second.exitCode).toBe(3);
    expect(second.text).toContain(`a meshd already runs on -base ${base}`);
    expect(await contents(base)).toEqual(before);
    expect((await command('version')).exitCode).toBe(0);
  });

  test('a port in use', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(port, resolve));
    try {
      const result = await daemon();
      expect(result.exitCode).toBe(1);
      expect(result.text).toContain(String(port));
      expect(result.text).toMatch(/in use/);
      expect(await readdir(base)).toEqual(['state']);
    } finally {
      server.close();
    }
  });

  test('another context than that of the cluster', async () => {
    const first = await startDaemon('-context', 'john');
    first.kill('SIGTERM');
    await first.ended;
    const before = await contents(base);
    const result = await daemon('-context', 'mary');
    expect(result.exitCode).toBe(1);
    expect(result.text).toContain('belongs to the mesh with context "john", not "mary"');
    expect(await contents(base)).toEqual(before);
  });

  test('a node that was never deployed, started with another head', async () => {
    const result = await daemon('-headnode', 'elsewhere');
    expect(result.exitCode).toBe(1);
    expect(result.text).toContain('no certificate');
    expect(result.text).toContain('deploy launch');
    expect(await contents(base)).toEqual(new Map());
  });

  const afterOneStart = async (damage: (identity: string) => Promise<void>) => {
    const first = await startDaemon('-context', 'john');
    first.kill('SIGTERM');
    await first.ended;
    const identity = join(base, 'state', 'identity');
    await damage(identity);
    const before = await contents(base);
    const result = await daemon('-context', 'john');
    expect(result.exitCode).toBe(1);
    expect(await contents(base)).toEqual(before);
    return result.text;
  };

  test('an unreadable certificate', async () => {
    const text = await afterOneStart((identity) => writeFile(join(identity, 'node.crt'), 'not a certificate'));
    expect(text).toContain('node.crt is not a readable certificate');
  });

  test('a key of another certificate', async () => {
    const text = await afterOneStart((identity) =>
      writeFile(join(identity, 'node.key'), createKeyPair().privateKeyPem),
    );
    expect(text).toContain('node.key');
  });

  test('an expired certificate', async () => {
    const text = await afterOneStart(async (identity) => {
      const caKey = await readFile(join(base, 'state/ca/ca.key'), 'utf8');
      const sixYearsAgo = new Date(Date.now() - 6 * 365 * 24 * 3600 * 1000);
      const keys = createKeyPair();
      const signed = SignedRoster.parse(JSON.parse(await readFile(join(identity, 'roster.json'), 'utf8')));
      const roster = Roster.parse(JSON.parse(signed.body));
      const pem = await issueNodeCertificate(
        { cluster: roster.cluster, keyPem: caKey },
        { nodeId: roster.head, publicKeyPem: keys.publicKeyPem },
        sixYearsAgo,
      );
      await writeFile(join(identity, 'node.crt'), pem);
      await writeFile(join(identity, 'node.key'), keys.privateKeyPem);
    });
    expect(text).toContain('expired');
  });

  test("a certificate of another cluster's CA", async () => {
    const other = await mkdtemp(join(tmpdir(), 'meshd-other-'));
    try {
      const text = await afterOneStart(async (identity) => {
        const argv = [process.execPath, program, '-base', other, '-port', String(await freePort()), '-nostdin'];
        const child = await startChild(argv, { diesWithParent: true });
        const foreign = join(other, 'state/identity/ca.crt');
        await expect.poll(() => readdir(join(other, 'state/identity')).catch(() => [])).toContain('ca.crt');
        await child.stop();
        await cp(foreign, join(identity, 'ca.crt'));
      });
      expect(text).toMatch(/CA|cluster/);
    } finally {
      await rm(other, { recursive: true, force: true });
    }
  });
});

describe('the client', () => {
  test('wrong flags: exit code 2, and what is right', async () => {
    const result = await run('-degree', 'three');
    expect(result).toMatchObject({ exitCode: 2 });
    expect(result.text).toContain('flag -degree: a number, not three');
    expect((await run('mesh', 'status')).text).toContain('use `meshd -e`');
  });

  test('-version and -help need no daemon', async () => {
    expect((await run('-version')).text).toMatch(/^meshd \d+\.\d+\.\d+ source\n$/);
    expect((await run('-help')).text).toContain('-degree number');
  });

  test('no daemon: exit code 2 and what to do', async () => {
    const result = await command('version');
    expect(result.exitCode).toBe(2);
    expect(result.text).toContain(join(base, 'meshd'));
  });

  test.each([
    [['bogus'], 'invalid command: `bogus`'],
    [['h'], 'ambiguous command'],
    [['mesh', 'send', 'node[5-2]', 'version'], 'backwards'],
    [['mesh', 'send', 'nobody', 'version'], 'no node nobody'],
    [['mesh', 'hangup', 'nobody'], 'no such client nobody'],
    [['deploy', 'launch', 'node[5-2]'], 'backwards'],
    [['mesh', 'revoke', 'nobody'], 'no node nobody'],
    [['mesh', 'revoke', 'node1-3'], 'no node node1-3 in the roster; for a node range write `node[1-3]`'],
    [['mesh', 'ca', 'move', 'node1-3'], 'no node node1-3 in the roster; for a node range write `node[1-3]`'],
    [['deploy', 'logs', 'node[1-3]'], 'a range of 3 names'],
    [['mesh', 'dot', '/etc/passwd'], 'only files below'],
    [['read', '../state/ca/ca.key'], 'only files below'],
  ])('-e %j: exit code 1, %s', async (words, message) => {
    await startDaemon();
    const result = await command(...words);
    expect(result.text).toContain(message);
    expect(result.exitCode).toBe(1);
  });
});
