// What was set at run time and must last: `settings.json` beside the identity. Flags are the defaults; a degree set with
// `mesh degree` wins over the flag until it is set again, also after a restart and in what deploy hands on.
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { AppError, describeError } from '../contract/errors.ts';
import { writeFileAtomic } from '../host/files.ts';

const Settings = z.object({ degree: z.number().int().min(0).max(1023).optional() });
export type Settings = z.infer<typeof Settings>;

/** Reads the settings; a missing file is no settings. @throws AppError `invalid` when the file is not readable. */
export async function readSettings(path: string): Promise<Settings> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return {};
    throw new AppError('invalid', `cannot read ${path}: ${describeError(error)}`, { cause: error });
  }
  try {
    return Settings.parse(JSON.parse(text));
  } catch (cause) {
    throw new AppError('invalid', `${path} is damaged: mend it, or delete it to go back to the flags`, { cause });
  }
}

export async function writeSettings(path: string, settings: Settings): Promise<void> {
  await writeFileAtomic(path, `${JSON.stringify(settings, null, 2)}\n`);
}
