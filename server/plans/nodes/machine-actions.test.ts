// What a machine is known for once packages were installed on it: what it has by then.
import { expect, test } from 'vitest';
import { packagesScript } from '../../../core/plans/nodes/host-scripts.ts';
import type { StepContext } from '../../runs/executor.ts';
import { createMemoryStore } from '../../store/memory-store.ts';
import { rememberedChecks } from '../../hub/known-node-rows.ts';
import type { ActionParts } from '../action.ts';
import { machineExecutors } from './machine-actions.ts';

const target = { name: 'node1', address: '10.0.0.1', port: 22, user: 'root' };
const args = { target, packages: ['dnsmasq-base'], names: ['node2'] };

/** A machine that has dnsmasq once apt was there, and resolves no other. */
async function machine(said: 'changed' | 'unchanged') {
  const store = createMemoryStore();
  const host = {
    id: 'h1',
    name: 'node1',
    addresses: ['10.0.0.1'],
    port: 22,
    user: 'root',
    needsSudo: false,
    keyId: 'k1',
    pins: [],
    cluster: '',
    nodeId: null,
    isHead: false,
    addedAt: 1,
    facts: { findings: [{ id: 'dnsmasq', level: 'warn', text: '', mend: 'apt-get install dnsmasq-base' }], at: 1 },
  };
  await store.hosts.put(host);
  const run = (argv: readonly string[]) => {
    const looked = `systemd=yes\ndnsmasq=yes\n${argv
      .slice(5)
      .map((name) => `unresolved=${name}\n`)
      .join('')}`;
    return Promise.resolve({ stdout: argv[2] === packagesScript ? `${said}\n` : looked });
  };
  const parts = {
    store,
    now: () => 7,
    // Its start-up files print nothing.
    sessions: { shell: () => Promise.resolve({ run, connection: { noise: '' } }), hostOf: () => Promise.resolve(host) },
  } as unknown as ActionParts;
  const context = { signal: new AbortController().signal, log: () => undefined } as unknown as StepContext;
  const outcome = await machineExecutors.ensurePackages(args, context, parts);
  return { outcome, checks: rememberedChecks((await store.hosts.list())[0]?.facts) };
}

test.each(['changed', 'unchanged'] as const)('it is looked at again when apt says %s', async (said) => {
  const { outcome, checks } = await machine(said);
  expect(outcome.changed).toBe(said === 'changed');
  expect(outcome.result?.findings).toEqual(said === 'changed' ? checks?.findings : undefined);
  expect(checks?.at).toBe(7);
  const levels = new Map(checks?.findings.map(({ id, level }) => [id, level]));
  expect([levels.get('dnsmasq'), levels.get('names')]).toEqual(['ok', 'warn']);
});
