// `vlans probe` as a line: which words it takes, who may type it, and what it answers.
import { expect, test } from 'vitest';
import { ProbeResult } from '../../contract/probe.ts';
import { assertAllowed } from '../../core/commands/authorise.ts';
import { parseCommand } from '../../core/commands/parse.ts';
import { commandTable } from '../../core/commands/table.ts';
import { VlanTable } from '../../core/vlans/table.ts';
import { TraceResult } from '../../contract/trace.ts';
import type { ProbeOrder } from '../probe/prober.ts';
import { createProbeHandlers } from './vlans-probe.ts';

const result: ProbeResult = {
  ...{ atMs: 5, staleAtMs: 9, bigBytes: 1_514, bad: [], causes: [], unsteady: [], flooded: [], unshielded: [] },
  nodes: ['node1', 'node2'].map((name) => ({
    ...{ name, state: 'ok', reason: '', bridge: 'mega_bridge', uplink: 'eth0', mtu: 1_500 },
  })),
  vlans: [{ vlan: 120, alias: '' }],
};

const traced = (from: string, to: string): TraceResult => ({
  hops: [from, to].map((name) => ({
    ...{ vlan: 120, node: 'node1', place: 'vm', name, state: 'ok', evidence: 'RUNNING' },
  })),
  probe: null,
});

function parsed(line: string) {
  const outcome = parseCommand(commandTable, line);
  if (!outcome.ok || outcome.command === null) throw new Error(outcome.ok ? 'empty' : outcome.message);
  return outcome.command;
}

async function run(line: string) {
  const orders: ProbeOrder[] = [];
  const members = ['node1', 'node2', 'node3'].map((name) => ({
    ...{ id: name, name, addresses: [], port: 9000, keyHash: '', state: 'member' as const },
  }));
  const handlers = createProbeHandlers({
    prober: {
      run: (order) => {
        orders.push(order);
        return Promise.resolve(result);
      },
    },
    tracer: { run: ({ from, to }) => Promise.resolve(traced(from, to)) },
    surroundings: (namespace) => ({ namespace, table: new VlanTable(), members, hosts: ['node1'], networks: () => [] }),
  });
  const command = parsed(line);
  const handler = handlers[command.pattern.pattern];
  if (!handler) throw new Error(`no handler for ${command.pattern.pattern}`);
  const answer = handler({
    ...{ command, origin: { via: 'socket' }, host: 'node1', namespace: 'minimega' },
    ...{ signal: new AbortController().signal, status: () => undefined },
  });
  if (Symbol.asyncIterator in answer) throw new Error('one answer');
  const [entry] = await answer;
  return { entry, words: orders.map(({ vlans, nodes }) => [vlans.map(({ vlan }) => vlan), nodes.map(({ id }) => id)]) };
}

test.each([
  ['vlans probe 120', [[120], ['node1', 'node2', 'node3']]],
  [
    'vlans probe 120-121 nodes node[1-2]',
    [
      [120, 121],
      ['node1', 'node2'],
    ],
  ],
  ['vl pro 5 no all', [[5], ['node1', 'node2', 'node3']]],
])('%s', async (line, words) => {
  const answer = await run(line);
  expect(answer.words).toEqual([words]);
  expect(answer.entry).toMatchObject({
    Host: 'node1',
    Header: ['vlan', 'alias', 'from', 'to', 'verdict', 'explanation'],
    Tabular: [['120', '', 'node[1-2]', 'each other', 'ok', '']],
  });
  expect(ProbeResult.parse(answer.entry?.Data)).toEqual(result);
});

test('vlans trace web1 web2', async () => {
  const { entry } = await run('vlans trace web1 web2');
  expect(entry).toMatchObject({
    Header: ['vlan', 'hop', 'node', 'place', 'name', 'state', 'evidence'],
    Tabular: [
      ['120', '1', 'node1', 'vm', 'web1', 'ok', 'RUNNING'],
      ['120', '2', 'node1', 'vm', 'web2', 'ok', 'RUNNING'],
    ],
  });
  expect(TraceResult.parse(entry?.Data)).toEqual(traced('web1', 'web2'));
});

test('without VLANs in use it says what to type', async () => {
  await expect(run('vlans probe nodes node[1-2]')).rejects.toThrow('the namespace minimega has no VLANs: name some');
});

test('operators may, viewers and other members may not', () => {
  const command = parsed('vlans probe 120');
  expect(() => assertAllowed(command, { via: 'socket', role: 'operator' })).not.toThrow();
  expect(() => assertAllowed(command, { via: 'socket', role: 'viewer' })).toThrow();
  expect(() => assertAllowed(command, { via: 'mesh', role: 'admin' })).toThrow();
});
