// The proof by a restart against a node in memory, in virtual time: one restart for each run, whichever side is killed and when.
import { expect, test } from 'vitest';
import { AppError } from '../../../contract/errors.ts';
import { bootScript, rebootScript, rebootSeconds } from '../../../core/plans/bridge/plan/reboot-proof.ts';
import type { RebootProofArgs } from '../../../core/plans/bridge/plan/step-args.ts';
import { bridgedFacts, bridgeFacts, transactionMark } from '../../../core/plans/bridge/observe/facts-for-tests.ts';
import { proveByReboot } from './reboot.ts';
import type { RebootParts } from './reboot.ts';

const args: RebootProofArgs = {
  target: { name: 'node5', address: '10.0.0.5', port: 22, user: 'root' },
  address: '10.0.0.5',
  bridge: 'mega_bridge',
  uplink: 'eth0',
  addresses: ['10.0.0.5/24'],
  vms: ['web1'],
};
const boots = ['a', 'b', 'c'].map((letter) => letter.repeat(32));

/** Answers what the step asks of it, and is away for a while after the step restarts it. */
class RestartingNode {
  at = 0;
  restarts = 0;
  awayMs = 20_000;
  isPending = false;
  /** What it has, by its boot: the last stands for those after it. */
  facts = [bridgedFacts()];
  private mark = '';
  private backAt = 0;

  readonly run = (argv: readonly string[]) => {
    const [, , script, , run = '', boot = ''] = argv;
    if (this.at < this.backAt) return Promise.reject(new AppError('timeout', 'no SSH login within 3 s'));
    const now = boots[this.restarts] ?? '';
    if (script === bootScript) return this.say(`${now}\n${this.mark}`);
    if (script !== rebootScript) throw new Error(`it is asked for ${script}`);
    if (boot !== now) return this.say('restarted\n');
    if (this.isPending) return this.say('pending\n');
    this.mark = `${run} ${boot}\n`;
    this.restarts += 1;
    this.backAt = this.at + this.awayMs;
    return Promise.reject(new AppError('unreachable', 'the connection was closed'));
  };

  parts(options: { mayBeAway?: boolean; run?: string; killAt?: number } = {}): RebootParts {
    return {
      run: options.run ?? 'r1',
      mayBeAway: options.mayBeAway ?? false,
      open: () => Promise.resolve({ host: this, close: () => undefined }),
      shell: () => Promise.resolve(this),
      abandon: () => Promise.resolve(),
      observe: () => Promise.resolve(this.facts[Math.min(this.restarts, this.facts.length - 1)] ?? bridgedFacts()),
      remember: () => Promise.resolve(),
      log: () => undefined,
      progress: () => undefined,
      signal: new AbortController().signal,
      now: () => this.at,
      sleep: (ms) => {
        this.at += ms;
        return this.at > (options.killAt ?? Infinity) ? Promise.reject(new Error('killed')) : Promise.resolve();
      },
    };
  }

  private say(stdout: string) {
    return Promise.resolve({ stdout, stderr: '', truncated: false });
  }
}

test('it restarts once, and is as it was committed', async () => {
  const node = new RestartingNode();
  expect(await proveByReboot(args, node.parts())).toEqual({ secondsAway: 20, differences: [] });
  expect(node.restarts).toBe(1);
});

test('a console that is killed in the middle and continues does not restart it a second time; another run does', async () => {
  const node = new RestartingNode();
  await expect(proveByReboot(args, node.parts({ killAt: 5_000 }))).rejects.toThrow('killed');
  expect(await proveByReboot(args, node.parts({ mayBeAway: true }))).toEqual({ secondsAway: null, differences: [] });
  expect(node.restarts).toBe(1);
  await proveByReboot(args, node.parts({ run: 'r2' }));
  expect(node.restarts).toBe(2);
});

test('the error says what did not come back, and a retry looks again', async () => {
  const node = new RestartingNode();
  node.facts = [bridgedFacts(), bridgeFacts()];
  const error: unknown = await proveByReboot(args, node.parts()).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({
    code: 'failed',
    detail: { secondsAway: 20, differences: ['there is no mega_bridge'] },
  });
  node.facts = [bridgedFacts()];
  await proveByReboot(args, node.parts({ mayBeAway: true }));
  expect(node.restarts).toBe(1);
});

test('one that is silent for too long is unknown, and found again by a retry', async () => {
  const node = new RestartingNode();
  node.awayMs = (rebootSeconds + 60) * 1000;
  await expect(proveByReboot(args, node.parts())).rejects.toMatchObject({
    code: 'timeout',
    message: expect.stringContaining('its state is unknown (no SSH login') as string,
  });
  await proveByReboot(args, node.parts({ mayBeAway: true }));
  expect(node.restarts).toBe(1);
});

test.each([
  ['doubts', bridgedFacts({ rebootDoubts: ['nothing brings it up'] }), 'refused', 'nothing brings it up'],
  ['a VM that nobody was asked about', bridgedFacts({ vms: ['web1', 'db1'] }), 'refused', 'restarted: db1 runs there'],
  [
    'a transaction',
    bridgedFacts({
      transaction: transactionMark({ id: 'r9-1', state: 'applied', holder: 'Bob' }),
    }),
    'conflict',
    'r9-1 of Bob',
  ],
])('with %s it is left up', async (_name, facts, code, text) => {
  const node = new RestartingNode();
  node.facts = [facts];
  await expect(proveByReboot(args, node.parts())).rejects.toMatchObject({
    code,
    message: expect.stringContaining(text) as string,
  });
  expect(node.restarts).toBe(0);
});

test('a transaction that begins after the look keeps it up as well', async () => {
  const node = new RestartingNode();
  node.isPending = true;
  await expect(proveByReboot(args, node.parts())).rejects.toMatchObject({ code: 'conflict' });
  expect(node.restarts).toBe(0);
});
