// The bridge on a node as a step: begins the transaction there, watches it from outside, and reports how it ended. The node's
// own state file holds the truth; a console that died finds its transaction again by its id.
import { AppError, describeError } from '../../../contract/errors.ts';
import { scriptArgv } from '../../../host/scripts/script-argv.ts';
import type { bridgeActions } from '../../../core/plans/bridge/plan/actions.ts';
import { compareTraits, guessCauses } from '../../../core/plans/bridge/plan/causes.ts';
import type { BridgeFacts } from '../../../core/plans/bridge/observe/facts.ts';
import { persistBridge } from '../../../core/plans/bridge/persist/persist.ts';
import { parsePeerLook, peerLookScript } from '../../../core/plans/bridge/observe/peer-look.ts';
import { BridgeStepArgs } from '../../../core/plans/bridge/plan/step-args.ts';
import type { BridgeResult, BridgeUndoArgs } from '../../../core/plans/bridge/plan/step-args.ts';
import type { BridgeTransaction, TransactionStatus } from '../../../core/plans/bridge/plan/transaction.ts';
import { trialSignals } from '../../../core/plans/bridge/plan/trial-signals.ts';
import type { TrialSignal } from '../../../core/plans/bridge/plan/trial-signals.ts';
import { planUndo } from '../../../core/plans/bridge/plan/undo.ts';
import { describeSeconds } from '../../../core/plans/bridge/judge/words.ts';
import { judgeBridge } from '../../../core/plans/bridge/judge/verdict.ts';
import type { BridgeFinding } from '../../../core/plans/bridge/judge/finding.ts';
import { describeWitness } from '../../../core/plans/bridge/plan/witnesses.ts';
import type { NodeTarget } from '../../../core/plans/targets.ts';
import { observeBridge } from '../../../host/bridge/look.ts';
import { openTransaction, placeTransaction } from '../../../host/bridge/node-transaction.ts';
import { sha256Hex } from '../../../host/hash.ts';
import type { SignalListener, StepContext, StepOutcome } from '../../runs/executor.ts';

import type { ActionParts, Executors } from '../action.ts';
import { knownHostLines } from '../../ssh/host-keys.ts';
import { pause } from '../../ssh/pause.ts';
import { awaitHandOver, beginOnce, callMs, lookMs, turnMs } from './calls.ts';
import { rememberBridge } from './remember.ts';
import { isNotPlaced, watchTransaction } from './transaction-watch.ts';
import type { Door, WatchEnd } from './transaction-watch.ts';

/** How often the step checks the node's lock while it watches. */
const lockCheckMs = 10_000;
/** How much longer than its own time the console waits for the hand-over to the DHCP client. */
const handOverGraceMs = 5_000;

export const bridgeExecutors: Omit<Executors<typeof bridgeActions>, 'proveByReboot'> = {
  ensureBridge: async (args, context, parts) => ensure(args, context, parts),
  persistBridge: async (args, context, parts) => ensure(args, context, parts),
  removeBridge: async (args, context, parts) => {
    if ('transaction' in args) return remove(args, context, parts);
    const planned = await planUndoNow(args, context, parts);
    return planned ? remove(planned, context, parts) : { changed: false };
  },
};

async function ensure(
  args: BridgeStepArgs,
  context: StepContext,
  parts: ActionParts,
): Promise<StepOutcome<BridgeResult>> {
  const { target, transaction } = args;
  return perform(args, context, parts, async (id) => {
    const shell = await parts.sessions.shell(target, context);
    const facts = await observeBridge(shell, transaction.bridge, context.signal);
    const choice = {
      bridge: transaction.bridge,
      uplink: transaction.uplink,
      method: transaction.method,
      datapath: transaction.datapath,
    };
    const { presence, findings } = judgeBridge(facts, choice);
    await remember(target, facts, parts);
    if (isOwn(facts, id)) return 'begun';
    if (presence === 'right') return 'right';
    const blocks = findings.filter(({ level }) => level === 'block');
    if (blocks.length > 0) throw refusal(target, blocks);
    return 'to-do';
  });
}

async function remove(
  args: BridgeStepArgs,
  context: StepContext,
  parts: ActionParts,
): Promise<StepOutcome<BridgeResult>> {
  return perform(args, context, parts, async (id) => {
    const facts = await observeBridge(
      await parts.sessions.shell(args.target, context),
      args.transaction.bridge,
      context.signal,
    );
    await remember(args.target, facts, parts);
    if (isOwn(facts, id)) return 'begun';
    return facts.ovs.bridges.some(({ name }) => name === args.transaction.bridge) ? 'to-do' : 'right';
  });
}

/** When a console died while its node was beginning, the node had no state yet: by now it may have one, and the lock. */
function isOwn(facts: BridgeFacts, id: string): boolean {
  return facts.transaction?.id === id;
}

