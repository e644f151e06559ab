import { afterEach, beforeEach, expect, test, describe } from 'vitest';
import { maxAnswersBytes } from '../../contract/limits.ts';
import type { Roster } from '../../contract/roster.ts';
import { admitNode, revokeNode, type RosterEdit } from '../../core/mesh/roster.ts';
import { writeId } from '../../core/mesh/link-states.ts';
import { freshSuspicion, LocalHealth, stepSuspicion } from '../../core/mesh/suspicion.ts';
import { describeTopology } from '../commands/mesh.ts';
import { indexRoster } from '../identity/roster-store.ts';
import { bounceBody, encodeMessage, envelopeFrame, frameType, jsonFrame, numberFrame, readMessage } from './frames.ts';
import { callAs, callAsMember } from './raw-caller.ts';
import type { RequestResult } from './requests.ts';
import { seededRandom, Simulation, simulatedNode, type SimulationOptions } from './simulation.ts';
import { VirtualClock } from './virtual-clock.ts';

let clock: VirtualClock;
let sim: Simulation;

let warnings: string[];
let protocolOf: (index: number) => number;

async function createSimulation(options: SimulationOptions, seed = 1): Promise<void> {
  clock = new VirtualClock();
  warnings = [];
  const log = { debug: () => undefined, info: () => undefined, warn: (text: string) => void warnings.push(text) };
  sim = await Simulation.create({ protocolOf, ...options }, { clock, random: seededRandom(seed), log });
}

async function settled(maxMs = 10_000): Promise<number> {
  const tookMs = await clock.advanceUntil(() => sim.isSettled(), maxMs);
  if (tookMs === null) {
    const seen = sim.running().map((mesh) => `${mesh.nameOf(mesh.nodeId)} ${JSON.stringify(mesh.status())}`);
    throw new Error(`not settled in ${maxMs} ms:\n${seen.join('\n')}`);
  }
  return tookMs;
}

const lists = () => new Set(sim.running().map((mesh) => describeTopology(mesh.topology())));
const sizes = () => sim.running().map((mesh) => mesh.status().size);
const hostOf = (index: number) => sim.node(index).addresses[0] ?? '';
const id = (index: number) => sim.node(index).id;

/** Someone with this identity who connects to node1 and says nothing. */
const stranger = (peer: { nodeId: string; keyHash: string }) => callAs({ sim, clock }, peer);

/** A member that speaks for itself: its hello is sent, the answer is in `frames`. */
const member = (index: number, hello: object = {}) => callAsMember({ sim, clock }, index, { ...hello });

afterEach(async () => {
  await sim.stopAll();
  sim.meshes.length = 0;
});

