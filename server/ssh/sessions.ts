// The connections of one run: one per node, made when first needed, with the node's lock held and renewed as long as any step
// of the node is left.
import { createHmac } from 'node:crypto';
import { AppError, describeError } from '../../contract/errors.ts';
import { lockRenewMs, lockScript, lockStaleSeconds, unlockScript } from '../../core/plans/nodes/host-scripts.ts';
import type { NodeTarget } from '../../core/plans/targets.ts';
import { scriptArgv } from '../../host/scripts/script-argv.ts';
import type { HostStore, KeyStore, Log, StoredHost } from '../ports.ts';
import type { SshCredentials } from '../../host/ssh/credentials.ts';
import { beforeAbort } from '../runs/before-abort.ts';
import type { StepContext } from '../runs/executor.ts';
import { isConsoleKey } from './console-key.ts';
import { pinsOfLines } from './host-keys.ts';
import { loginByKey } from './login.ts';
import type { loginAnyhow, LoginContext, LoginParts, RootShell } from './login.ts';

export interface SessionComponents {
  readonly hosts: HostStore;
  readonly keys: KeyStore;
  /** Keys and agent of the user who runs the console. */
  readonly own: () => Promise<SshCredentials>;
  readonly log: Log;
  /** `root@console`. */
  readonly local: string;
  /** loginAnyhow, but for tests. */
  readonly login: typeof loginAnyhow;
  /** Whether this is a run of this console that has ended. */
  readonly isOver: (run: string) => Promise<boolean>;
}

interface Held {
  readonly shell: RootShell;
  readonly renewal: NodeJS.Timeout;
}

interface StepAtWork {
  readonly end: (reason: AppError) => void;
  /** Whose locks it relies on. */
  readonly nodes: Set<string>;
}

export class NodeSessions {
  private readonly run: { readonly id: string; readonly holder: string };
  private readonly components: SessionComponents;
  /** By node; a promise, so that steps of one node share one login. */
  private readonly open = new Map<string, Promise<Held>>();
  /** By the signal that their actions act under. */
  private readonly steps = new Map<AbortSignal, StepAtWork>();
  private readonly bystanders = new Map<string, Promise<RootShell>>();

  constructor(run: { id: string; holder: string }, components: SessionComponents) {
    this.run = run;
    this.components = components;
  }

  /** Who, for others who want the same nodes. */
  get holder(): string {
    return this.run.holder;
  }

  /** Has a step act, and ends it as soon as the lock of a node that it acts on has gone to someone else. */
  async during<T>(context: StepContext, act: (context: StepContext) => Promise<T>): Promise<T> {
    const lost = new AbortController();
    const signal = AbortSignal.any([context.signal, lost.signal]);
    this.steps.set(signal, { end: (reason) => lost.abort(reason), nodes: new Set() });
    try {
      return await beforeAbort(act({ ...context, signal }), signal);
    } finally {
      this.steps.delete(signal);
    }
  }

  /** A root shell with the lock held. @throws SecretMissing, AppError `conflict` when another run holds the node */
  async shell(target: NodeTarget, context: LoginContext): Promise<RootShell> {
    for (;;) {
      const known = this.open.get(target.name);
      const opening = known ?? this.openNode(target, context);
      if (!known) this.open.set(target.name, opening);
      let held: Held;
      try {
        held = await opening;
      } catch (error) {
        if (this.open.get(target.name) === opening) this.open.delete(target.name);
        throw error;
      }
      this.steps.get(context.signal)?.nodes.add(target.name);
      if (held.shell.connection.isLost) {
        this.drop(target.name, held);
        continue;
      }
      return held.shell;
    }
  }

  /** A new login by the console's key alone; the caller closes it. */
  async proveKey(target: NodeTarget, signal: AbortSignal, keyId?: string): Promise<RootShell> {
    return loginByKey(target, await this.loginParts(target, keyId), signal);
  }

  /** A new login by the key of a machine, for one look from outside; the caller closes it. No lock is taken. */
  async lookIn(
    target: NodeTarget,
    signal: AbortSignal,
    options: { readonly timeoutMs: number; readonly via?: RootShell },
  ): Promise<RootShell> {
    return loginByKey(target, await this.loginParts(target), signal, options);
  }

  /**
   * A connection to a machine that only looks at others: without its lock, kept for the run.
   * @throws AppError
   */
  async bystander(target: NodeTarget, signal: AbortSignal): Promise<RootShell> {
    for (;;) {
      const known = this.bystanders.get(target.name);
      const opening = known ?? this.lookIn(target, signal, { timeoutMs: 5_000 });
      if (!known) this.bystanders.set(target.name, opening);
      const shell = await opening.catch((error: unknown) => {
        if (!known) throw error;
        return null;
      });
      if (shell && !shell.connection.isLost) return shell;
      // Another caller that waited for it may have put a new one in its place by now.
      if (this.bystanders.get(target.name) === opening) this.bystanders.delete(target.name);
      signal.throwIfAborted();
    }
  }

  /** A secret for something of this name on that machine. Only this console can make it again. */
  async secretFor(target: NodeTarget, name: string): Promise<string> {
    const { consoleKey } = await this.loginParts(target);
    if (consoleKey === null)
      throw new AppError('refused', `${target.name} has no key of the console yet: add it first`);
    return createHmac('sha256', consoleKey).update(name).digest('hex');
  }

  /** The stored record of a machine, by name or address. */
  async hostOf(target: NodeTarget): Promise<StoredHost | null> {
    const hosts = await this.components.hosts.list();
    return findHost(hosts, target) ?? null;
  }

