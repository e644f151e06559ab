import { expect, test } from 'vitest';
import { planKinds } from '../../core/plans/kinds.ts';
import { bridgePlan, removeBridgePlan } from './bridge/bridge-plans.ts';
import { servedKinds } from './kinds.ts';

test('every kind that pages and shell offer is served, and no other', () => {
  expect(new Set(servedKinds.map(({ facts }) => facts))).toEqual(new Set(planKinds));
});

test('a trial that reports nothing new has less time left with each moment, never less than none', () => {
  for (const { ageProgress } of [bridgePlan, removeBridgePlan]) {
    expect(ageProgress?.({ leftMs: 5_000, text: 'on trial' }, 1_500)).toEqual({ leftMs: 3_500, text: 'on trial' });
    expect(ageProgress?.({ leftMs: 5_000 }, 9_000)).toEqual({ leftMs: 0 });
    expect(ageProgress?.({ leftMs: null }, 9_000)).toEqual({ leftMs: null });
  }
});
