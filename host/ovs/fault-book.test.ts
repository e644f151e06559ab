import { expect, test } from 'vitest';
import type { Found } from './found.ts';
import { FaultBook } from './fault-book.ts';

const missing = (subject: string): Found => ({
  subject,
  reason: 'port-missing',
  detail: '',
  change: { dropPorts: [] },
});
const tapless = (subject: string): Found => ({ subject, reason: 'tap-missing', detail: '', change: { dropPorts: [] } });
const hopeless: Found = { subject: 'a', reason: 'name-taken', detail: 'theirs', change: null };

function look(book: FaultBook, found: readonly Found[], now: number) {
  const { due, nextMs } = book.take(found, now);
  const { began, repaired, passed, leftAlone } = book.show(found, due, now);
  const names = (list: readonly { subject: string }[]) => list.map(({ subject }) => subject).join();
  return {
    due: names(due),
    nextMs,
    began: names(began),
    over: names([...repaired, ...passed]),
    left: names(leftAlone),
  };
}

test('a subject is repaired three times with growing delays, then left alone, and again after ten minutes', () => {
  const book = new FaultBook();
  const none = { due: '', nextMs: null, began: '', over: '', left: '' };
  expect(look(book, [missing('a')], 0)).toEqual({ ...none, due: 'a', began: 'a' });
  expect(look(book, [], 10)).toEqual({ ...none, over: 'a' });
  expect(look(book, [missing('a')], 400)).toEqual({ ...none, nextMs: 600, began: 'a' });
  expect(look(book, [missing('a')], 1_000)).toEqual({ ...none, due: 'a' });
  expect(look(book, [missing('a')], 1_500)).toEqual({ ...none, nextMs: 2_500 });
  expect(look(book, [missing('a')], 4_000)).toEqual({ ...none, due: 'a' });
  expect(book.all).toMatchObject([{ repairs: 3, isLeftAlone: false, sinceMs: 400 }]);
  expect(look(book, [missing('a')], 5_000)).toEqual({ ...none, left: 'a' });
  expect(look(book, [missing('a')], 500_000)).toEqual(none);
  expect(book.all).toMatchObject([{ repairs: 3, isLeftAlone: true, sinceMs: 400 }]);
  expect(look(book, [missing('a')], 600_001)).toMatchObject({ due: 'a' });
});

test('faults of one subject are one repair, and subjects do not share their counts', () => {
  const book = new FaultBook();
  expect(look(book, [missing('a'), tapless('a'), missing('b')], 0).due).toBe('a,a,b');
  expect(look(book, [missing('a'), tapless('a'), missing('c')], 1_000).due).toBe('a,a,c');
  expect(look(book, [missing('a')], 4_000).due).toBe('a');
  expect(look(book, [missing('a'), missing('b')], 60_000)).toMatchObject({ due: 'b', left: 'a' });
  book.forget('a');
  expect(look(book, [missing('a')], 60_001).due).toBe('a');
  book.forgetAll();
  expect(look(book, [missing('a'), missing('b')], 60_002).due).toBe('a,b');
});

test('what cannot be repaired is left alone from the start, and a repair that was not tried does not count', () => {
  const book = new FaultBook();
  expect(look(book, [hopeless], 0)).toEqual({ due: '', nextMs: null, began: 'a', over: '', left: '' });
  expect(book.all).toMatchObject([{ reason: 'name-taken', detail: 'theirs', repairs: 0, isLeftAlone: true }]);
  for (let time = 0; time < 5; time += 1) {
    expect(look(book, [missing('b')], time).due).toBe('b');
    book.takeBack('b');
  }
});
