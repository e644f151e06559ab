// The built program: one file, of which a client compiles only what is its own.
import { mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { makeIdentities, type LocalNodes } from '../bench/identities.ts';
import { builtTree, buildTree } from '../bench/meshds.ts';
import { carriedMark, programFile, runtimeFile } from '../core/deploy/tree.ts';
import { startChild } from '../host/child.ts';
import { CommandError, localRunner } from '../host/runner.ts';

const meshd = join(builtTree, 'bin/meshd');
let identities: LocalNodes;
let folder = '';

beforeAll(async () => {
  await buildTree();
  identities = await makeIdentities(1, 17_650);
  folder = await mkdtemp(join(tmpdir(), 'meshd-built-'));
});
afterAll(async () => {
  await identities.remove();
  await rm(folder, { recursive: true, force: true });
});

/** Runs it with its own cache of compiled code, empty at first. */
async function run(name: string, ...argv: string[]): Promise<{ exitCode: number | null; text: string }> {
  try {
    const options = { timeoutMs: 60_000, env: { NODE_COMPILE_CACHE: join(folder, name) } };
    const { stdout, stderr } = await localRunner.run([meshd, ...argv], options);
    return { exitCode: 0, text: stdout + stderr };
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return { exitCode: error.exitCode, text: error.stdout + error.stderr };
  }
}

/** How many sources were compiled: Node keeps a file for each. */
async function compiled(name: string): Promise<number> {
  const entries = await readdir(join(folder, name), { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isFile()).length;
}

test('clients compile nothing of the daemon; it does, and keeps that before its end', async () => {
  const base = identities.nodes[0]?.base ?? '';
  expect((await run('version', '-version')).text).toMatch(/^meshd \S+ [0-9a-f]{16}\n$/);
  expect(await compiled('version')).toBe(1);
  expect((await run('execute', '-base', base, '-e', 'version')).exitCode).toBe(2);
  expect(await compiled('execute')).toBe(1);

  const flags = ['-base', base, '-force', '-context', 'bench', '-port', '17650', '-level', 'info', '-nostdin'];
  const isUp = Promise.withResolvers<undefined>();
  const lines: string[] = [];
  const daemon = await startChild([meshd, ...flags], {
    diesWithParent: true,
    env: { NODE_COMPILE_CACHE: join(folder, 'daemon') },
    onLine: (line) => {
      lines.push(line);
      if (line.includes(' INFO meshd ')) isUp.resolve(undefined);
    },
  });
  void daemon.ended.then(() => isUp.reject(new Error(lines.join('\n'))));
  try {
    await isUp.promise;
    expect((await run('execute', '-base', base, '-e', 'version')).exitCode).toBe(0);
    await vi.waitFor(async () => expect(await compiled('daemon')).toBe(2));
  } finally {
    await daemon.stop();
  }
});

test('a program that was cut off starts no daemon; one with more lines does', async () => {
  const current = join(builtTree, await readlink(join(builtTree, 'current')));
  const text = await readFile(join(current, programFile), 'latin1');
  const start = async (name: string, program: string) => {
    await writeFile(join(folder, name), program);
    const node = join(current, 'runtime', runtimeFile);
    // Taking a CA is the daemon's side too, and ends when there is no copy.
    const argv = [node, join(folder, name), '-base', join(folder, 'base'), '-takeca', '/proc/no-copy'];
    return localRunner.run(argv, { timeoutMs: 60_000 }).catch((error: unknown) => error);
  };
  expect(await start('more.mjs', `${text}// the next version\n`)).toMatchObject({
    stderr: expect.stringContaining('cannot read the copy') as string,
  });
  const end = text.lastIndexOf(carriedMark) + 100_000;
  expect(await start('cut.mjs', text.slice(0, end))).toMatchObject({
    stderr: expect.not.stringContaining('cannot read the copy') as string,
    exitCode: 1,
  });
});
