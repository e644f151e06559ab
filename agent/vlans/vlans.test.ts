// The rules of SPEC section V over the simulated mesh. agent/vlans/property.test.ts plays them at random.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { AppError } from '../../contract/errors.ts';
import { admitNode, removeNode, revokeNode } from '../../core/mesh/roster.ts';
import { defaultNamespace } from '../../core/namespaces.ts';
import { rawName, type AliasName } from '../../core/vlans/names.ts';
import { simulatedNode } from '../mesh/simulation.ts';
import { VirtualClock } from '../mesh/virtual-clock.ts';
import { aliasKind } from './messages.ts';
import { SimulatedVlans, type SimulatedVlansOptions } from './simulated-vlans.ts';

let clock: VirtualClock;
let nodes: SimulatedVlans;

const lan = (alias: string, namespace = defaultNamespace): AliasName => ({ namespace, alias });
const options = () => ({ signal: new AbortController().signal });

async function create(settings: SimulatedVlansOptions): Promise<void> {
  clock = new VirtualClock();
  nodes = await SimulatedVlans.create(settings, clock);
  await nodes.startAll();
  await nodes.settled();
  // Every node gains its numbers.
  await clock.advance(3_000);
}

const idOf = (index: number) => nodes.sim.node(index).id;
const indexOf = (id: string | undefined) => nodes.sim.initial.roster.nodes.findIndex((node) => node.id === id);
const ownerOf = (vlan: number) => indexOf(nodes.at(nodes.knowing()[0]!).state.owners.ofNumber(vlan));
const deciderOf = (alias: string) => indexOf(nodes.at(nodes.knowing()[0]!).state.owners.ofAlias(lan(alias))[0]);
const numbersFrom = (from: number, count = 200) => Array.from({ length: count }, (_, at) => from + at);
const aliases = Array.from({ length: 200 }, (_, at) => `lan${at}`);
const add = (index: number, alias: string, vlan: number, force = false) =>
  nodes.at(index).add(lan(alias), { vlan, force }, options());
const tables = () => new Set(nodes.knowing().map((index) => nodes.tableText(index)));

async function errorOf(wish: Promise<unknown>): Promise<AppError> {
  const outcome = await nodes.run(wish);
  if (outcome === null || !('error' in outcome)) throw new Error(`no error but ${JSON.stringify(outcome)}`);
  return outcome.error;
}
async function done<Value>(wish: Promise<Value>): Promise<Value> {
  const outcome = await nodes.run(wish);
  if (outcome === null) throw new Error('no answer');
  if ('error' in outcome) throw outcome.error;
  return outcome.value;
}

afterEach(() => nodes.stopAll());

