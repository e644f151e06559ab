import { expect, it } from 'vitest';
import { createLog } from './log.ts';

it('writes what a node says as one line without anything that a terminal would obey', () => {
  const lines: string[] = [];
  const log = createLog('info', (line) => lines.push(line));
  log.warn('a\r\nb\u001b[2J\u0007\u009bc\u007f\tü');
  log.debug('not at this level');
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/^\S+Z WARN a\\r\\nb\\x1b\[2J\\x07\\x9bc\\x7f\\x09ü\n$/);
});
