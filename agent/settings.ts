// What was set at run time and must last: `settings.json` beside the identity. Flags are the defaults; a degree set with
// `mesh degree` wins over the flag until it is set again, also after a restart and in what deploy hands on. And on the head,
// how the last launch logged in.
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { AppError, describeError } from '../contract/errors.ts';
import { maxDegree } from '../contract/limits.ts';
import { writeFileAtomic } from '../host/files.ts';

/** Keys that a newer meshd wrote stay: an upgrade may be rolled back. */
const Settings = z.looseObject({
  degree: z.number().int().min(0).max(maxDegree).optional(),
  login: z.object({ user: z.string(), sudo: z.boolean() }).optional(),
});
export type Settings = z.infer<typeof Settings>;

export class SettingsFile {
  private readonly path: string;
  private settings: Settings;
  private saving: Promise<unknown> = Promise.resolve();

  constructor(path: string, initial: Settings) {
    this.path = path;
    this.settings = initial;
  }

  /** Opens the settings; a missing file counts as empty. @throws AppError `invalid` when the file is not readable. */
  static async open(path: string): Promise<SettingsFile> {
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return new SettingsFile(path, {});
      throw new AppError('invalid', `cannot read ${path}: ${describeError(error)}`, { cause: error });
    }
    try {
      return new SettingsFile(path, Settings.parse(JSON.parse(text)));
    } catch (cause) {
      throw new AppError('invalid', `${path} is damaged: repair it, or delete it to go back to the flags`, { cause });
    }
  }

  get degree(): number | undefined {
    return this.settings.degree;
  }

  get login(): Settings['login'] {
    return this.settings.login;
  }

  /** Changes some and resolves when they are on disk. @throws AppError `failed` when they last until the end only */
  async update(change: Settings): Promise<void> {
    this.settings = { ...this.settings, ...change };
    // One write after the other, each with all current settings: the last write holds the newest.
    const saved = this.saving.then(() => writeFileAtomic(this.path, `${JSON.stringify(this.settings, null, 2)}\n`));
    this.saving = saved.catch(() => undefined);
    try {
      await saved;
    } catch (cause) {
      throw new AppError(
        'failed',
        `it is set, and not saved in ${this.path}: ${describeError(cause)}; it lasts until this meshd ends`,
        { cause },
      );
    }
  }
}
