import { expect, test } from 'vitest';
import { classifyLog } from './soak.ts';

test.each([
  ['2026/11/22 09:20:00 DEBUG mesh: n3 is silent; asking others', 'suspicion'],
  ['2026/11/22 09:20:00 INFO mesh: link to n3 is down: silent for 4012 ms', 'lost-link'],
  ['2026/11/22 09:20:00 INFO mesh: link to n3 is down: closed', null],
])('%s', (line, kind) => {
  expect(classifyLog(line)).toBe(kind);
});
