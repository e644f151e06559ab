// Compressed copies of the files that deploy sends, made once beside each file, with their hashes in a note, so that a
// deploy only streams. The build makes them; a head that has none yet (the CA was moved to it) makes them at its first
// deploy.
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { readFile, rename, rm, stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { constants, createGzip, createZstdCompress } from 'node:zlib';
import { z } from 'zod';
import { AppError, describeError } from '../../contract/errors.ts';
import { writeFileAtomic } from '../files.ts';

const Copy = z.object({ bytes: z.number().int(), sha256: z.string().regex(/^[0-9a-f]{64}$/) });
const Note = z.object({ plain: Copy, zstd: Copy, gzip: Copy });
export type PackedNote = z.infer<typeof Note>;
export type Packing = 'zstd' | 'gzip';

export const packedSuffixes: Readonly<Record<Packing, string>> = { zstd: '.zst', gzip: '.gz' };
const noteSuffix = '.packed.json';

/** What lies beside a file once it is packed: for code that copies a tree. */
export const companionSuffixes: readonly string[] = [...Object.values(packedSuffixes), noteSuffix];

/** Names of what lies beside a packed file. */
export function packedNames(name: string): string[] {
  return companionSuffixes.map((suffix) => `${name}${suffix}`);
}

/**
 * Sizes and hashes of a file and its copies; makes what is missing. The note is valid while all sizes match; the node
 * that receives a damaged copy detects it.
 * @throws AppError `invalid` when the file is not readable, `failed` when a copy cannot be written
 */
export async function ensurePacked(path: string): Promise<PackedNote> {
  const note = await readNote(path);
  if (note !== null) return note;
  const plain = await describeCopy(path).catch((cause: unknown) => {
    throw new AppError('invalid', `${path} is not readable: ${describeError(cause)}`, { cause });
  });
  try {
    // Level 9 makes 38 MB of the runtime in 3 s, level 19 34 MB in 40 s; a node unpacks either in 0.2 s, gzip's in 0.8 s.
    const zstdParameters = { [constants.ZSTD_c_compressionLevel]: 9, [constants.ZSTD_c_checksumFlag]: 1 };
    await Promise.all([
      compress(path, `${path}${packedSuffixes.zstd}`, createZstdCompress({ params: zstdParameters })),
      compress(path, `${path}${packedSuffixes.gzip}`, createGzip({ level: 6 })),
    ]);
    const made: PackedNote = {
      plain,
      zstd: await describeCopy(`${path}${packedSuffixes.zstd}`),
      gzip: await describeCopy(`${path}${packedSuffixes.gzip}`),
    };
    await writeFileAtomic(`${path}${noteSuffix}`, `${JSON.stringify(made)}\n`, { mode: 0o644 });
    return made;
  } catch (cause) {
    throw new AppError('failed', `cannot write the compressed copies of ${path}: ${describeError(cause)}`, { cause });
  }
}

async function readNote(path: string): Promise<PackedNote | null> {
  try {
    const note = Note.parse(JSON.parse(await readFile(`${path}${noteSuffix}`, 'utf8')));
    const sizes = await Promise.all(
      [path, `${path}${packedSuffixes.zstd}`, `${path}${packedSuffixes.gzip}`].map(
        async (file) => (await stat(file)).size,
      ),
    );
    return [note.plain, note.zstd, note.gzip].every((copy, at) => copy.bytes === sizes[at]) ? note : null;
  } catch {
    // Missing, from another version, or cut short: all of it is made again.
    return null;
  }
}

async function compress(source: string, target: string, compressor: NodeJS.ReadWriteStream): Promise<void> {
  const partial = `${target}.new`;
  try {
    await pipeline(createReadStream(source, { highWaterMark: 1 << 20 }), compressor, createWriteStream(partial));
    await rename(partial, target);
  } finally {
    await rm(partial, { force: true });
  }
}

async function describeCopy(path: string): Promise<{ bytes: number; sha256: string }> {
  const digest = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), digest);
  return { bytes: (await stat(path)).size, sha256: digest.digest('hex') };
}
