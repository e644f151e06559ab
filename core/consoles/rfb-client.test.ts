import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maxCutTextBytes } from '../../contract/limits.ts';
import { RfbClient } from './rfb-client.ts';

const text = (value: string) => [...new TextEncoder().encode(value)];
const u16 = (value: number) => [value >> 8, value & 255];
const u32 = (value: number) => [...u16(value >>> 16), ...u16(value & 0xffff)];
const hello = [...text('RFB 003.008\n'), 1, 1];

/** Messages of a client, as noVNC sends them to QEMU. */
const look = {
  pixelFormat: [0, 0, 0, 0, 32, 24, 0, 1, ...u16(255), ...u16(255), ...u16(255), 0, 8, 16, 0, 0, 0],
  // An encoding that looks like a key event.
  encodings: [2, 0, ...u16(3), ...u32(7), 4, 1, 0, 0, ...u32(-258)],
  update: [3, 1, ...u16(0), ...u16(0), ...u16(640), ...u16(480)],
  continuous: [150, 1, ...u16(0), ...u16(0), ...u16(640), ...u16(480)],
  fence: [248, 0, 0, 0, ...u32(1), 5, 4, 1, 0, 0, 97],
};
const key = (keysym: number, down: boolean) => [4, Number(down), 0, 0, ...u32(keysym)];
const code = (scancode: number, down: boolean) => [255, 0, ...u16(Number(down)), ...u32(97), ...u32(scancode)];
const pointer = (mask: number, x: number, y: number) => [5, mask, ...u16(x), ...u16(y)];
const input = {
  key: key(97, true),
  code: code(30, true),
  pointer: pointer(1, 10, 20),
  widePointer: [5, 0x80, ...u16(1), ...u16(2), 1],
  cutText: [6, 0, 0, 0, ...u32(8), ...key(98, true)],
  clipboard: [6, 0, 0, 0, ...u32(-4), 8, 0, 0, 1],
  power: [250, 0, 1, 2],
  size: [251, 0, ...u16(800), ...u16(600), 2, 0, ...Array<number>(32).fill(4)],
  audio: [255, 1, ...u16(0)],
  audioFormat: [255, 1, ...u16(2), 1, 2, ...u32(44_100)],
};

function client(mayInput = () => true) {
  const reader = new RfbClient({ mayInput });
  return {
    push: (...bytes: readonly number[]) => [...reader.push(Uint8Array.from(bytes))],
    release: () => [...reader.release()],
  };
}

describe('the client side of VNC', () => {
  it.each([
    ['3.8', hello, hello],
    ['3.7', [...text('RFB 003.007\n'), 1, 1], [...text('RFB 003.007\n'), 1, 1]],
    ['3.3, where the client chooses no security type', [...text('RFB 003.003\n'), 1], [...text('RFB 003.003\n'), 1]],
    ['one that wants the screen for itself, which shares it', [...text('RFB 003.008\n'), 1, 0], hello],
  ])('greets with %s', (_name, sent, passed) => {
    expect(client().push(...sent)).toEqual(passed);
  });

  it.each([
    ['another protocol', text('GET / HTTP/1.1\r\n'), /does not begin as a VNC client/],
    ['a version that QEMU reads as 3.3', text('RFB 003.005\n'), /does not begin as a VNC client/],
    ['a password', [...text('RFB 003.008\n'), 2], /no password/],
    ['a message that is not known', [...hello, 77, 0], /the message 77/],
    ['a message of QEMU that is not known', [...hello, 255, 9], /the message 255-9/],
    ['a clipboard above the bound', [...hello, 6, 0, 0, 0, ...u32(maxCutTextBytes + 1)], /its clipboard has/],
    [
      'an extended clipboard above the bound',
      [...hello, 6, 0, 0, 0, ...u32(-maxCutTextBytes - 1)],
      /its clipboard has/,
    ],
    ['a long fence', [...hello, 248, 0, 0, 0, ...u32(1), 65], /a fence/],
  ])('ends at %s', (_name, sent, error) => {
    expect(() => client().push(...sent)).toThrow(error);
  });

  it('passes everything unchanged where input may pass', () => {
    const all = [...hello, ...Object.values(look).flat(), ...Object.values(input).flat(), ...look.update];
    expect(client().push(...all)).toEqual(all);
  });

  it('passes what looks, and nothing that acts, where it may not', () => {
    const mixed = Object.values(look).flatMap((message) => [...message, ...Object.values(input).flat()]);
    expect(client(() => false).push(...hello, ...mixed)).toEqual([...hello, ...Object.values(look).flat()]);
  });

  it('decides the same however the bytes are cut', () => {
    const messages = fc.array(fc.constantFrom(...Object.values(look), ...Object.values(input)), { maxLength: 30 });
    fc.assert(
      fc.property(messages, fc.boolean(), fc.infiniteStream(fc.integer({ min: 1, max: 40 })), (sent, may, sizes) => {
        const bytes = [...hello, ...sent.flat()];
        const reader = client(() => may);
        const passed: number[] = [];
        for (let at = 0; at < bytes.length;) {
          const size = sizes.next().value as number;
          passed.push(...reader.push(...bytes.slice(at, at + size)));
          at += size;
        }
        const kept = may ? sent : sent.filter((message) => Object.values(look).includes(message));
        expect(passed).toEqual([...hello, ...kept.flat()]);
      }),
    );
  });

  it('lets go of the keys and buttons that are held when it may no longer input', () => {
    let may = true;
    const { push, release } = client(() => may);
    push(...hello, ...key(97, true), ...key(98, true), ...key(97, false), ...code(42, true), ...pointer(5, 10, 20));
    may = false;
    expect(release()).toEqual([...key(98, false), ...code(42, false), ...pointer(0, 10, 20)]);
    expect(release()).toEqual([]);
    expect(push(...key(98, false), ...look.update)).toEqual(look.update);
  });

  it('holds nothing once it was let go, and forgets what is more than a person holds', () => {
    const { push, release } = client();
    push(...hello, ...pointer(1, 1, 1), ...pointer(0, 2, 2));
    expect(release()).toEqual([]);
    push(...Array.from({ length: 100 }, (_, at) => key(at, true)).flat());
    expect(release()).toHaveLength(64 * 8);
  });

  it('lets go between two messages, never within one', () => {
    let may = true;
    const { push, release } = client(() => may);
    push(...hello, ...key(97, true));
    // The first half of a clipboard has passed: so does the second one, and then the key.
    expect(push(...input.cutText.slice(0, 10))).toEqual(input.cutText.slice(0, 10));
    may = false;
    expect(release()).toEqual([]);
    expect(push(...input.cutText.slice(10), ...input.key)).toEqual([...input.cutText.slice(10), ...key(97, false)]);
  });
});