/** The undo of a kept bridge is planned from what is there now. Null when there is nothing to take away. */
async function planUndoNow(
  args: BridgeUndoArgs,
  context: StepContext,
  parts: ActionParts,
): Promise<BridgeStepArgs | null> {
  const { target, bridge, witness } = args;
  const facts = await observeBridge(await parts.sessions.shell(target, context), bridge, context.signal);
  const sighting = { target, isHead: false, isConsole: witness.isConsoleOnNode, facts, error: '' };
  const planned = planUndo(sighting, args, {
    own: idOf(context, true),
    all: { nodes: [sighting], bystanders: witness.peers },
    persist: persistBridge,
  });
  if (planned.blocks.length > 0) throw refusal(target, planned.blocks);
  if (planned.args && planned.args.taps.length > 0) context.log(`loses its network: ${planned.args.taps.join(', ')}`);
  return planned.args;
}

function refusal({ name }: NodeTarget, blocks: readonly BridgeFinding[]): AppError {
  const texts = blocks.map(({ text, mend }) => `${text}${mend === '' ? '' : ` — ${mend}`}`);
  return new AppError(
    blocks.some(({ id }) => id === 'transaction') ? 'conflict' : 'refused',
    `${name}: ${texts.join('\n')}`,
  );
}

/** One id for all nodes of a run; an undo is a separate transaction. */
function idOf({ run, attempt }: StepContext, isUndo: boolean): string {
  return `${run}-${isUndo ? 'undo-' : ''}${attempt}`;
}

/** Begins the transaction, unless it is under way from before a crash, and watches it to its end. */
async function perform(
  args: BridgeStepArgs,
  context: StepContext,
  parts: ActionParts,
  look: (id: string) => Promise<'right' | 'begun' | 'to-do'>,
): Promise<StepOutcome<BridgeResult>> {
  const { target, transaction } = args;
  const isUndo = context.step.undo !== null && transaction.kind === 'remove';
  const id = idOf(context, isUndo);
  const nonce = await parts.sessions.secretFor(target, `bridge ${id} ${target.name}`);
  const signals: TrialSignal[] = [];
  const found = context.isResumed && (await findBegun(args, id, context, parts)) ? 'begun' : await look(id);
  if (found === 'right') return { changed: false };
  if (found === 'to-do') {
    const full: BridgeTransaction = {
      ...transaction,
      id,
      holder: parts.sessions.holder,
      nonceSha256: sha256Hex(nonce),
    };
    const shell = await parts.sessions.shell(target, context);
    const placed = await placeTransaction(shell, full, { signal: context.signal });
    listen(context, signals);
    context.log(
      `transaction ${id}: ${transaction.times.window} s to be seen from outside, then ${target.name} rolls back automatically`,
    );
    await beginOnce(placed, context);
  } else {
    listen(context, signals);
    context.log(`continues its transaction ${id}`);
  }
  const end = await watch({ args, id, nonce, signals }, context, parts);
  return conclude({ args, id, end }, context, parts);
}

function listen(context: StepContext, signals: TrialSignal[]): void {
  const listener: SignalListener<TrialSignal> = {
    words: trialSignals,
    onCancel: 'undo',
    onSignal: (signal) => void signals.push(signal),
  };
  context.listen(listener);
}

/** Whether this step's transaction was begun before the console died; keeps asking as long as it can be on trial. */
async function findBegun(args: BridgeStepArgs, id: string, context: StepContext, parts: ActionParts): Promise<boolean> {
  const endAt = parts.now() + (args.transaction.times.cap + args.transaction.times.ownerRestart) * 1000;
  for (;;) {
    try {
      const door = await openDoor(args, id, context, parts);
      try {
        await door.transaction.readStatus({ timeoutMs: callMs, signal: context.signal });
        return true;
      } finally {
        door.close();
      }
    } catch (error) {
      context.signal.throwIfAborted();
      // Placed and never begun has no state yet: it is placed and begun again.
      if (isNotPlaced(error) || (error instanceof AppError && error.code === 'failed')) return false;
      const isTransient = error instanceof AppError && ['unreachable', 'timeout'].includes(error.code);
      if (!isTransient) throw error;
      const byPeer = await openByPeer(args, id, context, parts);
      if (byPeer) return true;
      if (parts.now() > endAt) throw error;
      await pause(turnMs, context.signal);
    }
  }
}

async function openByPeer(
  args: BridgeStepArgs,
  id: string,
  context: StepContext,
  parts: ActionParts,
): Promise<boolean> {
  for (const peer of args.witness.peers.slice(0, 3)) {
    try {
      const door = await openDoor(args, id, context, parts, peer);
      try {
        await door.transaction.readStatus({ timeoutMs: callMs, signal: context.signal });
        return true;
      } finally {
        door.close();
      }
    } catch {
      context.signal.throwIfAborted();
    }
  }
  return false;
}

