// The key file and what is sealed with it: secrets at rest are AES-256-GCM under a random key that lies beside the
// database, readable by its owner only. A copy of the database alone gives no secret away.
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../contract/errors.ts';
import { writeFileAtomic } from '../../host/files.ts';
import { explainTrouble, isMissing, wayOut } from './trouble.ts';

export const keyFileName = 'secret.key';
const nonceBytes = 12;
const tagBytes = 16;

export class SecretBox {
  private readonly key: Buffer;

  constructor(key: Buffer) {
    this.key = key;
  }

  /** `place` names the record: a sealed text moved to another record does not open. */
  seal(text: string, place: string): string {
    const nonce = randomBytes(nonceBytes);
    const cipher = createCipheriv('aes-256-gcm', this.key, nonce).setAAD(Buffer.from(place));
    const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
    return `v1.${Buffer.concat([nonce, sealed, cipher.getAuthTag()]).toString('base64')}`;
  }

  /** @throws AppError `failed` when the key is another one or the text was changed. */
  open(sealed: string, place: string): string {
    const bytes = Buffer.from(sealed.replace(/^v1\./, ''), 'base64');
    try {
      const decipher = createDecipheriv('aes-256-gcm', this.key, bytes.subarray(0, nonceBytes), {
        authTagLength: tagBytes,
      });
      decipher.setAAD(Buffer.from(place)).setAuthTag(bytes.subarray(-tagBytes));
      return Buffer.concat([decipher.update(bytes.subarray(nonceBytes, -tagBytes)), decipher.final()]).toString('utf8');
    } catch (cause) {
      throw new AppError(
        'failed',
        `${place} cannot be decrypted: ${keyFileName} is not the one it was encrypted with. Restore both from one backup.`,
        { cause },
      );
    }
  }

  /** A key for one other purpose, hex; it tells nothing about this one. */
  derive(purpose: string): string {
    return Buffer.from(hkdfSync('sha256', this.key, '', purpose, 32)).toString('hex');
  }
}

/**
 * Reads the key file of a data folder. Makes the file when it does not exist, but only for a new database.
 * @throws AppError `not-found` when a database is there without it, `invalid` when it is not a key file.
 */
export async function openKeyFile(dataPath: string, options: { isNew: boolean }): Promise<SecretBox> {
  const path = join(dataPath, keyFileName);
  const found = await stat(path).catch((error: unknown) => {
    if (isMissing(error)) return null;
    throw explainTrouble(error, path) ?? error;
  });
  if (!found) {
    if (!options.isNew) {
      throw new AppError(
        'not-found',
        `${path} is missing, and the database beside it holds secrets encrypted with it. Put it back. ${wayOut(dataPath)}`,
      );
    }
    await writeFileAtomic(path, `${randomBytes(32).toString('hex')}\n`);
  } else if (!found.isFile()) {
    throw new AppError('invalid', `${path} is a folder, not a key file. ${wayOut(dataPath)}`);
  }
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw explainTrouble(error, path) ?? error;
  });
  const key = Buffer.from(text.trim(), 'hex');
  if (key.length !== 32) {
    throw new AppError(
      'invalid',
      `${path} is not a key file: 64 hex digits were expected. Put the right one back. ${wayOut(dataPath)}`,
    );
  }
  return new SecretBox(key);
}
