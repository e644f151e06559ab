import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { AppError } from '../../contract/errors.ts';
import { scriptArgv } from '../scripts/script-argv.ts';
import { parsePeerLook, peerLookScript } from '../../core/plans/bridge/observe/peer-look.ts';
import { CommandError, localRunner } from '../runner.ts';
import { SshConnection } from './connection.ts';
import type { SshConnectOptions } from './connection.ts';
import { loadCredentials } from './credentials.ts';
import type { SshCredentials } from './credentials.ts';
import { createSshKeyPair } from './keys.ts';
import { fingerprintOf, formatKnownHost } from './known-hosts.ts';
import type { HostKey } from './known-hosts.ts';
import { HostKeyPins } from './pins.ts';
import { hasSshd, PrivateSshd } from './private-sshd.ts';
import { scanHostKeys } from './scan.ts';

/** The AppError that a promise is rejected with. */
async function failure(promise: Promise<unknown>): Promise<AppError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

describe.skipIf(!hasSshd)('an SSH connection to a real sshd', () => {
  let sshd: PrivateSshd;
  let credentials: SshCredentials;
  let folder: string;
  let pins: HostKeyPins;
  const local = 'root@node1';

  beforeAll(async () => {
    sshd = await PrivateSshd.start();
    credentials = await loadCredentials(sshd.home);
  });
  afterAll(async () => {
    await sshd.stop();
  });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pins-'));
    pins = new HostKeyPins({ ownFile: join(folder, 'known_hosts'), otherFiles: [] });
    return () => rm(folder, { recursive: true, force: true });
  });

  const options = (part: Partial<SshConnectOptions> = {}): SshConnectOptions => ({
    target: { host: '127.0.0.1', port: sshd.port, user: sshd.user },
    local,
    ...part,
  });
  test('a login through another machine is checked and made end to end', async () => {
    const jump = await connect();
    const other = await PrivateSshd.start();
    try {
      const otherPins = new HostKeyPins({ ownFile: join(folder, 'other'), otherFiles: [] });
      await otherPins.pin('127.0.0.1', other.port, other.hostKeys[0]!);
      const target = { host: '127.0.0.1', port: other.port, user: other.user };
      const components = { pins: otherPins, credentials: await loadCredentials(other.home) };
      const through = await SshConnection.connect({ target, local, via: jump }, components);
      expect((await through.run(['sh', '-c', 'echo $SSH_CONNECTION'])).stdout).toContain(` ${other.port}`);
      through.close();
      // A jump host cannot pass itself off as the one behind it.
      const strange = SshConnection.connect(
        { target, local, via: jump },
        { pins, credentials: components.credentials },
      );
      expect((await failure(strange)).code).toBe('host-key-unknown');
      const closed = await failure(
        SshConnection.connect({ target: { ...target, port: 1 }, local, via: jump, timeoutMs: 3_000 }, components),
      );
      expect(closed.code).toBe('unreachable');
    } finally {
      jump.close();
      await other.stop();
    }
    const lost = await failure(SshConnection.connect({ ...options(), via: jump }, { pins, credentials }));
    expect(lost.code).toBe('unreachable');
  });

  test('a look from another node ends in the pinned host key, without a login', async () => {
    const line = (key: HostKey) => formatKnownHost('127.0.0.1', sshd.port, key);
    const look = async (port: number, knownHosts: string) => {
      const argv = scriptArgv(peerLookScript, ['127.0.0.1', String(port), 'nobody', '60']);
      return parsePeerLook((await localRunner.run(argv, { stdin: knownHosts })).stdout);
    };
    expect(await look(sshd.port, sshd.hostKeys.map(line).join(''))).toEqual({
      isSeen: true,
      isStranger: false,
      error: '',
    });
    const foreign = { type: 'ssh-ed25519', key: Buffer.from(sshd.hostKeys[0]!.key).fill(7, 20) };
    expect(await look(sshd.port, line(foreign))).toEqual({
      isSeen: false,
      isStranger: true,
      error: 'another host key answers there',
    });
    expect((await look(sshd.port, '')).isSeen).toBe(false);
    expect(await look(1, '')).toMatchObject({
      isSeen: false,
      isStranger: false,
      error: expect.stringContaining('refused') as string,
    });
  });

  const connect = async (part: Partial<SshConnectOptions> = {}) => {
    await pins.pin('127.0.0.1', sshd.port, sshd.hostKeys[0]!);
    return SshConnection.connect(options(part), { pins, credentials });
  };

  test('an unknown host key is refused with its fingerprint, and accepted once pinned', async () => {
    const error = await failure(SshConnection.connect(options(), { pins, credentials }));
    const fingerprint = fingerprintOf(sshd.hostKeys[0]!.key);
    expect(error.code).toBe('host-key-unknown');
    expect(error.message).toContain(fingerprint);
    expect(error.detail).toMatchObject({ fingerprint, type: 'ssh-ed25519' });
    const connection = await connect();
    expect((await connection.run(['echo', 'here'])).stdout).toBe('here\n');
    expect(connection.remoteAddress).toBe('127.0.0.1');
    connection.close();
  });

  test('a changed host key is refused with both fingerprints', async () => {
    const other = Buffer.from(sshd.hostKeys[0]!.key);
    other[other.length - 1]! ^= 1;
    await writeFile(
      join(folder, 'known_hosts'),
      formatKnownHost('127.0.0.1', sshd.port, { type: 'ssh-ed25519', key: other }),
    );
    const error = await failure(SshConnection.connect(options(), { pins, credentials }));
    expect(error.code).toBe('host-key-changed');
    expect(error.message).toContain(fingerprintOf(other));
    expect(error.message).toContain(fingerprintOf(sshd.hostKeys[0]!.key));
  });

  test('a host that is pinned by its rsa key is asked for that one', async () => {
    const rsa = sshd.hostKeys.find((key) => key.type === 'ssh-rsa')!;
    await pins.pin('127.0.0.1', sshd.port, rsa);
    const connection = await SshConnection.connect(options(), { pins, credentials });
    connection.close();
  });

  test('scanning shows all keys without logging in', async () => {
    const scan = await scanHostKeys({ host: '127.0.0.1', port: sshd.port }, { local });
    expect(scan.address).toBe('127.0.0.1');
    expect(scan.keys.map((key) => fingerprintOf(key.key))).toEqual(
      sshd.hostKeys.map((hostKey) => fingerprintOf(hostKey.key)),
    );
  });

  test('pins are kept once, and readable by OpenSSH', async () => {
    await pins.pin('127.0.0.1', sshd.port, sshd.hostKeys[0]!);
    await pins.pin('127.0.0.1', sshd.port, sshd.hostKeys[0]!);
    expect(await readFile(join(folder, 'known_hosts'), 'utf8')).toBe(
      `[127.0.0.1]:${sshd.port} ssh-ed25519 ${sshd.hostKeys[0]!.key.toString('base64')}\n`,
    );
  });

  test('the cipher is AES-GCM, the fastest that ssh2 and OpenSSH share', async () => {
    const connection = await connect();
    expect(connection.cipher).toBe('aes128-gcm@openssh.com');
    connection.close();
  });

  test('no accepted key: the step of the guide is named', async () => {
    await pins.pin('127.0.0.1', sshd.port, sshd.hostKeys[0]!);
    const none = await loadCredentials(folder);
    const error = await failure(SshConnection.connect(options(), { pins, credentials: none }));
    expect(error.code).toBe('refused');
    expect(error.message).toContain(`no key of root@node1 is accepted by ${sshd.user}@127.0.0.1`);
    expect(error.message).toContain('Passwordless login');
  });

  test('nobody listens', async () => {
    const port = await new Promise<number>((resolve) => {
      const server = createServer().listen(0, '127.0.0.1', () => {
        const at = (server.address() as AddressInfo).port;
        server.close(() => {
          resolve(at);
        });
      });
    });
    const target = { host: '127.0.0.1', port, user: 'root' };
    const error = await failure(SshConnection.connect(options({ target }), { pins, credentials }));
    expect(error.code).toBe('unreachable');
    expect(error.message).toContain('refuses SSH connections');
  });

  test('a name that does not resolve', async () => {
    const target = { host: 'node3.invalid', port: 22, user: 'root' };
    const error = await failure(SshConnection.connect(options({ target }), { pins, credentials }));
    expect(error.code).toBe('unreachable');
    expect(error.message).toMatch(/does not resolve on node1|name servers of node1/);
  });

  test('a listener that never speaks SSH runs into the deadline', async () => {
    const server = createServer(() => undefined);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const target = { host: '127.0.0.1', port: (server.address() as AddressInfo).port, user: 'root' };
    const error = await failure(SshConnection.connect(options({ target, timeoutMs: 300 }), { pins, credentials }));
    expect(error.code).toBe('timeout');
    server.close();
  });

  test('a server that hangs up at first is tried again', async () => {
    let drops = 2;
    const proxy = createServer((socket) => {
      if (drops-- > 0) {
        socket.destroy();
        return;
      }
      void import('node:net').then(({ connect: dial }) => {
        const onward = dial(sshd.port, '127.0.0.1');
        socket.pipe(onward).pipe(socket);
        socket.on('error', () => onward.destroy());
        onward.on('error', () => socket.destroy());
      });
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const { port } = proxy.address() as AddressInfo;
    await pins.pin('127.0.0.1', port, sshd.hostKeys[0]!);
    const target = { host: '127.0.0.1', port, user: sshd.user };
    const connection = await SshConnection.connect(options({ target }), { pins, credentials });
    expect((await connection.run(['echo', 'here'])).stdout).toBe('here\n');
    connection.close();
    proxy.close();
  });

  test.each([
    ['AuthenticationMethods publickey,password', 0, 'second-factor', 'wants another factor too (password)'],
    // sshd ends the login with a disconnect, whose code counts.
    ['MaxAuthTries 2', 4, 'no-way', 'sshd ended the login with "Too many authentication failures"'],
  ])('%s: the refusal says why', async (config, strangers, login, text) => {
    const strict = await PrivateSshd.start({ hostKeys: ['ed25519'], config: [config] });
    try {
      await pins.pin('127.0.0.1', strict.port, strict.hostKeys[0]!);
      const own = await loadCredentials(strict.home);
      const others = Array.from({ length: strangers }, (_, index) => ({
        path: `key ${index}`,
        privateKey: Buffer.from(createSshKeyPair('x').privateKey),
      }));
      const target = { host: '127.0.0.1', port: strict.port, user: strict.user };
      const error = await failure(
        SshConnection.connect(
          { target, local, timeoutMs: 60_000 },
          { pins, credentials: { ...own, keys: [...others, ...own.keys] } },
        ),
      );
      expect(error.code).toBe('refused');
      expect(error.detail).toMatchObject({ login });
      expect(error.message).toContain(text);
    } finally {
      await strict.stop();
    }
  });

  describe('with one session at a time (MaxSessions 1)', () => {
    let narrow: PrivateSshd;
    let connection: SshConnection;
    let at: string;
    beforeEach(async () => {
      narrow = await PrivateSshd.start({ hostKeys: ['ed25519'], config: ['MaxSessions 1'] });
      at = join(narrow.folder, 'work');
      await pins.pin('127.0.0.1', narrow.port, narrow.hostKeys[0]!);
      const target = { host: '127.0.0.1', port: narrow.port, user: narrow.user };
      const components = { pins, credentials: await loadCredentials(narrow.home) };
      connection = await SshConnection.connect({ target, local, where: 'node3', timeoutMs: 60_000 }, components);
      return async () => {
        connection.close();
        await narrow.stop();
      };
    });
    const echo = (text: string) => connection.run(['echo', text], { timeoutMs: 60_000 });
    /** No login but the one that we have: as with a second factor, or a limit on connections. */
    const allowNoFurther = () => writeFile(join(narrow.folder, 'authorized_keys'), '');
    /** Fails where another one runs at the same time. */
    const alone = ['sh', '-c', 'mkdir "$1" || exit 9; sleep 0.1; rmdir "$1"', 'sh'];

    test('many programs at once all run, beside a relay that stays', async () => {
      const relay = await connection.open(['cat'], { timeoutMs: 60_000 });
      const texts = Array.from({ length: 12 }, (_, index) => `answer ${index}`);
      const results = await Promise.all(texts.map(echo));
      expect(results.map(({ stdout }) => stdout)).toEqual(texts.map((text) => `${text}\n`));
      await relay.write('still here\n');
      expect(String((await relay.output.take(1).toArray())[0])).toBe('still here\n');
      relay.close();
      expect((await echo('after')).stdout).toBe('after\n');
    });

    test('without further connections, programs run one after the other', async () => {
      await allowNoFurther();
      const runs = Array.from({ length: 5 }, () => connection.run([...alone, at], { timeoutMs: 60_000 }));
      await Promise.all(runs);
      // A program that fails makes room as well, and one that is given up does once it ends there.
      const late = failure(connection.run(['sleep', '3'], { timeoutMs: 1_000 }));
      const failed = failure(connection.run(['sh', '-c', 'exit 7'], { timeoutMs: 60_000 }));
      const next = echo('next');
      expect((await late).code).toBe('timeout');
      expect((await failed) instanceof CommandError).toBe(true);
      expect((await next).stdout).toBe('next\n');
    });

    test('a program that never gets its turn says why', async () => {
      await allowNoFurther();
      const relay = await connection.open(['cat'], { timeoutMs: 60_000 });
      const waiting = await failure(connection.run(['true'], { timeoutMs: 3_000 }));
      expect(waiting.code).toBe('timeout');
      expect(waiting.message).toContain('sshd there allows 1 at once on a connection (MaxSessions)');
      const second = await failure(connection.open(['cat'], { timeoutMs: 1_000 }));
      expect(second.message).toContain('(MaxSessions)');
      relay.close();
      expect((await echo('now')).stdout).toBe('now\n');
    });
  });

  describe('runs', () => {
    let connection: SshConnection;
    beforeEach(async () => {
      connection = await connect({ where: 'node3' });
      return () => {
        connection.close();
      };
    });

    test('argv arrives as it was given', async () => {
      const argv = ['printf', '%s\\n', "it's", '$(id)', 'a  b', '', '*', 'x\ny', '~'];
      expect((await connection.run(argv)).stdout).toBe(`${argv.slice(2).join('\n')}\n`);
    });

    test('exit codes and stderr come back as a CommandError', async () => {
      const error = await failure(connection.run(['sh', '-c', 'echo out; echo why >&2; exit 7']));
      expect(error instanceof CommandError && error.exitCode).toBe(7);
      expect(error.message).toBe('sh on node3: exit 7: why');
    });

    test('a program that is not there', async () => {
      expect((await failure(connection.run(['no-such-program']))).message).toContain('exit 127');
    });

    test('8 MB of input arrive whole, from a buffer and from a stream', async () => {
      const data = randomBytes(8 * 1024 * 1024);
      const { stdout } = await connection.run(['wc', '-c'], { stdin: data });
      expect(Number(stdout)).toBe(data.length);
      const pieces = Array.from({ length: 128 }, (_, i) => data.subarray(i * 65_536, (i + 1) * 65_536));
      const sums = await Promise.all([
        connection.run(['sha256sum'], { stdin: data }),
        connection.run(['sha256sum'], { stdin: Readable.from(pieces) }),
      ]);
      expect(sums[0].stdout).toBe(sums[1].stdout);
    });

    test('input that nobody reads does not hang the run', async () => {
      await connection.run(['true'], { stdin: randomBytes(4 * 1024 * 1024), timeoutMs: 60_000 });
    });

    test('output is bounded', async () => {
      const result = await connection.run(['head', '-c', '100000', '/dev/zero'], { maxBytes: 1_000 });
      expect(result.stdout).toHaveLength(1_000);
      expect(result.truncated).toBe(true);
    });

    test('deadline and cancel end the run, not the connection', async () => {
      expect((await failure(connection.run(['sleep', '60'], { timeoutMs: 100 }))).code).toBe('timeout');
      const signal = AbortSignal.timeout(100);
      expect((await failure(connection.run(['sleep', '60'], { signal }))).code).toBe('cancelled');
      expect((await connection.run(['echo', 'still here'])).stdout).toBe('still here\n');
    });

    test('a folder to run in', async () => {
      expect((await connection.run(['pwd'], { cwd: '/usr/share' })).stdout).toBe('/usr/share\n');
    });

    test('a lost connection fails what runs and what comes', async () => {
      const running = failure(
        // The parent of the shell that frames it is sshd's own process of this connection.
        connection.run(['sh', '-c', 'kill -9 "$(ps -o ppid= -p $PPID | tr -d " ")"; sleep 60']),
      );
      expect((await running).code).toBe('unreachable');
      expect((await failure(connection.run(['true']))).message).toBe('the SSH connection to node3 was lost');
    });
  });
});
