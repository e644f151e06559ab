// meshdeck: the console's methods from a shell. cli/exit-codes.ts lists its exit codes.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { AppError, describeError } from '../contract/errors.ts';
import { StepSignal } from '../contract/plans.ts';
import { planKinds } from '../core/plans/kinds.ts';
import { safeJson } from '../core/safe-text.ts';
import type { Log } from '../server/ports.ts';
import type { Backend } from './backend.ts';
import { addBridgeExtras, printRunbook } from './bridge-command.ts';
import { pinsPathOf } from './console-trust.ts';
import { addDataCommands } from './data-commands.ts';
import { driveRun } from './drive-run.ts';
import { exitCodes } from './exit-codes.ts';
import { readIdentity } from './identity.ts';
import { planAndRun } from './plan-command.ts';
import { addPlanCommands } from './plan-words.ts';
import { describeLogLine, describePlan, describeRun, describeStep, describeUndoWarning } from './plan-text.ts';
import { askYesNo, isInteractive, readSecretFromStdin, tellError } from './terminal.ts';

interface GlobalOptions {
  data: string;
  console?: string;
  consoleFingerprint: string;
}

// Only their owner may read the files that this process writes.
process.umask(0o077);

const quietLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: tellError,
  error: tellError,
};

const program = new Command('meshdeck')
  .description('Turns Linux machines into one VM cluster')
  .option(
    '--data <folder>',
    'data folder of the console (MESHDECK_DATA)',
    process.env['MESHDECK_DATA'] ?? '/var/lib/meshdeck',
  )
  .option('--console <url>', 'a running console; its token is in MESHDECK_TOKEN', process.env['MESHDECK_CONSOLE'])
  .option(
    '--console-fingerprint <SHA-256>',
    'of its certificate, when it is self-signed (MESHDECK_CONSOLE_FINGERPRINT)',
    process.env['MESHDECK_CONSOLE_FINGERPRINT'] ?? '',
  )
  .showHelpAfterError()
  .exitOverride((error) => process.exit(error.exitCode === 0 ? exitCodes.done : exitCodes.usage))
  .enablePositionalOptions();

/** `needsData`: it reads or continues what a console has, so that one without a data folder has no use for it. */
async function withBackend(
  work: (backend: Backend) => Promise<number>,
  { needsData = false }: { needsData?: boolean } = {},
): Promise<void> {
  const options = program.opts<GlobalOptions>();
  let backend: Backend;
  try {
    const token = process.env['MESHDECK_TOKEN'];
    if (options.console !== undefined && token === undefined) {
      throw new AppError('refused', 'put a token of that console into MESHDECK_TOKEN (its Settings page makes one)');
    }
    // Loaded when it is needed: with both of them, help and errors of usage would take a second.
    if (options.console !== undefined && token !== undefined) {
      const { openRemoteBackend } = await import('./remote-backend.ts');
      backend = await openRemoteBackend(options.console, token, {
        fingerprint: options.consoleFingerprint,
        pinsPath: pinsPathOf(process.env),
        ask: isInteractive() ? (question) => askYesNo(question, false) : null,
      });
    } else {
      if (needsData && !existsSync(join(options.data, 'meshdeck.db'))) {
        throw new AppError(
          'not-found',
          `no console has used the data folder ${options.data} yet: name another (--data), or a console that runs (--console)`,
        );
      }
      const { openLocalBackend } = await import('./local-backend.ts');
      backend = await openLocalBackend(options.data, quietLog);
    }
  } catch (error) {
    tellError(describeError(error));
    const needsPerson = error instanceof AppError && error.code === 'host-key-unknown';
    process.exitCode = needsPerson ? exitCodes.needsPerson : exitCodes.unavailable;
    return;
  }
  try {
    process.exitCode = await work(backend);
  } finally {
    await backend.close();
  }
}

program
  .command('nodes')
  .description('bring machines in, check, replace and remove them (the console lists them: page Nodes)')
  .enablePositionalOptions();
const planCommands = addPlanCommands(program, planKinds, (kind, form, options) =>
  withBackend((backend) =>
    options['runbook'] === true ? printRunbook(backend, kind, form) : planAndRun(backend, kind, form, options),
  ),
);

const ca = program.command('ca').description('copies of the CA, for the day a head is lost').enablePositionalOptions();

ca.command('keep')
  .description('let the head seal a copy and keep it here; prints once the code that opens it')
  .argument('[cluster]', 'its context or id, when there are several', '')
  .action((cluster: string) =>
    withBackend(
      async (backend) => {
        const { code } = await backend.keepCa(cluster);
        console.error('The copy is kept. Its recovery code is not shown again: write it down, away from this console.');
        console.log(code);
        return exitCodes.done;
      },
      { needsData: true },
    ),
  );

