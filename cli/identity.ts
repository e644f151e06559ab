// A private key for the first login: read from its file into one of the run's secrets. It stays in memory, here and in the console.
import { open } from 'node:fs/promises';
import { AppError, describeError } from '../contract/errors.ts';
import { maxSecretLength } from '../contract/limits.ts';
import { passphraseName } from '../core/plans/secret-names.ts';
import { readSecretFromStdin } from './terminal.ts';

export interface IdentityOptions {
  readonly identity?: string;
  readonly passphraseStdin?: true;
  readonly passwordStdin?: true;
}

/** Key and passphrase for all nodes, by the names of a run's secrets. @throws AppError `invalid` */
export async function readIdentity(user: string, options: IdentityOptions): Promise<Record<string, string>> {
  if (options.passphraseStdin && options.passwordStdin) {
    throw new AppError('invalid', '--passphrase-stdin and --password-stdin both read standard input: give one of them');
  }
  const name = `key:${user}`;
  const secrets = { [name]: await readKeyFile(options.identity ?? '') };
  if (options.passphraseStdin) secrets[passphraseName(name)] = await readSecretFromStdin();
  return secrets;
}

export async function readKeyFile(path: string): Promise<string> {
  try {
    const file = await open(path, 'r');
    try {
      // One byte more than the limit: enough to refuse a disk image without reading all of it.
      const { buffer, bytesRead } = await file.read(Buffer.alloc(maxSecretLength + 1));
      if (bytesRead > maxSecretLength) throw new AppError('invalid', 'too large for a private key');
      return buffer.toString('utf8', 0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw new AppError('invalid', `--identity ${path}: ${describeError(cause)}`, { cause });
  }
}
