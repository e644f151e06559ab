// What we log in with: root's own key files, the agent behind SSH_AUTH_SOCK, a password kept in memory only. ~/.ssh/config is
// not read. Keys with a passphrase are left to the agent.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import ssh2 from 'ssh2';

export interface SshKeyFile {
  readonly path: string;
  readonly privateKey: Buffer;
  /** Of a key that was given with one. */
  readonly passphrase?: string;
}

export interface SshCredentials {
  readonly keys: readonly SshKeyFile[];
  /** Path of an agent's socket. */
  readonly agentSocket?: string;
  readonly password?: string;
  /** Key files that exist but cannot be used, with the reason: for the error when no other key works. */
  readonly unusable: readonly string[];
}

const keyFileNames = ['id_ed25519', 'id_ecdsa', 'id_rsa'];

/** Reads the default key files of a home folder. A missing or unusable file is not an error here. */
export async function loadCredentials(
  home: string,
  extra: { agentSocket?: string | undefined; password?: string | undefined } = {},
): Promise<SshCredentials> {
  const keys: SshKeyFile[] = [];
  const unusable: string[] = [];
  for (const name of keyFileNames) {
    const path = join(home, '.ssh', name);
    let privateKey: Buffer;
    try {
      privateKey = await readFile(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') unusable.push(`${path}: ${(error as Error).message}`);
      continue;
    }
    const parsed = ssh2.utils.parseKey(privateKey);
    if (parsed instanceof Error) unusable.push(`${path}: ${parsed.message}`);
    else keys.push({ path, privateKey });
  }
  return {
    keys,
    unusable,
    ...(extra.agentSocket ? { agentSocket: extra.agentSocket } : {}),
    ...(extra.password === undefined ? {} : { password: extra.password }),
  };
}