ca.command('show')
  .description('the copies, one line each: what `meshd -takeca` takes')
  .argument('[cluster]', 'one of them, by context or id', '')
  .action((cluster: string) =>
    withBackend(
      async (backend) => {
        const copies = (await backend.caCopies()).filter(
          ({ cluster: id, context, sealed }) =>
            sealed !== '' && (cluster === '' || cluster === id || cluster === context),
        );
        if (copies.length === 0)
          throw new AppError('not-found', 'the console keeps no copy: meshdeck ca keep makes one');
        for (const { sealed } of copies) console.log(sealed);
        return exitCodes.done;
      },
      { needsData: true },
    ),
  );

addDataCommands(program, { dataPath: () => program.opts<GlobalOptions>().data, log: quietLog });
addBridgeExtras(planCommands, withBackend);

const runs = program.command('runs').description('what was done, and how it ended').enablePositionalOptions();

runs
  .command('list', { isDefault: true })
  .description('newest first')
  .option('--json', 'for programs')
  .action((options: { json?: true }) =>
    withBackend(
      async (backend) => {
        const found = await backend.list(50);
        if (options.json) console.log(safeJson(found, 2));
        else for (const run of found) console.log(describeRun(run));
        return exitCodes.done;
      },
      { needsData: true },
    ),
  );

runs
  .command('show')
  .description('plan, steps and log of a run')
  .argument('<run>')
  .option('--json', 'for programs')
  .action((id: string, options: { json?: true }) =>
    withBackend(
      async (backend) => {
        const { view, stop } = await backend.follow(await fullId(backend, id), () => undefined);
        stop();
        if (options.json) console.log(safeJson(view, 2));
        else {
          console.log(describePlan(view.plan), '\n');
          for (const step of view.steps) console.log(describeStep(step) ?? `  ${step.key}: ${step.state}`);
          for (const line of view.log) console.log(describeLogLine(line));
          console.log(describeRun(view));
        }
        return exitCodes.done;
      },
      { needsData: true },
    ),
  );

interface ActOptions {
  json?: true;
  yes?: true;
  passwordStdin?: true;
  identity?: string;
  passphraseStdin?: true;
  user?: string;
}

function runCommand(
  name: string,
  description: string,
  act: (backend: Backend, id: string, secrets: Record<string, string>) => Promise<unknown>,
): void {
  runs
    .command(name)
    .description(description)
    .argument('<run>')
    .option('--json', 'for programs: one event a line')
    .option('--yes', 'answer what steps ask with yes')
    .option('--password-stdin', 'read the password from standard input')
    .option('--identity <file>', 'the private key that the run asks for')
    .option('--passphrase-stdin', "read that key's passphrase from standard input")
    .option('--user <user>', 'whose password or key that is', 'root')
    .action((id: string, options: ActOptions) =>
      withBackend(
        async (backend) => {
          const run = await fullId(backend, id);
          const user = options.user ?? 'root';
          const secrets = {
            ...(options.identity === undefined ? {} : await readIdentity(user, options)),
            ...(options.passwordStdin ? { [`password:${user}`]: await readSecretFromStdin() } : {}),
          };
          await act(backend, run, secrets);
          return driveRun(backend, run, { json: options.json ?? false, yes: options.yes ?? false });
        },
        { needsData: true },
      ),
    );
}
runCommand('resume', 'continue a run that was cut off', (backend, id, secrets) => backend.resume(id, secrets));
runCommand('retry', 'do again what failed', (backend, id, secrets) => backend.retry(id, secrets));
runCommand('undo', 'take back what a run changed', async (backend, id) => {
  const { view, stop } = await backend.follow(id, () => undefined);
  stop();
  const warning = describeUndoWarning(view);
  if (warning !== '') console.error(warning);
  return backend.undo(id);
});
runCommand('cancel', 'end a run', (backend, id) => backend.cancel(id));

runs
  .command('signal')
  .description('answer a running step that waits: keep the change, undo it now, or take more time')
  .argument('<run>')
  .argument('<step>', 'its key, such as "ensureBridge node2"')
  .argument(`<${[...new Set(planKinds.flatMap(({ signals = [] }) => signals))].join('|')}>`)
  .action((id: string, step: string, word: string) =>
    withBackend(
      async (backend) => {
        const signal = StepSignal.safeParse(word);
        if (!signal.success)
          throw new AppError('invalid', `${word}: ${signal.error.issues[0]?.message ?? 'not a word'}`);
        await backend.signal(await fullId(backend, id), step, signal.data);
        return exitCodes.done;
      },
      { needsData: true },
    ),
  );

/** The id of the run that begins with `part`. @throws AppError */
async function fullId(backend: Backend, part: string): Promise<string> {
  const found = (await backend.list(500)).filter(({ id }) => id.startsWith(part));
  const [run] = found;
  if (!run) throw new AppError('not-found', `no run ${part}`);
  if (found.length > 1) throw new AppError('invalid', `${part} begins ${found.length} runs: give more of the id`);
  return run.id;
}

try {
  await program.parseAsync();
} catch (error) {
  tellError(error instanceof AppError ? error.message : describeError(error));
  process.exitCode =
    error instanceof AppError && ['invalid', 'not-found'].includes(error.code) ? exitCodes.usage : exitCodes.failed;
}
// An answered prompt would keep standard input open, and so this process running.
process.stdin.destroy();
