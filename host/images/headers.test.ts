import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { describeImage, headBytesFor, whyUnusable, type ImageUse } from './headers.ts';
import { iso, kernel, qcow2, rawDisk } from './made-images.ts';

const describeWhole = (file: Buffer) => describeImage(file.subarray(0, headBytesFor(file)), file.length);

describe('a qcow2 image', () => {
  test.each([2, 3] as const)('of version %i: its size, snapshots and backing file with its format', (version) => {
    const facts = describeWhole(
      qcow2({
        version,
        virtualBytes: 7e9,
        snapshots: 3,
        backing: { file: 'base images/ü,v=1.qcow2', format: 'qcow2' },
      }),
    );
    expect(facts).toEqual({
      format: 'qcow2',
      virtualBytes: 7e9,
      backing: { file: 'base images/ü,v=1.qcow2', format: 'qcow2' },
      isEncrypted: false,
      snapshots: 3,
      problem: null,
    });
  });

  test('without a backing file, or with one whose format it does not say', () => {
    expect(describeWhole(qcow2()).backing).toBeNull();
    expect(describeWhole(qcow2({ backing: { file: 'a' } })).backing).toEqual({ file: 'a', format: null });
    expect(describeWhole(qcow2({ version: 2, backing: { file: 'a' } })).backing).toEqual({ file: 'a', format: null });
  });

  test.each([9, 12, 21])('with clusters of 2^%i bytes', (clusterBits) => {
    const backing = { file: 'base.raw', format: 'raw' };
    expect(describeWhole(qcow2({ clusterBits, backing }))).toMatchObject({ backing, problem: null });
  });

  const changed = (change: (image: Buffer) => void) => {
    const image = qcow2({ backing: { file: 'base', format: 'raw' } });
    change(image);
    return describeWhole(image).problem;
  };
  test.each([
    ['a version of the future', (image: Buffer) => image.writeUInt32BE(9, 4), 'version 9'],
    ['clusters of 8 EiB', (image: Buffer) => image.writeUInt32BE(63, 20), 'clusters of 2^63'],
    ['an L1 table behind its end', (image: Buffer) => image.writeBigUInt64BE(2n ** 40n, 40), 'is cut off'],
    ['a refcount table behind its end', (image: Buffer) => image.writeBigUInt64BE(2n ** 40n, 48), 'is cut off'],
    ['an L1 table of 32 GiB', (image: Buffer) => image.writeUInt32BE(0xffffffff, 36), 'too large'],
    ['a header longer than its cluster', (image: Buffer) => image.writeUInt32BE(0x20000, 100), 'a header of'],
    ['a backing name beyond its cluster', (image: Buffer) => image.writeBigUInt64BE(2n ** 33n, 8), 'lies outside'],
    ['a backing name of 64 kB', (image: Buffer) => image.writeUInt32BE(65_000, 16), 'lies outside'],
    ['an extension that does not end', (image: Buffer) => image.writeUInt32BE(0xfffffff0, 116), 'do not end'],
    ['the mark of corruption', (image: Buffer) => image.writeBigUInt64BE(2n, 72), 'qemu-img check -r all'],
    ['its data elsewhere', (image: Buffer) => image.writeBigUInt64BE(4n, 72), 'in another file'],
    ['features of the future', (image: Buffer) => image.writeBigUInt64BE(1n << 40n, 72), 'newer QEMU'],
  ])('with %s has a problem', (_, change, why) => {
    expect(changed((image) => void change(image))).toContain(why);
  });

  test('that was not closed, or has compression and subclusters, has none', () => {
    expect(describeWhole(qcow2({ incompatible: 1n | 8n | 16n })).problem).toBeNull();
  });

  test('that was cut off in its header has a problem', () => {
    expect(describeWhole(qcow2().subarray(0, 80)).problem).toContain('its header is not complete');
  });
});

