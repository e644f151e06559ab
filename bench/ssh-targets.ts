// Targets for the SSH fan-out: a hundred addresses of this machine (127.0.1.1 and up), all answered by one private sshd
// configuration with own keys and port. Clients of every side get the same key, the same pinned host keys and no agent.
//
// - One sshd listens on at most 16 addresses (MAX_LISTEN_SOCKS in OpenSSH's sshd.c), so a few of them share the work.
//   Listening on 0.0.0.0 would need only one, and would also open a root login to the network.
// - A login runs root's shell, and bash with a long ~/.bashrc costs more than all of SSH. The sshds live in a mount
//   namespace where /etc/passwd gives root /bin/sh and an empty home; nothing outside of it changes.
import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Child } from '../host/child.ts';
import { startChild } from '../host/child.ts';
import { localRunner } from '../host/runner.ts';
import { within } from './rounds.ts';

const sshPort = 17_022;
const addressesPerSshd = 15;

export interface SshTargets {
  readonly hosts: readonly string[];
  /** The hosts in the syntax of pdsh and clush. */
  readonly range: string;
  readonly port: number;
  readonly folder: string;
  readonly user: string;
  /** A home folder with .ssh/id_ed25519. */
  readonly home: string;
  readonly knownHosts: string;
  /** Configuration for ssh(1); with `controlPath` connections are kept and shared for a minute. */
  sshConfig(options?: { controlPath: string }): Promise<string>;
  stop(): Promise<void>;
}

export async function startSshTargets(count: number): Promise<SshTargets> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-ssh-'));
  const sshds: Child[] = [];
  const stop = async () => {
    await Promise.all(sshds.map((sshd) => sshd.stop()));
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const home = join(folder, 'home');
    await mkdir(join(home, '.ssh'), { recursive: true, mode: 0o700 });
    await mkdir(join(folder, 'empty'), { mode: 0o700 });
    const userKey = join(home, '.ssh', 'id_ed25519');
    const hostKey = join(folder, 'host_ed25519');
    for (const path of [userKey, hostKey]) {
      await localRunner.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', 'bench', '-f', path]);
    }
    const passwd = join(folder, 'passwd');
    await writeFile(passwd, rootWithPlainShell(await readFile('/etc/passwd', 'utf8'), join(folder, 'empty')));
    const hosts = Array.from({ length: count }, (_, index) => `127.0.1.${index + 1}`);
    const knownHosts = join(folder, 'known_hosts');
    const [type = '', key = ''] = (await readFile(`${hostKey}.pub`, 'utf8')).split(' ');
    for (const host of hosts) await appendFile(knownHosts, `[${host}]:${sshPort} ${type} ${key}\n`);
    await mkdir('/run/sshd', { recursive: true, mode: 0o755 });
    for (let first = 0; first < hosts.length; first += addressesPerSshd) {
      const config = join(folder, `sshd_config.${first}`);
      await writeFile(config, sshdConfig(hosts.slice(first, first + addressesPerSshd), { hostKey, userKey }));
      sshds.push(await startSshd(config, passwd));
    }
    return {
      hosts,
      range: `127.0.1.[1-${count}]`,
      port: sshPort,
      folder,
      user: 'root',
      home,
      knownHosts,
      async sshConfig(options) {
        const path = join(folder, options ? 'ssh_config.shared' : 'ssh_config');
        const shared = options
          ? ['ControlMaster auto', `ControlPath ${options.controlPath}/%h`, 'ControlPersist 60']
          : [];
        const lines = ['User root', `Port ${sshPort}`, `IdentityFile ${userKey}`, 'IdentitiesOnly yes'];
        const pins = [
          `UserKnownHostsFile ${knownHosts}`,
          'GlobalKnownHostsFile /dev/null',
          'StrictHostKeyChecking yes',
        ];
        await writeFile(path, `${[...lines, ...pins, 'BatchMode yes', 'LogLevel ERROR', ...shared].join('\n')}\n`);
        return path;
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** /etc/passwd with root's shell and home replaced (passwd(5): fields 6 and 7). */
export function rootWithPlainShell(passwd: string, home: string): string {
  return passwd.replace(/^(root:(?:[^:\n]*:){4})[^:\n]*:[^:\n]*$/m, `$1${home}:/bin/sh`);
}

function sshdConfig(addresses: readonly string[], keys: { hostKey: string; userKey: string }): string {
  const lines = [
    `Port ${sshPort}`,
    ...addresses.map((address) => `ListenAddress ${address}`),
    `HostKey ${keys.hostKey}`,
    `AuthorizedKeysFile ${keys.userKey}.pub`,
    'AuthenticationMethods publickey',
    'PermitRootLogin prohibit-password',
    'StrictModes no',
    'UsePAM no',
    'UseDNS no',
    'PrintMotd no',
    'PrintLastLog no',
    // As many as all sides open at once; the default drops connections from the tenth on.
    'MaxStartups 200:30:400',
    'PidFile none',
  ];
  return `${lines.join('\n')}\n`;
}

async function startSshd(config: string, passwd: string): Promise<Child> {
  // The text is fixed; paths come as arguments. /etc/passwd is bound over in a mount namespace of sshd's own.
  const script = 'mount --bind "$1" /etc/passwd && exec /usr/sbin/sshd -D -e -f "$2"';
  let said = '';
  let ready = (): void => undefined;
  const isReady = new Promise<void>((resolve) => (ready = resolve));
  const sshd = await startChild(['unshare', '--mount', 'sh', '-c', script, 'sh', passwd, config], {
    diesWithParent: true,
    onLine: (line) => {
      said = `${said}${line}\n`.slice(-2_000);
      if (line.includes('Server listening')) ready();
    },
  });
  const early = sshd.ended.then((end) => {
    throw new Error(`the private sshd ended with ${end.exitCode ?? end.signal ?? ''}: ${said}`);
  });
  early.catch(() => undefined);
  await within(Promise.race([isReady, early]), 10_000, () => `the private sshd does not listen: ${said}`);
  return sshd;
}
