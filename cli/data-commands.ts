// Commands on the data folder itself, for root on the console's machine: backup, restore, and a new link for an admin. They work
// beside a running console, except restore, which needs an empty folder.
import type { Command } from 'commander';
import { readFile, stat } from 'node:fs/promises';
import { AppError, describeError } from '../contract/errors.ts';
import { backUp, restore } from '../server/store/backup.ts';
import type { Log } from '../server/ports.ts';
import { exitCodes } from './exit-codes.ts';
import { askSecret, isInteractive, readSecretFromStdin, tellError } from './terminal.ts';

interface PassphraseOptions {
  passphraseFile?: string;
  passphraseStdin?: true;
}

export function addDataCommands(program: Command, options: { dataPath: () => string; log: Log }): void {
  const { dataPath, log } = options;

  withPassphrase(
    program
      .command('backup')
      .description('database, key file, certificates and the copies of CAs, as one encrypted file')
      .argument('<file>', 'the file to write; it must not exist yet'),
  ).action((file: string, given: PassphraseOptions) =>
    onDataFolder(async () => {
      if (await stat(file).catch(() => null)) {
        throw new AppError('invalid', `${file} exists already: name another file, or move it away first`);
      }
      const passphrase = await readPassphrase(given, { isNew: true });
      if (passphrase === null) return exitCodes.needsPerson;
      await backUp(dataPath(), file, passphrase, Date.now());
      console.error(
        `${file} is written. With the file and its passphrase, anyone has every key of this console: keep them apart.`,
      );
      return exitCodes.done;
    }),
  );

  withPassphrase(
    program
      .command('restore')
      .description('write a backup into an empty data folder (--data)')
      .argument('<file>', 'the backup'),
  ).action((file: string, given: PassphraseOptions) =>
    onDataFolder(async () => {
      const passphrase = await readPassphrase(given, { isNew: false });
      if (passphrase === null) return exitCodes.needsPerson;
      const madeAt = await restore(dataPath(), file, passphrase);
      console.error(`${dataPath()} is as it was at ${new Date(madeAt).toISOString()}. Start the console on it.`);
      return exitCodes.done;
    }),
  );

  program
    .command('admin')
    .description('admins of the console')
    .command('reset')
    .description('print a new one-time link that makes an admin; the link before it stops working')
    .action(() =>
      onDataFolder(async () => {
        // It brings the whole console: loaded for this command only.
        const { resetAdmin } = await import('../server/start.ts');
        const path = await resetAdmin({ dataPath: dataPath() }, log);
        console.error("Open this below the console's address. It works once, for an hour:");
        console.log(path);
        return exitCodes.done;
      }),
    );
}

function withPassphrase(command: Command): Command {
  return command
    .option('--passphrase-file <file>', 'its first line is the passphrase')
    .option('--passphrase-stdin', 'read the passphrase from standard input');
}

/** Null when nobody can be asked. @throws AppError `invalid` */
async function readPassphrase(given: PassphraseOptions, { isNew }: { isNew: boolean }): Promise<string | null> {
  if (given.passphraseFile !== undefined) {
    try {
      return (await readFile(given.passphraseFile, 'utf8')).split(/\r?\n/, 1)[0] ?? '';
    } catch (cause) {
      throw new AppError('invalid', `--passphrase-file: ${describeError(cause)}`, { cause });
    }
  }
  if (given.passphraseStdin) return readSecretFromStdin();
  if (!isInteractive()) {
    console.error('meshdeck: it needs a passphrase: give --passphrase-file or --passphrase-stdin');
    return null;
  }
  const passphrase = await askSecret(isNew ? 'A passphrase for the backup' : 'Its passphrase');
  if (isNew && (await askSecret('The passphrase again')) !== passphrase) {
    throw new AppError('invalid', 'the two passphrases differ: nothing was written');
  }
  return passphrase;
}

/** A wrong argument is a usage error; any other failure to open the folder changed nothing. */
async function onDataFolder(work: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = await work();
  } catch (error) {
    tellError(describeError(error));
    const isUsage = error instanceof AppError && error.code === 'invalid';
    process.exitCode = isUsage ? exitCodes.usage : exitCodes.unavailable;
  }
}
