// OpenSSH's known_hosts format (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"): parsing, matching a host, writing a pin. No files
// here. Certificate authorities (@cert-authority) are skipped: ssh2 offers no host certificates.
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

export interface KnownHost {
  /** Patterns as written: `node3`, `*.lab`, `!node4`, `[node3]:2222`, or one hashed name `|1|salt|hash`. */
  readonly hosts: readonly string[];
  readonly revoked: boolean;
  /** `ssh-ed25519`, `ecdsa-sha2-nistp256`, `ssh-rsa`, … */
  readonly type: string;
  /** The key's wire form. */
  readonly key: Buffer;
}

/** A host key as a server showed it. */
export interface HostKey {
  readonly type: string;
  readonly key: Buffer;
}

/** Reads a known_hosts text. Comments, blank and malformed lines are skipped, as OpenSSH does. */
export function parseKnownHosts(text: string): KnownHost[] {
  const known: KnownHost[] = [];
  for (const line of text.split('\n')) {
    const fields = line.trim().split(/\s+/);
    if (line.trim() === '' || line.trimStart().startsWith('#')) continue;
    const marker = fields[0]?.startsWith('@') ? fields.shift() : undefined;
    if (marker !== undefined && marker !== '@revoked') continue;
    const [hosts, type, encoded] = fields;
    if (hosts === undefined || type === undefined || encoded === undefined) continue;
    const key = Buffer.from(encoded, 'base64');
    if (hostKeyType(key) !== type) continue;
    known.push({ hosts: hosts.split(','), revoked: marker === '@revoked', type, key });
  }
  return known;
}

/** The name under which a host and port stand in known_hosts: `node3`, or `[node3]:2222` when the port is not 22. */
export function knownHostName(host: string, port: number): string {
  return port === 22 ? host : `[${host}]:${port}`;
}

/** Whether an entry is about this host. A `!pattern` that matches shuts the whole entry out. */
export function matchesHost(entry: KnownHost, host: string, port: number): boolean {
  const name = knownHostName(host.toLowerCase(), port);
  let matched = false;
  for (const pattern of entry.hosts) {
    if (pattern.startsWith('|1|')) {
      matched ||= matchesHashedName(pattern, name);
    } else if (pattern.startsWith('!')) {
      if (globOf(pattern.slice(1)).test(name)) return false;
    } else {
      matched ||= globOf(pattern).test(name);
    }
  }
  return matched;
}

function matchesHashedName(pattern: string, name: string): boolean {
  const [, , salt, hash] = pattern.split('|');
  if (salt === undefined || hash === undefined) return false;
  const expected = Buffer.from(hash, 'base64');
  // SHA-1 is what the format prescribes; it hides names here and authenticates nothing.
  const actual = createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest();
  return expected.length === actual.length && timingSafeEqual(expected, actual);
}

function globOf(pattern: string): RegExp {
  const escaped = pattern.toLowerCase().replace(/[.+^${}()|[\]\\]/g, String.raw`\$&`);
  return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`);
}

/** The line that pins a key for a host, with its end of line. */
export function formatKnownHost(host: string, port: number, hostKey: HostKey): string {
  return `${knownHostName(host.toLowerCase(), port)} ${hostKey.type} ${hostKey.key.toString('base64')}\n`;
}

/** The type that a key's wire form names, or null when it is not a key at all (RFC 4253, section 6.6). */
export function hostKeyType(key: Buffer): string | null {
  if (key.length < 4) return null;
  const length = key.readUInt32BE(0);
  if (length === 0 || length > 64 || key.length <= 4 + length) return null;
  return key.toString('latin1', 4, 4 + length);
}

/** `SHA256:…` as ssh-keygen -l prints it. */
export function fingerprintOf(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}
