import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RosterNode } from '../../contract/roster.ts';
import { DialBackoff, dialsToStart, HealSchedule, mustRefuse, pickDialTarget, pickExcessLink } from './dialing.ts';
import { judgeCaller, type CallerFacts } from './hello.ts';
import { admitNode, firstRoster, moveHead, removeNode, revokeNode } from './roster.ts';
import { confirmed, freshSuspicion, heard, LocalHealth, stepSuspicion } from './suspicion.ts';

describe('dialling', () => {
  test('D1 never more links and dials than the degree, and always one more while one is missing', () => {
    fc.assert(
      fc.property(fc.nat(20), fc.nat(30), fc.nat(5), fc.nat(5), (degree, links, dialling, diallingSlowly) => {
        const count = dialsToStart({ degree, links, dialling, diallingSlowly });
        if (count > 0) expect(links + dialling + diallingSlowly + count).toBeLessThanOrEqual(degree);
        if (links < degree && dialling === 0 && diallingSlowly === 0) expect(count).toBeGreaterThan(0);
      }),
    );
  });

  test('D1 the only eligible candidate is found', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 500 }),
        fc.nat(),
        fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 1 }),
        (size, at, draws) => {
          const candidates = Array.from({ length: size }, (_, i) => i);
          let drawn = 0;
          const chosen = pickDialTarget(candidates, {
            isEligible: (candidate) => candidate === at % size,
            links: () => 0,
            random: () => draws[(drawn += 1) % draws.length] ?? 0,
          });
          expect(chosen).toBe(at % size);
        },
      ),
    );
  });

  test('D1 a failed target waits longer each time, to 30 s, and a success forgets it', () => {
    const backoff = new DialBackoff();
    const waits: number[] = [];
    let now = 0;
    for (let i = 0; i < 10; i += 1) {
      backoff.failed('a', now, 0.5);
      const start = now;
      while (!backoff.mayDial('a', now)) now += 50;
      waits.push(now - start);
    }
    expect(waits).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
    backoff.succeeded('a');
    expect(backoff.mayDial('a', now)).toBe(true);
  });

  test('D2 the heal dial backs off to 30 s, and starts over when a link comes up', () => {
    const heal = new HealSchedule(0, 0.5);
    let now = 0;
    const gaps: number[] = [];
    for (let i = 0; i < 12; i += 1) {
      const start = now;
      while (!heal.isDue(now)) now += 100;
      gaps.push(now - start);
      heal.dialled(now, 0.5);
    }
    expect(gaps.slice(0, 4)).toEqual([3_000, 2_000, 3_000, 4_500]);
    expect(gaps.at(-1)).toBe(30_000);
    heal.linkCameUp(now, 0.5);
    expect(heal.isDue(now + 2_000)).toBe(true);
  });

  test.each([
    [{ links: 5 }, false],
    [{ links: 6 }, true],
    [{ links: 6, callerInsists: true }, false],
    [{ links: 6, callerIsInMap: () => false }, false],
  ])('D3 %o is refused: %s', (facts, refused) => {
    expect(mustRefuse({ degree: 3, callerIsInMap: () => true, callerInsists: false, ...facts })).toBe(refused);
  });

  test('D4 only a neighbour with a surplus that stays reachable is let go', () => {
    const links = [
      { name: 'a', surplus: 0, stays: true },
      { name: 'b', surplus: 5, stays: false },
      { name: 'c', surplus: 1, stays: true },
      { name: 'd', surplus: 2, stays: true },
    ];
    const facts = {
      surplus: (link: (typeof links)[0]) => link.surplus,
      isSpare: (link: (typeof links)[0]) => link.stays,
    };
    expect(pickExcessLink(links, { degree: 1, ...facts })?.name).toBe('d');
    expect(pickExcessLink(links, { degree: 2, ...facts })).toBeNull();
  });
});

describe('calls', () => {
  test('F6 of two calls at the same time exactly one stays, by both nodes’ own judgement', () => {
    const stages = ['none', 'connecting', 'greeting'] as const;
    fc.assert(
      fc.property(fc.constantFrom(...stages), fc.constantFrom(...stages), (smallDial, largeDial) => {
        const facts = (selfId: string, callerId: string, ownDial: CallerFacts['ownDial']) =>
          judgeCaller({ selfId, callerId, existing: null, callerIncarnation: 1, ownDial });
        const smallTakes = facts('a', 'b', smallDial) === 'accept';
        const largeTakes = facts('b', 'a', largeDial) === 'accept';
        // The larger id always takes the call of the smaller; the smaller yields only while its own is not on the way.
        expect(largeTakes).toBe(true);
        expect(smallTakes).toBe(smallDial !== 'greeting');
      }),
    );
  });

  test.each([
    ['restarted', { isOurDial: true, ageMs: 100, peerIncarnation: 1 }, 2, 'accept'],
    ['lost its old link', { isOurDial: true, ageMs: 60_000, peerIncarnation: 1 }, 1, 'accept'],
    ['crosses our new link', { isOurDial: true, ageMs: 100, peerIncarnation: 1 }, 1, 'duplicate'],
    ['calls again', { isOurDial: false, ageMs: 100, peerIncarnation: 1 }, 1, 'accept'],
  ] as const)('F6 a caller that %s', (_what, existing, callerIncarnation, verdict) => {
    expect(judgeCaller({ selfId: 'a', callerId: 'b', existing, callerIncarnation, ownDial: 'none' })).toBe(verdict);
  });
});

