// Launches against the test's own sshd: what they do when nodes cannot be reached, who may join, what cancels them.
// deploy.lab.test.ts deploys real nodes.
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { AppError } from '../../contract/errors.ts';
import { parseCommand } from '../../core/commands/parse.ts';
import { commandTable } from '../../core/commands/table.ts';
import { parseFlags } from '../../core/flags.ts';
import { localRunner } from '../../host/runner.ts';
import { loadCredentials } from '../../host/ssh/credentials.ts';
import { fingerprintOf } from '../../host/ssh/known-hosts.ts';
import { HostKeyPins } from '../../host/ssh/pins.ts';
import { hasSshd, PrivateSshd } from '../../host/ssh/private-sshd.ts';
import { createDeployHandlers } from '../commands/deploy.ts';
import type { CommandCall, Handlers } from '../commands/handler.ts';
import { Deployer } from './deployer.ts';
import type { DeployAuthority, DeployComponents, DeployLogin, DeployOptions } from './types.ts';

const cluster = 'c'.repeat(32);
const head = '0'.repeat(32);
const authority: DeployAuthority = {
  issue: () => Promise.reject(new Error('no node gets that far')),
  admit: () => Promise.reject(new Error('no node gets that far')),
};

describe.skipIf(!hasSshd)('deploy', () => {
  let sshd: PrivateSshd;
  /** Takes connections on 127.0.0.3 and says nothing. */
  let silent: Server;
  let folder: string;
  let options: DeployOptions;
  let components: DeployComponents;
  let deployer: Deployer;
  let handlers: Handlers;
  let isHead: boolean;

  beforeAll(async () => {
    sshd = await PrivateSshd.start();
    silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(sshd.port, '127.0.0.3', resolve));
  });
  afterAll(async () => {
    silent.close();
    await sshd.stop();
  });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'deploy-'));
    isHead = true;
    const parsed = parseFlags(['-degree', '3', '-context', 'john']);
    if (!parsed.ok) throw new Error(parsed.message);
    options = {
      host: 'node1',
      stateFolder: folder,
      programPath: await placeTree(folder),
      sshPort: sshd.port,
      parallel: 16,
      installsHead: false,
    };
    const roster = { cluster, context: 'john', head, version: 1, nodes: [] };
    components = {
      flags: () => parsed.flags,
      cluster: {
        nodeId: head,
        cluster,
        caPem: '',
        roster: () => roster,
        signedRoster: () => ({ body: '', signature: '' }),
        authority: () => (isHead ? authority : null),
        createNodeKeys: () => ({ nodeId: '', privateKeyPem: '', publicKeyPem: '' }),
        readCertificate: () => null,
      },
      mesh: {
        has: () => false,
        size: () => 1,
        links: () => 0,
        onChange: () => () => undefined,
        hello: () => Promise.reject(new Error('nobody is there')),
      },
      pins: new HostKeyPins({ ownFile: join(folder, 'known_hosts'), otherFiles: [] }),
      credentials: () => loadCredentials(folder),
      runner: localRunner,
      log: () => undefined,
    };
    deployer = new Deployer(options, components);
    handlers = createDeployHandlers(options, components, deployer);
    return async () => {
      deployer.stop();
      await rm(folder, { recursive: true, force: true });
    };
  });

  const call = async (line: string, part: Partial<CommandCall> = {}) => {
    const parsed = parseCommand(commandTable, line);
    if (!parsed.ok) throw new Error(parsed.message);
    if (!parsed.command) throw new Error('no command');
    const handler = handlers[parsed.command.pattern.pattern];
    if (!handler) throw new Error(`no handler for ${parsed.command.pattern.pattern}`);
    const result = handler({
      command: parsed.command,
      origin: { via: 'socket' },
      host: 'node1',
      namespace: 'minimega',
      signal: new AbortController().signal,
      status: () => undefined,
      ...part,
    });
    if (Symbol.asyncIterator in result) throw new Error('deploy does not stream');
    return result;
  };

  test('each node has its own result, in the order typed', async () => {
    const entries = await call('deploy launch 127.0.0.[1-2]');
    expect(entries[0]).toMatchObject({ Host: 'node1', Header: ['node', 'step', 'seconds', 'error'], Error: '' });
    expect(entries[0]?.Tabular?.map(([node, step]) => [node, step])).toEqual([
      ['127.0.0.1', 'hostkey'],
      ['127.0.0.2', 'reach'],
    ]);
    expect(entries.slice(1).map(({ Host, Error }) => [Host, Error.split(':')[0]])).toEqual([
      ['127.0.0.1', 'hostkey'],
      ['127.0.0.2', 'reach'],
    ]);
    expect(entries[1]?.Error).toContain(fingerprintOf(sshd.hostKeys[0]!.key));
  });

  test('a range that names the head too has one row for it', async () => {
    deployer = new Deployer({ ...options, host: '127.0.0.1' }, components);
    const { launch } = await deployer.launch({ hosts: ['127.0.0.1', '127.0.0.2'], user: 'root', sudo: false });
    expect((await launch.done).map(({ node }) => node)).toEqual(['127.0.0.1', '127.0.0.2']);
  });

  test('host keys are shown, accepted by fingerprint, and then known', async () => {
    const fingerprint = fingerprintOf(sshd.hostKeys[0]!.key);
    const shown = await call('deploy hostkeys 127.0.0.1');
    expect(shown[0]?.Tabular?.[0]).toEqual(['127.0.0.1', '127.0.0.1', 'ssh-ed25519', fingerprint, 'unknown']);
    const wrong = await call('deploy hostkeys accept 127.0.0.1 SHA256:wrong');
    expect(wrong[1]?.Error).toContain('shows none of these fingerprints');
    const accepted = await call(`deploy hostkeys accept 127.0.0.[1-2] ${fingerprint}`);
    expect(accepted[0]?.Tabular).toEqual([['127.0.0.1', '127.0.0.1', 'ssh-ed25519', fingerprint, 'pinned']]);
    expect(accepted[1]?.Host).toBe('127.0.0.2');
    const after = await call('deploy launch 127.0.0.1');
    expect(after[1]?.Error).toMatch(/^login: no key of .*Passwordless login/);
  });

  test('what follows a launch logs in as it did, also after a restart of the head', async () => {
    let kept: DeployLogin | undefined;
    const logins = { last: () => kept, keep: (login: DeployLogin) => Promise.resolve(void (kept = login)) };
    const before = new Deployer(options, { ...components, logins });
    await before.acceptHostKeys('127.0.0.1', [fingerprintOf(sshd.hostKeys[0]!.key)], new AbortController().signal);
    const { launch } = await before.launch({ hosts: ['127.0.0.1'], user: 'john', sudo: true });
    await launch.done;
    const after = new Deployer(options, { ...components, logins });
    await expect(after.logs('127.0.0.1', new AbortController().signal)).rejects.toThrow('accepted by john@127.0.0.1');
  });

  test('elsewhere than on the head it names the head', async () => {
    isHead = false;
    await expect(call('deploy launch node2')).rejects.toThrow('which holds the CA');
  });

  test('from source without a built tree it names the build', async () => {
    deployer = new Deployer({ ...options, programPath: join(folder, 'agent/main.ts') }, components);
    await expect(deployer.launch({ hosts: ['127.0.0.1'], user: 'root', sudo: false })).rejects.toThrow(
      'npm run build:agent',
    );
  });

  test('a bad range is refused', async () => {
    await expect(call('deploy launch node[5-2]')).rejects.toThrow(AppError);
  });

  test('the same command joins, a different one with the same node is refused', async () => {
    const lines: string[] = [];
    const told: string[] = [];
    const first = call('deploy launch 127.0.0.[2-3]', { status: (text) => told.push(text) });
    await expect.poll(() => told.join('\n')).toContain('[127.0.0.2] failed at reach');
    const second = call('deploy launch 127.0.0.[2-3]', { status: (text) => lines.push(text) });
    await expect(call('deploy launch 127.0.0.[3-4]')).rejects.toThrow('another deploy is at work on 127.0.0.3');
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(lines[0]).toContain('joining it');
    // What happened before it joined.
    expect(lines.join('\n')).toContain('[127.0.0.2] failed at reach');
    deployer.stop();
    expect(await second).toEqual(await first);
  });

  test('a client that goes away leaves the deploy running; Cancel of the last one ends it', async () => {
    const gone = new AbortController();
    const leaving = call('deploy launch 127.0.0.3', { signal: gone.signal });
    await new Promise((resolve) => setTimeout(resolve, 300));
    gone.abort();
    await expect(leaving).rejects.toThrow('the deploy continues');
    const lines: string[] = [];
    const cancel = new AbortController();
    const joined = call('deploy launch 127.0.0.3', { signal: cancel.signal, status: (text) => lines.push(text) });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(lines[0]).toContain('joining it');
    cancel.abort(new AppError('cancelled', 'the client sent Cancel'));
    expect((await joined)[1]?.Error).toMatch(/cancelled/);
  });

  test('flags: this daemon’s own, replaced, and back', async () => {
    const flags = async () => (await call('deploy flags'))[0]?.Response;
    const own = await flags();
    expect(own).toMatch(/^-headnode=node1 -base=\/run\/meshd -context=john -degree=3 .*-nostdin=true/);
    await call('deploy flags -degree=4 -context=jane');
    expect(await flags()).toBe('-degree=4 -context=jane -nostdin=true');
    await expect(call('deploy flags -degre=4')).rejects.toThrow('unknown flag');
    expect(await flags()).toBe('-degree=4 -context=jane -nostdin=true');
    await call('clear deploy flags');
    expect(await flags()).toBe(own);
  });

  test('flags of another context are refused before any node is touched', async () => {
    await call('deploy flags -degree=4');
    await expect(call('deploy launch 127.0.0.2')).rejects.toThrow(
      "deploy flags say -context=meshd, and this cluster's context is john",
    );
    await call('deploy flags -degree=4 -context=john');
    expect((await call('deploy launch 127.0.0.2'))[1]?.Error).toMatch(/^reach: /);
  });

  test('stdout and stderr: the journal unless a path is set', async () => {
    expect((await call('deploy stdout'))[0]?.Response).toBe('journal');
    await call('deploy stdout /var/log/meshd.out');
    expect((await call('deploy stdout'))[0]?.Response).toBe('/var/log/meshd.out');
    expect((await call('deploy stderr'))[0]?.Response).toBe('journal');
    await expect(call('deploy stderr relative')).rejects.toThrow('not an absolute path');
  });
});

/** A program tree with an ELF header for a runtime: enough for tests that do not reach a node. */
async function placeTree(folder: string): Promise<string> {
  const place = async (kind: string, name: string, content: Buffer) => {
    const hash = createHash('sha256').update(content).digest('hex').slice(0, 16);
    await mkdir(join(folder, 'tree', kind, hash), { recursive: true });
    await writeFile(join(folder, 'tree', kind, hash, name), content);
    return hash;
  };
  const elf = Buffer.alloc(64);
  elf.writeUInt16LE(62, 18);
  const runtime = await place('runtime', 'node', elf);
  const program = await place('program', 'meshd.mjs', Buffer.from('// a program\n'));
  await symlink(`../../runtime/${runtime}`, join(folder, 'tree/program', program, 'runtime'));
  return join(folder, 'tree/program', program, 'meshd.mjs');
}
