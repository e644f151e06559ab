// meshdeck against a console that runs with a certificate it signed itself: what it trusts, and what its exit codes say.
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { Plan, RunSummary } from '../contract/plans.ts';
import { AppError } from '../contract/errors.ts';
import { trustConsole } from './console-trust.ts';
import { exitCodes } from './exit-codes.ts';
import { meshdeck, startTestConsole, type TestConsole } from './meshdeck-for-tests.ts';
import { openRemoteBackend } from './remote-backend.ts';

// Each test starts several programs: seconds of CPU.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

let folder = '';
let running: TestConsole;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meshdeck-remote-'));
  running = await startTestConsole(join(folder, 'data'));
});
afterAll(async () => {
  await running.child.stop();
  await rm(folder, { recursive: true, force: true });
});

const remote = (args: readonly string[], options: { fingerprint?: string; token?: string; config?: string } = {}) =>
  meshdeck(
    [
      '--console',
      running.url,
      ...(options.fingerprint === undefined ? [] : ['--console-fingerprint', options.fingerprint]),
      ...args,
    ],
    {
      env: {
        ...(process.env as Record<string, string>),
        MESHDECK_TOKEN: options.token ?? running.token,
        XDG_CONFIG_HOME: options.config ?? join(folder, 'none'),
      },
    },
  );
const known = (args: readonly string[]) => remote(args, { fingerprint: running.fingerprint });
const trust = (parts: { ask?: (question: string) => Promise<boolean>; fingerprint?: string }) =>
  trustConsole(running.url, {
    fingerprint: parts.fingerprint ?? '',
    pinsPath: join(folder, 'config', 'meshdeck', 'known-consoles'),
    ask: parts.ask ?? null,
  });

describe('a certificate that no CA vouches for', () => {
  test('is shown, and gets no token before somebody has looked at it', async () => {
    const { code, stderr, stdout } = await remote(['runs', '--json']);
    expect(code).toBe(exitCodes.needsPerson);
    expect(stderr).toContain(running.fingerprint);
    expect(stdout).toBe('');
  });

  test('is taken by its fingerprint, however that is written, and no other', async () => {
    const plain = running.fingerprint.replaceAll(':', '').toLowerCase();
    for (const fingerprint of [running.fingerprint, plain]) {
      expect(await remote(['runs', '--json'], { fingerprint })).toMatchObject({ code: exitCodes.done, stdout: '[]\n' });
    }
    const other = await remote(['runs'], { fingerprint: `00${plain.slice(2)}` });
    expect(other.code).toBe(exitCodes.unavailable);
    expect(other.stderr).toContain('shows another certificate');
    expect(other.stderr).toContain(running.fingerprint);
  });

  test('is asked about once, and pinned in a file of the user', async () => {
    const questions: string[] = [];
    const answer = (isYes: boolean) => (question: string) => {
      questions.push(question);
      return Promise.resolve(isYes);
    };
    await expect(trust({ ask: answer(false) })).rejects.toThrow('not pinned');
    await trust({ ask: answer(true) });
    await trust({ ask: answer(false) });
    expect(questions).toHaveLength(2);
    expect(questions[0]).toContain(running.fingerprint);
    const path = join(folder, 'config', 'meshdeck', 'known-consoles');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await readFile(path, 'utf8')).split('\n')).toHaveLength(2);
    const pinned = await remote(['runs', '--json'], { config: join(folder, 'config') });
    expect(pinned.code, pinned.stderr).toBe(exitCodes.done);
  });

  test('a certificate that changes between the look and the connection is refused', async () => {
    const agent = await trust({ fingerprint: running.fingerprint });
    const check = agent?.options.checkServerIdentity;
    // The check reads only the fingerprint of a certificate.
    expect(check?.('x', { fingerprint256: 'AA:BB' } as never)).toBeInstanceOf(Error);
    expect(check?.('x', { fingerprint256: running.fingerprint } as never)).toBeUndefined();
  });

  test('a token is not sent in the clear', async () => {
    const options = { fingerprint: '', pinsPath: '', ask: null };
    await expect(openRemoteBackend('http://10.0.0.1:3000', 't', options)).rejects.toThrow('use https');
    await expect(openRemoteBackend('nonsense', 't', options)).rejects.toThrow(AppError);
  });
});

describe('with a token', () => {
  test('one that is worth nothing is refused, and without one it says where they are made', async () => {
    const wrong = await remote(['runs'], { token: 'wrong', fingerprint: running.fingerprint });
    expect(wrong.code).toBe(exitCodes.unavailable);
    expect(wrong.stderr).toContain('does not let us in');
  });

  test('plans, runs, and the exit codes of both', async () => {
    const add = ['nodes', 'add', 'node1=127.0.0.1', '--port', '1'];
    const planned = await known([...add, '--plan', '--json']);
    expect(planned.code, planned.stderr).toBe(exitCodes.done);
    expect(Plan.parse(JSON.parse(planned.stdout)).warnings.join()).toContain('127.0.0.1');
    const text = await known([...add, '--plan']);
    expect(text.stdout).toContain('As a command: meshdeck nodes add node1=127.0.0.1 --port 1');

    const ran = await known([...add, '--run', '--json', '--accept-new']);
    expect(ran.code).toBe(exitCodes.failed);
    const last = JSON.parse(ran.stdout.trim().split('\n').at(-1) ?? '') as { event: string; summary: unknown };
    const { id } = RunSummary.parse(last.summary);

    expect((await known(['runs', 'show', id])).stdout).toContain('pinHostKey node1: failed');
    expect((await known(['runs', 'retry', id, '--json'])).code).toBe(exitCodes.failed);
    expect((await known(['nodes', 'add', '<script>', '--plan'])).code).toBe(exitCodes.usage);
    const deploy = await known(['deploy', 'node[1-2]', '--head', 'node1', '--plan']);
    expect([deploy.code, deploy.stderr]).toEqual([exitCodes.usage, expect.stringContaining('does not know "node1"')]);
    expect((await known(['nodes', 'check', 'node1', '--json'])).code).toBe(exitCodes.failed);
  });

  test('a private key that cannot be used is an error before anything is looked at', async () => {
    const path = join(folder, 'no-key');
    const { code, stderr } = await known(['nodes', 'add', 'node1=127.0.0.1', '--identity', path, '--plan']);
    expect([code, stderr]).toEqual([exitCodes.usage, expect.stringContaining(`--identity ${path}`)]);
  });
});
