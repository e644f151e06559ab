import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OutputLog } from './output-log.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const textFrom = (log: OutputLog, position: number) => {
  let text = '';
  for (let at = position; at < log.end;) {
    const part = log.read(at, 1_000);
    text += new TextDecoder('latin1').decode(part);
    at = Math.max(at, log.start) + part.length;
  }
  return text;
};

describe('the last bytes of an output', () => {
  it('are all of them while there is room', () => {
    const log = new OutputLog(100);
    log.append(bytes('one\ntwo'));
    expect([log.start, log.end, log.tail(100)]).toEqual([0, 7, 0]);
    expect(textFrom(log, log.tail(100))).toBe('one\ntwo');
  });

  it('begin with a line when something is missing before them', () => {
    const log = new OutputLog(10);
    log.append(bytes('first\nsecond\nthird'));
    expect(textFrom(log, log.start)).toBe('cond\nthird');
    expect(textFrom(log, log.tail(10))).toBe('third');
    expect(textFrom(log, log.tail(3))).toBe('ird');
  });

  it('are what was written last, whatever the sizes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9_000 }), fc.array(fc.string({ maxLength: 3_000 })), (most, parts) => {
        const log = new OutputLog(most);
        let all = '';
        for (const part of parts) {
          const ascii = part.replace(/[^\x20-\x7e]/g, '?');
          log.append(bytes(ascii));
          all += ascii;
          expect(log.end).toBe(all.length);
          expect(log.end - log.start).toBe(Math.min(most, all.length));
          expect(textFrom(log, 0)).toBe(all.slice(log.start));
        }
      }),
    );
  });
});