  async release(node: string): Promise<void> {
    const opening = this.open.get(node);
    if (!opening) return;
    this.open.delete(node);
    const held = await opening.catch(() => null);
    if (!held) return;
    clearInterval(held.renewal);
    await held.shell
      .run(scriptArgv(unlockScript, [this.run.id]), { timeoutMs: 5_000 })
      .catch((error: unknown) =>
        this.components.log.warn(`lock of ${node} is left to expire: ${describeError(error)}`),
      );
    held.shell.connection.close();
  }

  /** The node restarts: its connection is dead, and its lock is lost with /run. The next caller logs in and takes the lock again. */
  async abandon(node: string): Promise<void> {
    const held = await this.open.get(node)?.catch(() => null);
    if (held) this.drop(node, held);
  }

  async close(): Promise<void> {
    await Promise.all([...this.open.keys()].map((node) => this.release(node)));
    for (const opening of this.bystanders.values()) {
      void opening.then(({ connection }) => connection.close()).catch(() => undefined);
    }
    this.bystanders.clear();
  }

  /** Somebody else has the node: our steps there end, and a retry asks for the lock again. */
  private lose(node: string, held: Held, reason: AppError): void {
    for (const step of this.steps.values()) if (step.nodes.has(node)) step.end(reason);
    this.drop(node, held);
  }

  private drop(node: string, held: Held): void {
    clearInterval(held.renewal);
    held.shell.connection.close();
    this.open.delete(node);
  }

  private async openNode(target: NodeTarget, context: LoginContext): Promise<Held> {
    const shell = await this.components.login(target, await this.loginParts(target), context);
    try {
      await this.takeLock(target.name, shell, context.signal);
    } catch (error) {
      shell.connection.close();
      throw error;
    }
    const held: Held = {
      shell,
      renewal: setInterval(() => {
        this.takeLock(target.name, shell).then(
          () => (failures = 0),
          (error: unknown) => {
            failures += 1;
            this.onRenewalFailure(target.name, held, { error, failures });
          },
        );
      }, lockRenewMs),
    };
    let failures = 0;
    return held;
  }

  /** A lock that is not renewed is soon stale, and then another run may take the node: no step may rely on it after that. */
  private onRenewalFailure(node: string, held: Held, { error, failures }: { error: unknown; failures: number }): void {
    if (error instanceof AppError && error.code === 'conflict') {
      this.lose(node, held, error);
      return;
    }
    // A caller that needs a lost connection logs in again, and takes the lock again.
    if (held.shell.connection.isLost) return;
    const text = `the lock of ${node} was not renewed: ${describeError(error)}`;
    if (failures === 1) this.components.log.warn(text);
    if (failures * lockRenewMs < lockStaleSeconds * 1000) return;
    this.lose(
      node,
      held,
      new AppError('timeout', `${text}; after ${lockStaleSeconds} s another run may take the node`),
    );
  }

  private async takeLock(node: string, shell: RootShell, signal?: AbortSignal): Promise<void> {
    const ask = async (worthless: string) => {
      const { stdout } = await shell.run(
        scriptArgv(lockScript, [this.run.id, oneLine(this.run.holder), String(lockStaleSeconds), worthless]),
        { timeoutMs: 15_000, ...(signal ? { signal } : {}) },
      );
      const [state, age = '', run = '', holder = ''] = stdout.trim().split('\n');
      if (state !== 'taken' && state !== 'held') {
        const text = `${node} gave an unknown answer to the lock: ${JSON.stringify(stdout.slice(0, 200))}`;
        throw new AppError('failed', text);
      }
      return { isTaken: state === 'taken', age, run, holder };
    };
    let answer = await ask('');
    // A killed console's lock stays when its run continues with other nodes only.
    if (!answer.isTaken && (await this.components.isOver(answer.run))) answer = await ask(answer.run);
    if (answer.isTaken) return;
    const { age, run, holder } = answer;
    throw new AppError(
      'conflict',
      `${node} is held by ${holder || 'someone'} (run ${run.slice(0, 8)}, seen ${age} s ago): wait for its end and retry; a ` +
        `console that died lets go after ${lockStaleSeconds} s`,
      { detail: { run, holder } },
    );
  }

  private async loginParts(target: NodeTarget, keyId?: string): Promise<LoginParts> {
    const { hosts, keys, own, local } = this.components;
    const host = findHost(await hosts.list(), target);
    if (!host) throw new AppError('host-key-unknown', `no host key of ${target.name} is pinned: add it first`);
    const newest = (await keys.list()).filter(isConsoleKey).sort((a, b) => b.addedAt - a.addedAt)[0];
    const id = keyId ?? host.keyId ?? newest?.id;
    const key = id === undefined ? null : await keys.get(id);
    return {
      pins: pinsOfLines(host.pins, 'the console'),
      consoleKey: key?.privateKey ?? null,
      own: await own(),
      local,
    };
  }
}

/** By name, then by address: a machine added by its address carries its own name from its first login on. */
export function findHost(
  hosts: readonly StoredHost[],
  target: { name: string; address: string },
): StoredHost | undefined {
  const same = (a: string, b: string) => a.toLowerCase() === b.toLowerCase();
  return (
    hosts.find((host) => host.addresses.some((address) => same(address, target.address))) ??
    hosts.find((host) => same(host.name, target.name))
  );
}

function oneLine(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 120) || 'someone';
}
