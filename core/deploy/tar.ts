// A tar archive of a few small files in memory (POSIX ustar): how several files with their modes reach a node on one
// standard input, none of them in an argv.

export interface TarFile {
  /** At most 100 characters, without folders. */
  readonly name: string;
  readonly content: Uint8Array;
  /** Permission bits. */
  readonly mode: number;
}

const blockBytes = 512;

/** The archive, with its two closing blocks. */
export function packTar(files: readonly TarFile[]): Uint8Array {
  const blocks: Uint8Array[] = [];
  for (const file of files) {
    blocks.push(headerOf(file), file.content, new Uint8Array(-file.content.length & (blockBytes - 1)));
  }
  blocks.push(new Uint8Array(2 * blockBytes));
  const archive = new Uint8Array(blocks.reduce((sum, block) => sum + block.length, 0));
  let at = 0;
  for (const block of blocks) {
    archive.set(block, at);
    at += block.length;
  }
  return archive;
}

function headerOf(file: TarFile): Uint8Array {
  const header = new Uint8Array(blockBytes);
  const put = (text: string, at: number) => header.set(new TextEncoder().encode(text), at);
  const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, '0')}\0`;
  put(file.name, 0);
  put(octal(file.mode, 7), 100);
  put(octal(0, 7), 108); // owner
  put(octal(0, 7), 116); // group
  put(octal(file.content.length, 11), 124);
  put(octal(0, 11), 136); // time of change: 1970, the same bytes for the same files
  put('        ', 148); // the checksum counts its own field as spaces
  put('0', 156); // a regular file
  put('ustar\x0000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  put(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}
