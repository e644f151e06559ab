// What a node prints is not its answer: start-up files, other login shells, forced commands, sudo in any language.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AppError } from '../../contract/errors.ts';
import { scriptArgv } from '../scripts/script-argv.ts';
import { lockScript } from '../../core/plans/nodes/host-scripts.ts';
import { observeBridgeScript } from '../../core/plans/bridge/observe/observe.ts';
import { proveSudo, runAsRoot, sudoUnasked } from '../as-root.ts';
import { SshConnection } from './connection.ts';
import { loadCredentials } from './credentials.ts';
import { frameLine, FrameReader, newFrameToken } from './frame.ts';
import { hasSshd, PrivateSshd } from './private-sshd.ts';

async function failure(promise: Promise<unknown>): Promise<AppError> {
  const error: unknown = await promise.then(
    () => new Error('it did not fail'),
    (thrown: unknown) => thrown,
  );
  if (error instanceof AppError) return error;
  throw error;
}

const awkward = [
  "it's",
  '$HOME $(id) `id`',
  'a  b',
  '',
  '*',
  'x\ny',
  String.raw`\n\041 \\ '\''`,
  'no!t !! ^x^',
  'grüße',
  '%s',
];

describe.each(['sh', 'bash', 'dash', 'zsh', 'fish', 'tcsh'])('the login shell %s', (shell) => {
  const path = [`/usr/bin/${shell}`, `/bin/${shell}`].find((candidate) => existsSync(candidate));

  test.skipIf(path === undefined)('hands over argv and gives the exit code, whatever is in a word', async () => {
    const token = newFrameToken();
    for (const through of [undefined, { argv: () => ['env', '--'] }]) {
      const argv = ['sh', '-c', String.raw`printf '%s\n' "$@"; exit 7`, 'sh', ...awkward];
      const line = frameLine(argv, token, { through, stays: true });
      const ran = await promisify(execFile)(path ?? '', ['-c', line]).then(
        () => null,
        (error: unknown) => error as { stdout: string },
      );
      const reader = new FrameReader(token);
      expect(reader.push(ran?.stdout ?? '')).toBe(`${awkward.join('\n')}\n`);
      expect(reader.exitCode).toBe(7);
    }
  });

  test.skipIf(path === undefined)('runs the longest of our scripts', async () => {
    const token = newFrameToken();
    const line = frameLine(scriptArgv(observeBridgeScript, ['no_such_bridge']), token, { stays: true });
    const { stdout } = await promisify(execFile)(path ?? '', ['-c', line], { maxBuffer: 64 * 1024 * 1024 });
    const reader = new FrameReader(token);
    expect(reader.push(stdout)).toMatch(/\nend\n$/);
    expect(reader.exitCode).toBe(0);
  });
});

