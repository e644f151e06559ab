// Names of files below -filepath, as commands, images and other members write them. Owns what a name may be and what it means;
// whether such a file is there, and that no symlink leads elsewhere, is decided where it is opened (host/below.ts).
import { maxFileNameBytes, maxFileNameDepth, maxFileNamePartBytes } from '../../contract/limits.ts';
import { safeText } from '../safe-text.ts';

export type FileNameResult =
  { readonly ok: true; readonly name: string } | { readonly ok: false; readonly message: string };

/** What a fetch keeps beside the file that it makes: neither listed nor served, and no command can name it. */
export const partPrefix = '.fetch-';

/**
 * The name below -filepath that a text means: parts joined by single slashes, none of them `.` or `..`. The empty name is the
 * folder itself.
 */
export function parseFileName(text: string): FileNameResult {
  const no = (why: string): FileNameResult => ({ ok: false, message: `\`${shown(text)}\`: ${why}` });
  const bytes = new TextEncoder().encode(text).length;
  if (bytes > maxFileNameBytes) return no(`a file name has at most ${maxFileNameBytes} bytes, and this one ${bytes}`);
  // eslint-disable-next-line no-control-regex -- control characters are what this is about
  if (/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/.test(text)) {
    return no('a file name has no control characters');
  }
  // Node reads a name on the disk that is not UTF-8 like this.
  if (text.includes('\ufffd')) return no('a file name is UTF-8');
  if (text.startsWith('/')) return no('name files from -filepath on, without a slash in front');
  const parts = text.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) return no('only files below -filepath can be named: no `..`');
  if (parts.length > maxFileNameDepth) return no(`a file lies at most ${maxFileNameDepth} folders deep`);
  if (parts.some((part) => new TextEncoder().encode(part).length > maxFileNamePartBytes)) {
    return no(`each part of a file name has at most ${maxFileNamePartBytes} bytes`);
  }
  if (parts.some((part) => part.startsWith(partPrefix))) {
    return no(`names that begin with \`${partPrefix}\` belong to fetches that are under way`);
  }
  return { ok: true, name: parts.join('/') };
}

/**
 * The name that a VM's configuration means: relative to -filepath, an absolute path below it, and either with minimega's
 * `file:` in front.
 */
export function parseImageName(text: string, filePath: string): FileNameResult {
  const plain = text.startsWith('file:') ? text.slice('file:'.length) : text;
  const root = filePath.endsWith('/') ? filePath : `${filePath}/`;
  if (plain.startsWith('/') && !plain.startsWith(root)) {
    return { ok: false, message: `\`${shown(plain)}\`: images lie below -filepath, which is ${filePath} here` };
  }
  const result = parseFileName(plain.startsWith(root) ? plain.slice(root.length) : plain);
  if (result.ok && result.name === '') return { ok: false, message: `\`${shown(text)}\`: no file name` };
  return result;
}

/** The beginning of a text from outside, on one line. */
const shown = (text: string) => safeText(text.slice(0, 80)).replaceAll(/\s/g, ' ');

/** The folder that a file lies in; empty for -filepath itself. */
export function folderOf(name: string): string {
  const end = name.lastIndexOf('/');
  return end < 0 ? '' : name.slice(0, end);
}

/** The last part of a name. */
export function baseOf(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1);
}

/** A file as another one beside it names it: `../base.qcow2` for `base.qcow2` in `saved/web.qcow2`. */
export function relativeName(from: string, name: string): string {
  const here = from.split('/').slice(0, -1);
  const there = name.split('/');
  let same = 0;
  while (same < here.length && same < there.length - 1 && here[same] === there[same]) same += 1;
  const path = [...here.slice(same).map(() => '..'), ...there.slice(same)].join('/');
  // QEMU takes what stands before a colon for a protocol, unless a slash comes first.
  return /^[^/]*:/.test(path) ? `./${path}` : path;
}
