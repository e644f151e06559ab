// What kind of image a file is, by the bytes at its beginning. Pure and linear in the bytes it is given; every number of a header
// is from outside and bounded before it is used. Formats: qcow2 (QEMU's docs/interop/qcow2.txt), ISO 9660 (ECMA-119), bzImage
// (Linux Documentation/arch/x86/boot.rst), cpio (newc and odc), and the magic numbers of what may be mistaken for an image.

export type ImageFormat =
  | 'qcow2'
  | 'raw'
  | 'iso'
  | 'kernel'
  | 'initrd'
  // Disk images that our VMs do not take.
  | 'vmdk'
  | 'vdi'
  | 'vhd'
  | 'vhdx'
  | 'qed'
  | 'qcow'
  | 'luks'
  // None that we know.
  | 'other';

export interface BackingFile {
  /** As the image has it: not checked, and not resolved. */
  readonly file: string;
  /** Null when the image does not say: QEMU would guess then. */
  readonly format: string | null;
}

export interface ImageFacts {
  readonly format: ImageFormat;
  /** Of a disk or a CD, as a guest sees it; otherwise that of the file. */
  readonly virtualBytes: number;
  readonly backing: BackingFile | null;
  readonly isEncrypted: boolean;
  readonly snapshots: number;
  /** Why the file cannot be used as what it claims to be; null when nothing is known against it. */
  readonly problem: string | null;
}

/** Enough for all formats, unless `headBytesFor` asks for more. */
export const usualHeadBytes = 64 * 1024;
/** The largest cluster of qcow2: the name of the backing file lies in the first one. */
const maxClusterBits = 21;
const minClusterBits = 9;
/** QEMU's own bounds. */
const maxBackingNameBytes = 1_023;
const maxFormatNameBytes = 15;
const maxExtensions = 64;

const qcowMagic = 0x514649fb;
const isoAt = 32_768;
const isoBlockBytes = 2_048;

/** How much of the beginning of a file describes it, given the first bytes of it. */
export function headBytesFor(head: Buffer): number {
  if (head.length < 24 || head.readUInt32BE(0) !== qcowMagic) return usualHeadBytes;
  const bits = head.readUInt32BE(20);
  return bits >= minClusterBits && bits <= maxClusterBits ? Math.max(usualHeadBytes, 2 ** bits) : usualHeadBytes;
}

/** `head`: the first `headBytesFor` bytes of the file, or all of it; `bytes`: its size. */
export function describeImage(head: Buffer, bytes: number): ImageFacts {
  if (bytes === 0) return plain('other', 0, 'it is empty');
  const magic = head.length >= 8 ? head.toString('latin1', 0, 8) : head.toString('latin1').padEnd(8, '\0');
  if (head.length >= 8 && head.readUInt32BE(0) === qcowMagic) return describeQcow(head, bytes);
  if (magic.startsWith('KDMV') || head.toString('latin1', 0, 21) === '# Disk DescriptorFile')
    return foreign('vmdk', bytes);
  if (head.length >= 68 && head.readUInt32LE(64) === 0xbeda107f) return foreign('vdi', bytes);
  if (magic === 'vhdxfile') return foreign('vhdx', bytes);
  if (magic === 'conectix') return foreign('vhd', bytes);
  if (magic.startsWith('QED\0')) return foreign('qed', bytes);
  if (magic.startsWith('LUKS\xba\xbe')) return foreign('luks', bytes);
  if (head.length >= isoAt + isoBlockBytes && head.toString('latin1', isoAt + 1, isoAt + 6) === 'CD001') {
    return describeIso(head, bytes);
  }
  // A kernel has the boot signature of a disk too.
  if (head.length >= 0x206 && head.toString('latin1', 0x202, 0x206) === 'HdrS') return plain('kernel', bytes, null);
  if (head.length >= 0x40 && head.toString('latin1', 0x38, 0x3c) === 'ARM\x64') return plain('kernel', bytes, null);
  if (isElfProgram(head)) return plain('kernel', bytes, null);
  if (isInitrd(head)) return plain('initrd', bytes, null);
  return describeRaw(head, bytes);
}

/** What a VM wants a file for. */
export type ImageUse = 'disk' | 'cdrom' | 'kernel' | 'initrd';