describe.skipIf(!hasSshd)('over SSH', () => {
  let sshd: PrivateSshd;
  let connection: SshConnection;
  let folder: string;

  const start = async (...config: string[]) => {
    sshd = await PrivateSshd.start({ hostKeys: ['ed25519'], config });
    connection = await connect();
  };
  const connect = async () => {
    const target = { host: '127.0.0.1', port: sshd.port, user: sshd.user };
    const pinned = sshd.hostKeys.map((key) => ({ ...key, hosts: ['127.0.0.1'], revoked: false, file: 'a test' }));
    return SshConnection.connect(
      { target, local: 'root@console', where: 'node1', timeoutMs: 60_000 },
      { pins: { entriesFor: () => Promise.resolve(pinned) }, credentials: await loadCredentials(sshd.home) },
    );
  };
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'frame-'));
  });
  afterEach(async () => {
    connection.close();
    await sshd.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** An executable of this name that comes first in the path of the login. */
  const place = async (name: string, text: string) => {
    await writeFile(join(folder, name), text);
    await chmod(join(folder, name), 0o755);
  };

  test('a start-up file that prints changes no answer, and is reported', async () => {
    await start();
    const lines = 'echo Welcome\nprintf "%s" art-without-an-end\necho "stty: not a tty" >&2\n';
    await writeFile(join(sshd.home, '.bashrc'), lines);
    expect((await connection.run(['uname', '-s'])).stdout).toBe('Linux\n');
    const held = await connection.run(['sh', '-c', 'printf "no end"; echo why >&2']);
    expect(held).toMatchObject({ stdout: 'no end', stderr: 'why\n' });
    expect(connection.noise).toBe('Welcome\nart-without-an-end');
    const error = await failure(connection.run(['sh', '-c', 'echo it failed >&2; exit 3']));
    expect(error.message).toBe('sh on node1: exit 3: it failed');
    let streamed = '';
    await connection.run(['sh', '-c', 'echo one; sleep 0.2; echo two'], { onOutput: (text) => (streamed += text) });
    expect(streamed).toBe('one\ntwo\n');
  });

  test('a relay begins at its own first byte', async () => {
    await start();
    await writeFile(join(sshd.home, '.bashrc'), 'seq 10000\n');
    const stream = await connection.open(['cat'], { timeoutMs: 60_000 });
    await stream.write('{"Hello":1}\n');
    const [first] = (await stream.output.take(1).toArray()) as Buffer[];
    expect(first?.toString()).toBe('{"Hello":1}\n');
    stream.close();
    expect(connection.noise).toMatch(/^1\n2\n/);
  });

  test('a missing relay program shows in the exit code', async () => {
    await start();
    const stream = await connection.open(['/no/such/meshd', '-relay'], { timeoutMs: 60_000 });
    await stream.ended;
    expect(stream.exitCode()).toBe(127);
  });

  test('a relay that sends nothing names what was printed', async () => {
    await start('ForceCommand echo Maintenance today; sleep 60');
    const error = await failure(connection.open(['cat'], { timeoutMs: 3_000 }));
    expect(error.code).toBe('timeout');
    expect(error.message).toBe('cat on node1: not started within 3000 ms; it printed "Maintenance today"');
  });

  test('a relay that never begins is given up after a bounded flood', async () => {
    await start('ForceCommand yes Welcome');
    const error = await failure(connection.open(['cat'], { timeoutMs: 60_000 }));
    expect(error.message).toBe('node1 prints more than 1024 kB before cat starts; it printed "Welcome"');
  });

  test('a forced command does not count as an answer, even when it ends well', async () => {
    await start('ForceCommand echo taken');
    const error = await failure(connection.run(['uname', '-s']));
    expect(error.code).toBe('failed');
    expect(error.message).toContain('node1 did not run uname for this login (exit 0); it printed "taken"');
    expect(error.message).toContain('ForceCommand');
  });

  test('an answer without its end was cut off, and counts as a failure', async () => {
    await start();
    const error = await failure(connection.run(['sh', '-c', 'echo taken; kill -9 $PPID']));
    expect(error.code).toBe('unreachable');
    expect(error.message).toContain('was cut off: whether it did its work is unknown');
  });

  test('the lock is taken on a node whose shell is tcsh', async (context) => {
    context.skip(!existsSync('/usr/bin/tcsh'));
    await start('ForceCommand /usr/bin/tcsh -c "$SSH_ORIGINAL_COMMAND"');
    const script = lockScript.replaceAll('/run/meshdeck', folder);
    const { stdout } = await connection.run(scriptArgv(script, ['run 1', "ann's", '60', '']));
    expect(stdout).toBe('taken\n');
  });

  describe('sudo', () => {
    /** A sudo that wants `swordfish`, in French, and asks what `questions` does besides. */
    const french = (questions = '') => `#!/bin/sh
prompt='mot de passe: '
case $1 in -n) echo "sudo: il est nécessaire de saisir un mot de passe" >&2; exit 1;; esac
while [ "$1" != -- ]; do [ "$1" != -p ] || prompt=$2; shift; done
shift
echo "$*" >>"${folder}/argv"
${questions}
for try in 1 2 3; do
  printf '%s' "$prompt" >&2
  IFS= read -r answer || { echo "sudo: il est nécessaire de saisir un mot de passe" >&2; exit 1; }
  [ "$answer" != swordfish ] || exec "$@"
  echo "Désolé, essayez de nouveau." >&2
done
echo "sudo: 3 saisies de mots de passe incorrectes" >&2
exit 1
`;
    const begin = async (sudo: string) => {
      await place('sudo', sudo);
      await start();
      await writeFile(join(sshd.home, '.bashrc'), `PATH=${folder}:/usr/bin:/bin\necho Bienvenue\n`);
    };

    test('in another language gets its password, and the program its own input', async () => {
      await begin(french());
      expect(await proveSudo(connection, 'debian', 'swordfish')).toBe('password');
      const login = { user: 'debian', sudo: true, sudoPassword: 'swordfish' };
      const result = await runAsRoot(connection, login, ['cat'], { stdin: 'to the program\n' });
      expect(result.stdout).toBe('to the program\n');
      expect(result.stderr).toBe('');
    });

    test('that wants a password is recognised by its prompt', async () => {
      await begin(french());
      const error = await failure(proveSudo(connection, 'debian', undefined));
      expect(error).toMatchObject({ code: 'refused', detail: { sudo: 'wants-password' } });
      expect(error.message).toContain('debian cannot use sudo on node1 without a password (sudo: il est');
    });

    test('that does not take the password gives another error than one that grants no rights', async () => {
      await begin(french());
      const wrong = await failure(proveSudo(connection, 'debian', 'cod'));
      expect(wrong).toMatchObject({ code: 'refused', detail: { sudo: 'wrong-password' } });
      expect(wrong.message).toBe('sudo on node1 does not take this password of debian');
      await place('sudo', french().replace('exec "$@"', '{ echo "debian: pas dans sudoers" >&2; exit 1; }'));
      const none = await failure(proveSudo(connection, 'debian', 'swordfish'));
      expect(none).toMatchObject({ code: 'refused', detail: { sudo: 'no' } });
      expect(none.message).toContain('(debian: pas dans sudoers): give debian the right there');
    });

    test('that asks for a code never gets the password for it', async () => {
      await begin(french(`printf 'Verification code: ' >&2; IFS= read -r code; printf '%s' "$code" >"\${0%/*}/code"`));
      const error = await failure(proveSudo(connection, 'debian', 'swordfish'));
      expect(error.message).toContain('asks debian for more than the password ("Verification code:")');
      expect((await connection.run(['cat', join(folder, 'code')])).stdout).toBe('');
    });

    test('that is sudo-rs is answered at its password prompt', async () => {
      await begin(french().replace(`printf '%s' "$prompt"`, `printf '[%s: authenticate] Password: ' "$prompt"`));
      expect(await proveSudo(connection, 'debian', 'swordfish')).toBe('password');
    });

    test('that is missing is named', async () => {
      await start();
      await writeFile(join(sshd.home, '.bashrc'), `PATH=${folder}\n`);
      const line = failure(connection.run(['true'], { through: { argv: () => ['no-such-sudo', '--'] } }));
      expect(await line).toMatchObject({ exitCode: 127 });
    });

    test('that prints before a relay does not mix into its output', async () => {
      await begin('#!/bin/sh\necho "[sudo] session opened"\nshift 2\nexec "$@"\n');
      const stream = await connection.open(['echo', 'mine'], { through: sudoUnasked, timeoutMs: 60_000 });
      expect((await stream.output.toArray()).join('')).toBe('mine\n');
    });
  });
});