test.each([
  ['iso', iso()],
  ['kernel', kernel()],
  ['initrd', gzipSync('x')],
  ['initrd', zstdCompressSync('x')],
  ['initrd', Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00, 1])],
  ['initrd', Buffer.from('070701000000')],
  ['raw', rawDisk()],
  ['raw', Buffer.alloc(512)],
  ['other', Buffer.alloc(0)],
  ['other', Buffer.from('#!/bin/sh\n')],
  ['other', Buffer.from('words '.repeat(512))],
  ['other', Buffer.from('PK\x03\x04zip')],
  ['vmdk', Buffer.from('KDMV\x01\0\0\0')],
  ['vmdk', Buffer.from('# Disk DescriptorFile\nversion=1')],
  ['vdi', Buffer.concat([Buffer.alloc(64), Buffer.from([0x7f, 0x10, 0xda, 0xbe]), Buffer.alloc(444)])],
  ['vhdx', Buffer.from('vhdxfile')],
  ['vhd', Buffer.from('conectix')],
  ['qcow', Buffer.from([0x51, 0x46, 0x49, 0xfb, 0, 0, 0, 1])],
  ['luks', Buffer.from('LUKS\xba\xbe\0\x01', 'latin1')],
])('%s is known by its bytes', (format, file) => {
  expect(describeWhole(file).format).toBe(format);
});

test('an ISO that is shorter than its header says has a problem', () => {
  expect(describeWhole(iso({ blocks: 1_000 })).problem).toContain('is cut off');
  expect(describeWhole(iso()).problem).toBeNull();
});

describe('what a VM may have', () => {
  test.each<[string, Buffer, ImageUse, string | null]>([
    ['web.qcow2', qcow2(), 'disk', null],
    ['web.img', rawDisk(), 'disk', null],
    ['boot.iso', iso(), 'cdrom', null],
    ['vmlinuz', kernel(), 'kernel', null],
    ['initrd.gz', gzipSync('x'), 'initrd', null],
    [
      'notes.txt',
      Buffer.from('hello'),
      'disk',
      'notes.txt is not a disk image (qcow2 or raw): it is not an image that meshd knows',
    ],
    ['web.qcow2', rawDisk(), 'disk', 'web.qcow2 is not qcow2, although its name says so: it is raw data'],
    ['boot.iso', rawDisk(), 'cdrom', 'boot.iso is not iso, although its name says so: it is raw data'],
    [
      'win.vmdk',
      Buffer.from('KDMV\0\0\0\0'),
      'disk',
      'win.vmdk is not a disk image (qcow2 or raw): it is vmdk; make a qcow2 of it with qemu-img convert -O qcow2',
    ],
    [
      'initrd.gz',
      kernel(),
      'initrd',
      'initrd.gz is not an initrd (cpio, plain or compressed with gzip, xz, zstd, bzip2, lzma or lz4): it is a kernel',
    ],
    ['web.qcow2', qcow2({ encryption: 2 }), 'disk', 'web.qcow2 is encrypted: decrypt it with qemu-img convert'],
    [
      'web.qcow2',
      qcow2({ incompatible: 2n }),
      'disk',
      'web.qcow2 cannot be used: it is marked as corrupt: repair it with qemu-img check -r all',
    ],
    ['x', Buffer.alloc(0), 'kernel', 'x cannot be used: it is empty'],
  ])('%s (%#)', (name, file, use, why) => {
    expect(whyUnusable(name, describeWhole(file), use)).toBe(why);
  });
});

test('garbage gives facts within bounds, and nothing throws', () => {
  const starts = [
    qcow2({ bytes: 0, clusterBits: 9, backing: { file: 'base', format: 'raw' } }).subarray(0, 600),
    iso().subarray(0, 40_000),
    kernel().subarray(0, 600),
  ];
  const damaged = fc
    .record({
      start: fc.constantFrom(...starts, Buffer.alloc(0)),
      flips: fc.array(fc.tuple(fc.nat(40_000), fc.nat(255)), { maxLength: 12 }),
      tail: fc.uint8Array({ maxLength: 200 }),
      cut: fc.nat(41_000),
    })
    .map(({ start, flips, tail, cut }) => {
      const file = Buffer.concat([start, tail]);
      for (const [at, byte] of flips) if (file.length > 0) file[at % file.length] = byte;
      return file.subarray(0, cut);
    });
  fc.assert(
    fc.property(damaged, (file) => {
      const wanted = headBytesFor(file);
      expect(wanted).toBeLessThanOrEqual(2 * 1024 * 1024);
      const facts = describeImage(file.subarray(0, wanted), file.length);
      expect(facts.virtualBytes).toBeGreaterThanOrEqual(0);
      expect(Number.isFinite(facts.virtualBytes)).toBe(true);
      if (facts.backing) expect(facts.backing.file.length).toBeLessThanOrEqual(1_023);
    }),
    { numRuns: 500 },
  );
});
