// Looking at a machine, and installing packages on it.
import { AppError, describeError } from '../../../contract/errors.ts';
import type { Finding } from '../../../contract/known-nodes.ts';
import { scriptArgv } from '../../../host/scripts/script-argv.ts';
import { defaultMeshPort } from '../../../core/plans/nodes/actions.ts';
import type { machineActions } from '../../../core/plans/nodes/actions.ts';
import { packagesScript, startUpScript } from '../../../core/plans/nodes/host-scripts.ts';
import { judgePreflight, judgeStartUp, parsePreflight, preflightScript } from '../../../core/plans/nodes/preflight.ts';
import type { NodeTarget } from '../../../core/plans/targets.ts';
import type { StepContext } from '../../runs/executor.ts';
import { outcomeOf } from '../action.ts';
import type { ActionParts, Executors } from '../action.ts';
import { factsOf } from '../../ssh/stored-hosts.ts';
import type { RootShell } from '../../ssh/login.ts';

/** Looks at the machine, and remembers what it saw: pages show it until the next look. */
async function lookAt(
  { target, names, meshPort }: { target: NodeTarget; names: readonly string[]; meshPort: number },
  context: StepContext,
  parts: ActionParts,
): Promise<{ facts: Record<string, unknown>; findings: Finding[] }> {
  const shell = await parts.sessions.shell(target, context);
  const askedAt = parts.now();
  const { stdout } = await shell.run(scriptArgv(preflightScript, [String(meshPort), ...names]), {
    signal: context.signal,
    timeoutMs: 45_000,
  });
  const facts = parsePreflight(stdout);
  const clockOffsetMs = (parts.now() - askedAt) / 2;
  // The clock is read at the script's beginning: half the round trip is the least wrong guess for a quick node.
  const findings = [
    ...judgePreflight(facts, { askedAtMs: askedAt + Math.min(clockOffsetMs, 250), meshPort }),
    ...(await lookAtStartUp(shell, context.signal)),
  ];
  for (const { level, text, mend } of findings) {
    if (level !== 'ok') context.log(`${level === 'fail' ? 'FAIL' : 'warning'}: ${text}${mend ? ` — ${mend}` : ''}`);
  }
  const host = await parts.sessions.hostOf(target);
  const at = parts.now();
  if (host) {
    await parts.store.hosts.update(host.id, (known) => ({
      ...known,
      facts: { ...factsOf(known), ...facts, findings, at },
    }));
  }
  return { facts: { ...facts }, findings };
}

/** Which file prints something before each program, if one does: other tools fail because of it, and its owner may not know. */
async function lookAtStartUp(shell: RootShell, signal: AbortSignal): Promise<Finding[]> {
  const { noise } = shell.connection;
  const [text = ''] = noise.split('\n', 1);
  if (text === '') return [];
  const { stdout } = await shell.run(scriptArgv(startUpScript, [shell.user, text]), { signal, timeoutMs: 30_000 });
  return judgeStartUp(shell.user, noise, stdout);
}

/** What packagesScript said. @throws AppError that says what held apt up */
async function runApt(
  target: NodeTarget,
  packages: readonly string[],
  context: StepContext,
  parts: ActionParts,
): Promise<string> {
  const shell = await parts.sessions.shell(target, context);
  let said = '';
  try {
    const { stdout } = await shell.run(scriptArgv(packagesScript, packages), {
      signal: context.signal,
      timeoutMs: 15 * 60_000,
      onOutput: (text) => {
        said = (said + text).slice(-8_000);
        context.log(text);
      },
    });
    return stdout;
  } catch (error) {
    const text = describeError(error);
    // apt-get ends with 100 whatever went wrong. These are the words of apt-pkg, under LC_ALL=C (host/ssh/frame.ts).
    if (/Could not get lock|Unable to (acquire|lock)/.test(text)) {
      // apt names the holder on its standard output while it waits, but not in its final error.
      const [, pid, name] = /held by process (\d+) \(([^)]*)\)/.exec(said) ?? [];
      const who = pid === undefined ? 'another program' : `another ${name ?? 'apt'} (process ${pid})`;
      throw new AppError(
        'conflict',
        `${target.name}: ${who} holds the lock of apt there: wait for its end, then retry`,
        { cause: error },
      );
    }
    // One of the many lines that apt prints for each server; the step's log has them all.
    const silent = /^.*(?:Unable to (?:fetch|connect)|Temporary failure resolving|Could not resolve).*$/im.exec(text);
    if (silent) {
      const line = silent[0].replace(`${target.name}: `, '');
      throw new AppError('unreachable', `${target.name}: apt does not reach its package servers: ${line}`, {
        cause: error,
      });
    }
    throw error;
  }
}

export const machineExecutors: Executors<typeof machineActions> = {
  observePreflight: async (args, context, parts) => ({ changed: false, result: await lookAt(args, context, parts) }),

  ensurePackages: async ({ target, packages, names }, context, parts) => {
    const { changed } = outcomeOf(await runApt(target, packages, context, parts));
    // Also when apt had nothing to do: it may have been cut off after its work, before the machine was looked at again.
    const seen = await lookAt({ target, names, meshPort: defaultMeshPort }, context, parts);
    return changed ? { changed, result: seen } : { changed };
  },
};
