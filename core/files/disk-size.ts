// Sizes of disks, as qemu-img reads and `disk info` prints them.
import { bad, clip, good, type Result } from '../vms/result.ts';

/** 1 PiB: what a file system of a lab holds is less, and a typo is more. */
export const maxDiskBytes = 2 ** 50;

const powers = ['B', 'K', 'M', 'G', 'T', 'P'];

/**
 * Bytes of a size such as `20M`, `1.5G` or `1048576`: powers of 1024. With a plus in front it is added to `now`, where there is a disk already.
 */
export function parseDiskSize(text: string, now: number | null): Result<number> {
  const found = /^(\+?)(\d{1,20}(?:\.\d{1,6})?)([bkmgtp]?)$/i.exec(text);
  const [, plus = '', digits = '', suffix = ''] = found ?? [];
  if (!found || (plus !== '' && now === null)) {
    const more = now === null ? '' : ', and +10G adds to the size that it has';
    return bad(`\`${clip(text)}\` is not a size: a number, or one with K, M, G or T behind it, such as 20G${more}`);
  }
  const given = Number(digits) * 1024 ** Math.max(0, powers.indexOf(suffix.toUpperCase()));
  // QEMU's disks have whole sectors.
  const bytes = (plus === '' ? 0 : (now ?? 0)) + Math.ceil(given / 512) * 512;
  if (bytes === 0) return bad('a disk has at least one sector');
  return bytes > maxDiskBytes ? bad(`\`${clip(text)}\`: a disk has at most 1 PiB`) : good(bytes);
}

/** As minimega prints sizes: `196.0 KiB`. */
export function describeDiskSize(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let value = bytes;
  let at = 0;
  for (; value >= 1024 && at < units.length - 1; at += 1) value /= 1024;
  return `${value.toFixed(at === 0 ? 0 : 1)} ${units[at] ?? ''}`;
}