/** A new connection to where the node is expected, from here or through a peer. */
async function openDoor(
  args: BridgeStepArgs,
  id: string,
  context: StepContext,
  parts: ActionParts,
  peer?: NodeTarget,
): Promise<Door> {
  const { signal } = context;
  const via = peer ? await parts.sessions.bystander(peer, signal) : null;
  const address = (via ? args.expected.at(-1) : args.expected[0]) ?? args.target.address;
  const shell = await parts.sessions.lookIn({ ...args.target, address }, signal, {
    timeoutMs: lookMs,
    ...(via ? { via } : {}),
  });
  return { transaction: openTransaction(shell, id), close: () => shell.connection.close() };
}

async function watch(
  { args, id, nonce, signals }: { args: BridgeStepArgs; id: string; nonce: string; signals: TrialSignal[] },
  context: StepContext,
  parts: ActionParts,
): Promise<WatchEnd> {
  const { target, transaction, witness } = args;
  const { signal } = context;
  const host = await parts.sessions.hostOf(target);
  const address = args.expected.at(-1) ?? target.address;
  const knownHosts = knownHostLines([address], target.port, host?.pins ?? []);
  const peerOf = (name: string): NodeTarget => {
    const peer = witness.peers.find((each) => each.name === name);
    if (!peer) throw new Error(`${name} is not a peer of this step`);
    return peer;
  };
  let lockAt = parts.now();
  return watchTransaction({
    node: target.name,
    transaction,
    witness,
    nonce,
    openDirect: () => openDoor(args, id, context, parts),
    openVia: (name) => openDoor(args, id, context, parts, peerOf(name)),
    lookFrom: async (name) => {
      const shell = await parts.sessions.bystander(peerOf(name), signal);
      const argv = scriptArgv(peerLookScript, [address, String(target.port), 'root', String(lookMs / 1000)]);
      const { stdout } = await shell.run(argv, { stdin: knownHosts, timeoutMs: 2 * lookMs, signal });
      return parsePeerLook(stdout);
    },
    takeSignals: () => signals.splice(0),
    onTurn: (isReached) => {
      // The connection that held the node's lock may not have survived the change: the lock is taken again.
      if (!isReached || parts.now() - lockAt < lockCheckMs) return;
      lockAt = parts.now();
      void parts.sessions.shell(target, context).catch((error: unknown) => {
        if (!signal.aborted) context.log(`its lock: ${describeError(error)}`);
      });
    },
    progress: (progress) => context.progress(progress),
    log: (text) => context.log(text),
    now: () => performance.now(),
    sleep: (ms) => pause(ms, signal),
  });
}

async function conclude(
  { args, id, end }: { args: BridgeStepArgs; id: string; end: WatchEnd },
  context: StepContext,
  parts: ActionParts,
): Promise<StepOutcome<BridgeResult>> {
  const { target, transaction } = args;
  const { name } = target;
  if (end.status?.state === 'committed') {
    const status = await followUp(args, id, end.status, context, parts);
    const result = resultOf(id, 'committed', { ...end, status });
    for (const doubt of status.rebootDoubts ?? []) context.log(`reboot: ${doubt}`);
    if (status.dhcp.startsWith('other:'))
      context.log(`DHCP offers ${status.dhcp.slice('other:'.length)}: it is not taken without asking`);
    await lookAgain(args, context, parts);
    const unsafe = describeUnsafe(args, status.rebootDoubts ?? []);
    if (unsafe !== null) throw new AppError('failed', unsafe, { detail: result });
    return { changed: true, result };
  }
  const outcome =
    end.status === null
      ? 'unknown'
      : end.status.state === 'rolled-back' || end.status.state === 'rollback-failed'
        ? end.status.state
        : 'unknown';
  const result: BridgeResult = {
    ...resultOf(id, outcome, end),
    causes: end.isUndone
      ? []
      : guessCauses({ transaction, status: end.status, console: end.console, peers: end.peers }),
    ...compareWithGood(args, context),
  };
  if (outcome === 'rolled-back') await lookAgain(args, context, parts);
  if (outcome === 'rolled-back' && end.isUndone)
    throw new AppError('cancelled', `${name} is as it was before: undone on request`, { detail: result });
  const [cause] = result.causes;
  const likely = cause ? `\nLikely: ${cause.cause} (${cause.evidence}) — ${cause.mend}` : '';
  const said = {
    'rolled-back': `${name} is as it was before: ${result.reason}`,
    'rollback-failed': `${name} did not roll back automatically: ${result.reason}. Log in at the machine's own console and run: sh /var/lib/meshd/bridge/${id}/rollback undo`,
    unknown: `${name} has not answered for ${describeSeconds(transaction.times.cap)}: its outcome is unknown. Its own timer rolls it back; retry looks again`,
    committed: '',
  }[outcome];
  const difference = result.differences.map(
    ({ fact, good, bad }) => `${fact}: ${good} on ${result.goodNode}, ${bad} here`,
  );
  throw new AppError(
    outcome === 'unknown' ? 'timeout' : 'failed',
    said + likely + (difference.length > 0 ? `\nIt differs from ${result.goodNode}: ${difference.join('; ')}` : ''),
    { detail: result },
  );
}