const usable: Readonly<Record<ImageUse, { readonly formats: readonly ImageFormat[]; readonly what: string }>> = {
  disk: { formats: ['qcow2', 'raw', 'iso'], what: 'a disk image (qcow2 or raw)' },
  cdrom: { formats: ['iso', 'raw'], what: 'a CD image (ISO 9660 or raw)' },
  kernel: { formats: ['kernel'], what: 'a Linux kernel (bzImage or vmlinux)' },
  initrd: {
    formats: ['initrd'],
    what: 'an initrd (cpio, plain or compressed with gzip, xz, zstd, bzip2, lzma or lz4)',
  },
};

/** Endings of names that promise a format. */
const claims: Readonly<Record<string, readonly ImageFormat[]>> = {
  qcow2: ['qcow2'],
  qc2: ['qcow2'],
  iso: ['iso'],
  vmdk: ['vmdk'],
  vdi: ['vdi'],
};

/** Why a VM cannot have this file as that; null when it can. The text begins with the file's name. */
export function whyUnusable(name: string, facts: ImageFacts, use: ImageUse): string | null {
  const { formats, what } = usable[use];
  if (facts.problem !== null) return `${name} cannot be used: ${facts.problem}`;
  const ending = /\.([a-z0-9]+)$/i.exec(name)?.[1]?.toLowerCase() ?? '';
  const claimed = Object.hasOwn(claims, ending) ? claims[ending] : undefined;
  if (claimed && !claimed.includes(facts.format)) {
    return `${name} is not ${claimed.join(' or ')}, although its name says so: it is ${described(facts.format)}`;
  }
  if (!formats.includes(facts.format)) return `${name} is not ${what}: it is ${described(facts.format)}`;
  if (facts.isEncrypted) return `${name} is encrypted: decrypt it with qemu-img convert`;
  return null;
}

function described(format: ImageFormat): string {
  switch (format) {
    case 'kernel':
      return 'a kernel';
    case 'initrd':
      return 'an initrd, or another compressed file';
    case 'iso':
      return 'an ISO 9660 image';
    case 'raw':
      return 'raw data';
    case 'other':
      return 'not an image that meshd knows';
    case 'qcow2':
    case 'luks':
      return format;
    default:
      return `${format}; make a qcow2 of it with qemu-img convert -O qcow2`;
  }
}

const plain = (format: ImageFormat, virtualBytes: number, problem: string | null): ImageFacts => ({
  format,
  virtualBytes,
  backing: null,
  isEncrypted: false,
  snapshots: 0,
  problem,
});

const foreign = (format: ImageFormat, bytes: number): ImageFacts => ({
  ...plain(format, bytes, null),
  isEncrypted: format === 'luks',
});

function describeQcow(head: Buffer, bytes: number): ImageFacts {
  const version = head.readUInt32BE(4);
  if (version === 1) return foreign('qcow', bytes);
  const broken = (why: string) => plain('qcow2', bytes, why);
  if (version !== 2 && version !== 3) return broken(`it says that it is qcow2 version ${version}, which nobody knows`);
  const headerBytes = version === 2 ? 72 : 104;
  if (head.length < headerBytes) return broken('it is cut off: its header is not complete');
  const u64 = (at: number) => head.readBigUInt64BE(at);
  const clusterBits = head.readUInt32BE(20);
  if (clusterBits < minClusterBits || clusterBits > maxClusterBits) {
    return broken(`its header is wrong: clusters of 2^${clusterBits} bytes`);
  }
  const cluster = 2 ** clusterBits;
  const virtualBytes = Number(u64(24));
  if (virtualBytes >= 2 ** 62) return broken('its header is wrong: the disk has more than 2^62 bytes');
  const [backingAt, backingBytes, encryption, l1Entries, l1At, refcountsAt, snapshots] = [
    Number(u64(8)),
    head.readUInt32BE(16),
    head.readUInt32BE(32),
    head.readUInt32BE(36),
    Number(u64(40)),
    Number(u64(48)),
    head.readUInt32BE(60),
  ];
  // QEMU's bounds; tables beyond the end of the file are those of a copy that was cut off.
  if (l1Entries > 4 * 1024 * 1024 || snapshots > 65_536) return broken('its header is wrong: its tables are too large');
  if (l1At % cluster !== 0 || refcountsAt % cluster !== 0) return broken('its header is wrong: its tables lie askew');
  if ((l1Entries > 0 && l1At + 8 * l1Entries > bytes) || refcountsAt >= bytes) {
    return broken(`it is cut off: its tables lie beyond its ${bytes} bytes`);
  }
  let extensionsAt = 72;
  if (version === 3) {
    const incompatible = u64(72);
    extensionsAt = head.readUInt32BE(100);
    if (extensionsAt < 104 || extensionsAt % 8 !== 0 || extensionsAt > cluster) {
      return broken(`its header is wrong: a header of ${extensionsAt} bytes`);
    }
    // Bit 0 (not closed cleanly) is repaired by QEMU when it opens the image.
    if ((incompatible & 2n) !== 0n) return broken('it is marked as corrupt: repair it with qemu-img check -r all');
    if ((incompatible & 4n) !== 0n) return broken('its data is in another file: make one file with qemu-img convert');
    if (incompatible >> 5n !== 0n) return broken('it needs features that only a newer QEMU has');
  }
  const facts = { format: 'qcow2', virtualBytes, isEncrypted: encryption !== 0, snapshots } as const;
  if (backingAt === 0) return { ...facts, backing: null, problem: null };
  const nameEnd = backingAt + backingBytes;
  if (backingBytes === 0 || backingBytes > maxBackingNameBytes || nameEnd > Math.min(cluster, head.length)) {
    return broken('its header is wrong: the name of its backing file lies outside');
  }
  const format = readBackingFormat(head.subarray(0, Math.min(cluster, head.length)), extensionsAt, backingAt);
  if (format === undefined) return broken('its header is wrong: its extensions do not end');
  return { ...facts, backing: { file: head.toString('utf8', backingAt, nameEnd), format }, problem: null };
}

