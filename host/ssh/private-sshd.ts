// A test's own sshd on 127.0.0.1, with its own host keys, port and authorized_keys. It uses nothing of the machine's sshd.
// For tests and benches; needs OpenSSH's server and, since it logs in as the current user, no rights beyond theirs.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { localRunner } from '../runner.ts';
import { parseKnownHosts } from './known-hosts.ts';
import type { HostKey } from './known-hosts.ts';

export const sshdPath = '/usr/sbin/sshd';
export const hasSshd = existsSync(sshdPath);

export interface PrivateSshdOptions {
  /** Host key types as ssh-keygen names them; ed25519 and rsa unless given. */
  hostKeys?: readonly string[];
  /** Further lines of sshd_config. */
  config?: readonly string[];
}

export class PrivateSshd {
  readonly port: number;
  readonly folder: string;
  readonly user = userInfo().username;
  /** A home folder whose .ssh/id_ed25519 is authorised, and whose start-up files the login shell reads. */
  readonly home: string;
  readonly hostKeys: readonly HostKey[];
  private readonly child: ChildProcess;

  private constructor(parts: { port: number; folder: string; home: string; hostKeys: HostKey[]; child: ChildProcess }) {
    this.port = parts.port;
    this.folder = parts.folder;
    this.home = parts.home;
    this.hostKeys = parts.hostKeys;
    this.child = parts.child;
  }

  static async start(options: PrivateSshdOptions = {}): Promise<PrivateSshd> {
    const folder = await mkdtemp(join(tmpdir(), 'private-sshd-'));
    const home = join(folder, 'home');
    await mkdir(join(home, '.ssh'), { recursive: true, mode: 0o700 });
    const userKey = join(home, '.ssh', 'id_ed25519');
    await localRunner.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', userKey]);
    await copyFile(`${userKey}.pub`, join(folder, 'authorized_keys'));
    const hostKeys: HostKey[] = [];
    const types = options.hostKeys ?? ['ed25519', 'rsa'];
    for (const type of types) {
      const path = join(folder, `host_${type}`);
      // The search for RSA's primes is the longest work in many tests: two thirds of the bits are a fifth of it.
      const bits = type === 'rsa' ? ['-b', '2048'] : [];
      await localRunner.run(['ssh-keygen', '-q', '-t', type, ...bits, '-N', '', '-f', path], { timeoutMs: 120_000 });
      hostKeys.push(...parseKnownHosts(`host ${await readFile(`${path}.pub`, 'utf8')}`));
    }
    const port = await freePort();
    const lines = [
      ...(options.config ?? []),
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      // The login shell reads the start-up files of this home, not those of the person who runs the tests.
      `SetEnv HOME=${home}`,
      ...types.map((type) => `HostKey ${join(folder, `host_${type}`)}`),
      `AuthorizedKeysFile ${join(folder, 'authorized_keys')}`,
      'PermitRootLogin yes',
      'StrictModes no',
      'UsePAM no',
      `PidFile ${join(folder, 'pid')}`,
    ];
    await writeFile(join(folder, 'sshd_config'), `${lines.join('\n')}\n`);
    // sshd's empty folder for its unprivileged half; the machine's own unit would make it at its start.
    if (process.getuid?.() === 0) await mkdir('/run/sshd', { recursive: true, mode: 0o755 });
    const child = spawn(sshdPath, ['-D', '-e', '-f', join(folder, 'sshd_config')], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    await new Promise<void>((resolve, reject) => {
      let said = '';
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        said = (said + text).slice(-4_000);
        if (said.includes('Server listening')) resolve();
      });
      child.on('error', reject);
      child.on('exit', (code) => {
        reject(new Error(`sshd ended with ${code ?? 'a signal'}: ${said}`));
      });
    });
    return new PrivateSshd({ port, folder, home, hostKeys, child });
  }

  /** Ends sshd and deletes its folder. Connections that it has already accepted end on their own. */
  async stop(): Promise<void> {
    this.child.kill('SIGTERM');
    await rm(this.folder, { recursive: true, force: true });
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => {
        resolve(port);
      });
    });
  });
}
