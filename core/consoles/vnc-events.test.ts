import { describe, expect, it, test } from 'vitest';
import { keyName, keysOf, keysymOf } from './keysyms.ts';
import { describeEvent, eventOf, messageOf, parseEvent, parseRecording, recordingLine } from './vnc-events.ts';

test('keys have the names of X11, and those without a name their number', () => {
  expect(['a', 'A', 'space', 'Return', 'F12', 'KP_7', 'Shift_L', 'asciitilde'].map(keysymOf)).toEqual([
    ...[0x61, 0x41, 0x20, 0xff0d, 0xffc9, 0xffb7, 0xffe1, 0x7e],
  ]);
  for (const keysym of [0x20, 0x7e, 0xff08, 0xffbe, 0xffe9, 0x1002022]) expect(keysymOf(keyName(keysym))).toBe(keysym);
  expect(keysymOf('bogus')).toBeNull();
  expect([keysOf('a'), keysOf('A'), keysOf('!'), keysOf('\n'), keysOf('é')]).toEqual([
    ...[['a'], ['Shift_L', 'A'], ['Shift_L', 'exclam'], ['Return'], null],
  ]);
});

describe('events', () => {
  it.each(['KeyEvent,true,a', 'KeyEvent,false,Return', 'PointerEvent,1,100,200'])('%s is read and written', (text) => {
    const parsed = parseEvent(text);
    if (!parsed.ok) throw new Error(parsed.message);
    expect(describeEvent(parsed.event)).toBe(text);
    expect(eventOf(messageOf(parsed.event))).toEqual(parsed.event);
  });

  it.each([
    ['KeyEvent,true,bogus', 'unknown key: `bogus`'],
    ['KeyEvent,maybe,a', 'invalid event `KeyEvent,maybe,a`: '],
    ['PointerEvent,256,0,0', 'invalid event'],
    ['PointerEvent,0,-1,0', 'invalid event'],
    ['LoadFile,x', 'invalid event'],
    ['', 'invalid event'],
  ])('%s is refused', (text, message) => {
    const parsed = parseEvent(text);
    expect(parsed.ok ? '' : parsed.message).toContain(message);
  });

  it('of QEMU have the name of the key in another place', () => {
    expect(eventOf(Uint8Array.of(255, 0, 0, 1, 0, 0, 0, 0x61, 0, 0, 0, 30))).toEqual({
      kind: 'key',
      isDown: true,
      keysym: 0x61,
    });
    expect(eventOf(Uint8Array.of(6, 0, 0, 0, 0, 0, 0, 0))).toBeNull();
  });
});

test('a recording is lines with nanoseconds, and comments and blank lines say nothing', () => {
  const text = '# typed by hand\n\n1000000:KeyEvent,true,a\n 20:KeyEvent,false,a\n';
  const parsed = parseRecording(text, 'a.kb');
  if (!parsed.ok) throw new Error(parsed.message);
  expect(parsed.events.map(recordingLine).join('')).toBe('1000000:KeyEvent,true,a\n20:KeyEvent,false,a\n');
  expect(parseRecording('KeyEvent,true,a', 'a.kb')).toEqual({
    ok: false,
    message: 'a.kb:1 does not begin with nanoseconds and a colon',
  });
  expect(parseRecording('1:KeyEvent,true,a\n1:KeyEvent,true,bogus', 'a.kb')).toMatchObject({
    message: 'a.kb:2 unknown key: `bogus`',
  });
});
