// The program tree that this meshd deploys: its own when it runs from one, dist/meshd when it runs from source.
import { createReadStream } from 'node:fs';
import { open, readlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Transform } from 'node:stream';
import type { Readable } from 'node:stream';
import { AppError } from '../../contract/errors.ts';
import { programFile, runtimeFile, treeFromProgramPath } from '../../core/deploy/tree.ts';
import { ensurePacked, packedSuffixes } from './packed.ts';
import type { PackedNote, Packing } from './packed.ts';

export interface TreeFile {
  readonly kind: 'runtime' | 'program';
  readonly hash: string;
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
  /** Permission bits on the node, octal. */
  readonly mode: string;
  readonly packed: PackedNote;
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
  return { root, arch: await archOf(runtime.path), runtime, program };
}

async function describeFile(root: string, file: Pick<TreeFile, 'kind' | 'hash' | 'name' | 'mode'>): Promise<TreeFile> {
  const path = join(root, file.kind, file.hash, file.name);
  const packed = await ensurePacked(path);
  if (!packed.plain.sha256.startsWith(file.hash)) {
    throw new AppError('invalid', `${path} is damaged: its SHA-256 is ${packed.plain.sha256}; build the tree again`);
  }
  return { ...file, path, bytes: packed.plain.bytes, packed };
}

/** The CPU of an ELF file, by its e_machine field. */
async function archOf(path: string): Promise<string> {
  const file = await open(path, 'r');
  try {
    const { buffer } = await file.read(Buffer.alloc(20), 0, 20, 0);
    const machine = buffer.readUInt16LE(18);
    return machine === 62 ? 'x64' : machine === 183 ? 'arm64' : `ELF machine ${machine}`;
  } finally {
    await file.close();
  }
}

/** A file as it is sent, and how far it has come. */
export interface PackedStream {
  readonly stream: Readable;
  /** Share that was sent, 0 to 1. */
  progress(): number;
}

export function openPacked(file: TreeFile, packing: Packing): PackedStream {
  const { bytes } = file.packed[packing];
  let sentBytes = 0;
  const stream = new Transform({
    highWaterMark: 1 << 18,
    transform(chunk: Buffer, _encoding, done) {
      sentBytes += chunk.length;
      done(null, chunk);
    },
  });
  const source = createReadStream(`${file.path}${packedSuffixes[packing]}`, { highWaterMark: 1 << 18 });
  source.on('error', (error) => stream.destroy(error)).pipe(stream);
  stream.on('close', () => source.destroy());
  return { stream, progress: () => (bytes === 0 ? 1 : sentBytes / bytes) };
}
