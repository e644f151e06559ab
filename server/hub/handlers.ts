// What each method does, one line each: the parts do the work. That every method has its handler is checked by the compiler.
import type { NodeBridge } from '../../contract/bridge.ts';
import type { ConsoleKeyView } from '../../contract/browser/nodes.ts';
import { AppError } from '../../contract/errors.ts';
import { maxFollowedRuns } from '../../contract/limits.ts';
import type { RunEvent } from '../../contract/plans.ts';
import type { Auth } from '../auth/auth.ts';
import type { CaCopies } from '../ssh/ca-copies.ts';
import type { Fleet, HostStore, Runs } from '../ports.ts';
import type { AuditStore } from '../store/types.ts';
import type { Call, Handlers } from './dispatcher.ts';
import { knownNodeOf, rememberedChecks } from './known-node-rows.ts';

/** A login on the head, and one command. */
const caCopyTimeoutMs = 30_000;

export interface HandlerComponents {
  readonly auth: Auth;
  readonly fleet: Fleet;
  readonly runs: Runs;
  readonly audit: AuditStore;
  readonly hosts: Pick<HostStore, 'list'>;
  readonly consoleKeys: () => Promise<ConsoleKeyView[]>;
  readonly caCopies: Pick<CaCopies, 'list' | 'keep'>;
  /** The bridges of a node range as they are now. @throws AppError `invalid` with `detail.field` */
  readonly showBridges: (nodes: string, signal: AbortSignal) => Promise<NodeBridge[]>;
}

export function createHandlers(
  options: { version: string; isSimulated: boolean },
  { auth, fleet, runs, audit, hosts, consoleKeys, caCopies, showBridges }: HandlerComponents,
): Handlers {
  return {
    'fleet.subscribe': (choice, { connection }) => {
      // In one turn of the event loop: no delta can fall between the snapshot and the room.
      connection.joinFleet();
      return fleet.snapshot(choice);
    },
    'fleet.unsubscribe': (_input, { connection }) => {
      connection.leaveFleet();
      return {};
    },
    'plans.make': ({ kind, form, secrets }, { caller, connection }) =>
      runs.makePlan(caller, { kind, form, secrets, signal: connection.signal }),
    'bridge.show': ({ nodes }, { connection }) => showBridges(nodes, connection.signal),
    'nodes.known': async () => (await hosts.list()).map(knownNodeOf),
    'nodes.checks': async ({ node }) => rememberedChecks((await hosts.list()).find(({ id }) => id === node)?.facts),
    'runs.start': ({ plan, secrets }, { caller }) => runs.startRun(caller, plan, secrets),
    'runs.list': ({ limit, node }) => runs.list(limit, node),
    'runs.subscribe': ({ run }, call) => followRun(runs, run, call),
    'runs.unsubscribe': ({ run }, { connection }) => {
      connection.follows.get(followName(run))?.();
      return {};
    },
    'runs.cancel': ({ run }, { caller }) => runs.cancel(caller, run),
    'runs.retry': ({ run, secrets }, { caller }) => runs.retry(caller, run, secrets),
    'runs.undo': ({ run }, { caller }) => runs.undo(caller, run),
    'runs.answer': ({ run, step, answer }, { caller }) => runs.answer(caller, run, step, answer),
    'runs.signal': ({ run, step, signal }, { caller }) => runs.signal(caller, run, step, signal),
    'runs.provideSecrets': ({ run, secrets }, { caller }) => runs.provideSecrets(caller, run, secrets),

    'command.run': async ({ call: id, cluster, node, line, session, timeoutMs }, { caller, connection }) => {
      const name = commandName(id);
      if (connection.follows.has(name))
        throw new AppError('conflict', `the call id ${id} is in use on this connection`);
      const abort = new AbortController();
      connection.follows.set(name, () => abort.abort());
      try {
        return await fleet.runCommand({
          cluster,
          node,
          line,
          session,
          timeoutMs,
          caller,
          signal: AbortSignal.any([abort.signal, connection.signal]),
          onAnswer: (answer) => connection.emit('command.answer', { call: id, answer }),
        });
      } finally {
        connection.follows.delete(name);
      }
    },
    'command.cancel': ({ call }, { connection }) => {
      connection.follows.get(commandName(call))?.();
      return {};
    },
    'command.suggest': ({ cluster, node, text }, { caller, connection }) =>
      fleet.suggest({ cluster, node, text, role: caller.role, signal: connection.signal }),

    'users.list': () => auth.users(),
    'users.create': (draft) => auth.createUser(draft),
    'users.setRole': ({ user, role }) => auth.setRole(user, role),
    'users.setPassword': async ({ user, password }, { caller }) => {
      if (user === caller.userId)
        throw new AppError('refused', 'Change your own password with the present one (Settings, Account).');
      await auth.setPassword(user, password);
      return {};
    },
    'users.remove': async ({ user }) => {
      await auth.removeUser(user);
      return {};
    },
    'session.current': async (_input, { caller }) => ({ user: await auth.user(caller.userId), ...options }),
    'session.changePassword': async (change, { caller, connection }) => {
      await auth.changePassword(caller.userId, change, connection.credential.id);
      return {};
    },
    'sessions.list': async (_input, { caller, connection }) =>
      (await auth.sessions(caller.userId)).map((session) => ({
        ...session,
        isCurrent: session.id === connection.credential.id,
      })),
    'sessions.revokeOthers': async (_input, { caller, connection }) => {
      await auth.revokeOthers(caller.userId, connection.credential.id);
      return {};
    },
    'tokens.list': async (_input, { caller }) =>
      (await auth.tokens(caller.userId)).map(({ id, name, createdAt, lastUsedAt }) => ({
        id,
        name,
        createdAt,
        lastUsedAt,
      })),
    'tokens.create': ({ name }, { caller }) => auth.createToken(caller.userId, name),
    'tokens.revoke': async ({ token }, { caller }) => {
      await auth.revokeToken(caller.userId, token);
      return {};
    },
    'keys.list': () => consoleKeys(),
    'ca.list': () => caCopies.list(),
    'ca.keep': ({ cluster }, { connection }) =>
      caCopies.keep(cluster, AbortSignal.any([connection.signal, AbortSignal.timeout(caCopyTimeoutMs)])),
    'audit.list': (query) => audit.list(query),
  } satisfies Handlers;
}

const followName = (run: string) => `run ${run}`;
const commandName = (call: string) => `command ${call}`;

/** What happens between the view and its answer is held back, so that a client hears nothing before its view. */
async function followRun(runs: Runs, run: string, { connection, afterAnswer }: Call) {
  const name = followName(run);
  connection.follows.get(name)?.();
  if (connection.follows.size >= maxFollowedRuns) {
    throw new AppError('refused', `${maxFollowedRuns} runs are followed here already: close one of them`);
  }
  let held: RunEvent[] | null = [];
  const { view, stop } = await runs.subscribe(run, (event) => {
    if (held) held.push(event);
    else connection.emit('run.event', event);
  });
  const end = () => {
    connection.follows.delete(name);
    stop();
  };
  connection.follows.get(name)?.();
  if (connection.signal.aborted) stop();
  else connection.follows.set(name, end);
  afterAnswer(() => {
    const early = held ?? [];
    held = null;
    for (const event of early) connection.emit('run.event', event);
  });
  return view;
}
