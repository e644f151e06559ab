// A node's lock that somebody else takes while a run is at work there: its steps end at once, with who has it.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { AppError } from '../../contract/errors.ts';
import type { Plan, Step } from '../../contract/plans.ts';
import { lockRenewMs } from '../../core/plans/nodes/host-scripts.ts';
import { nodeStep } from '../../core/plans/nodes/actions.ts';
import { makePlan } from '../../core/plans/step.ts';
import type { StepContext } from '../runs/executor.ts';
import { createMemoryStore } from '../store/memory-store.ts';
import { SshExecutor } from '../plans/executor.ts';
import { servedKinds } from '../plans/kinds.ts';
import { RootShell } from './login.ts';

const target = (name: string) => ({ name, address: name, port: 22, user: 'root' });
const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** Machines whose lock can be taken away; every other command hangs as long as the connection lives. */
class Machines {
  readonly takenBy = new Map<string, string>();
  readonly at = new Map<string, number>();
  /** What a node answers to the lock instead of its usual answer. */
  readonly answers = new Map<string, string | AppError>();
  logins = 0;

  readonly login = ({ name }: { name: string }): Promise<RootShell> => {
    this.logins += 1;
    const end = Promise.withResolvers<never>();
    end.promise.catch(() => undefined);
    const connection = {
      isLost: false,
      close() {
        this.isLost = true;
        end.reject(new AppError('unreachable', `the connection to ${name} ended`));
      },
    };
    const run = (argv: readonly string[]) => {
      const text = argv.join(' ');
      if (text.includes('mv -f lock.new lock')) {
        const answer = this.answers.get(name);
        if (answer instanceof AppError) return Promise.reject(answer);
        if (answer !== undefined) return Promise.resolve({ stdout: answer });
        const by = this.takenBy.get(name);
        return Promise.resolve({ stdout: by === undefined ? 'taken' : `held\n3\nother-run\n${by}` });
      }
      if (text.includes('rm -f lock')) return Promise.resolve({ stdout: '' });
      this.at.set(name, (this.at.get(name) ?? 0) + 1);
      return end.promise;
    };
    return Promise.resolve(Object.assign(Object.create(RootShell.prototype) as RootShell, { connection, run }));
  };
}

async function open(plan: Plan) {
  const machines = new Machines();
  const store = createMemoryStore();
  for (const name of ['node1', 'node2']) {
    await store.hosts.put({
      id: name,
      name,
      addresses: [name],
      port: 22,
      user: 'root',
      needsSudo: false,
      keyId: null,
      pins: [],
      cluster: '',
      nodeId: null,
      isHead: false,
      addedAt: 1,
      facts: null,
    });
  }
  const executor = new SshExecutor({
    hosts: store.hosts,
    keys: store.keys,
    own: () => Promise.resolve({ keys: [], unusable: [] }),
    log,
    local: 'root@console',
    isOver: () => Promise.resolve(false),
    login: machines.login,
    parts: {
      store,
      fleet: { reload: () => Promise.resolve() },
      commands: { run: () => Promise.reject(new Error('no commands here')) },
      programPath: '/nowhere',
      now: () => 1,
      createId: () => 'new',
      host: 'console',
    },
    kinds: servedKinds,
  });
  const session = executor.open({ id: 'r1', plan, holder: 'Ann' });
  const perform = (step: Step) => {
    const context: StepContext = {
      step,
      plan,
      run: 'r1',
      attempt: 1,
      isResumed: false,
      signal: new AbortController().signal,
      secret: () => undefined,
      dropSecret: () => undefined,
      log: () => undefined,
      progress: () => undefined,
      listen: () => undefined,
      resultOf: () => ({}),
    };
    return session.perform(context);
  };
  return { machines, session, perform };
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
});
afterEach(() => {
  vi.useRealTimers();
});