describe('four nodes', () => {
  beforeEach(() => create({ size: 4 }));

  test('V5 a new alias gets one number, whichever nodes ask for it at the same moment', async () => {
    const wishes = [0, 1, 2, 3, 0, 1].map((index) => nodes.resolve(index, 'lan'));
    const numbers = (await done(Promise.all(wishes))).map(({ vlan }) => vlan);
    expect(new Set(numbers).size).toBe(1);
    expect(numbers[0]).toBeGreaterThan(100);
    await nodes.agreed();
    expect(nodes.tableText(2)).toBe(`${numbers[0]}=minimega//lan`);
  });

  test('V5 a hundred aliases asked for at once get a hundred numbers', async () => {
    const wishes = aliases.slice(0, 100).map((alias, at) => nodes.resolve(at % 4, alias));
    const numbers = (await done(Promise.all(wishes))).map(({ vlan }) => vlan);
    expect(new Set(numbers).size).toBe(100);
    await nodes.agreed();
  });

  test('V13 one node asks for 400 aliases at once, more than a member answers at a time', async () => {
    const names = Array.from({ length: 400 }, (_, at) => `net${at}`);
    const numbers = (await done(Promise.all(names.map((alias) => nodes.resolve(0, alias))))).map(({ vlan }) => vlan);
    expect(new Set(numbers).size).toBe(400);
    await nodes.agreed();
  });

  test('V13 beyond its bound a node refuses at once, and says so', async () => {
    const names = Array.from({ length: 1_100 }, (_, at) => `net${at}`);
    const wishes = await done(Promise.allSettled(names.map((alias) => nodes.resolve(0, alias))));
    const errors = wishes.flatMap((each) => (each.status === 'rejected' ? [(each.reason as AppError).message] : []));
    expect(errors).toHaveLength(1_100 - 1_024);
    expect(new Set(errors)).toEqual(new Set(['more than 1024 aliases are being decided here: try again']));
  });

  test('V5 the same alias in two namespaces is two networks', async () => {
    expect(await nodes.number(0, 'lan', 'exp1')).not.toBe(await nodes.number(1, 'lan', 'exp2'));
    expect(await nodes.number(2, 'exp1//lan', 'exp2')).toBe(await nodes.number(3, 'lan', 'exp1'));
  });

  test('V6 an alias that a person added on one node has its number on every node', async () => {
    await done(add(1, 'hardware', 10));
    await nodes.agreed();
    expect(nodes.tableText(3)).toBe('10=minimega//hardware');
    for (const index of [0, 2, 3]) expect(await nodes.number(index, 'hardware')).toBe(10);
  });

  test('V3 two persons who want one number at once: one gets it, the other an error', async () => {
    const outcomes = await Promise.allSettled([nodes.run(add(0, 'alpha', 300)), nodes.run(add(1, 'beta', 300))]);
    const errors = outcomes.map((each) =>
      each.status === 'fulfilled' && each.value && 'error' in each.value ? each.value.error.message : '',
    );
    expect(errors.toSorted()).toEqual(['', 'vlan already in use']);
    await nodes.agreed();
    expect(nodes.at(2).state.table.clashes()).toEqual([]);
  });

  test('V5 two persons who give one alias a number at once: one does, the other gets an error', async () => {
    const outcomes = await Promise.all([nodes.run(add(0, 'alpha', 300)), nodes.run(add(1, 'alpha', 301))]);
    const errors = outcomes.map((each) => (each && 'error' in each ? each.error.message : ''));
    expect(errors.toSorted()).toEqual(['', 'alias already in use']);
    await nodes.agreed();
    expect(nodes.at(2).state.table.splits()).toEqual([]);
  });

  test('V11 a number that somebody uses as it is leaves the pool on every node', async () => {
    expect(await nodes.number(2, '150')).toBe(150);
    await nodes.agreed();
    expect((await errorOf(add(0, 'alpha', 150))).message).toBe('vlan already in use');
    expect(nodes.at(3).state.table.holders(150)).toMatchObject([rawName]);
    // Typed again, it means that one.
    expect(await nodes.number(1, '150')).toBe(150);
  });

  test('V11 a typed number that an alias has is the network of the alias', async () => {
    const vlan = await nodes.number(0, 'lan');
    expect(await nodes.number(3, String(vlan), 'exp1')).toBe(vlan);
    expect(nodes.at(3).state.table.holders(vlan)).toHaveLength(1);
  });

  test.each(['0', '4095', '5000'])('V1 the number %s is refused', async (text) => {
    expect((await errorOf(nodes.resolve(0, text))).message).toBe('invalid VLAN (0 < vlan < 4095)');
  });

  test('V1 a number in the range of another namespace is refused', async () => {
    await nodes.at(0).setRange('exp1', { min: 500, max: 510 });
    await clock.advance(200);
    expect((await errorOf(add(1, 'alpha', 505))).message).toContain('range of the namespace exp1');
    expect((await errorOf(nodes.at(2).setRange('exp2', { min: 509, max: 520 }))).message).toBe(
      'range overlaps with another namespace: exp1',
    );
    await done(nodes.at(1).add(lan('alpha', 'exp1'), { vlan: 505, force: false }, options()));
  });

  test('V5 a range that was set a moment ago counts, on whichever node the alias and the numbers are decided', async () => {
    // The notice to all others is still on its way.
    vi.spyOn(nodes.sim.mesh(0), 'notify').mockImplementation(() => undefined);
    await nodes.at(0).setRange('exp1', { min: 700, max: 740 });
    const vlans = await done(Promise.all(aliases.slice(0, 20).map((alias) => nodes.number(0, alias, 'exp1'))));
    expect(vlans.filter((vlan) => vlan < 700 || vlan >= 740)).toEqual([]);
    expect(new Set(vlans).size).toBe(20);
  });

  test('V8 while the owner of a number is away, the answer names it and a free number, and force takes the number', async () => {
    const vlan = numbersFrom(300).find((each) => ownerOf(each) === 3)!;
    const alias = aliases.find((each) => deciderOf(each) === 0)!;
    nodes.kill(3);
    await nodes.settled();
    const error = await errorOf(add(0, alias, vlan));
    expect(error.message).toMatch(
      new RegExp(
        `^node4, which owns VLAN ${vlan}, is away: VLAN \\d+ is free; \`force\` at the end of the line takes ${vlan}`,
      ),
    );
    const free = Number(/VLAN (\d+) is free/.exec(error.message)?.[1]);
    await done(add(1, `${alias}b`, free));
    const notes = await done(add(0, alias, vlan, true));
    expect(notes.join()).toContain('took it without asking');
    await nodes.agreed();
    await nodes.start(3);
    await nodes.settled();
    await nodes.agreed();
    // The owner keeps to it.
    expect((await errorOf(add(3, 'other', vlan))).message).toBe('vlan already in use');
    expect(nodes.at(3).state.table.clashes()).toEqual([]);
  });

  test('V8 a number that was forced on one side of a split and given away on the other is a clash on every node', async () => {
    const vlan = numbersFrom(300).find((each) => ownerOf(each) === 3)!;
    const [a, b] = ['forced', 'given'];
    nodes.sim.split((index) => (index === 3 ? 1 : 0));
    await clock.advance(8_000);
    await done(add(3, b, vlan));
    await done(add(0, a, vlan, true));
    nodes.sim.split(null);
    await nodes.settled();
    await nodes.agreed();
    for (const index of [0, 1, 2, 3]) {
      expect(nodes.at(index).state.table.clashes()).toMatchObject([{ vlan, holders: [{ alias: a }, { alias: b }] }]);
    }
    expect(nodes.warnings.filter((text) => text.includes(`VLAN ${vlan} was forced`))).toHaveLength(4);
    // Releasing one of the two ends it.
    await done(nodes.at(1).clear({ namespace: defaultNamespace, prefix: a }, options()));
    await nodes.agreed();
    expect(nodes.at(2).state.table.clashes()).toEqual([]);
    expect(await nodes.number(2, b)).toBe(vlan);
  });

  test('V8 while the owner of an alias is away the node that is asked decides, and says so', async () => {
    const alias = aliases.find((each) => deciderOf(each) === 2)!;
    nodes.kill(2);
    await nodes.settled();
    const { notes } = await done(nodes.resolve(0, alias));
    expect(notes).toEqual([`node3, which decides on the alias ${alias}, is away: node1 decided`]);
  });

  test('V8 an owner that does not answer in time may have decided: nobody else does', async () => {
    const alias = aliases.find((each) => deciderOf(each) === 2)!;
    nodes.sim.mesh(2).serve(aliasKind, () => new Promise(() => undefined));
    const error = await errorOf(nodes.resolve(0, alias));
    expect(error).toMatchObject({
      code: 'timeout',
      message: expect.stringContaining('node3, which decides') as string,
    });
    expect(tables()).toEqual(new Set(['']));
  });

  test('V10 an alias on which both sides of a split decided is split on every node, and joining moves its VMs', async () => {
    nodes.sim.split((index) => index % 2);
    await clock.advance(8_000);
    const [a, b] = [await nodes.number(0, 'lan'), await nodes.number(1, 'lan')];
    expect(a).not.toBe(b);
    nodes.vms[0]!.push({ vm: 'web1', name: lan('lan'), vlan: a });
    nodes.vms[2]!.push({ vm: 'web2', name: lan('lan'), vlan: a });
    nodes.vms[1]!.push({ vm: 'web3', name: lan('lan'), vlan: b });
    nodes.sim.split(null);
    await nodes.settled();
    await nodes.agreed();
    const vlans = [a, b].toSorted((x, y) => x - y);
    for (const index of [0, 1, 2, 3]) expect(nodes.at(index).state.table.splits()).toEqual([{ ...lan('lan'), vlans }]);
    const text = await done(nodes.at(3).joining.describe(lan('lan'), options()));
    expect(text).toContain(`lan is split over VLANs ${vlans.join(', ')}`);
    expect(text).toContain(`vlans join lan ${a}: 1 move from ${b}: web3 on node2 (${b})`);
    expect(text).toContain(`web1 on node1 (${a}), web2 on node3 (${a})`);
    expect((await errorOf(nodes.at(3).joining.join(lan('lan'), 4000, options()))).message).toContain(
      'not on VLAN 4000',
    );
    expect(await done(nodes.at(3).joining.join(lan('lan'), a, options()))).toContain(
      `lan is VLAN ${a}: moved web3 on node2`,
    );
    await nodes.agreed();
    expect(nodes.vms.flat().map(({ vlan }) => vlan)).toEqual([a, a, a]);
    expect(nodes.at(1).state.table.splits()).toEqual([]);
    expect(await nodes.number(1, 'lan')).toBe(a);
    expect((await errorOf(nodes.at(0).joining.describe(lan('lan'), options()))).message).toContain('not split');
  });

  test('V9 an alias that VMs use is not released, on whichever node they are', async () => {
    const vlan = await nodes.number(0, 'lan');
    await nodes.agreed();
    nodes.vms[3]!.push({ vm: 'web1', name: lan('lan'), vlan });
    const error = await errorOf(nodes.at(1).clear({ namespace: defaultNamespace, prefix: '' }, options()));
    expect(error.message).toContain(`VMs use these VLANs: web1 on node4 (${vlan})`);
    expect(await nodes.number(2, 'lan')).toBe(vlan);
    nodes.vms[3]!.length = 0;
    await done(nodes.at(1).clear({ namespace: defaultNamespace, prefix: '' }, options()));
    await nodes.agreed();
    expect(nodes.tableText(2)).toBe('');
  });

  test('V9 an alias that a launch uses is not released, beside what VMs use', async () => {
    const vlan = await nodes.number(0, 'lan');
    await nodes.agreed();
    let launching = [{ vm: 'web1', namespace: defaultNamespace, vlan }];
    nodes.at(3).useBy({
      using: (vlans) => launching.filter((user) => vlans.includes(user.vlan)),
      move: () => Promise.resolve([]),
    });
    const clear = () => nodes.at(1).clear({ namespace: defaultNamespace, prefix: '' }, options());
    expect((await errorOf(clear())).message).toContain(`VMs use these VLANs: web1 on node4 (${vlan})`);
    launching = [];
    nodes.vms[3]!.push({ vm: 'web2', name: lan('lan'), vlan });
    expect((await errorOf(clear())).message).toContain(`VMs use these VLANs: web2 on node4 (${vlan})`);
    nodes.vms[3]!.length = 0;
    await done(clear());
  });

  test('V9 a released number rests while a member is away, and is given away once it knows', async () => {
    await done(add(0, 'alpha', 300));
    nodes.kill(3 === ownerOf(300) ? 2 : 3);
    await nodes.settled();
    const awayIndex = ownerOf(300) === 3 ? 2 : 3;
    await done(nodes.at(0).clear({ namespace: defaultNamespace, prefix: 'alpha' }, options()));
    const alias = aliases.find((each) => deciderOf(each) === 0)!;
    const error = await errorOf(add(0, alias, 300));
    expect(error.message).toContain(
      `VLAN 300 was released and rests until every node knows: node${awayIndex + 1} did not confirm it yet`,
    );
    // The same alias has it again at once: nobody else is on it.
    await done(add(1, 'alpha', 300));
    await nodes.agreed();
    await done(nodes.at(0).clear({ namespace: defaultNamespace, prefix: 'alpha' }, options()));
    await nodes.start(awayIndex);
    await nodes.settled();
    await clock.advance(3_000);
    await done(add(0, alias, 300));
    await nodes.agreed();
  });

  test('V9 a new alias does not get a number that rests, and gets it once every node knows', async () => {
    await done(nodes.at(0).setRange(defaultNamespace, { min: 300, max: 301 }));
    await nodes.agreed();
    expect(await nodes.number(0, 'alpha')).toBe(300);
    await nodes.agreed();
    const awayIndex = ownerOf(300) === 3 ? 2 : 3;
    nodes.kill(awayIndex);
    await nodes.settled();
    await done(nodes.at(0).clear({ namespace: defaultNamespace, prefix: 'alpha' }, options()));
    for (const index of nodes.knowing())
      expect((await errorOf(nodes.resolve(index, 'beta'))).message).toContain('out of VLANs');
    await nodes.start(awayIndex);
    await nodes.settled();
    await clock.advance(3_000);
    expect(await nodes.number(0, 'beta')).toBe(300);
    await nodes.agreed();
  });

  test('V9 a VM that was away when its alias was cleared keeps its number, and the alias is split if it has another', async () => {
    await done(add(0, 'alpha', 300));
    await nodes.agreed();
    const awayIndex = [1, 2, 3].find((index) => index !== ownerOf(300))!;
    nodes.vms[awayIndex]!.push({ vm: 'web1', name: lan('alpha'), vlan: 300 });
    nodes.kill(awayIndex);
    await nodes.settled();
    await done(nodes.at(0).clear({ namespace: defaultNamespace, prefix: 'alpha' }, options()));
    const next = await nodes.number(0, 'alpha');
    expect(next).not.toBe(300);
    await nodes.start(awayIndex);
    await nodes.settled();
    await clock.advance(5_000);
    await nodes.agreed();
    for (const index of [0, 1, 2, 3])
      expect(nodes.at(index).state.table.splits()).toEqual([
        { ...lan('alpha'), vlans: [next, 300].toSorted((a, b) => a - b) },
      ]);
  });

  test('V4 numbers of a new member are not given away before every member of the old roster has the new one', async () => {
    nodes.sim.split((index) => (index === 3 ? 1 : 0));
    await clock.advance(8_000);
    nodes.sim.edit((roster) => admitNode(roster, simulatedNode(5)));
    nodes.sim.split((index) => (index === 3 ? 1 : 0));
    await nodes.start(4);
    await clock.advance(10_000);
    // One that node4 owned, and owns still as far as it knows.
    const before = nodes.at(3).state.owners;
    const vlan = numbersFrom(300, 1_000).find((each) => ownerOf(each) === 4 && before.ofNumber(each) === idOf(3))!;
    const alias = aliases.find((each) => deciderOf(each) === 0)!;
    expect((await errorOf(add(0, alias, vlan))).message).toContain(
      `node5 owns VLAN ${vlan} since the roster changed, and may not give it away yet: node4 did not confirm it yet`,
    );
    const other = aliases.find((each) => indexOf(before.ofAlias(lan(each))[0]) === 3)!;
    await done(add(3, other, vlan));
    nodes.sim.split(null);
    await nodes.settled();
    await clock.advance(5_000);
    await nodes.agreed();
    expect((await errorOf(add(0, alias, vlan))).message).toBe('vlan already in use');
    expect(nodes.at(4).state.standing.numbers).toEqual(nodes.at(4).state.owned);
  });

  test('V4 a member that was admitted and never started holds no number back', async () => {
    nodes.sim.edit((roster) => admitNode(roster, simulatedNode(5)));
    nodes.sim.edit((roster) => admitNode(roster, simulatedNode(6)));
    await nodes.start(5);
    await nodes.settled();
    await clock.advance(5_000);
    for (const index of [0, 1, 2, 3, 5])
      expect(nodes.at(index).state.standing.numbers, `node ${index}`).toEqual(nodes.at(index).state.owned);
  });

  test('V4 numbers of a removed member go to the others once all of them have confirmed, and existing aliases stay', async () => {
    const vlan = numbersFrom(300).find((each) => ownerOf(each) === 2)!;
    await done(add(0, 'kept', vlan));
    nodes.kill(2);
    nodes.sim.edit((roster) => revokeNode(roster, idOf(2)));
    nodes.sim.edit((roster) => removeNode(roster, idOf(2)));
    await clock.advance(10_000);
    await nodes.agreed();
    expect(await nodes.number(0, 'kept')).toBe(vlan);
    for (const index of [0, 1, 3]) expect(nodes.at(index).state.standing.numbers).toEqual(nodes.at(index).state.owned);
    const all = nodes.knowing().flatMap((index) => nodes.at(index).state.standing.numbers);
    expect(new Set(all).size).toBe(4094);
  });

  test('V2 a node that restarts has its rows and its numbers, with nobody to ask', async () => {
    const vlan = await nodes.number(0, 'lan');
    await nodes.agreed();
    await clock.advance(2_000);
    for (const index of [0, 1, 2, 3]) nodes.kill(index);
    await nodes.start(1);
    await clock.advance(2_000);
    expect(await nodes.number(1, 'lan')).toBe(vlan);
    expect(await nodes.number(1, 'new')).not.toBe(vlan);
  });

  test('V2 what cannot be saved is not given away, and no other node learns it', async () => {
    const vlan = numbersFrom(300).find((each) => ownerOf(each) === 1)!;
    nodes.disks[1]!.isFull = true;
    const alias = aliases.find((each) => deciderOf(each) === 0)!;
    expect((await errorOf(add(0, alias, vlan))).message).toContain('VLANs cannot be saved, so nothing was changed');
    nodes.disks[1]!.isFull = false;
    await clock.advance(1_000);
    expect([...tables()]).toEqual(['']);
    await done(add(0, alias, vlan));
  });

  test('V2 no other node gets a row while it is being written', async () => {
    const vlan = numbersFrom(300).find((each) => ownerOf(each) === 1)!;
    const alias = aliases.find((each) => deciderOf(each) === 1)!;
    const held: (() => void)[] = [];
    nodes.disks[1]!.wait = () => new Promise((resolve) => held.push(resolve));
    const added = add(1, alias, vlan);
    await clock.advance(1_000);
    expect(nodes.tableText(1)).toBe(`${vlan}=minimega//${alias}`);
    // Tables are compared when others appear, too.
    nodes.kill(0);
    await clock.advance(500);
    await nodes.start(0);
    await clock.advance(2_500);
    expect([0, 2, 3].map((index) => nodes.tableText(index))).toEqual(['', '', '']);
    nodes.disks[1]!.wait = () => Promise.resolve();
    for (const release of held) release();
    await done(added);
    await nodes.agreed();
    expect(nodes.tableText(0)).toBe(`${vlan}=minimega//${alias}`);
  });

  test('V2 a node that lost its disk learns all rows before it gives a number away', async () => {
    const vlans = [];
    for (const alias of aliases.slice(0, 12)) vlans.push(await nodes.number(0, alias));
    await nodes.agreed();
    nodes.kill(1);
    nodes.kill(3);
    nodes.disks[1]!.text = null;
    await nodes.start(1);
    await clock.advance(10_000);
    expect(nodes.at(1).state.standing.numbers).toEqual([]);
    await nodes.start(3);
    await clock.advance(40_000);
    await nodes.agreed();
    expect(nodes.at(1).state.standing.numbers).toEqual(nodes.at(1).state.owned);
    const more = await done(Promise.all(aliases.slice(20, 60).map((alias) => nodes.resolve(1, alias))));
    for (const { vlan } of more) expect(vlans).not.toContain(vlan);
  });

  test('V2 a damaged file is set aside, and the rows come again from the others', async () => {
    const vlan = await nodes.number(0, 'lan');
    await nodes.agreed();
    nodes.kill(1);
    nodes.disks[1]!.text = '{"rows":[{"vlan":';
    await nodes.start(1);
    await nodes.settled();
    await nodes.agreed();
    expect(nodes.disks[1]!.setAsides).toBe(1);
    expect(nodes.warnings.join('\n')).toContain('1: vlans: vlans.json is damaged and was set aside');
    expect(await nodes.number(1, 'lan')).toBe(vlan);
  });

  test('V2 a file with one row that is not readable counts as damaged: that number would be given away again', async () => {
    await nodes.number(0, 'lan');
    await nodes.agreed();
    await clock.advance(2_000);
    nodes.kill(1);
    nodes.disks[1]!.text = nodes.disks[1]!.text!.replace('"state":"held"', '"state":"of a later version"');
    nodes.sim.split((index) => index);
    await nodes.start(1);
    expect(nodes.disks[1]!.setAsides).toBe(1);
    expect(nodes.at(1).state.standing.numbers).toEqual([]);
  });

  test('V2 what was stored under another node id does not count', async () => {
    await nodes.number(0, 'lan');
    await nodes.agreed();
    await clock.advance(2_000);
    nodes.kill(1);
    nodes.disks[1]!.text = nodes.disks[1]!.text!.replace(
      `"node":"${idOf(1)}","standing"`,
      `"node":"${'f'.repeat(32)}","standing"`,
    );
    nodes.sim.split((index) => index);
    await nodes.start(1);
    expect(nodes.tableText(1)).toBe('');
    expect(nodes.at(1).state.standing.numbers).toEqual([]);
  });

  test('V5 who stops waiting gets its error at once, and others their number', async () => {
    const controller = new AbortController();
    const given = nodes.resolve(0, 'lan', defaultNamespace, controller.signal);
    const kept = nodes.resolve(0, 'lan');
    controller.abort();
    expect((await errorOf(given)).code).toBe('cancelled');
    expect((await done(kept)).vlan).toBeGreaterThan(100);
  });
});

