import { Command } from 'commander';
import { expect, test } from 'vitest';
import type { Backend } from './backend.ts';
import { addBridgeCommand } from './bridge-command.ts';

const ended = new Error('a plan was asked for');

/** What `meshdeck bridge <words>` does up to the plan. */
async function bridge(...words: string[]): Promise<unknown> {
  const program = new Command().exitOverride();
  const backend = { makePlan: () => Promise.reject(ended) } as unknown as Backend;
  addBridgeCommand(
    (usage, description) => program.command(usage).description(description),
    async (work) => {
      await work(backend);
    },
  );
  return program.parseAsync(['node', 'meshdeck', 'bridge', ...words, '--runbook']).catch((error: unknown) => error);
}

test.each([
  ['--uplink', ['eth0']],
  ['--method', ['commands']],
  ['--datapath', ['netdev']],
  ['--reboot-canary', []],
])('a removal takes no %s: that is an error, and no plan is made', async (flag, values) => {
  const words = [flag, ...values];
  const undo = ['node1', '--undo', '--confirm', 'mega_bridge'];
  expect(await bridge(...undo, ...words)).toMatchObject({
    code: 'invalid',
    message: expect.stringContaining(flag) as string,
  });
  expect(await bridge(...undo)).toBe(ended);
  expect(await bridge('node1', ...words)).toBe(ended);
});