test('the steps at work there end as soon as a renewal finds out, and those of other nodes do not', async () => {
  const steps = ['node1', 'node2'].map((node) =>
    nodeStep({
      action: 'ensureKey',
      node,
      title: '',
      why: '',
      args: { target: target(node), publicKey: 'ssh-ed25519 K' },
    }),
  );
  const [one, two] = steps as [Step, Step];
  const { machines, session, perform } = await open(
    makePlan('add-nodes', { id: 'p1', nowMs: 1 }, { title: '', command: '', steps }),
  );
  const work = [perform(one), perform(two)] as const;
  const other = vi.fn();
  work[0].catch(() => undefined);
  work[1].catch(other);
  await vi.waitFor(() => expect(machines.at.size).toBe(2));
  machines.takenBy.set('node1', 'Ben at elsewhere');
  await vi.advanceTimersByTimeAsync(lockRenewMs);
  await expect(work[0]).rejects.toMatchObject({ code: 'conflict', message: /node1 is held by Ben at elsewhere/ });
  // Another step there without the lock gets the same error, and changes nothing.
  await expect(perform(one)).rejects.toMatchObject({ code: 'conflict' });
  expect(machines.at.get('node1')).toBe(1);
  expect(other).not.toHaveBeenCalled();
  // Free again: a retry logs in again.
  machines.takenBy.clear();
  void perform(one).catch(() => undefined);
  await vi.waitFor(() => expect(machines.at.get('node1')).toBe(2));
  await session.close();
});

test('a step that acts through another node ends with the lock of that one', async () => {
  const step = nodeStep({
    action: 'revokeMember',
    node: 'node2',
    title: '',
    why: '',
    args: { head: target('node1'), name: 'node2' },
  });
  const { machines, session, perform } = await open(
    makePlan('remove-node', { id: 'p1', nowMs: 1 }, { title: '', command: '', steps: [step] }),
  );
  const work = perform(step);
  work.catch(() => undefined);
  await vi.waitFor(() => expect(machines.at.get('node1')).toBe(1));
  machines.takenBy.set('node1', 'Ben at elsewhere');
  await vi.advanceTimersByTimeAsync(lockRenewMs);
  await expect(work).rejects.toMatchObject({ code: 'conflict', message: /node1 is held by Ben/ });
  await session.close();
});

test('an answer to the lock that is neither taken nor held does not count as a lock', async () => {
  const step = nodeStep({
    action: 'ensureKey',
    node: 'node1',
    title: '',
    why: '',
    args: { target: target('node1'), publicKey: 'ssh-ed25519 K' },
  });
  const plan = makePlan('add-nodes', { id: 'p1', nowMs: 1 }, { title: '', command: '', steps: [step] });
  const { machines, session, perform } = await open(plan);
  machines.answers.set('node1', 'Welcome\ntaken\n');
  await expect(perform(step)).rejects.toMatchObject({ code: 'failed', message: /unknown answer to the lock.*Welcome/ });
  expect(machines.at.size).toBe(0);
  await session.close();
});

test('a lock that cannot be renewed is no longer relied on once it is stale, though the connection lives', async () => {
  const step = nodeStep({
    action: 'ensureKey',
    node: 'node1',
    title: '',
    why: '',
    args: { target: target('node1'), publicKey: 'ssh-ed25519 K' },
  });
  const plan = makePlan('add-nodes', { id: 'p1', nowMs: 1 }, { title: '', command: '', steps: [step] });
  const { machines, session, perform } = await open(plan);
  const work = perform(step);
  const ended = vi.fn();
  work.catch(ended);
  await vi.waitFor(() => expect(machines.at.get('node1')).toBe(1));
  machines.answers.set('node1', new AppError('timeout', 'sh on node1: no end within 15000 ms'));
  await vi.advanceTimersByTimeAsync(lockRenewMs * 5);
  expect(ended).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(lockRenewMs);
  await expect(work).rejects.toMatchObject({ code: 'timeout', message: /the lock of node1 was not renewed/ });
  await session.close();
});
