import { describe, expect, test } from 'vitest';
import { AppError } from '../../contract/errors.ts';
import { inConsoleWords, pinsOfHost } from './route.ts';

describe('a route', () => {
  test('has the pins of the store, and only those that are whole', async () => {
    const pins = pinsOfHost({ name: 'node3', pins: ['ssh-ed25519 AAAA comment', 'broken', ''] });
    expect(await pins.entriesFor('10.0.0.3', 22)).toEqual([
      {
        hosts: ['node3'],
        revoked: false,
        type: 'ssh-ed25519',
        key: Buffer.from('AAAA', 'base64'),
        file: "the console's store",
      },
    ]);
  });

  test('says what to do about a host key in the console’s words', () => {
    const detail = { type: 'ssh-ed25519', fingerprint: 'SHA256:new', pinned: ['ssh-ed25519 SHA256:old'] };
    const changed = inConsoleWords(new AppError('host-key-changed', 'x', { detail }), { name: 'node3' });
    expect(changed).toMatchObject({ code: 'host-key-changed', detail });
    expect(String(changed)).toMatch(
      /node3 has changed: it shows ssh-ed25519 SHA256:new, pinned is ssh-ed25519 SHA256:old.*Replace node/,
    );
    const unknown = inConsoleWords(new AppError('host-key-unknown', 'x', { detail }), { name: 'node3' });
    expect(String(unknown)).toContain('Add nodes');
    const other = new AppError('unreachable', 'off');
    expect(inConsoleWords(other, { name: 'node3' })).toBe(other);
  });
});
