// Requests of probes and traces as a hostile or broken member sends them: any of them, in any order, forged at any place. Each gets an answer or a
// refusal in time, nothing is left on the machine, no VM gets a frame, and the next probe works.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { AppError } from '../../contract/errors.ts';
import { TracedVm } from '../../contract/trace.ts';
import { MemoryMachine } from '../../host/ovs/memory-host.ts';
import { MemoryNetwork } from '../../host/ovs/memory-network.ts';
import type { Requester, RequestHandler } from '../mesh/requests.ts';
import { VirtualClock } from '../mesh/virtual-clock.ts';
import { ArmAnswer, armKind, endKind, maxHoldMs, ReportAnswer, reportKind, sendKind } from './messages.ts';
import { NodeProbe } from './node-probe.ts';
import { recordForTests } from './record-for-tests.ts';
import { lookKind, Tracer } from './tracer.ts';

const own = 'a'.repeat(32);
const members: readonly Requester[] = ['b', 'c'].map((digit) => ({ nodeId: digit.repeat(32), name: `node-${digit}` }));
const run = '0123456789abcdef';
const round = { round: 1, vlans: [100, 120], copies: 2, perSecond: 2_000, quietMs: 150, longestMs: 1_500 };
/** As a member sends them that means well. */
const bodies = {
  [armKind]: { run, holdMs: 5_000, nodes: [own, ...members.map(({ nodeId }) => nodeId)], vlans: [100, 120] },
  [sendKind]: { run, round, mtu: 1_500 },
  [reportKind]: { run, round },
  [endKind]: { run, lingerMs: 100 },
  [lookKind]: { namespace: 'lab', vm: 'web1' },
} as const;
const kinds = Object.keys(bodies) as (keyof typeof bodies)[];
const answers: Readonly<Record<keyof typeof bodies, z.ZodType>> = {
  [armKind]: ArmAnswer,
  [sendKind]: z.object({}),
  [reportKind]: ReportAnswer,
  [endKind]: z.object({}),
  [lookKind]: TracedVm,
};

/** A value with one value somewhere in it replaced. `at`: which way to go at each level. */
function forge(value: unknown, at: readonly number[], by: unknown): unknown {
  const [here, ...deeper] = at;
  if (here === undefined || typeof value !== 'object' || value === null) return by;
  const keys = Object.keys(value);
  const key = keys[here % (keys.length + 1)];
  if (key === undefined) return by;
  const forged = { ...value, [key]: forge((value as Record<string, unknown>)[key], deeper, by) };
  return Array.isArray(value) ? Object.values(forged) : forged;
}

const extreme = fc.oneof(
  fc.constantFrom<unknown>(
    ...[0, -1, 1, 2, 0.5, 1e308, NaN, 2 ** 31, 4_095, 4_094, 10_000, 299_999, 300_001, null, true, '', [], {}],
    ...['__proto__', '\u0000', 'x'.repeat(70_000), run.toUpperCase(), own, [own, own], [[1]]],
    ...[Array.from({ length: 4_095 }, (_, at) => at), Array.from({ length: 201 }, () => own)],
  ),
  fc.jsonValue(),
);
const request = fc.record({
  kind: fc.constantFrom(...kinds),
  from: fc.constantFrom(...members),
  forged: fc.option(fc.record({ at: fc.array(fc.nat(6), { minLength: 1, maxLength: 4 }), by: extreme })),
});

test('whatever members ask of a node’s part in probes and traces', async () => {
  const machine = new MemoryMachine();
  machine.plug(new MemoryNetwork(), 'node-a');
  machine.addForeignPort('mega_bridge', 'mega_tap0', { kind: 'access', tag: 120 });
  const clock = new VirtualClock();
  const handlers = new Map<string, RequestHandler>();
  const mesh = {
    nodeId: own,
    nameOf: (id: string) => `node-${id[0] ?? ''}`,
    serve: (kind: string, handler: RequestHandler) => void handlers.set(kind, handler),
    request: () => Promise.reject(new Error('it asks nobody')),
  };
  const log: string[] = [];
  const node = new NodeProbe({ mesh, clock, host: machine.host(), log: { warn: (text) => void log.push(text) } });
  new Tracer({
    ...{ mesh, clock, host: machine.host(), aliasOf: () => '', nodeOf: () => null },
    prober: { run: () => Promise.reject(new Error('it runs none')) },
    list: () => [recordForTests('web1', 'node-a')],
  });
  const ask = async (kind: keyof typeof bodies, body: unknown, from: Requester): Promise<unknown> => {
    const handler = handlers.get(kind);
    if (!handler) throw new Error(`nobody serves ${kind}`);
    let end: { value?: unknown; error?: unknown } | null = null;
    // As the mesh calls it: what is thrown at once is an answer too.
    Promise.resolve()
      .then(() => handler(JSON.parse(JSON.stringify(body ?? null)), { from, signal: new AbortController().signal }))
      .then(
        (value) => (end = { value }),
        (error: unknown) => (end = { error }),
      );
    expect(await clock.advanceUntil(() => end !== null, 15_000)).not.toBeNull();
    const { value, error } = end as unknown as { value?: unknown; error?: unknown };
    if (error === undefined) return answers[kind].parse(value);
    expect(error instanceof AppError || error instanceof z.ZodError ? '' : error).toBe('');
    return null;
  };
  await fc.assert(
    fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 12 }), async (requests) => {
      for (const { kind, from, forged } of requests)
        await ask(kind, forged ? forge(bodies[kind], forged.at, forged.by) : bodies[kind], from);
      await clock.advance(maxHoldMs + 1_000, maxHoldMs);
      expect([machine.isProbed, machine.passed.length]).toEqual([false, 0]);
      const [first] = members;
      if (!first) return;
      expect(await ask(armKind, bodies[armKind], first)).toMatchObject({
        isShielded: true,
        whyNot: '',
        uplink: 'eth0',
      });
      await ask(sendKind, bodies[sendKind], first);
      expect(await ask(reportKind, bodies[reportKind], first)).toMatchObject({ isCut: false });
      await ask(endKind, bodies[endKind], first);
      expect(machine.isProbed).toBe(false);
    }),
    { numRuns: 150 },
  );
  expect(log).toEqual([]);
  node.stop();
}, 60_000);
