// Host keys between their forms: `ssh-ed25519 AAAA…` as the store keeps them, known_hosts lines, and what host/ssh compares.
import { fingerprintOf, formatKnownHost, hostKeyType } from '../../host/ssh/known-hosts.ts';
import type { HostKey } from '../../host/ssh/known-hosts.ts';
import type { HostKeySource } from '../../host/ssh/connection.ts';

/** `ssh-ed25519 AAAA…`. */
export function lineOfHostKey(key: HostKey): string {
  return `${key.type} ${key.key.toString('base64')}`;
}

/** Null when the line is not a host key. */
export function hostKeyOfLine(line: string): HostKey | null {
  const [type = '', encoded = ''] = line.split(' ');
  const key = Buffer.from(encoded, 'base64');
  return hostKeyType(key) === type ? { type, key } : null;
}

/** `ssh-ed25519 SHA256:…`. */
export function describeHostKey(line: string): string {
  const key = hostKeyOfLine(line);
  return key ? `${key.type} ${fingerprintOf(key.key)}` : 'an unreadable key';
}

/** One machine's pins as host/ssh takes them: they hold for every name and address under which it is dialled. */
export function pinsOfLines(lines: readonly string[], label: string): HostKeySource {
  return {
    entriesFor: (host) =>
      Promise.resolve(
        lines.flatMap((line) => {
          const key = hostKeyOfLine(line);
          return key ? [{ ...key, hosts: [host], revoked: false, file: label }] : [];
        }),
      ),
  };
}

/** Lines for a known_hosts file, for each name or address. */
export function knownHostLines(hosts: readonly string[], port: number, pins: readonly string[]): string {
  return hosts
    .flatMap((host) =>
      pins.flatMap((pin) => {
        const key = hostKeyOfLine(pin);
        return key ? [formatKnownHost(host, port, key)] : [];
      }),
    )
    .join('');
}

/** A line of authorized_keys or of a .pub file: type, key and what follows. */
export function isPublicKey(line: string): boolean {
  return /^(ssh|ecdsa|sk)-\S+ [A-Za-z0-9+/]{40,}={0,2}( .*)?$/.test(line);
}
