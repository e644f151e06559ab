// meshd: the daemon and its clients, by flags. Exit codes: 0 done, 1 failed, 2 wrong flags (or a client that cannot connect),
// 3 a meshd already runs on this base.
import { realpathSync } from 'node:fs';
import { describeFlags, parseFlags, statePathOf } from '../core/flags.ts';
import { describeVersion } from './version.ts';

const exitCode = { done: 0, usage: 2 } as const;

async function main(argv: readonly string[]): Promise<number> {
  if (argv.some((argument) => /^--?h(elp)?$/.test(argument)) && !argv.includes('-e')) {
    console.log(describeFlags());
    return exitCode.done;
  }
  const parsed = parseFlags(argv);
  if (!parsed.ok) {
    console.error(`meshd: ${parsed.message}`);
    return exitCode.usage;
  }
  const { flags, rest } = parsed;
  const programPath = realpathSync(process.argv[1] ?? '');
  if (flags.version) {
    console.log(`meshd ${describeVersion(programPath)}`);
    return exitCode.done;
  }
  if (flags.cli) {
    console.log((await import('./daemon-side.ts')).commandsJson());
    return exitCode.done;
  }
  const target = { socketPath: `${flags.base}/meshd`, namespace: flags.namespace };
  // Each way loads what it needs: a client that loaded the daemon would take twice as long.
  if (flags.e) return (await import('./client/execute.ts')).runExecute(rest, target);
  if (flags.attach) return (await import('./client/attach.ts')).runAttach(target);
  if (flags.pipe !== '')
    return (await import('./client/pipe.ts')).runPipe({ socketPath: target.socketPath, pipe: flags.pipe });
  if (flags.relay) return (await import('./client/relay.ts')).runRelay(target);
  if (flags.takeca !== '') {
    const { runTakeCa } = await import('./daemon-side.ts');
    return runTakeCa(flags.takeca, { base: flags.base, state: statePathOf(flags.base) });
  }
  if (rest.length > 0) {
    console.error(`meshd: unexpected argument ${rest[0] ?? ''}: to run a command use \`meshd -e\`; see meshd -help`);
    return exitCode.usage;
  }
  return (await import('./daemon-side.ts')).runDaemon(flags, programPath);
}

process.exitCode = await main(process.argv.slice(2));
// A finished client and a stopped daemon hold nothing worth waiting for.
process.exit();
