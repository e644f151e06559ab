// Numbers that look random and are the same in every run (mulberry32), so that two runs change the same things.

export interface Random {
  /** 0 to `bound` - 1. */
  below(bound: number): number;
  /** One of `items`, which has some. */
  of<T>(items: readonly T[]): T;
}

export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const below = (bound: number) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296) * bound);
  };
  // The bound above says that it is there.
  return { below, of: <T>(items: readonly T[]) => items[below(items.length)] as T };
}
