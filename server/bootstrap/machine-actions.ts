// Looking at a machine, and installing packages on it.
import { z } from 'zod';
import { AppError, describeError } from '../../contract/errors.ts';
import { scriptArgv } from '../../core/deploy/scripts.ts';
import { packagesScript } from '../../core/plans/host-scripts.ts';
import { judgePreflight, parsePreflight, preflightScript } from '../../core/plans/preflight.ts';
import { NodeTarget } from '../../core/plans/targets.ts';
import { defineAction, outcomeOf } from './action.ts';
import { factsOf } from './known-nodes.ts';

export const defaultMeshPort = 9000;

export const machineActions = {
  observePreflight: defineAction(
    z.object({ target: NodeTarget, names: z.array(z.string()), meshPort: z.number().default(defaultMeshPort) }),
    async ({ target, names, meshPort }, context, parts) => {
      const shell = await parts.sessions.shell(target, context);
      const askedAt = parts.now();
      const { stdout } = await shell.run(scriptArgv(preflightScript, [String(meshPort), ...names]), {
        signal: context.signal,
        timeoutMs: 45_000,
      });
      const facts = parsePreflight(stdout);
      const clockOffsetMs = (parts.now() - askedAt) / 2;
      // The clock is read at the script's beginning: half the round trip is the least wrong guess for a quick node.
      const findings = judgePreflight(facts, { askedAtMs: askedAt + Math.min(clockOffsetMs, 250), meshPort });
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
      return { changed: false, result: { facts, findings } };
    },
  ),

  ensurePackages: defineAction(
    z.object({ target: NodeTarget, packages: z.array(z.string().regex(/^[a-z0-9][a-z0-9+.-]+$/)) }),
    async ({ target, packages }, context, parts) => {
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
        return outcomeOf(stdout);
      } catch (error) {
        const text = describeError(error);
        if (/Could not get lock|Unable to (acquire|lock)/.test(text)) {
          // apt names the holder on its standard output while it waits, and no more in its last words.
          const [, pid, name] = /held by process (\d+) \(([^)]*)\)/.exec(said) ?? [];
          const who = pid === undefined ? 'another program' : `another ${name ?? 'apt'} (process ${pid})`;
          throw new AppError(
            'conflict',
            `${target.name}: ${who} holds the lock of apt there: wait for its end, then retry`,
            { cause: error },
          );
        }
        // One line of the many that apt says for each server; the step's log has them all.
        const silent = /^.*(?:Unable to (?:fetch|connect)|Temporary failure resolving|Could not resolve).*$/im.exec(
          text,
        );
        if (silent) {
          const line = silent[0].replace(`${target.name}: `, '');
          throw new AppError('unreachable', `${target.name}: apt does not reach its package servers: ${line}`, {
            cause: error,
          });
        }
        throw error;
      }
    },
  ),
};
