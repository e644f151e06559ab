import { expect, it } from 'vitest';
import type { ConsoleWatcher } from '../../contract/streams.ts';
import { describeOthers, keyboardOf } from './watchers.ts';

const watcher = (name: string, more: Partial<ConsoleWatcher> = {}): ConsoleWatcher => ({
  ...{ name, console: 'vnc', isYou: false, mayInput: true, hasKeyboard: false },
  ...more,
});
const you = watcher('Ann <ann@example.org>', { isYou: true });

it.each([
  ['nobody is there yet', [], { isMine: false, owner: '' }],
  ['it is yours', [{ ...you, hasKeyboard: true }], { isMine: true, owner: '' }],
  ['it is of somebody else', [you, watcher('Bob <b@x.org>', { hasKeyboard: true })], { isMine: false, owner: 'Bob' }],
  [
    'it is of your other window',
    [you, { ...you, isYou: false, hasKeyboard: true }],
    { isMine: false, owner: 'Another window of yours' },
  ],
  [
    'only another console has one',
    [you, watcher('Bob', { console: 'serial0', hasKeyboard: true })],
    { isMine: false, owner: '' },
  ],
])('the keyboard: %s', (_name, watchers, keyboard) => {
  expect(keyboardOf(watchers)).toEqual(keyboard);
});

it('who else is there, and what they do', () => {
  expect(describeOthers([you])).toEqual({ summary: 'Nobody else looks', lines: [] });
  const others = [
    watcher('Bob <b@x.org>', { hasKeyboard: true }),
    watcher('Vic', { mayInput: false, console: 'serial0' }),
  ];
  expect(describeOthers([you, ...others])).toEqual({
    summary: '2 others here',
    lines: ['Bob, vnc: has the keyboard', 'Vic, serial0: looks, may not type'],
  });
});