/** Each rule holds in a mesh of the newest version alone, and beside nodes of the version before. */
describe.each([
  { versions: 'protocol 2', protocols: [2] },
  { versions: 'protocols 1 and 2', protocols: [1, 2] },
])('$versions', ({ protocols }) => {
  beforeEach(() => {
    protocolOf = (index) => protocols[index % protocols.length] ?? 2;
  });

  describe('joining and leaving', () => {
    test('M1 M6 D1 ten nodes settle at degree 3 within 2 s, with the same list everywhere', async () => {
      await createSimulation({ size: 10, degree: 3 });
      await sim.startAll();
      expect(await settled()).toBeLessThan(2_000);
      await clock.advance(500);
      expect(lists().size).toBe(1);
      for (const mesh of sim.running()) {
        expect(mesh.status()).toMatchObject({ size: 10, degree: 3, context: 'lab', port: 9000 });
        expect(mesh.topology().links.every((link) => link.state === 'up')).toBe(true);
      }
    });

    test('D1 nodes of different degrees each reach their own', async () => {
      await createSimulation({ size: 12, degree: 2 });
      for (let i = 0; i < 12; i += 1) await sim.start(i, i % 4 === 0 ? 6 : 2);
      await settled(20_000);
    });

    test('D2 with degree 0 everywhere the heal dials alone make one mesh', async () => {
      await createSimulation({ size: 6, degree: 0 });
      await sim.startAll();
      await settled(60_000);
    });

    test('S1 a killed node is gone everywhere within 1 s, and the degree comes back', async () => {
      await createSimulation({ size: 10, degree: 3 });
      await sim.startAll();
      await settled();
      sim.kill(4);
      expect(await clock.advanceUntil(() => sizes().every((size) => size === 9), 1_000, 10)).not.toBeNull();
      await settled();
    });

    test('S1 a node that stops is gone at once, and M2 comes back under its name with a newer state', async () => {
      await createSimulation({ size: 6, degree: 2 });
      await sim.startAll();
      await settled();
      await sim.mesh(2).stop();
      sim.meshes[2] = null;
      await settled(3_000);
      await sim.start(2);
      await settled(3_000);
    });

    test('M2 a node whose clock went back is heard again', async () => {
      await createSimulation({ size: 4, degree: 2 });
      await sim.startAll();
      await settled();
      sim.kill(1);
      await settled();
      const wallNow = clock.wallNow.bind(clock);
      clock.wallNow = () => wallNow() - 3_600_000;
      await sim.start(1);
      clock.wallNow = wallNow;
      await settled(5_000);
    });

    test('D5 100 random kills and restarts leave one whole mesh', async () => {
      const seed = Number(process.env['MESH_SEED'] ?? Math.floor(Math.random() * 1e9));
      const random = seededRandom(seed);
      await createSimulation({ size: 10, degree: 3 }, seed);
      await sim.startAll();
      await settled();
      for (let i = 0; i < 100; i += 1) {
        const index = Math.floor(random() * 10);
        if (sim.meshes[index]) sim.kill(index);
        else await sim.start(index);
        await clock.advance(random() * 1_500, 500);
      }
      for (let i = 0; i < 10; i += 1) if (!sim.meshes[i]) await sim.start(i);
      await settled(40_000).catch((error: unknown) => {
        throw new Error(`seed ${seed}`, { cause: error });
      });
      await clock.advance(1_000);
      expect(lists().size, `seed ${seed}`).toBe(1);
    });

    test('D3 nobody becomes a star when all join through one node', async () => {
      await createSimulation({ size: 30, degree: 3 });
      await sim.start(0);
      for (let i = 1; i < 30; i += 1) {
        await sim.start(i);
        await clock.advance(300);
      }
      await settled();
      await clock.advance(30_000, 1_000);
      expect(Math.max(...sim.running().map((mesh) => mesh.status().peers))).toBeLessThanOrEqual(6);
    });

    test('D4 a lowered degree lets links go and keeps the mesh whole', async () => {
      await createSimulation({ size: 12, degree: 5 });
      await sim.startAll();
      await settled();
      for (const mesh of sim.running()) mesh.setDegree(2);
      await clock.advance(60_000, 1_000);
      expect(sim.isSettled()).toBe(true);
      expect(Math.max(...sim.running().map((mesh) => mesh.status().peers))).toBeLessThanOrEqual(4);
    });

    test('D1 D3 a raised degree is reached also where others are full', async () => {
      await createSimulation({ size: 12, degree: 2 });
      await sim.startAll();
      await settled();
      sim.mesh(3).setDegree(9);
      await settled(30_000);
      expect(sim.mesh(3).status().peers).toBeGreaterThanOrEqual(9);
      await clock.advance(1_000);
      expect(
        sim
          .mesh(0)
          .topology()
          .nodes.find((node) => node.id === id(3))?.degree,
      ).toBe(9);
    });
  });

  describe('silence and splits', () => {
    test('S2 a silent node is dropped by all within 4 s, and D5 the degree is restored', async () => {
      await createSimulation({ size: 10, degree: 3 });
      await sim.startAll();
      await settled();
      await clock.advance(1_234);
      const silent = hostOf(7);
      sim.network.isCut = (a, b) => a === silent || b === silent;
      const others = sim.running().filter((mesh) => mesh.nodeId !== id(7));
      const isGone = () => others.every((mesh) => mesh.status().size === 9);
      expect(await clock.advanceUntil(isGone, 4_000, 10)).not.toBeNull();
      await clock.advance(5_000);
      expect(others.every((mesh) => mesh.status().peers >= 3)).toBe(true);
    });

    test('S2 D2 a cut 5/5 splits the mesh, and healing makes it one within 10 s', async () => {
      await createSimulation({ size: 10, degree: 3 });
      await sim.startAll();
      await settled();
      const left = new Set([0, 1, 2, 3, 4].map(hostOf));
      sim.network.isCut = (a, b) => left.has(a) !== left.has(b);
      expect(await clock.advanceUntil(() => sizes().every((size) => size === 5), 4_500, 50)).not.toBeNull();
      await clock.advance(20_000, 500);
      sim.network.isCut = () => false;
      expect(await settled(10_000)).toBeLessThan(10_000);
    });

    test('S3 a broken link between two living nodes ends, and both stay in the mesh', async () => {
      await createSimulation({ size: 8, degree: 3 });
      await sim.startAll();
      await settled();
      const [peer] = sim.mesh(0).linkedIds();
      const other = sim.initial.byId.get(peer ?? '')!;
      const pair = [hostOf(0), other.addresses[0]];
      sim.network.isCut = (a, b) => pair.includes(a) && pair.includes(b);
      await clock.advance(20_000, 500);
      expect(sim.mesh(0).linkedIds()).not.toContain(peer);
      expect(sizes()).toEqual(Array(8).fill(8));
    });

    test('S4 a node that was stopped for 8 s drops nobody when it wakes', () => {
      const health = new LocalHealth(0, 100);
      const suspicion = freshSuspicion(0);
      health.tick(100);
      const late = health.tick(8_100);
      suspicion.heardAt += late;
      expect(stepSuspicion(suspicion, 8_100, health)).toBe('wait');
    });

    test('S2 a delay of 200 ms each way raises no alarm', async () => {
      await createSimulation({ size: 8, degree: 3 });
      sim.network.delayMs = 200;
      await sim.startAll();
      await settled(20_000);
      let downs = 0;
      for (const mesh of sim.running()) mesh.on('node', ({ state }) => (downs += state === 'down' ? 1 : 0));
      await clock.advance(60_000, 1_000);
      expect(downs).toBe(0);
    });
  });

  describe('trust', () => {
    test('T1 a node of another CA stays alone', async () => {
      await createSimulation({ size: 4, degree: 2 });
      await sim.startAll();
      await settled();
      const foreign = sim.network.createTransport({
        host: '10.9.9.9',
        port: 9000,
        peer: { nodeId: 'f'.repeat(32), keyHash: 'f'.repeat(64) },
        cluster: 'f'.repeat(32),
      });
      const outcome = new Promise((resolve) => {
        foreign.dial({ host: hostOf(0), port: 9000 }, 1_000, { onOpen: () => resolve('open'), onError: resolve });
      });
      await clock.advance(2_000);
      expect(await outcome).toMatch(/another cluster/);
    });

    test.each([
      ['unknown', 'f'.repeat(32), 'f'.repeat(64)],
      ['wrong-key', null, 'f'.repeat(64)],
    ])('T4 a peer that is %s to the roster is closed without a byte', async (_why, nodeId, keyHash) => {
      await createSimulation({ size: 2, degree: 1 });
      await sim.startAll();
      await settled();
      const { frames, closed } = await stranger({ nodeId: nodeId ?? id(1), keyHash });
      expect(closed()).toBe(true);
      expect(frames).toEqual([]);
    });

    test('R1 R3 T4 a revocation reaches all, closes the links of the node, and keeps it out', async () => {
      await createSimulation({ size: 8, degree: 3 });
      await sim.startAll();
      await settled();
      let excluded = '';
      sim.mesh(5).on('excluded', (reason) => (excluded = reason));
      await publish((roster) => revokeNode(roster, id(5)));
      await clock.advance(1_000);
      const others = sim.running().filter((mesh) => mesh.nodeId !== id(5));
      expect(others.map((mesh) => mesh.status().size)).toEqual(Array(7).fill(7));
      expect(others.every((mesh) => !mesh.linkedIds().includes(id(5)))).toBe(true);
      // Its own roster says so too, before its links are closed.
      expect(excluded === '' || /revoked/.test(excluded)).toBe(true);
      await clock.advance(40_000, 1_000);
      expect(others.map((mesh) => mesh.status().size)).toEqual(Array(7).fill(7));
    });

    test('R5 a node that learns it was revoked says that it is alone', async () => {
      await createSimulation({ size: 4, degree: 3 });
      await sim.startAll();
      await settled();
      const edited = revokeNode(sim.stores[0]!.roster, id(3));
      if (!edited.ok) throw new Error(edited.message);
      sim.stores[3]!.apply(sim.authority.sign(edited.roster));
      expect(sim.mesh(3).status()).toMatchObject({ size: 1, peers: 0 });
    });

    test('T4 a node that was revoked while it was away stays alone, and says what may be wrong', async () => {
      await createSimulation({ size: 4, degree: 3 });
      await sim.startAll();
      await settled();
      sim.kill(3);
      await settled();
      await publish((roster) => revokeNode(roster, id(3)));
      await clock.advance(1_000);
      expect(warnings).toEqual([]);
      await sim.start(3);
      await clock.advance(30_000, 100);
      expect(sim.mesh(3).status()).toMatchObject({ size: 1, peers: 0 });
      expect(sizes()).toEqual([3, 3, 3, 1]);
      // Once, not at each attempt.
      expect(warnings.filter((text) => text.includes('may be revoked'))).toEqual([
        expect.stringContaining('deploy it again from node1') as string,
      ]);
      const dialled = sim.mesh(3).dial('node1');
      const refused = expect(dialled).rejects.toThrow(/^dial node1: .*without a hello: .*revoked/);
      await clock.advance(1_000);
      await refused;
    });

    test('R4 D1 a node admitted later joins with the new roster', async () => {
      await createSimulation({ size: 5, degree: 2 });
      await sim.startAll();
      await settled();
      const late = simulatedNode(77);
      await publish((roster) => admitNode(roster, late));
      sim.initial = indexRoster(sim.stores[0]!.signed, sim.stores[0]!.roster);
      await clock.advance(200);
      await sim.start(5);
      await settled(5_000);
      expect(sim.mesh(0).names()).toContain('node77');
    });

    test('R2 a forged roster ends the link that brought it, and changes nothing', async () => {
      await createSimulation({ size: 4, degree: 3 });
      await sim.startAll();
      await settled();
      sim.kill(3);
      await settled();
      const caller = await member(3);
      const forged = {
        ...sim.stores[0]!.signed,
        body: sim.stores[0]!.signed.body.replace('"version":1', '"version":9'),
      };
      caller.connection.send(jsonFrame(frameType.roster, forged));
      await clock.advance(200);
      expect(caller.closed()).toBe(true);
      expect(sim.stores[0]!.version).toBe(1);
      expect(sim.mesh(0).status().peers).toBe(2);
    });

    test('F5 another context is refused', async () => {
      await createSimulation({ size: 4, degree: 3 });
      await sim.startAll();
      await settled();
      sim.kill(3);
      const caller = await member(3, { context: 'other' });
      expect(caller.frames.map((frame) => frame[0])).toEqual([frameType.refuse]);
      expect(caller.closed()).toBe(true);
    });

    test('F5 a newer protocol without a common version is refused', async () => {
      await createSimulation({ size: 4, degree: 3 });
      await sim.startAll();
      await settled();
      sim.kill(3);
      const caller = await member(3, { min: 7, max: 9 });
      expect(new TextDecoder().decode(caller.frames[0])).toContain('upgrade');
    });

    test.each([
      ['an unknown type', Uint8Array.of(99)],
      ['a reserved type', Uint8Array.of(32, 1)],
      ['half a state', Uint8Array.of(frameType.states, 1, 2, 3)],
      ['a state that counts more than it has', new Uint8Array(31).fill(255).fill(frameType.states, 0, 1)],
      ['half a digest', Uint8Array.of(frameType.digest, 1)],
      ['an empty summary', Uint8Array.of(frameType.summary)],
      ['half an envelope', Uint8Array.of(frameType.unicast, 1, 2)],
      ['a second hello', Uint8Array.of(frameType.hello)],
      ['a roster that is not JSON', Uint8Array.of(frameType.roster, 123)],
    ])('F2 %s ends that link only', async (_what, frame) => {
      await createSimulation({ size: 4, degree: 3 });
      await sim.startAll();
      await settled();
      sim.kill(3);
      await settled();
      const caller = await member(3);
      caller.connection.send(frame);
      await clock.advance(200);
      expect(caller.closed()).toBe(true);
      expect(sim.mesh(0).status().peers).toBe(2);
    });
  });

  describe('a member that forges', () => {
    test('M7 the highest state of another node shuts it out neither now nor after its restart', async () => {
      await createSimulation({ size: 5, degree: 2 });
      await sim.startAll();
      await settled();
      sim.kill(4);
      await settled();
      const caller = await member(4);
      for (const incarnation of [2 ** 48 - 1, clock.wallNow() + 86_000_000]) {
        caller.connection.send(stateFrame(id(1), { incarnation, sequence: 2 ** 32 - 1 }));
      }
      await clock.advance(200);
      caller.connection.close('done');
      await settled();
      expect(sizes()).toEqual([4, 4, 4, 4]);
      expect(warnings.filter((text) => text.includes('dated more than a day ahead'))).toHaveLength(1);
      sim.kill(1);
      await clock.advance(2_000);
      await sim.start(1);
      await settled();
      expect(sizes()).toEqual([4, 4, 4, 4]);
    });

    test('M9 invented neighbours and origins keep nobody from joining', async () => {
      await createSimulation({ size: 4, degree: 2 });
      await sim.startAll();
      await settled();
      sim.kill(3);
      await settled();
      const caller = await member(3);
      const invented = Array.from({ length: 12_000 }, (_, i) => (i + 7).toString(16).padStart(32, 'e'));
      for (let i = 0; i < 12_000; i += 2_000) {
        const neighbours = invented.slice(i, i + 2_000);
        caller.connection.send(stateFrame(id(3), { incarnation: clock.wallNow(), sequence: i + 5, neighbours }));
        caller.connection.send(stateFrame(invented[i]!, { incarnation: clock.wallNow(), sequence: 1, neighbours }));
      }
      await clock.advance(500);
      expect(caller.closed()).toBe(false);
      caller.connection.close('done');
      const late = simulatedNode(77);
      await publish((roster) => admitNode(roster, late));
      sim.initial = indexRoster(sim.stores[0]!.signed, sim.stores[0]!.roster);
      await sim.start(4);
      await settled(10_000);
      expect(sim.mesh(0).names()).toContain('node77');
    });

    test('R4 a neighbour that claims a newer roster and sends none keeps no node from the real one', async () => {
      await createSimulation({ size: 5, degree: 4 });
      await sim.startAll();
      await settled();
      sim.kill(4);
      await settled();
      const caller = await member(4);
      for (let at = 0; at < 16; at += 1) {
        caller.connection.send(Uint8Array.of(frameType.heartbeat));
        caller.connection.send(numberFrame(frameType.rosterHave, 2 ** 32 - 1));
        const edited = at === 1 ? admitNode(sim.stores[1]!.roster, simulatedNode(78)) : null;
        if (edited?.ok) sim.stores[1]!.apply(sim.authority.sign(edited.roster));
        await clock.advance(950);
      }
      expect(caller.closed()).toBe(false);
      expect(sim.stores.slice(0, 4).map((store) => store.version)).toEqual([2, 2, 2, 2]);
    });

    test('U5 a notice with the highest sequence holds the true ones back for 10 s at most', async () => {
      await createSimulation({ size: 3, degree: 2 });
      await sim.startAll();
      await settled();
      const seen: unknown[] = [];
      sim.mesh(0).onNotice('facts', (body) => seen.push(body));
      sim.mesh(1).notify([id(0)], 'facts', 'true 1');
      await clock.advance(50);
      sim.kill(2);
      await settled();
      const caller = await member(2);
      const forge = (incarnation: number, sequence: number) => {
        const body = encodeMessage({ t: 'notice', kind: 'facts', incarnation, sequence, body: 'forged' });
        caller.connection.send(envelopeFrame(frameType.unicast, { to: id(0), from: id(1), id: 0 }, body));
      };
      forge(1e308, 1e308);
      forge(2 ** 48, 1);
      await clock.advance(50);
      expect(seen).toEqual(['true 1']);
      forge(2 ** 48 - 1, 2 ** 32 - 1);
      await clock.advance(50);
      sim.mesh(1).notify([id(0)], 'facts', 'held back');
      await clock.advance(10_000);
      sim.mesh(1).notify([id(0)], 'facts', 'true 2');
      await clock.advance(50);
      expect(seen).toEqual(['true 1', 'forged', 'true 2']);
    });
  });

  describe('requests', () => {
    test('U3 each target has one result: answer, error, unknown, absent', async () => {
      await createSimulation({ size: 6, degree: 2 });
      await sim.startAll();
      await settled();
      sim.kill(5);
      await settled();
      for (const mesh of sim.running()) {
        mesh.serve('name', (_, { from }) => {
          if (mesh.nodeId === id(1)) throw new Error('no name today');
          return Promise.resolve(`${mesh.nameOf(mesh.nodeId)} for ${from.name}`);
        });
      }
      const unknown = 'f'.repeat(32);
      const pending = sim.mesh(0).request([id(0), id(1), id(2), id(5), unknown], 'name', null, { timeoutMs: 1_000 });
      await clock.advance(300, 10);
      const results = await pending;
      expect(Object.fromEntries(results)).toEqual({
        [id(0)]: { ok: true, body: 'node1 for node1' },
        [id(1)]: { ok: false, code: 'failed', message: 'no name today' },
        [id(2)]: { ok: true, body: 'node3 for node1' },
        [id(5)]: { ok: false, code: 'unreachable', message: 'node6 is not in the mesh now' },
        [unknown]: { ok: false, code: 'not-found', message: 'no such node in the roster' },
      });
    });

    test('U3 U4 a mute node times out, its handler is aborted, and others answered', async () => {
      await createSimulation({ size: 4, degree: 2 });
      await sim.startAll();
      await settled();
      let aborted = false;
      sim.mesh(1).serve(
        'slow',
        (_, { signal }) =>
          new Promise(() => {
            signal.addEventListener('abort', () => (aborted = true));
          }),
      );
      sim.mesh(2).serve('slow', () => Promise.resolve('quick'));
      const pending = sim.mesh(0).request([id(1), id(2)], 'slow', null, { timeoutMs: 1_000 });
      await clock.advance(1_500);
      expect(Object.fromEntries(await pending)).toEqual({
        [id(1)]: { ok: false, code: 'timeout', message: 'timed out' },
        [id(2)]: { ok: true, body: 'quick' },
      });
      expect(aborted).toBe(true);
    });

    test('U3 a node that dies before it answers is an error at once, not at the deadline', async () => {
      await createSimulation({ size: 5, degree: 2 });
      await sim.startAll();
      await settled();
      sim.mesh(3).serve('never', () => new Promise(() => undefined));
      const pending = sim.mesh(0).request([id(3)], 'never', null, { timeoutMs: 60_000 });
      await clock.advance(200);
      sim.kill(3);
      await clock.advance(1_000);
      expect((await pending).get(id(3))).toMatchObject({ ok: false, code: 'unreachable' });
    });

    test('U4 cancelling ends the request', async () => {
      await createSimulation({ size: 3, degree: 2 });
      await sim.startAll();
      await settled();
      sim.mesh(2).serve('never', () => new Promise(() => undefined));
      const controller = new AbortController();
      const pending = sim.mesh(0).request([id(2)], 'never', null, { timeoutMs: 60_000, signal: controller.signal });
      await clock.advance(100);
      controller.abort();
      expect((await pending).get(id(2))).toMatchObject({ ok: false, code: 'cancelled' });
    });

    test('U1 U5 notices cross a chain of relays in order', async () => {
      await createSimulation({ size: 10, degree: 2 });
      await sim.startAll();
      await settled();
      const seen: unknown[] = [];
      sim.mesh(9).onNotice('facts', (body, from) => seen.push(`${from.name} ${String(body)}`));
      for (let i = 0; i < 5; i += 1) sim.mesh(0).notify([id(9)], 'facts', i);
      await clock.advance(200);
      expect(seen).toEqual([0, 1, 2, 3, 4].map((i) => `node1 ${i}`));
    });

    test('U6 the 257th request of one member is refused', async () => {
      await createSimulation({ size: 2, degree: 1 });
      await sim.startAll();
      await settled();
      sim.mesh(1).serve('never', () => new Promise(() => undefined));
      const all = Array.from({ length: 257 }, () => sim.mesh(0).request([id(1)], 'never', null, { timeoutMs: 1_000 }));
      await clock.advance(2_000);
      const results = (await Promise.all(all)).map((result) => result.get(id(1)));
      expect(results.filter((result) => !result?.ok && result?.code === 'refused')).toHaveLength(1);
    });

    test('U8 an answer waits for a route to a member whose links are not known yet', async () => {
      await createSimulation({ size: 3, degree: 2 });
      await sim.start(0);
      await sim.start(2);
      await settled();
      const seen: string[] = [];
      sim.mesh(0).serve('name', async (_, { signal }) => {
        await new Promise<void>((resolve) => void clock.after(300, resolve));
        seen.push(signal.aborted ? 'aborted' : 'answered');
        return 'node1';
      });
      const caller = await member(1);
      const request = encodeMessage({ t: 'request', kind: 'name', body: null });
      caller.connection.send(envelopeFrame(frameType.unicast, { to: id(0), from: id(1), id: 7 }, request));
      await clock.advance(100);
      // Some other change of the topology, which does not have the caller either.
      sim.kill(2);
      await clock.advance(500);
      const answers = () => caller.frames.filter(([type]) => type === frameType.unicast).map(readMessage);
      expect({ seen, answers: answers() }).toEqual({ seen: ['answered'], answers: [] });
      const state = { incarnation: clock.wallNow(), sequence: 1, neighbours: [id(0)] };
      caller.connection.send(stateFrame(id(1), state));
      await clock.advance(300);
      expect(answers()).toEqual([{ t: 'answer', body: 'node1' }]);
    });

    test('U2 U8 an answer that a relay sends back, or that comes back in a loop, is sent again', async () => {
      await createSimulation({ size: 3, degree: 1 });
      await sim.start(0);
      sim.mesh(0).serve('name', () => Promise.resolve('node1'));
      // node2 relays for node3.
      const relay = await member(1);
      const state = { incarnation: clock.wallNow(), sequence: 1 };
      relay.connection.send(stateFrame(id(1), { ...state, neighbours: [id(0), id(2)].sort() }));
      relay.connection.send(stateFrame(id(2), { ...state, neighbours: [id(1)] }));
      await clock.advance(200);
      const request = encodeMessage({ t: 'request', kind: 'name', body: null });
      relay.connection.send(envelopeFrame(frameType.unicast, { to: id(0), from: id(2), id: 7 }, request));
      const answers = () => relay.frames.filter(([type]) => type === frameType.unicast);
      await clock.advance(300, 10);
      expect(answers().map(readMessage)).toEqual([{ t: 'answer', body: 'node1' }]);
      const bounce = envelopeFrame(frameType.bounce, { to: id(0), from: id(1), id: 7 }, bounceBody(id(2)));
      relay.connection.send(bounce);
      await clock.advance(400, 10);
      expect(answers()).toHaveLength(2);
      relay.connection.send(answers()[0]!.slice());
      await clock.advance(400, 10);
      expect(answers()).toHaveLength(3);
      expect(answers().map(readMessage)).toEqual(Array.from({ length: 3 }, () => ({ t: 'answer', body: 'node1' })));
    });

    test('U8 who asks nodes as soon as they appear has their answers, not a timeout', async () => {
      await createSimulation({ size: 24, degree: 2 });
      const asked: Promise<Map<string, RequestResult>>[] = [];
      for (let i = 0; i < 24; i += 1) {
        const mesh = await sim.start(i);
        mesh.serve('name', () => Promise.resolve(mesh.nodeId));
        mesh.on('node', ({ id: other, state }) => {
          if (state === 'up') asked.push(mesh.request([other], 'name', null, { timeoutMs: 20_000 }));
        });
      }
      await settled();
      await clock.advance(25_000);
      const results = (await Promise.all(asked)).flatMap((result) => [...result.values()]);
      expect(results.length).toBeGreaterThan(23 * 24 - 1);
      expect(results.filter((result) => !result.ok && result.code === 'timeout')).toEqual([]);
    });

    test('U7 answers above the bound of one request are left out by name, and the others arrive', async () => {
      await createSimulation({ size: 13, degree: 12 });
      await sim.startAll();
      await settled();
      for (const mesh of sim.running()) mesh.serve('much', () => Promise.resolve('x'.repeat(3_000_000)));
      const others = sim
        .running()
        .map((mesh) => mesh.nodeId)
        .filter((nodeId) => nodeId !== id(0));
      const pending = sim.mesh(0).request(others, 'much', null, { timeoutMs: 10_000 });
      await clock.advance(10_000);
      const results = [...(await pending).values()];
      const fit = Math.floor(maxAnswersBytes / 3_000_000);
      expect(results.filter(({ ok }) => ok)).toHaveLength(fit);
      const left = results.filter(
        (result) => !result.ok && /^node\d+ answered with 30000\d\d bytes/.test(result.message),
      );
      expect(left).toHaveLength(others.length - fit);
    });
  });

  describe('what people do', () => {
    test('dial and hangup by name, with minimega’s errors', async () => {
      await createSimulation({ size: 3, degree: 0 });
      await sim.startAll();
      const dial = (target: string) => outcome(sim.mesh(0).dial(target));
      expect(await dial('node1')).toBe('cannot mesh dial yourself');
      const first = dial('node2');
      await clock.advance(100);
      expect(await first).toBe('done');
      expect(await dial('node2')).toBe('already connected to node2');
      const nowhere = dial('nowhere');
      await clock.advance(5_000);
      expect(await nowhere).toMatch(/^dial nowhere: /);
      sim.mesh(0).hangup('node2');
      expect(() => sim.mesh(0).hangup('node9')).toThrow('no such client node9');
    });

    test('events of random kills, restarts, cuts and degrees add up to what the topology is', async () => {
      await createSimulation({ size: 12, degree: 3 }, 7);
      await sim.startAll();
      const mesh = sim.mesh(0);
      const nodes = new Map(mesh.topology().nodes.map(({ id, degree }) => [id, degree]));
      const links = new Map(mesh.topology().links.map(({ a, b, state }) => [`${a} ${b}`, state]));
      mesh.on('node', ({ id, degree }) => (degree === null ? nodes.delete(id) : nodes.set(id, degree)));
      mesh.on('link', ({ a, b, state }) =>
        state === 'down' ? links.delete(`${a} ${b}`) : links.set(`${a} ${b}`, state),
      );
      let random = 1;
      const below = (n: number) => (random = (random * 48_271) % 2_147_483_647) % n;
      for (let turn = 0; turn < 150; turn += 1) {
        const index = 1 + below(11);
        if (!sim.meshes[index]) await sim.start(index);
        else if (below(3) === 0) sim.kill(index);
        else sim.mesh(index).setDegree(1 + below(5));
        await clock.advance(50 + below(2_000));
        if (below(4) > 0) continue;
        // Whatever is still on its way to the events.
        await clock.advance(100);
        const now = mesh.topology();
        expect([...nodes].sort()).toEqual(now.nodes.map(({ id, degree }) => [id, degree]).sort());
        expect([...links].sort()).toEqual(now.links.map(({ a, b, state }) => [`${a} ${b}`, state]).sort());
      }
    });

    test('events tell nodes and links as they come and go', async () => {
      await createSimulation({ size: 4, degree: 2 });
      await sim.start(0);
      const seen: string[] = [];
      sim.mesh(0).on('node', ({ id: node, state }) => seen.push(`${state} ${sim.mesh(0).nameOf(node)}`));
      const links = new Map<string, string>();
      sim.mesh(0).on('link', ({ a, b, state }) => links.set(`${a} ${b}`, state));
      for (const i of [1, 2, 3]) await sim.start(i);
      await settled();
      await clock.advance(500);
      sim.kill(3);
      await settled();
      await clock.advance(500);
      expect(seen).toContain('up node4');
      expect(seen.at(-1) === 'down node4' || seen.includes('down node4')).toBe(true);
      const up = [...links].filter(([, state]) => state === 'up').map(([key]) => key);
      expect(up.sort()).toEqual(
        sim
          .mesh(0)
          .topology()
          .links.map(({ a, b }) => `${a} ${b}`)
          .sort(),
      );
    });
  });
});

async function outcome(promise: Promise<void>): Promise<string> {
  return promise.then(
    () => 'done',
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
}

async function publish(edit: (roster: Roster) => RosterEdit): Promise<void> {
  const store = sim.stores[0]!;
  const edited = edit(store.roster);
  if (!edited.ok) throw new Error(edited.message);
  await store.commit(sim.authority.sign(edited.roster));
}

/** A state of any origin, as a `states` frame. */
function stateFrame(
  origin: string,
  parts: { incarnation: number; sequence: number; neighbours?: string[] },
): Uint8Array {
  const neighbours = parts.neighbours ?? [];
  const frame = new Uint8Array(1 + 30 + 16 * neighbours.length);
  const view = new DataView(frame.buffer);
  frame[0] = frameType.states;
  writeId(origin, frame, 1);
  view.setUint16(17, Math.floor(parts.incarnation / 2 ** 32));
  view.setUint32(19, parts.incarnation >>> 0);
  view.setUint32(23, parts.sequence);
  view.setUint16(27, 3);
  view.setUint16(29, neighbours.length);
  neighbours.forEach((id, i) => writeId(id, frame, 31 + 16 * i));
  return frame;
}