/**
 * A bridge that the next boot would not bring back is kept, since it works, but the step fails: a person has to look at it.
 * Null when the next boot is safe, or the bridge was taken away.
 */
export function describeUnsafe(
  { target, transaction }: Pick<BridgeStepArgs, 'target' | 'transaction'>,
  doubts: readonly string[],
): string | null {
  if (doubts.length === 0 || transaction.kind === 'remove') return null;
  return (
    `${target.name} has ${transaction.bridge} now, and its next boot is not safe: ${doubts.join('; ')}. ` +
    `Do not restart it yet. Fix that and plan the bridge again, or undo this run`
  );
}

/** After the commit: the hand-over to its DHCP client, and what the next boot would do. A silent node leaves both unknown. */
async function followUp(
  args: BridgeStepArgs,
  id: string,
  committed: TransactionStatus,
  context: StepContext,
  parts: ActionParts,
): Promise<TransactionStatus> {
  const { transaction } = args;
  let status = committed;
  try {
    const door = await openDoor(args, id, context, parts);
    try {
      // Without a lease to hand over it is waited for as well: until then the transaction is pending, and the next boot in doubt.
      const text = transaction.dhcp === 'none' ? 'tidying up' : 'its DHCP client takes the lease over';
      status = await awaitHandOver(door.transaction, committed, {
        signal: context.signal,
        forMs: transaction.times.dhcp * 1000 + handOverGraceMs,
        now: () => performance.now(),
        sleep: (ms) => pause(ms, context.signal),
        onWait: () => context.progress({ state: 'committed', text, leftMs: null }),
      });
      status = await door.transaction.prove({ signal: context.signal });
    } finally {
      door.close();
    }
  } catch (error) {
    context.signal.throwIfAborted();
    context.log(`kept; could not ask what its next boot would do: ${describeError(error)}`);
  }
  return status;
}

function resultOf(id: string, outcome: BridgeResult['outcome'], end: WatchEnd): BridgeResult {
  const { status } = end;
  const at = (states: readonly string[]) => status?.journal.find(({ state }) => states.includes(state))?.atMs ?? null;
  const appliedAt = at(['applied']);
  const endedAt = at(['committed', 'rolled-back', 'rollback-failed']);
  return {
    transaction: id,
    outcome,
    outageMs: status?.outageMs ?? null,
    seconds: appliedAt === null || endedAt === null ? null : Math.max(0, endedAt - appliedAt) / 1000,
    witnesses: (status?.witnesses ?? []).map(describeWitness),
    rebootDoubts: status?.rebootDoubts ? [...status.rebootDoubts] : null,
    reason: status?.reason ?? '',
    dhcp: status?.dhcp ?? '',
    causes: [],
    differences: [],
    goodNode: '',
  };
}

/** Facts in which this node differs from a node of the same run that succeeded. */
function compareWithGood(args: BridgeStepArgs, context: StepContext): Pick<BridgeResult, 'differences' | 'goodNode'> {
  for (const step of context.plan.steps) {
    const other = BridgeStepArgs.safeParse(step.do.args);
    if (!other.success || step.key === context.step.key) continue;
    if (context.resultOf(step.key)['outcome'] !== 'committed') continue;
    return { differences: compareTraits(other.data.traits, args.traits), goodNode: step.node };
  }
  return { differences: [], goodNode: '' };
}

async function remember(target: NodeTarget, facts: BridgeFacts, { sessions, store, now }: ActionParts): Promise<void> {
  const host = await sessions.hostOf(target);
  if (host) await rememberBridge(host.id, facts, { hosts: store.hosts, nowMs: now() });
}

/** Looks at the node for the pages that show it. Never fails the step. */
async function lookAgain(
  { target, transaction }: BridgeStepArgs,
  context: StepContext,
  parts: ActionParts,
): Promise<void> {
  try {
    const shell = await parts.sessions.shell(target, context);
    await remember(target, await observeBridge(shell, transaction.bridge, context.signal), parts);
  } catch (error) {
    context.signal.throwIfAborted();
    context.log(`could not look at its bridge: ${describeError(error)}`);
  }
}
