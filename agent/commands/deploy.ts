// `deploy …`: the commands over agent/deploy.
import type { ResponseEntry } from '../../contract/command-socket.ts';
import { responseEntry } from '../../contract/command-socket.ts';
import { AppError, describeError } from '../../contract/errors.ts';
import { parseRange } from '../../core/ranges/parse-range.ts';
import { Deployer } from '../deploy/deployer.ts';
import type { HostKeyRow } from '../deploy/host-keys.ts';
import { firstLine } from '../deploy/launch.ts';
import type { Launch, LaunchRow } from '../deploy/launch.ts';
import type { DeployComponents, DeployOptions } from '../deploy/types.ts';
import type { CommandCall, Handlers } from './handler.ts';
import { oneName } from './one-name.ts';

/** Handlers of all deploy commands. The Deployer is the caller's to stop. */
export function createDeployHandlers(
  options: DeployOptions,
  components: DeployComponents,
  deployer = new Deployer(options, components),
): Handlers {
  const output = (stream: 'stdout' | 'stderr') => (call: CommandCall) => {
    const path = call.command.words['path'];
    if (path === undefined) return answer(call, deployer.outputPath(stream) ?? 'journal');
    deployer.setOutputPath(stream, path);
    return answer(call, '');
  };
  const launch = async (call: CommandCall) => {
    const { words } = call.command;
    const hosts = hostsOf(words['hosts']);
    if (hosts.length === 0) return answer(call, '');
    const request = { hosts, user: words['user'] ?? 'root', sudo: words['sudo'] !== undefined };
    const { launch: running, joined } = await deployer.launch(request);
    if (joined) call.status('this deploy is running already; joining it');
    const rows = await follow(running, call);
    return launchEntries(call.host, rows);
  };
  return {
    'deploy flags [meshd flags]...': (call) => {
      const flags = call.command.lists['meshd'] ?? [];
      if (flags.length === 0) return answer(call, deployer.flags().join(' '));
      deployer.setFlags(flags);
      return answer(call, '');
    },
    'clear deploy flags': (call) => {
      deployer.setFlags(null);
      return answer(call, '');
    },
    'deploy stdout [path]': output('stdout'),
    'deploy stderr [path]': output('stderr'),
    'deploy launch <hosts>': launch,
    'deploy launch <hosts> <user> [sudo,]': launch,
    'deploy hostkeys <hosts>': (call) =>
      hostKeyEntries(call, hostsOf(call.command.words['hosts']), (host) => deployer.observeHostKeys(host, call.signal)),
    'deploy hostkeys <accept,> <hosts> <fingerprint>...': (call) => {
      const fingerprints = call.command.lists['fingerprint'] ?? [];
      return hostKeyEntries(call, hostsOf(call.command.words['hosts']), (host) =>
        deployer.acceptHostKeys(host, fingerprints, call.signal),
      );
    },
    'deploy logs <node>': async (call) =>
      answer(call, (await deployer.logs(oneName(call.command.words['node'] ?? ''), call.signal)).trimEnd()),
  };
}

function answer(call: CommandCall, text: string): Promise<ResponseEntry[]> {
  return Promise.resolve([responseEntry(call.host, { Response: text })]);
}

function hostsOf(range: string | undefined): string[] {
  const parsed = parseRange(range ?? '');
  if (!parsed.ok) throw new AppError('invalid', parsed.message);
  return parsed.names;
}

/**
 * Waits for a launch on behalf of one client. A client that goes away leaves the launch running; one that sends Cancel ends
 * it, unless others wait for it too.
 */
async function follow(launch: Launch, call: CommandCall): Promise<LaunchRow[]> {
  const stop = launch.listen((line) => call.status(line));
  let onAbort: (() => void) | undefined;
  const left = new Promise<never>((_resolve, reject) => {
    onAbort = () => {
      const { reason } = call.signal as { reason: unknown };
      const isCancel = reason instanceof AppError && reason.code === 'cancelled';
      if (isCancel && launch.listenerCount === 1) launch.cancel();
      else reject(new AppError('cancelled', 'the deploy continues; the same command joins it again'));
    };
    if (call.signal.aborted) onAbort();
    else call.signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([launch.done, left]);
  } finally {
    stop();
    if (onAbort) call.signal.removeEventListener('abort', onAbort);
  }
}

/** The table, and an error entry for each node that failed, so that `-e` reports it and exits non-zero. */
function launchEntries(host: string, rows: readonly LaunchRow[]): ResponseEntry[] {
  const table = responseEntry(host, {
    Header: ['node', 'step', 'seconds', 'error'],
    Tabular: rows.map((row) => [row.node, row.step, row.seconds.toFixed(1), firstLine(row.error)]),
    Data: rows,
  });
  const failed = rows.filter((row) => row.error !== '');
  return [table, ...failed.map((row) => responseEntry(row.node, { Error: `${row.step}: ${row.error}` }))];
}

async function hostKeyEntries(
  call: CommandCall,
  hosts: readonly string[],
  ask: (host: string) => Promise<HostKeyRow[]>,
): Promise<ResponseEntry[]> {
  const rows: HostKeyRow[] = [];
  const errors: ResponseEntry[] = [];
  // Key exchanges cost each side some milliseconds of CPU: sixteen nodes at once are enough to be quick.
  for (let at = 0; at < hosts.length; at += 16) {
    const answers = await Promise.all(
      hosts.slice(at, at + 16).map(async (host) => {
        try {
          return { host, rows: await ask(host), error: '' };
        } catch (error) {
          return { host, rows: [], error: describeError(error) };
        }
      }),
    );
    for (const { host, rows: found, error } of answers) {
      rows.push(...found);
      if (error !== '') errors.push(responseEntry(host, { Error: error }));
    }
  }
  const table = responseEntry(call.host, {
    Header: ['node', 'address', 'type', 'fingerprint', 'state'],
    Tabular: rows.map((row) => [row.node, row.address, row.type, row.fingerprint, row.state]),
    Data: rows,
  });
  return [table, ...errors];
}
