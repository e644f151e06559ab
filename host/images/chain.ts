// Images on a store: what a file is, and the files that a qcow2 image is an overlay of. An image is somebody's data: a backing file
// that lies elsewhere, or whose format QEMU would have to guess, could show a guest any file of the host.
import { AppError } from '../../contract/errors.ts';
import { maxChainLength } from '../../contract/limits.ts';
import { folderOf, parseFileName } from '../../core/files/file-name.ts';
import { safeText } from '../../core/safe-text.ts';
import { describeImage, headBytesFor, usualHeadBytes, type BackingFile, type ImageFacts } from './headers.ts';
import type { FileEntry, FileStore, OpenFile } from './image-store.ts';

export interface ImageFile {
  readonly name: string;
  readonly bytes: number;
  readonly modifiedMs: number;
  readonly facts: ImageFacts;
}

/** What an open file is. */
export async function inspectOpen(file: Pick<OpenFile, 'read' | 'bytes'>): Promise<ImageFacts> {
  const head = await file.read(0, usualHeadBytes);
  const wanted = headBytesFor(head);
  return describeImage(wanted > head.length ? await file.read(0, wanted) : head, file.bytes);
}

/** @throws AppError as `FileStore.open` */
export async function inspectFile(store: Pick<FileStore, 'open'>, name: string): Promise<ImageFile> {
  const file = await store.open(name);
  try {
    return { name, bytes: file.bytes, modifiedMs: file.modifiedMs, facts: await inspectOpen(file) };
  } finally {
    await file.close();
  }
}

/** Looks at files again only when they changed. */
export class Inspections {
  private readonly store: Pick<FileStore, 'open'>;
  private readonly known = new Map<string, { version: string; facts: ImageFacts }>();
  private readonly most: number;

  constructor(store: Pick<FileStore, 'open'>, { most }: { most: number }) {
    this.store = store;
    this.most = most;
  }

  async of(entry: FileEntry): Promise<ImageFacts> {
    const known = this.known.get(entry.name);
    if (known?.version === entry.version) return known.facts;
    const { facts } = await inspectFile(this.store, entry.name);
    this.known.delete(entry.name);
    this.known.set(entry.name, { version: entry.version, facts });
    for (const oldest of this.known.keys()) {
      if (this.known.size <= this.most) break;
      this.known.delete(oldest);
    }
    return facts;
  }
}

/**
 * Name of the file that an image names as its backing file.
 * @throws AppError `refused` when it lies elsewhere, is not a plain name, or has no format
 */
export function backingName(image: string, backing: BackingFile): string {
  const shown = safeText(backing.file.slice(0, 120)).replaceAll(/\s/g, ' ');
  const refuse = (why: string) =>
    new AppError(
      'refused',
      `${image} has the backing file \`${shown}\`: ${why}. ` +
        `Copy that file beside it, and name it with qemu-img rebase -u -F FORMAT -b NAME`,
    );
  // QEMU takes what stands before a colon for a protocol, unless a slash comes first.
  if (/^[^/]*:/.test(backing.file)) throw refuse('only a file below -filepath can be one');
  if (backing.file.startsWith('/')) throw refuse('an absolute path is another file on another node');
  const folder = folderOf(image);
  const parsed = parseFileName(normalised(folder, backing.file) ?? '..');
  if (!parsed.ok || parsed.name === '') throw refuse('it lies outside of -filepath');
  if (backing.format === null) throw refuse('the image does not say its format, and QEMU must not guess it');
  return parsed.name;
}

/** `a/b` and `../c` is `a/c`; null when it leads out. */
function normalised(folder: string, file: string): string | null {
  const parts = folder === '' ? [] : folder.split('/');
  for (const part of file.split('/')) {
    if (part === '..') {
      if (parts.pop() === undefined) return null;
    } else if (part !== '' && part !== '.') parts.push(part);
  }
  return parts.join('/');
}

/** Why an image cannot have this file as its backing file in this format; null when it can. */
export function whyNotBacking(image: string, claimed: string, base: ImageFile): string | null {
  if (base.facts.problem !== null) return `${image} needs ${base.name}, which cannot be used: ${base.facts.problem}`;
  const isClaimed = claimed === 'qcow2' ? base.facts.format === 'qcow2' : isRaw(base.facts);
  if (claimed !== 'qcow2' && claimed !== 'raw') {
    return `${image} needs ${base.name} as ${safeText(claimed)}: our VMs have qcow2 and raw images`;
  }
  return isClaimed ? null : `${image} needs ${base.name} as ${claimed}, and it is ${base.facts.format}`;
}

/** Whatever has no disk format can be a raw disk: that is all a raw disk is. */
const isRaw = ({ format }: ImageFacts) => ['raw', 'iso', 'other', 'kernel', 'initrd'].includes(format);

/**
 * The chain of steps from an image to its last backing file, as far as `look` finds files: it ends at the first that is missing.
 * @throws AppError `refused` for a chain that leads elsewhere, in a circle, or is too long
 */
export async function followChain<Found extends ImageFile>(
  name: string,
  look: (name: string) => Promise<Found | null>,
): Promise<{ readonly found: readonly Found[]; readonly missing: string | null }> {
  const found: Found[] = [];
  let claimed: { image: string; format: string } | null = null;
  for (let next: string | null = name; next !== null;) {
    if (found.some((each) => each.name === next)) {
      throw new AppError(
        'refused',
        `the backing files of ${name} lead in a circle: ${namesOf([...found, { name: next }])}`,
      );
    }
    if (found.length === maxChainLength) {
      throw new AppError('refused', `${name} has more than ${maxChainLength - 1} backing files: commit some of them`);
    }
    const image: Found | null = await look(next);
    if (image === null) return { found, missing: next };
    const why = claimed && whyNotBacking(claimed.image, claimed.format, image);
    if (why) throw new AppError('refused', why);
    found.push(image);
    const { backing } = image.facts;
    claimed = backing && { image: image.name, format: backing.format ?? '' };
    next = backing && backingName(image.name, backing);
  }
  return { found, missing: null };
}

const namesOf = (files: readonly { readonly name: string }[]) => files.map(({ name }) => name).join(', ');

/**
 * An image and its backing files on this host, the image first.
 * @throws AppError `not-found` with the name of the file that is missing, `refused`
 */
export async function resolveChain(store: FileStore, name: string): Promise<readonly ImageFile[]> {
  const { found, missing } = await followChain(name, (each) => lookHere(store, each));
  if (missing === null) return found;
  const last = found.at(-1);
  throw new AppError(
    'not-found',
    last ? `${last.name} needs the backing file ${missing}, which is not here` : `${missing}: file not found`,
  );
}

/** Null for a file that is not here. */
export async function lookHere(store: FileStore, name: string): Promise<ImageFile | null> {
  const entry = await store.stat(name);
  if (!entry) return null;
  if (entry.isFolder) throw new AppError('invalid', `${name} is a folder`);
  return inspectFile(store, name);
}
