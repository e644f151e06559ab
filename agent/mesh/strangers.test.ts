import { expect, test } from 'vitest';
import { maxStrangers, maxStrangersPerAddress } from '../../contract/limits.ts';
import { Strangers } from './strangers.ts';

function create(roster: string[] = []) {
  const evicted: string[] = [];
  const strangers = new Strangers({ memberAddresses: () => roster });
  const admit = (address: string, name: string) => strangers.admit(address, () => evicted.push(name));
  return { strangers, admit, evicted };
}

test('T6 the oldest stranger gives way when all places are taken, and one that left frees its place', () => {
  const { admit, evicted } = create();
  const leave = admit('10.1.0.1', 'first');
  for (let i = 1; i < maxStrangers; i += 1) admit(`10.2.${i >> 8}.${i & 255}`, `${i}`);
  expect(evicted).toEqual([]);
  leave();
  admit('10.1.0.2', 'next');
  expect(evicted).toEqual([]);
  admit('10.1.0.3', 'over');
  admit('10.1.0.4', 'over');
  expect(evicted).toEqual(['1', '2']);
});

test('T6 a newcomer takes the place of the oldest stranger of its address', () => {
  const { admit, evicted } = create();
  for (let i = 0; i < maxStrangersPerAddress + 2; i += 1) admit('10.1.0.1', `${i}`);
  expect(evicted).toEqual(['0', '1']);
});

test('T6 1,000 callers from 50 addresses take no place of an address of the roster, or of one that a member came from', () => {
  const { strangers, admit, evicted } = create(['10.0.0.5', 'fd00::5', 'node7']);
  strangers.remember('::ffff:10.0.0.7');
  for (const address of ['::ffff:10.0.0.5', 'FD00::5', '10.0.0.7']) admit(address, 'member');
  for (let i = 0; i < 1_000; i += 1) admit(`10.9.0.${i % 50}`, 'flood');
  expect(evicted).toHaveLength(1_000 - maxStrangers);
  expect(evicted).not.toContain('member');
  for (let i = 0; i < maxStrangersPerAddress; i += 1) admit('10.0.0.5', 'late member');
  expect(evicted.filter((name) => name !== 'flood')).toEqual(['member']);
});
