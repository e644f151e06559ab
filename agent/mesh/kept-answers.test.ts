import { beforeEach, expect, test } from 'vitest';
import { keptAnswerMs, maxKeptAnswers, maxKeptAnswersBytes } from '../../contract/limits.ts';
import { KeptAnswers } from './kept-answers.ts';
import { VirtualClock } from './virtual-clock.ts';

const asker = 'a'.repeat(32);
let clock: VirtualClock;
let hasRoute: boolean;
let sent: number[];
let answers: KeptAnswers;

beforeEach(() => {
  clock = new VirtualClock();
  hasRoute = false;
  sent = [];
  const send = (_: string, id: number) => {
    if (hasRoute) sent.push(id);
    return hasRoute;
  };
  answers = new KeptAnswers({ clock, unicast: { send } });
});

const answer = (id: number, bytes = 1) => answers.send(asker, id, new Uint8Array(bytes));
const sendAll = () => {
  hasRoute = true;
  answers.tick();
  return sent;
};

test('U8 answers wait for a route and are sent once, in order', () => {
  answer(1);
  answer(2);
  answers.tick();
  expect(sent).toEqual([]);
  sendAll();
  answers.tick();
  expect(sent).toEqual([1, 2]);
});

test('U8 an answer that a relay sends back is sent again, a bounded number of times', async () => {
  hasRoute = true;
  answer(1);
  answer(2);
  for (let i = 0; i < 20; i += 1) {
    answers.onBounce(asker, 1);
    await clock.advance(500, 500);
    answers.tick();
  }
  expect(sent).toEqual([1, 2, ...Array.from({ length: 8 }, () => 1)]);
  // What has arrived, as far as anybody knows, is not kept.
  answers.onBounce(asker, 2);
  await clock.advance(500, 500);
  answers.tick();
  expect(sent.filter((id) => id === 2)).toHaveLength(1);
});

test('U8 an answer is forgotten when nobody waits for it, and when it is too old', async () => {
  answer(1);
  answer(2);
  answers.drop(asker, 1);
  await clock.advance(keptAnswerMs - 1, keptAnswerMs);
  answer(3);
  await clock.advance(1);
  answers.tick();
  expect(sendAll()).toEqual([3]);
});

test('U8 above the bounds the oldest answers go', () => {
  for (let id = 0; id < maxKeptAnswers + 2; id += 1) answer(id);
  answer(5_000, maxKeptAnswersBytes - 10);
  expect(sendAll()).toEqual([...Array.from({ length: 10 }, (_, i) => maxKeptAnswers + 2 - 10 + i), 5_000]);
});

test('U8 above the bounds those that are on their way go before those that wait', () => {
  answer(1);
  hasRoute = true;
  answer(2, maxKeptAnswersBytes - 10);
  hasRoute = false;
  answer(3, 100);
  answers.onBounce(asker, 2);
  expect(sendAll()).toEqual([2, 1, 3]);
});
