// Probes of a page: what runs, what is kept, and what a reload brings back.
import { beforeEach, expect, test } from 'vitest';
import type { CommandResponse, ResponseEntry } from '../contract/command-socket.ts';
import type { ProbeResult } from '../contract/probe.ts';
import type { CommandLine, RunOptions } from './command-line.ts';
import { ProbesCollection } from './probes.ts';

const result: ProbeResult = {
  ...{ atMs: 5_000_000, staleAtMs: 8_600_000, bigBytes: 1_514, bad: [], causes: [] },
  ...{ unsteady: [], flooded: [], unshielded: [], vlans: [{ vlan: 120, alias: 'lan' }] },
  nodes: ['node1', 'node2'].map((name) => ({
    ...{ name, state: 'ok', reason: '', bridge: 'mega_bridge', uplink: 'eth0', mtu: 1_500 },
  })),
};
const entry = (change: Partial<ResponseEntry>): ResponseEntry => ({
  ...{ Host: 'node1', Response: '', Header: null, Tabular: null, Error: '', Data: null },
  ...change,
});
const answer = (change: Partial<ResponseEntry>): CommandResponse => ({
  ...{ Resp: [entry(change)], Rendered: '', More: false, Status: false },
});

let kept: Map<string, string>;
let asked: { line: string; options: RunOptions; end: (failed?: boolean) => void }[];
let now: number;
const open = () => {
  const run: CommandLine['run'] = (_target, line, options) =>
    new Promise((resolve, reject) => {
      asked.push({ line, options, end: () => resolve({ failed: false }) });
      options.signal?.addEventListener('abort', () => reject(new Error('cancelled')));
    });
  const storage = {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, text: string) => void kept.set(key, text),
  };
  return new ProbesCollection({ commands: { run }, now: () => now, storage: () => storage });
};
const settle = () => new Promise<void>((resolve) => setTimeout(resolve, 0));
const last = () => {
  const call = asked.at(-1);
  if (!call) throw new Error('nothing was asked');
  return call;
};

beforeEach(() => {
  kept = new Map();
  asked = [];
  now = 100;
});

test('a probe says how far it is, and its result has this browser’s times', async () => {
  const { probe } = open().of('c1');
  const running = probe.run('vlans probe 120');
  expect(probe.state.get().running).toEqual({ line: 'vlans probe 120', said: '', since: 100 });
  last().options.onAnswer({ Resp: null, Rendered: 'testing VLAN 120', More: true, Status: true });
  expect(probe.state.get().running?.said).toBe('testing VLAN 120');
  void probe.run('vlans probe 130');
  expect(asked).toHaveLength(1);
  last().options.onAnswer(answer({ Data: result }));
  now = 700;
  last().end();
  await running;
  expect(probe.state.get()).toEqual({
    ...{ running: null, failure: '' },
    last: {
      ...{ line: 'vlans probe 120', at: 700, rows: [], isRestored: false },
      result: { ...result, atMs: 700, staleAtMs: 3_600_700 },
    },
  });
});

test('a refusal is kept beside what was measured before, and gone with the next one', async () => {
  const { probe } = open().of('c1');
  const give = async (change: Partial<ResponseEntry>) => {
    const running = probe.run('vlans probe 120');
    last().options.onAnswer(answer(change));
    last().end();
    await running;
  };
  await give({ Data: result });
  await give({ Error: 'a probe needs two nodes that can take part: node2: no bridge with an uplink' });
  expect(probe.state.get().failure).toContain('no bridge with an uplink');
  expect(probe.state.get().last?.result).not.toBeNull();
  await give({ Data: { atMs: 1 } });
  expect(probe.state.get().failure).toContain('no known shape');
  await give({ Tabular: [['120', 'lan']] });
  expect(probe.state.get()).toMatchObject({ failure: '', last: { result: null, rows: [['120', 'lan']] } });
});

test('one that is cancelled gives nothing, and is not called a failure', async () => {
  const { probe } = open().of('c1');
  const running = probe.run('vlans probe 120');
  probe.cancel();
  await running;
  expect(probe.state.get()).toEqual({ running: null, failure: '', last: null });
});

test('after a reload the last one is there, of its cluster, and said to be of before', async () => {
  const before = open().of('c1').probe;
  const running = before.run('vlans probe 120');
  last().options.onAnswer(answer({ Data: result }));
  last().end();
  await running;
  const after = open();
  const { probe } = after.of('c1');
  await new Promise<void>((resolve) => {
    const stop = probe.state.subscribe(() => {
      stop();
      resolve();
    });
  });
  expect(probe.state.get().last).toMatchObject({ line: 'vlans probe 120', at: 100, isRestored: true });
  expect(probe.state.get().last?.result?.staleAtMs).toBe(3_600_100);
  expect(after.of('c2').probe.state.get().last).toBeNull();
});

test.each(['', 'null', '{', '{"line":1}', '{"line":"x","at":1,"result":{"atMs":"now"}}'])(
  'what a tab kept as %j is nothing',
  async (text) => {
    kept.set('meshdeck.probe.c1', text);
    const { probe } = open().of('c1');
    await settle();
    await import('../contract/probe.ts');
    await settle();
    expect(probe.state.get().last).toBeNull();
  },
);
