// What a node found out about its QEMU, kept on disk, so that meshd starts none to ask again.
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { writeFileAtomic } from '../files.ts';

/** What an answer depends on: QEMU's version, the kernel. */
export type Circumstances = Readonly<Record<string, string | boolean>>;

/**
 * The answer in `file` as long as the circumstances are those under which it was found; otherwise from `find`, which is then
 * remembered.
 */
export async function remembered<Answer>(
  file: string,
  circumstances: Circumstances,
  { answer, find }: { answer: z.ZodType<Answer>; find: () => Promise<Answer> },
): Promise<Answer> {
  try {
    const known = z.object({ circumstances: z.json(), answer }).parse(JSON.parse(await readFile(file, 'utf8')));
    if (JSON.stringify(known.circumstances) === JSON.stringify(circumstances)) return known.answer;
  } catch {
    // Missing, or of another version of meshd.
  }
  const found = await find();
  await writeFileAtomic(file, JSON.stringify({ circumstances, answer: found }));
  return found;
}
