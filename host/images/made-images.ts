// Images with a header and nothing behind it, as qemu-img and genisoimage write them: for the memory adapter and for tests.

export interface Qcow2Header {
  readonly version?: 2 | 3;
  readonly clusterBits?: number;
  readonly virtualBytes?: number;
  readonly backing?: { readonly file: string; readonly format?: string };
  readonly incompatible?: bigint;
  readonly encryption?: number;
  readonly snapshots?: number;
  /** Of the whole file, filled up behind the header. */
  readonly bytes?: number;
}

/** An empty qcow2 image: header, refcount table and L1 table where qemu-img puts them. */
export function qcow2(header: Qcow2Header = {}): Buffer {
  const { version = 3, clusterBits = 16, virtualBytes = 20 * 1024 * 1024, backing } = header;
  const cluster = 2 ** clusterBits;
  const l1Entries = Math.max(1, Math.ceil(virtualBytes / (cluster * (cluster / 8))));
  const image = Buffer.alloc(Math.max(header.bytes ?? 0, 3 * cluster + Math.ceil((8 * l1Entries) / cluster) * cluster));
  image.writeUInt32BE(0x514649fb, 0);
  image.writeUInt32BE(version, 4);
  image.writeUInt32BE(clusterBits, 20);
  image.writeBigUInt64BE(BigInt(virtualBytes), 24);
  image.writeUInt32BE(header.encryption ?? 0, 32);
  image.writeUInt32BE(l1Entries, 36);
  image.writeBigUInt64BE(BigInt(3 * cluster), 40);
  image.writeBigUInt64BE(BigInt(cluster), 48);
  image.writeUInt32BE(1, 56);
  // A guest that writes gets clusters behind those that are in use.
  image.writeBigUInt64BE(BigInt(2 * cluster), cluster);
  const used = Math.min(image.length / cluster, cluster / 2);
  for (let at = 0; at < used; at += 1) image.writeUInt16BE(1, 2 * cluster + 2 * at);
  image.writeUInt32BE(header.snapshots ?? 0, 60);
  let at = 72;
  if (version === 3) {
    image.writeBigUInt64BE(header.incompatible ?? 0n, 72);
    image.writeUInt32BE(4, 96);
    image.writeUInt32BE(112, 100);
    at = 112;
  }
  if (!backing) return image;
  if (backing.format !== undefined) {
    image.writeUInt32BE(0xe2792aca, at);
    image.writeUInt32BE(Buffer.byteLength(backing.format), at + 4);
    image.write(backing.format, at + 8);
    at += 8 + Math.ceil(Buffer.byteLength(backing.format) / 8) * 8;
  }
  // The end of the extensions.
  at += 8;
  image.writeBigUInt64BE(BigInt(at), 8);
  image.writeUInt32BE(Buffer.byteLength(backing.file), 16);
  image.write(backing.file, at);
  return image;
}

export function iso({ blocks = 32, bytes = 32 * 2_048 } = {}): Buffer {
  const image = Buffer.alloc(bytes);
  image[32_768] = 1;
  image.write('CD001', 32_769, 'latin1');
  image.writeUInt32LE(blocks, 32_768 + 80);
  image.writeUInt16LE(2_048, 32_768 + 128);
  return image;
}

export function kernel(): Buffer {
  const image = Buffer.alloc(4_096);
  image.writeUInt16LE(0xaa55, 0x1fe);
  image.write('HdrS', 0x202, 'latin1');
  return image;
}

/** The beginning of a gzip file, as an initrd has it (RFC 1952). */
export function initrd(): Buffer {
  const image = Buffer.alloc(4_096);
  image.set([0x1f, 0x8b, 8]);
  return image;
}

/** A disk with a boot sector. */
export function rawDisk(bytes = 1_048_576): Buffer {
  const image = Buffer.alloc(bytes);
  image.writeUInt16LE(0xaa55, 0x1fe);
  return image;
}
