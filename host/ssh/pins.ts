// The host keys we hold: known_hosts files that we read, and our own file, to which we append accepted keys. Decides what a
// key shown by a host means. Files are read again for each decision: an administrator may edit them at any time.
import { appendFile, mkdir, open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AppError } from '../../contract/errors.ts';
import { formatKnownHost, matchesHost, parseKnownHosts } from './known-hosts.ts';
import type { HostKey, KnownHost } from './known-hosts.ts';

export type PinVerdict = 'pinned' | 'unknown' | 'changed' | 'revoked';

/** An entry and its file. */
export interface PinnedHost extends KnownHost {
  readonly file: string;
}

export interface HostKeyPinsOptions {
  /** Our own file; created at the first `pin`, 0600. */
  ownFile: string;
  /** Read beside it, for example root's and the machine's known_hosts. Missing ones count as empty. */
  otherFiles: readonly string[];
}

export class HostKeyPins {
  private readonly options: HostKeyPinsOptions;

  constructor(options: HostKeyPinsOptions) {
    this.options = options;
  }

  /** Entries about this host, from all files. @throws AppError `failed` when a file exists and cannot be read. */
  async entriesFor(host: string, port: number): Promise<PinnedHost[]> {
    const files = [this.options.ownFile, ...this.options.otherFiles];
    const entries = await Promise.all(
      files.map(async (file) => parseKnownHosts(await readIfPresent(file)).map((entry) => ({ ...entry, file }))),
    );
    return entries.flat().filter((entry) => matchesHost(entry, host, port));
  }

  /** Pins a key for a host and makes it last. Pinning what is pinned changes nothing. */
  async pin(host: string, port: number, hostKey: HostKey): Promise<void> {
    if (judgeHostKey(await this.entriesFor(host, port), hostKey) === 'pinned') return;
    await mkdir(dirname(this.options.ownFile), { recursive: true, mode: 0o700 });
    await appendFile(this.options.ownFile, formatKnownHost(host, port, hostKey), { mode: 0o600 });
    const file = await open(this.options.ownFile, 'r');
    await file.sync().finally(() => file.close());
  }
}

async function readIfPresent(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw new AppError('failed', `cannot read the host keys in ${path}: ${(error as Error).message}`, { cause: error });
  }
}

/**
 * What a shown key means, given the entries about its host. A key of a type we hold none of, from a host of which we hold
 * others, counts as changed: an impostor of that host would otherwise simply offer another type.
 */
export function judgeHostKey(entries: readonly KnownHost[], shown: HostKey): PinVerdict {
  const same = entries.filter((entry) => entry.key.equals(shown.key));
  if (same.some((entry) => entry.revoked)) return 'revoked';
  if (same.length > 0) return 'pinned';
  return entries.some((entry) => !entry.revoked) ? 'changed' : 'unknown';
}

/** Signature algorithms by key type; the SHA-1 one (ssh-rsa) is left out on purpose. */
const algorithmsByType: readonly (readonly [type: string, algorithms: readonly string[]])[] = [
  ['ssh-ed25519', ['ssh-ed25519']],
  ['ecdsa-sha2-nistp256', ['ecdsa-sha2-nistp256']],
  ['ecdsa-sha2-nistp384', ['ecdsa-sha2-nistp384']],
  ['ecdsa-sha2-nistp521', ['ecdsa-sha2-nistp521']],
  ['ssh-rsa', ['rsa-sha2-512', 'rsa-sha2-256']],
];

/** Key types that we can verify, the preferred first. */
export const hostKeyTypes: readonly string[] = algorithmsByType.map(([type]) => type);

/**
 * The host-key algorithms to ask for: first those of the types that we hold for the host. Without that, a host pinned by
 * one type that prefers another would look like a stranger.
 */
export function hostKeyAlgorithms(heldTypes: readonly string[]): string[] {
  const held = algorithmsByType.filter(([type]) => heldTypes.includes(type));
  const others = algorithmsByType.filter(([type]) => !heldTypes.includes(type));
  return [...held, ...others].flatMap(([, algorithms]) => algorithms);
}
