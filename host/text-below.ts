// Text that a command writes to a file below -filepath: where images lie too, which such a command must not destroy by a typo.
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { AppError, describeError } from '../contract/errors.ts';
import { openBelow, resolveBelow } from './below.ts';
import { writeFileAtomic } from './files.ts';

/** How much of a file that is there is looked at: images say what they are in their first bytes. */
const headBytes = 4096;

/**
 * Writes a text file, in place of a text file that may be there.
 * @throws AppError `refused` for a name elsewhere and for a file that is not text, `not-found` without its folder, `failed`
 */
export async function writeTextBelow(root: string, name: string, text: string): Promise<void> {
  const path = await resolveBelow(root, name);
  await assertTextOrNew(root, name);
  await writeFileAtomic(path, text, { mode: 0o644 }).catch((cause: unknown) => {
    throw new AppError('failed', `cannot write ${name}: ${describeError(cause)}`, { cause });
  });
}

/** Opens a text file for appending; it is made if it is not there. The caller closes it. @throws AppError as writeTextBelow */
export async function openAppendBelow(root: string, name: string): Promise<FileHandle> {
  const path = await resolveBelow(root, name);
  await assertTextOrNew(root, name);
  const { O_APPEND, O_CREAT, O_WRONLY, O_NOFOLLOW } = constants;
  const file = await open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0o644).catch((cause: unknown) => {
    throw new AppError('failed', `cannot write ${name}: ${describeError(cause)}`, { cause });
  });
  await file.close();
  // Checks that the file which was opened lies where its name says.
  return openBelow(root, name, O_WRONLY | O_APPEND);
}

async function assertTextOrNew(root: string, name: string): Promise<void> {
  let file: FileHandle;
  try {
    file = await openBelow(root, name);
  } catch (error) {
    if (error instanceof AppError && error.code === 'not-found') return;
    throw error;
  }
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(headBytes), 0, headBytes, 0);
    if (buffer.subarray(0, bytesRead).includes(0))
      throw new AppError('refused', `${name} is there and is not a text file: \`file delete ${name}\` first`);
  } finally {
    await file.close();
  }
}
