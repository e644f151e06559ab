import { expect, test } from 'vitest';
import { frameType } from '../../agent/mesh/frames.ts';
import { createRandom } from '../console/random.ts';
import { createDialogue, holdsExcluded, isExcluded, linkCommands } from './command-inputs.ts';
import { createFrame, type FrameWorld } from './member-frames.ts';

const requests = (...texts: string[]) => texts.map((text) => new TextEncoder().encode(text));
const world: FrameWorld = { ids: ['a', 'b', 'c'].map((digit) => digit.repeat(32)), roster: { nodes: [] }, nowMs: 1e12 };

test('the same seed gives the same dialogues and the same frames, and another seed gives others', () => {
  const dialogues = (seed: number) => {
    const random = createRandom(seed);
    return Array.from({ length: 50 }, () => createDialogue(random));
  };
  const frames = (seed: number) => {
    const random = createRandom(seed);
    return Array.from({ length: 100 }, () => createFrame(random, world));
  };
  expect(dialogues(1)).toEqual(dialogues(1));
  expect(dialogues(1)).not.toEqual(dialogues(2));
  expect(frames(1)).toEqual(frames(1));
  expect(frames(1)).not.toEqual(frames(2));
});

test.each([
  'quit',
  '  quit 3',
  '"quit"',
  'q""uit',
  "q''uit",
  'qu\\it',
  '.csv true quit',
  'namespace x quit',
  'mesh send all quit',
  '.alias x=quit',
  `.alias x='q""uit'`,
  'deploy launch n0',
  'dep l n0',
  'de""ploy launch n0',
  'mesh dial 10.0.0.1',
  'mesh di x',
  'mesh dot ../x',
  'mesh revoke n1',
  'mesh ca copy',
  'clear deploy flags',
])('%s is not sent', (line) => {
  expect(isExcluded(line)).toBe(true);
  expect(holdsExcluded(requests(JSON.stringify({ Command: line })))).toBe(true);
});

test.each(['mesh status', 'host', 'echo "a b"', '.env X quite', 'clear history', 'version'])('%s is sent', (line) => {
  expect(isExcluded(line)).toBe(false);
});

test('what mutation hides in escapes, other keys and several writes is found', () => {
  expect(holdsExcluded(requests('{"cOMMAND":"\\u0071u\\u0069t"}'))).toBe(true);
  expect(holdsExcluded(requests('{"Command":"version"}{"Comm', 'and":"qu', 'it"}'))).toBe(true);
  expect(holdsExcluded(requests('{"x":[{"y":"quit"}]}'))).toBe(true);
  expect(holdsExcluded(requests('{"Command":"quit"'))).toBe(false);
});

test('no dialogue of many holds an excluded command, and all kinds of endings and sizes come', () => {
  const random = createRandom(7);
  const dialogues = Array.from({ length: 300 }, () => createDialogue(random));
  expect(dialogues.filter(({ writes }) => holdsExcluded(writes))).toEqual([]);
  expect(new Set(dialogues.map(({ ending }) => ending))).toEqual(new Set(['end', 'cut', 'deaf']));
  expect(Math.max(...dialogues.map(({ inputs }) => inputs))).toBe(20);
  expect(createDialogue(random, 3).inputs).toBeLessThanOrEqual(3);
});

test('frames of each type come, and no command in them ends links or reaches what is excluded', () => {
  const random = createRandom(7);
  const frames = Array.from({ length: 1_500 }, () => createFrame(random, world));
  const names = new Set(frames.map(({ name }) => name));
  for (const name of Object.keys(frameType)) expect(names).toContain(name);
  let commands = 0;
  for (const { name, bytes } of frames.filter((frame) => frame.name === 'unicast')) {
    const [, line] = /"kind":"command","body":\{"line":("(?:[^"\\]|\\.)*")/.exec(Buffer.from(bytes).toString()) ?? [];
    if (name !== 'unicast' || line === undefined) continue;
    commands += 1;
    expect(isExcluded(JSON.parse(line) as string, linkCommands)).toBe(false);
  }
  expect(commands).toBeGreaterThan(10);
});
