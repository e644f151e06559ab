// Backup of a data folder as one encrypted file: database (a consistent copy, also while the console runs), key file and
// certificates. The file gives nothing away without its passphrase, and a changed byte is found before anything is written.
//
//   "meshdeck-backup-1\n"  salt 16  nonce 12  AES-256-GCM( gzip( JSON { createdAt, files: { name: base64 } } ) )  tag 16
import Database from 'better-sqlite3';
import { createCipheriv, createDecipheriv, randomBytes, scrypt } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { z } from 'zod';
import { AppError, describeError } from '../../contract/errors.ts';
import { writeFileAtomic } from '../../host/files.ts';
import { databaseHeader } from './check-database.ts';
import { databaseName, holdDataFolder, prepareDataFolder } from './data-folder.ts';
import { keyFileName } from './key-file.ts';
import { explainTrouble } from './trouble.ts';

const magic = Buffer.from('meshdeck-backup-1\n');
const saltBytes = 16;
const nonceBytes = 12;
const tagBytes = 16;
/** Unpacked. A console of 1,000 nodes with a year of runs stays below a tenth of it. */
const maxUnpackedBytes = 2 * 1024 ** 3;
const minPassphrase = 12;
/** Files of the data folder beside the database; folders as `tls/console.key`. */
const names = [keyFileName, 'tls/console.key', 'tls/console.crt'];
const Content = z.object({ createdAt: z.number(), files: z.record(z.string(), z.base64()) });

function deriveKey(passphrase: string, salt: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(passphrase.normalize(), salt, 32, { N: 2 ** 17, r: 8, p: 1, maxmem: 256 * 1024 ** 2 }, (error, key) => {
      if (error) reject(error);
      else resolve(key);
    });
  });
}

/** Writes the backup of `dataPath` to `file` (mode 0600). @throws AppError `invalid` for a short passphrase, `not-found`. */
export async function backUp(dataPath: string, file: string, passphrase: string, now: number): Promise<void> {
  if (passphrase.length < minPassphrase) {
    throw new AppError(
      'invalid',
      `the passphrase has less than ${minPassphrase} characters: it guards every key in the backup`,
    );
  }
  if (!(await stat(join(dataPath, databaseName)).catch(() => null))) {
    throw new AppError('not-found', `${dataPath} holds no console's database: name its folder with --data`);
  }
  const files: Record<string, string> = { [databaseName]: (await copyDatabase(dataPath)).toString('base64') };
  for (const name of names) {
    const content = await readFile(join(dataPath, name)).catch(() => null);
    if (content) files[name] = content.toString('base64');
  }
  const missing = describeMissing(files);
  if (missing !== null) throw new AppError('not-found', `${dataPath} makes no backup: it ${missing}`);
  await writeFileAtomic(file, await sealBackup({ createdAt: now, files }, passphrase));
}

/** What is missing that a console needs to start; null when nothing is. */
function describeMissing(files: Readonly<Record<string, string>>): string | null {
  const database = Buffer.from(files[databaseName] ?? '', 'base64');
  if (database.length === 0) return `has no database: ${databaseName} is missing or empty`;
  if (!database.subarray(0, databaseHeader.length).equals(Buffer.from(databaseHeader))) {
    return `has no database: ${databaseName} is something else`;
  }
  return (files[keyFileName] ?? '') === '' ? `has no key file: ${keyFileName} is missing or empty` : null;
}

/** The bytes of a backup's file. */
export async function sealBackup(content: z.infer<typeof Content>, passphrase: string): Promise<Buffer> {
  const salt = randomBytes(saltBytes);
  const nonce = randomBytes(nonceBytes);
  const packed = await promisify(gzip)(JSON.stringify(content));
  const cipher = createCipheriv('aes-256-gcm', await deriveKey(passphrase, salt), nonce).setAAD(magic);
  const sealed = Buffer.concat([cipher.update(packed), cipher.final(), cipher.getAuthTag()]);
  return Buffer.concat([magic, salt, nonce, sealed]);
}

/**
 * Writes a backup into an empty or missing data folder. Returns the time when it was made, ms since 1970.
 * @throws AppError `conflict` when something is there, `invalid` when the file or the passphrase is not right.
 */
export async function restore(dataPath: string, file: string, passphrase: string): Promise<number> {
  const content = await unpack(file, passphrase);
  const missing = describeMissing(content.files);
  if (missing !== null)
    throw new AppError('invalid', `the backup ${file} ${missing}. Use an older backup; nothing was written.`);
  await prepareDataFolder(dataPath);
  const release = await holdDataFolder(dataPath, 'meshdeck restore');
  try {
    await writeInto(dataPath, content.files);
  } finally {
    await release();
  }
  return content.createdAt;
}

async function writeInto(dataPath: string, files: Readonly<Record<string, string>>): Promise<void> {
  if ((await readdir(dataPath)).length > 0) {
    throw new AppError('conflict', `${dataPath} is not empty: a backup is restored into an empty folder only`);
  }
  // The database last: a restore that was cut off leaves no database without its key.
  const order = Object.entries(files).sort(([a], [b]) => Number(a === databaseName) - Number(b === databaseName));
  for (const [name, base64] of order) {
    if (name !== databaseName && !names.includes(name)) continue;
    await mkdir(join(dataPath, name, '..'), { recursive: true, mode: 0o700 });
    await writeFileAtomic(join(dataPath, name), Buffer.from(base64, 'base64'));
  }
}

async function unpack(file: string, passphrase: string): Promise<z.infer<typeof Content>> {
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw new AppError('invalid', `cannot read the backup: ${describeError(cause)}`, { cause });
  });
  if (!bytes.subarray(0, magic.length).equals(magic)) {
    throw new AppError('invalid', `${file} is not a backup of this console, or of a newer one`);
  }
  const start = magic.length + saltBytes + nonceBytes;
  const salt = bytes.subarray(magic.length, magic.length + saltBytes);
  const nonce = bytes.subarray(magic.length + saltBytes, start);
  let packed: Buffer;
  try {
    const key = await deriveKey(passphrase, salt);
    const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes }).setAAD(magic);
    decipher.setAuthTag(bytes.subarray(-tagBytes));
    packed = Buffer.concat([decipher.update(bytes.subarray(start, -tagBytes)), decipher.final()]);
  } catch (cause) {
    throw new AppError('invalid', `${file} does not open: the passphrase is another one, or the file is damaged`, {
      cause,
    });
  }
  try {
    const text = (await promisify(gunzip)(packed, { maxOutputLength: maxUnpackedBytes })).toString('utf8');
    return Content.parse(JSON.parse(text));
  } catch (cause) {
    throw new AppError('invalid', `${file} opens, but it is not a backup that this console can read`, { cause });
  }
}

/** A copy as of one moment, with what is still in the write-ahead log. */
async function copyDatabase(dataPath: string): Promise<Buffer> {
  const folder = await mkdtemp(join(dataPath, '.backup-'));
  try {
    const path = join(dataPath, databaseName);
    if ((await stat(path)).size === 0) throw new AppError('not-found', `${path} is empty: there is nothing to back up`);
    const database = new Database(path, { timeout: 5_000, fileMustExist: true });
    try {
      await database.backup(join(folder, databaseName));
    } finally {
      database.close();
    }
    return await readFile(join(folder, databaseName));
  } catch (error) {
    throw explainTrouble(error, join(dataPath, databaseName)) ?? error;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
