import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { fingerprintOf, formatKnownHost, matchesHost, parseKnownHosts } from './known-hosts.ts';
import { hostKeyAlgorithms, judgeHostKey } from './pins.ts';

/** A key's wire form: its type, then bytes that stand for the key. */
function keyOf(type: string, filling: string) {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(type.length);
  return { type, key: Buffer.concat([length, Buffer.from(type), Buffer.from(filling)]) };
}
const ed = keyOf('ssh-ed25519', 'first key');
const otherEd = keyOf('ssh-ed25519', 'second key');
const rsa = keyOf('ssh-rsa', 'rsa key');
const encoded = (hostKey: { key: Buffer }) => hostKey.key.toString('base64');
const held = (text: string, host: string, port = 22) =>
  parseKnownHosts(text).filter((entry) => matchesHost(entry, host, port));

describe('known_hosts', () => {
  test('plain names, several of them, in any case', () => {
    const text = `node3,10.0.0.3 ssh-ed25519 ${encoded(ed)} root@node3\n`;
    expect(held(text, 'NODE3')).toHaveLength(1);
    expect(held(text, '10.0.0.3')).toHaveLength(1);
    expect(held(text, 'node33')).toHaveLength(0);
  });

  test('ports other than 22 are in brackets, and count as separate hosts', () => {
    const text = `[node3]:2222 ssh-ed25519 ${encoded(ed)}\n`;
    expect(held(text, 'node3', 2222)).toHaveLength(1);
    expect(held(text, 'node3')).toHaveLength(0);
    expect(formatKnownHost('node3', 2222, ed)).toBe(text);
  });

  test('hashed names', () => {
    const salt = Buffer.from('12345678901234567890');
    const hash = createHmac('sha1', salt).update('node3').digest('base64');
    const text = `|1|${salt.toString('base64')}|${hash} ssh-ed25519 ${encoded(ed)}\n`;
    expect(held(text, 'node3')).toHaveLength(1);
    expect(held(text, 'node4')).toHaveLength(0);
  });

  test('a line as ssh-keygen -H wrote it (OpenSSH 9.2), with the fingerprint that ssh-keygen -l gave', () => {
    const hashed = '|1|He9O7qQlHGnVkKRdV82weRtFh7M=|hPxyzjAvNs2IxfEt8/jqpVi1wyo=';
    const key = 'AAAAC3NzaC1lZDI1NTE5AAAAIF0iNHhqeew7CwgEHEAjIQdFTz8UazFYQLrBErhv9B3C';
    const [entry] = held(`${hashed} ssh-ed25519 ${key}\n`, 'node3');
    expect(entry && fingerprintOf(entry.key)).toBe('SHA256:CcL49EED9OVjPkS1hwywGE8QDZ6C81gm65Nv19Ti8uI');
  });

  test('wildcards, and a negation that shuts the entry out', () => {
    const text = `node*,!node4,10.0.0.? ssh-ed25519 ${encoded(ed)}\n`;
    expect(held(text, 'node3')).toHaveLength(1);
    expect(held(text, '10.0.0.7')).toHaveLength(1);
    expect(held(text, '10.0.0.77')).toHaveLength(0);
    expect(held(text, 'node4')).toHaveLength(0);
  });

  test('comments, authorities and broken lines are skipped', () => {
    const text = [
      '# a comment',
      '',
      `@cert-authority * ssh-ed25519 ${encoded(ed)}`,
      'node3 ssh-ed25519',
      'node3 ssh-ed25519 AAAA',
      `node3 ssh-rsa ${encoded(ed)}`,
    ].join('\n');
    expect(parseKnownHosts(text)).toEqual([]);
  });

  test('the parser reads back what formatKnownHost writes', () => {
    const text = formatKnownHost('node3', 22, ed) + formatKnownHost('node3', 22, rsa);
    expect(held(text, 'node3').map((entry) => entry.type)).toEqual(['ssh-ed25519', 'ssh-rsa']);
  });

  test('fingerprints look like those of ssh-keygen', () => {
    expect(fingerprintOf(ed.key)).toMatch(/^SHA256:[A-Za-z0-9+/]{43}$/);
  });
});

describe('what a shown key means', () => {
  const text = formatKnownHost('node3', 22, ed);
  test('pinned, unknown, changed, revoked', () => {
    expect(judgeHostKey(held(text, 'node3'), ed)).toBe('pinned');
    expect(judgeHostKey(held(text, 'node4'), ed)).toBe('unknown');
    expect(judgeHostKey(held(text, 'node3'), otherEd)).toBe('changed');
    expect(judgeHostKey(held(`${text}@revoked * ssh-ed25519 ${encoded(ed)}`, 'node3'), ed)).toBe('revoked');
    expect(judgeHostKey(held(`@revoked * ssh-ed25519 ${encoded(ed)}`, 'node3'), otherEd)).toBe('unknown');
  });

  test('a key of a type that is not held counts as changed, not as a first meeting', () => {
    expect(judgeHostKey(held(text, 'node3'), rsa)).toBe('changed');
  });

  test('algorithms: types that are held come first, SHA-1 never', () => {
    expect(hostKeyAlgorithms(['ssh-rsa']).slice(0, 3)).toEqual(['rsa-sha2-512', 'rsa-sha2-256', 'ssh-ed25519']);
    expect(hostKeyAlgorithms([])[0]).toBe('ssh-ed25519');
    expect(hostKeyAlgorithms(['ssh-rsa'])).not.toContain('ssh-rsa');
  });
});
