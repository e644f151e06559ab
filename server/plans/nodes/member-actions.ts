// The other nodes: letting the head in, deploying through it, the reasons when a node does not join, and taking meshd away.
import { AppError, describeError } from '../../../contract/errors.ts';
import { scriptArgv } from '../../../host/scripts/script-argv.ts';
import { installedTree } from '../../../core/deploy/tree.ts';
import { readResult } from '../../../core/plans/actions.ts';
import { headActions } from '../../../core/plans/nodes/actions.ts';
import type { memberActions } from '../../../core/plans/nodes/actions.ts';
import {
  endVmsScript,
  ensureKeyScript,
  removeKeyScript,
  removeMeshdScript,
  resolveScript,
} from '../../../core/plans/nodes/host-scripts.ts';
import { climbLadder, ladderScript, parseLadder } from '../../../core/plans/nodes/ladder.ts';
import type { LadderEnd, Rung } from '../../../core/plans/nodes/ladder.ts';
import { isAddress } from '../../../core/plans/targets.ts';
import type { NodeTarget } from '../../../core/plans/targets.ts';
import type { StepContext } from '../../runs/executor.ts';
import { outcomeOf } from '../action.ts';
import type { ActionParts, Executors } from '../action.ts';
import { basePath, readRoster, statePath } from './head-actions.ts';
import { noCluster } from '../../ssh/stored-hosts.ts';
import type { LaunchRow } from './launch-batch.ts';
import { runOverRelay } from '../../ssh/relay.ts';

export const memberExecutors: Executors<typeof memberActions> = {
  ensureHeadAccess: async ({ target, keyFrom }, context, parts) => {
    const shell = await parts.sessions.shell(target, context);
    const { stdout } = await shell.run(scriptArgv(ensureKeyScript, [headKeyOf(context, keyFrom)]), {
      signal: context.signal,
    });
    return outcomeOf(stdout);
  },

  removeHeadAccess: async ({ target, keyFrom }, context, parts) => {
    const shell = await parts.sessions.shell(target, context);
    const { stdout } = await shell.run(scriptArgv(removeKeyScript, [headKeyOf(context, keyFrom)]), {
      signal: context.signal,
    });
    return outcomeOf(stdout);
  },

  ensureMeshd: async ({ target, head, port, context: meshContext }, context, parts) => {
    // The lock of the node itself. Anything else that keeps us out may not keep the head out: the deploy will show it.
    await parts.sessions.shell(target, context).catch((error: unknown) => {
      if (context.signal.aborted || (error instanceof AppError && error.code === 'conflict')) throw error;
    });
    const shell = await parts.sessions.shell(head, context);
    // The head dials, by name when it knows the name, as the guide does.
    const host = await dialedByHead(target, shell, context.signal);
    const row = await parts.launches.launch({
      host,
      shell,
      signal: context.signal,
      onStatus: (text) => context.log(text),
    });
    if (row.error !== '') throw await explain({ target, head, port, meshContext, row }, context, parts);
    const known = await parts.sessions.hostOf(target);
    if (known) {
      const roster = await readRoster(shell, context.signal);
      const member = roster.nodes.find((node) => node.name.toLowerCase() === known.name.toLowerCase());
      await parts.store.hosts.update(known.id, (host) => ({
        ...host,
        cluster: roster.cluster,
        nodeId: member?.id ?? null,
        isHead: false,
      }));
      await parts.fleet.reload();
    }
    return { changed: row.changed, result: { seconds: row.seconds, step: row.step } };
  },

  removeMeshd: async ({ target }, context, parts) => {
    const shell = await parts.sessions.shell(target, context);
    const { stdout } = await shell.run(scriptArgv(removeMeshdScript, [installedTree, statePath, basePath]), {
      timeoutMs: 60_000,
      signal: context.signal,
    });
    const known = await parts.sessions.hostOf(target);
    if (known?.cluster) await parts.store.hosts.update(known.id, (host) => ({ ...host, ...noCluster }));
    return outcomeOf(stdout);
  },

  endVms: async ({ target }, context, parts) => {
    const shell = await parts.sessions.shell(target, context);
    const { stdout } = await shell.run(scriptArgv(endVmsScript, [statePath, '10']), {
      timeoutMs: 60_000,
      signal: context.signal,
    });
    return outcomeOf(stdout);
  },

  /** Shuts a node out of the mesh permanently. Does nothing when the node is not a member. */
  revokeMember: async ({ head, name }, context, parts) => {
    const shell = await parts.sessions.shell(head, context);
    const member = (await readRoster(shell, context.signal)).nodes.find(
      (node) => node.name.toLowerCase() === name.toLowerCase() && node.state === 'member',
    );
    if (!member) return { changed: false };
    const entries = await runOverRelay(shell, `mesh revoke ${member.name}`, { signal: context.signal });
    const error = entries.find((entry) => entry.Error !== '')?.Error;
    if (error !== undefined) throw new AppError('failed', error);
    return { changed: true };
  },
};

function headKeyOf(context: StepContext, keyFrom: string): string {
  const made = readResult(headActions.ensureHeadKey, context.resultOf(keyFrom));
  if (!made) throw new AppError('failed', `"${keyFrom}" left no public key: retry it`);
  return made.publicKey;
}

async function dialedByHead(
  target: NodeTarget,
  shell: { run: (argv: string[], options: { signal: AbortSignal }) => Promise<{ stdout: string }> },
  signal: AbortSignal,
): Promise<string> {
  if (isAddress(target.name)) return target.address;
  const { stdout } = await shell.run(scriptArgv(resolveScript, [target.name]), { signal });
  return /=\S/.test(stdout.trim()) ? target.name : target.address;
}

interface Failure {
  readonly target: NodeTarget;
  readonly head: NodeTarget;
  readonly port: number;
  readonly meshContext: string;
  readonly row: LaunchRow;
}

/** The deploy's own error; when the node runs and is not in the mesh, the ladder of reasons as well. */
async function explain(failure: Failure, context: StepContext, parts: ActionParts): Promise<AppError> {
  const { row, target, head, port } = failure;
  const text = `${row.step}: ${row.error}`;
  if (row.step !== 'hello' && row.step !== 'mesh') return new AppError('failed', text);
  const [onNode, onHead] = await Promise.all([
    lookFrom(target, head, port, context, parts),
    lookFrom(head, target, port, context, parts),
  ]);
  const rungs = climbLadder({
    node: target.name,
    head: head.name,
    meshPort: port,
    context: failure.meshContext,
    onNode,
    onHead,
  });
  return new AppError('failed', [text, ...rungs.map(describeRung)].join('\n'), { detail: { rungs } });
}

async function lookFrom(
  from: NodeTarget,
  to: NodeTarget,
  port: number,
  context: StepContext,
  parts: ActionParts,
): Promise<LadderEnd | string> {
  try {
    const shell = await parts.sessions.shell(from, context);
    const others = [...new Set([to.name, to.address])];
    const { stdout } = await shell.run(scriptArgv(ladderScript, [installedTree, basePath, String(port), ...others]), {
      timeoutMs: 30_000,
      signal: context.signal,
    });
    return parseLadder(stdout);
  } catch (error) {
    return describeError(error);
  }
}

function describeRung({ rung, text, mend }: Rung): string {
  return `${rung}: ${text}; fix: ${mend}`;
}
