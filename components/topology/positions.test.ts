import { describe, expect, it } from 'vitest';
import { hashOf, planLayout, PositionStore } from './positions.ts';

class MemoryStorage {
  readonly values = new Map<string, string>();
  getItem(key: string): string | null {
    return this.values.get(key) ?? null;
  }
  setItem(key: string, value: string): void {
    this.values.set(key, value);
  }
  removeItem(key: string): void {
    this.values.delete(key);
  }
}

describe('planLayout', () => {
  const ids = ['a', 'b', 'c', 'd', 'e'];
  const known = new Map(ids.map((id, index) => [id, { x: index, y: -index }]));

  it('has nothing to do while every node has its place', () => {
    expect(planLayout(ids, [['a', 'b']], known)).toBeNull();
    expect(planLayout(['a'], [], known)).toBeNull();
  });

  it('holds known nodes and starts a new one beside its neighbours', () => {
    const plan = planLayout([...ids, 'f'], [['f', 'e']], known)!;
    expect(plan.nodes.slice(0, 5)).toEqual(ids.map((id, index) => ({ id, x: index, y: -index, isFixed: true })));
    const added = plan.nodes[5]!;
    expect(added.isFixed).toBe(false);
    expect(Math.hypot(added.x - 4, added.y + 4)).toBeCloseTo(1.5);
    expect(plan.links).toEqual([[5, 4]]);
  });

  it('lets all move when most are new, from where they were', () => {
    const plan = planLayout([...ids, 'f', 'g', 'h'], [], known)!;
    expect(plan.nodes.every((node) => !node.isFixed)).toBe(true);
    expect(plan.nodes[1]).toMatchObject({ x: 1, y: -1 });
  });

  it('starts over when told to, the same way each time', () => {
    const plan = planLayout(ids, [], known, true)!;
    expect(plan.nodes.every((node) => !node.isFixed)).toBe(true);
    expect(plan).toEqual(planLayout(ids, [], new Map(), true));
  });

  it('drops links to nodes that it does not have', () => {
    expect(planLayout(['a', 'z'], [['a', 'q']], known)!.links).toEqual([]);
  });
});

describe('hashOf', () => {
  it('is the same for the same id and spreads', () => {
    expect(hashOf('node1')).toBe(hashOf('node1'));
    const values = new Set(Array.from({ length: 100 }, (_, index) => Math.floor(hashOf(`node${index}`) * 20)));
    expect(values.size).toBeGreaterThan(15);
  });
});

describe('PositionStore', () => {
  it('keeps positions per cluster, and forgets the oldest clusters', () => {
    const storage = new MemoryStorage();
    for (let index = 0; index < 10; index += 1) {
      new PositionStore(`c${index}`, { storage }).save(new Map([['a', { x: index + 0.123, y: 0 }]]));
    }
    expect(new PositionStore('c9', { storage }).load()).toEqual(new Map([['a', { x: 9.12, y: 0 }]]));
    expect(new PositionStore('c0', { storage }).load().size).toBe(0);
    expect(storage.values.size).toBe(9);
  });

  it('takes what is broken for nothing', () => {
    const storage = new MemoryStorage();
    storage.setItem('meshdeck.positions.c', '{"a": "b"}');
    expect(new PositionStore('c', { storage }).load().size).toBe(0);
    storage.setItem('meshdeck.positions.c', '{');
    expect(new PositionStore('c', { storage }).load().size).toBe(0);
  });
});