test('V3 when its own numbers run out a node asks other owners, and all numbers are given before they are out', async () => {
  await create({ size: 4, range: { min: 101, max: 106 } });
  const names = aliases.slice(0, 5);
  const numbers = (await done(Promise.all(names.map((alias) => nodes.resolve(0, alias))))).map(({ vlan }) => vlan);
  expect(numbers.toSorted((a, b) => a - b)).toEqual([101, 102, 103, 104, 105]);
  expect((await errorOf(nodes.resolve(2, 'sixth'))).message).toBe('out of VLANs');
});

test('V8 the error of a pool that is out says whose numbers are away', async () => {
  await create({ size: 4, range: { min: 101, max: 121 } });
  nodes.kill(2);
  await nodes.settled();
  const wishes = await done(Promise.allSettled(aliases.slice(0, 25).map((alias) => nodes.resolve(0, alias))));
  const errors = wishes.flatMap((each) => (each.status === 'rejected' ? [(each.reason as AppError).message] : []));
  expect(errors.length).toBeGreaterThan(4);
  for (const message of errors)
    expect(message).toMatch(/^out of VLANs: of 101-121, .*node3 is away and owns \d+ of them/);
});

describe('beside nodes of the version before', () => {
  /** Half of the nodes know nothing of VLANs. */
  beforeEach(() => create({ size: 6, knows: (index) => index % 2 === 0 }));

  test('V12 the others agree on aliases whose owner is too old', async () => {
    const alias = aliases.find((each) => deciderOf(each) % 2 === 1)!;
    const numbers = await done(Promise.all([0, 2, 4].map((index) => nodes.resolve(index, alias))));
    expect(new Set(numbers.map(({ vlan }) => vlan)).size).toBe(1);
    await nodes.agreed();
  });

  test('V12 numbers of a node that is too old rest, and it says to upgrade it', async () => {
    const vlan = numbersFrom(300).find((each) => ownerOf(each) % 2 === 1)!;
    const owner = `node${ownerOf(vlan) + 1}`;
    expect((await errorOf(add(0, 'alpha', vlan))).message).toContain(
      `${owner}, which owns VLAN ${vlan}, runs a meshd without VLANs: upgrade it`,
    );
  });

  test('V12 a node that is upgraded learns all rows before it gives its numbers away', async () => {
    const before = await done(Promise.all(aliases.slice(0, 20).map((alias) => nodes.resolve(0, alias))));
    const forced = numbersFrom(300).find((each) => ownerOf(each) === 1)!;
    await done(add(0, 'forced', forced, true));
    nodes.kill(1);
    await nodes.start(1, true);
    await nodes.settled();
    await clock.advance(20_000);
    await nodes.agreed();
    expect(nodes.at(1).state.standing.numbers).toEqual(nodes.at(1).state.owned);
    expect((await errorOf(add(1, 'other', forced))).message).toBe('vlan already in use');
    const after = await done(Promise.all(aliases.slice(20, 60).map((alias) => nodes.resolve(1, alias))));
    const all = [...before, ...after].map(({ vlan }) => vlan);
    expect(new Set(all).size).toBe(all.length);
  });
});
