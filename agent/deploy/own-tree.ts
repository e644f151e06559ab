// The program tree that this meshd hands on: its own when it runs from one, dist/meshd when it runs from source. Gives the
// files as deploy streams them, compressed at build time, or now where only the plain file is there.
import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { open, readlink, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip, createZstdCompress } from 'node:zlib';
import { AppError } from '../../contract/errors.ts';
import { hashDigits, programFile, runtimeFile, treeFromProgramPath } from '../../core/deploy/tree.ts';

export interface TreeFile {
  readonly kind: 'runtime' | 'program';
  readonly hash: string;
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
  /** SHA-256 of the file, hex. */
  readonly sha256: string;
  /** Permission bits on the node, octal. */
  readonly mode: string;
}

export interface OwnTree {
  readonly root: string;
  /** CPU that the runtime is for, as Node names it. */
  readonly arch: string;
  readonly runtime: TreeFile;
  readonly program: TreeFile;
}

/**
 * Finds the tree. @throws AppError `not-found` when meshd runs from source and no tree is built, `invalid` when the tree is
 * damaged.
 */
export async function openOwnTree(programPath: string): Promise<OwnTree> {
  const own = treeFromProgramPath(programPath);
  const root = own?.tree ?? join(dirname(dirname(programPath)), 'dist/meshd');
  let programHash = own?.programHash;
  if (programHash === undefined) {
    const link = await readlink(join(root, 'current')).catch(() => null);
    programHash = /^program\/([0-9a-f]{16})$/.exec(link ?? '')?.[1];
    if (programHash === undefined) {
      throw new AppError(
        'not-found',
        `this meshd runs from source and ${root} is not built: run "npm run build:agent", then deploy again`,
      );
    }
  }
  const programFolder = join(root, 'program', programHash);
  const runtimeLink = await readlink(join(programFolder, 'runtime')).catch(() => null);
  const runtimeHash = /([0-9a-f]{16})$/.exec(runtimeLink ?? '')?.[1];
  if (runtimeHash === undefined) {
    throw new AppError('invalid', `${programFolder} names no runtime: build the tree again (npm run build:agent)`);
  }
  const [runtime, program] = await Promise.all([
    describeFile(root, { kind: 'runtime', hash: runtimeHash, name: runtimeFile, mode: '755' }),
    describeFile(root, { kind: 'program', hash: programHash, name: programFile, mode: '644' }),
  ]);
  return { root, arch: await machineOf(runtime.path), runtime, program };
}

async function describeFile(root: string, file: Pick<TreeFile, 'kind' | 'hash' | 'name' | 'mode'>): Promise<TreeFile> {
  const path = join(root, file.kind, file.hash, file.name);
  const digest = createHash('sha256');
  let bytes: number;
  try {
    ({ size: bytes } = await stat(path));
    await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), digest);
  } catch (cause) {
    throw new AppError('invalid', `${path} is not readable: build the tree again (npm run build:agent)`, { cause });
  }
  const sha256 = digest.digest('hex');
  if (!sha256.startsWith(file.hash) || file.hash.length !== hashDigits) {
    throw new AppError('invalid', `${path} is damaged: its SHA-256 is ${sha256}; build the tree again`);
  }
  return { ...file, path, bytes, sha256 };
}

/** The CPU of an ELF file, by its e_machine field. */
async function machineOf(path: string): Promise<string> {
  const file = await open(path, 'r');
  try {
    const { buffer } = await file.read(Buffer.alloc(20), 0, 20, 0);
    const machine = buffer.readUInt16LE(18);
    return machine === 62 ? 'x64' : machine === 183 ? 'arm64' : `ELF machine ${machine}`;
  } finally {
    await file.close();
  }
}

export type Packing = 'zstd' | 'gzip';

/** A file as it is sent, and how far it has come. */
export interface PackedStream {
  readonly packing: Packing;
  readonly stream: Readable;
  /** Share that was read, 0 to 1. */
  progress(): number;
}

/**
 * Opens a file for sending. zstd where the node has it: it takes a fifth of gzip's time there. The progress is of the file
 * that is read.
 */
export async function openPacked(file: TreeFile, nodeHasZstd: boolean): Promise<PackedStream> {
  const candidates: { packing: Packing; path: string }[] = [
    ...(nodeHasZstd ? [{ packing: 'zstd' as const, path: `${file.path}.zst` }] : []),
    ...(nodeHasZstd && file.bytes > 10_000_000 ? [] : [{ packing: 'gzip' as const, path: `${file.path}.gz` }]),
  ];
  const ready = candidates.find(({ path }) => existsSync(path));
  const path = ready?.path ?? file.path;
  const { size } = await stat(path);
  let readBytes = 0;
  const counter = new Transform({
    highWaterMark: 1 << 18,
    transform(chunk: Buffer, _encoding, done) {
      readBytes += chunk.length;
      done(null, chunk);
    },
  });
  const source = createReadStream(path, { highWaterMark: 1 << 18 });
  const forward = (error: Error) => stream.destroy(error);
  source.on('error', forward).pipe(counter);
  const packing = ready?.packing ?? (nodeHasZstd ? 'zstd' : 'gzip');
  const stream: Readable = ready
    ? counter
    : counter.on('error', forward).pipe(packing === 'zstd' ? createZstdCompress() : createGzip({ level: 1 }));
  stream.on('close', () => source.destroy());
  return { packing, stream, progress: () => (size === 0 ? 1 : readBytes / size) };
}