describe('silence', () => {
  const health = () => new LocalHealth(0, 100);

  function run(suspicion: ReturnType<typeof freshSuspicion>, from: number, to: number, state = health()): string[] {
    const seen: string[] = [];
    for (let now = from; now <= to; now += 50) {
      const step = stepSuspicion(suspicion, now, state);
      if (step !== 'wait') seen.push(`${now} ${step}`);
      if (step === 'drop') break;
    }
    return seen;
  }

  test('S2 three missed heartbeats, one probe, then the end, within 3.5 s', () => {
    expect(run(freshSuspicion(0), 0, 10_000)).toEqual(['3050 probe', '3450 drop']);
  });

  test('S2 a sign of life ends the suspicion', () => {
    const suspicion = freshSuspicion(0);
    expect(run(suspicion, 0, 3_100)).toEqual(['3050 probe']);
    heard(suspicion, 3_150);
    expect(run(suspicion, 3_200, 6_100)).toEqual([]);
  });

  test('S3 answers through others keep it, but not beyond 10 s of silence', () => {
    const suspicion = freshSuspicion(0);
    expect(run(suspicion, 0, 3_100)).toEqual(['3050 probe']);
    for (let at = 3_100; at < 12_000; at += 1_000) confirmed(suspicion, at);
    expect(run(suspicion, 3_200, 20_000)).toEqual(['10000 drop']);
  });

  test('S4 our own lateness is given back, makes us patient, and wears off', () => {
    const state = health();
    expect(state.tick(100)).toBe(0);
    expect(state.tick(2_200)).toBe(2_000);
    expect(state.factor()).toBe(1.25);
    let now = 2_200;
    for (let i = 0; i < 100; i += 1) state.tick((now += 100));
    expect(state.factor()).toBe(1);
  });
});

describe('roster edits', () => {
  const node = (number: number, part: Partial<RosterNode> = {}): RosterNode => ({
    id: number.toString(16).padStart(32, '0'),
    name: `node${number}`,
    addresses: [`10.0.0.${number}`],
    port: 9000,
    keyHash: 'a'.repeat(64),
    state: 'member',
    ...part,
  });
  const head = node(1);
  const roster = firstRoster('c'.repeat(32), 'john', head);
  const two = admitNode(roster, node(2));
  if (!two.ok) throw new Error(two.message);

  test('R1 each edit is the next version, and leaves the roster it came from as it was', () => {
    for (const edit of [
      revokeNode(two.roster, node(2).id),
      removeNode(two.roster, node(2).id),
      admitNode(two.roster, { ...node(2), addresses: ['10.1.1.1'], port: 9100, keyHash: 'b'.repeat(64) }),
      moveHead(two.roster, node(2).id),
      admitNode(two.roster, node(3)),
    ]) {
      expect(edit.ok && edit.roster.version).toBe(3);
    }
    expect(two.roster.version).toBe(2);
    expect(two.roster.nodes.map(({ state }) => state)).toEqual(['member', 'member']);
  });

  test.each([
    ['a name that another member has', () => admitNode(two.roster, node(3, { name: 'NODE2' })), /names are unique/],
    ['an invalid name', () => admitNode(two.roster, node(3, { name: 'node_3' })), /name/],
    ['an empty address', () => admitNode(two.roster, { ...node(2), addresses: [''] }), /node2.*addresses/],
    ['the head’s revocation', () => revokeNode(two.roster, head.id), /move the CA/],
    ['the head’s removal', () => removeNode(two.roster, head.id), /move the CA/],
    ['an unknown node', () => revokeNode(two.roster, node(9).id), /no node/],
  ])('%s is refused', (_what, make, message) => {
    const edit = make();
    expect(edit.ok ? '' : edit.message).toMatch(message);
  });

  test('a revoked node’s id stays shut out, and its name is free for the machine that replaces it', () => {
    const revoked = revokeNode(two.roster, node(2).id);
    if (!revoked.ok) throw new Error(revoked.message);
    expect(admitNode(revoked.roster, node(2)).ok).toBe(false);
    const replaced = admitNode(revoked.roster, node(7, { name: 'node2' }));
    if (!replaced.ok) throw new Error(replaced.message);
    expect(replaced.roster.nodes.find(({ name }) => name === 'node2')?.id).toBe(node(7).id);
    expect(replaced.roster.nodes.find(({ id }) => id === node(2).id)?.state).toBe('revoked');
  });
});
