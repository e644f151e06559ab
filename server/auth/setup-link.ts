// The one-time link that makes an admin: printed at the first start and by `meshdeck admin reset`. It dies on use, after an
// hour, and when a newer one is made. Only its hash is stored.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { AppError } from '../../contract/errors.ts';
import type { SettingStore } from '../store/types.ts';

const settingKey = 'setup-link';
export const setupLinkLifeMs = 3_600_000;
const StoredLink = z.object({ hash: z.string(), expiresAt: z.number() });

const hashOf = (token: string) => createHash('sha256').update(token).digest('hex');

/** Makes a new token; the one before is worth nothing from now on. */
export async function createSetupToken(settings: SettingStore, now: number): Promise<string> {
  const token = randomBytes(24).toString('base64url');
  const link = { hash: hashOf(token), expiresAt: now + setupLinkLifeMs };
  await settings.put(settingKey, JSON.stringify(link));
  return token;
}

/**
 * Uses the token up.
 * @throws AppError `refused` when it is wrong, used or too old.
 */
export async function useSetupToken(settings: SettingStore, token: string, now: number): Promise<void> {
  const stored = await settings.get(settingKey);
  const link = stored === null ? null : StoredLink.parse(JSON.parse(stored));
  const isRight = link !== null && timingSafeEqual(Buffer.from(link.hash), Buffer.from(hashOf(token)));
  if (stored === null || !isRight || link.expiresAt <= now || !(await settings.take(settingKey, stored))) {
    throw new AppError(
      'refused',
      'This link was used already, or is older than an hour. Run `meshdeck admin reset` as root on the console’s machine for a new one.',
    );
  }
}