/** The extension with the format's name; null without one, undefined when the list is broken. */
function readBackingFormat(header: Buffer, from: number, end: number): string | null | undefined {
  let at = from;
  for (let count = 0; count < maxExtensions; count += 1) {
    // The backing file's name comes behind the extensions: the end marker may be missing then.
    if (at + 8 > Math.min(end, header.length)) return null;
    const type = header.readUInt32BE(at);
    const length = header.readUInt32BE(at + 4);
    if (type === 0) return null;
    if (at + 8 + length > header.length) return undefined;
    if (type === 0xe2792aca) {
      return length > maxFormatNameBytes ? undefined : header.toString('latin1', at + 8, at + 8 + length);
    }
    at += 8 + Math.ceil(length / 8) * 8;
  }
  return undefined;
}

function describeIso(head: Buffer, bytes: number): ImageFacts {
  const blocks = head.readUInt32LE(isoAt + 80);
  const blockBytes = head.readUInt16LE(isoAt + 128);
  if (blockBytes !== isoBlockBytes) return plain('iso', bytes, null);
  const said = blocks * blockBytes;
  return plain('iso', bytes, said > bytes ? `it is cut off: it has ${bytes} bytes, and its header says ${said}` : null);
}

/** vmlinux: an ELF program (type EXEC) without an interpreter's bytes to look at here. */
function isElfProgram(head: Buffer): boolean {
  return head.length >= 64 && head.readUInt32BE(0) === 0x7f454c46 && (head[5] === 2 ? head[17] : head[16]) === 2;
}

function isInitrd(head: Buffer): boolean {
  const starts = (...bytes: number[]) => bytes.every((byte, at) => head[at] === byte);
  return (
    // gzip, xz, zstd, bzip2, lz4 (legacy), lzma, lzo; cpio new, new with checksums, and old.
    starts(0x1f, 0x8b, 0x08) ||
    starts(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00) ||
    starts(0x28, 0xb5, 0x2f, 0xfd) ||
    starts(0x42, 0x5a, 0x68) ||
    starts(0x02, 0x21, 0x4c, 0x18) ||
    starts(0x5d, 0x00, 0x00) ||
    starts(0x89, 0x4c, 0x5a, 0x4f) ||
    /^0707(01|02|07)/.test(head.toString('latin1', 0, 6))
  );
}

/** Raw data has no header. A text, or half a sector at the end, was hardly meant as a disk. */
function describeRaw(head: Buffer, bytes: number): ImageFacts {
  if (bytes % 512 !== 0) return plain('other', bytes, null);
  const sector = head.subarray(0, 512);
  return plain(sector.every((byte) => byte >= 0x20 || (byte >= 9 && byte <= 13)) ? 'other' : 'raw', bytes, null);
}
