// Tokens of programs: kept as hashes, with bounds on how many a user has and makes.
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { AppError } from '../../contract/errors.ts';
import { maxTokensPerHour, maxTokensPerUser } from '../../contract/limits.ts';
import type { TokenStore } from '../store/types.ts';

export function createTokenCalls(
  now: () => number,
  {
    tokens,
    end,
    inTurn,
  }: {
    readonly tokens: TokenStore;
    readonly end: (ids: string[], reason: string) => void;
    readonly inTurn: <Result>(change: () => Promise<Result>) => Promise<Result>;
  },
) {
  /** When each user made tokens within the last hour, also such as are revoked by now. */
  const madeTokens = new Map<string, number[]>();

  const createToken = async (userId: string, name: string) => {
    const own = await tokens.list(userId);
    if (own.length >= maxTokensPerUser) {
      throw new AppError(
        'refused',
        `You have ${own.length} tokens, and ${maxTokensPerUser} are the most: revoke one that is not used.`,
      );
    }
    const hourAgo = now() - 3_600_000;
    for (const [id, times] of madeTokens) if ((times.at(-1) ?? 0) <= hourAgo) madeTokens.delete(id);
    const times = (madeTokens.get(userId) ?? own.map(({ createdAt }) => createdAt)).filter((at) => at > hourAgo);
    if (times.length >= maxTokensPerHour) {
      throw new AppError(
        'refused',
        `You made ${times.length} tokens within an hour, and ${maxTokensPerHour} are the most: make the next one later.`,
      );
    }
    madeTokens.set(userId, [...times, now()]);
    const token = `mdk_${randomBytes(32).toString('base64url')}`;
    const id = randomUUID();
    await tokens.put({ id, userId, name, hash: hashOf(token), createdAt: now(), lastUsedAt: null });
    return { id, token };
  };

  return {
    /**
     * The token is shown this once.
     * @throws AppError `refused` for too many of one user, or too many in an hour
     */
    createToken: (userId: string, name: string): Promise<{ id: string; token: string }> =>
      inTurn(() => createToken(userId, name)),
    tokens: (userId: string) => tokens.list(userId),
    async revokeToken(userId: string, id: string): Promise<void> {
      if (!(await tokens.remove(id, userId))) throw new AppError('not-found', 'This token is gone already.');
      end([id], 'This token was revoked.');
    },
  };
}

export function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
