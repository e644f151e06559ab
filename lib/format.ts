// Numbers and times as pages write them. Every function is pure: the clock comes in.

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

/** `now`, `12 s`, `4 min`, `3 h`, `2 d`: how long, in the largest unit that says enough. */
export function formatDuration(ms: number): string {
  if (ms < second) return 'now';
  if (ms < minute) return `${Math.floor(ms / second)} s`;
  if (ms < hour) return `${Math.floor(ms / minute)} min`;
  if (ms < 2 * day) return `${Math.floor(ms / hour)} h`;
  return `${Math.floor(ms / day)} d`;
}

/** `just now`, `12 s ago`. */
export function formatAgo(at: number, now: number): string {
  const age = now - at;
  return age < second ? 'just now' : `${formatDuration(age)} ago`;
}

/** Exact, with the zone: `2026-11-22 09:53:39 UTC+1`. */
export function formatInstant(at: number): string {
  const date = new Date(at);
  const two = (value: number): string => String(value).padStart(2, '0');
  const offsetMinutes = -date.getTimezoneOffset();
  const hours = Math.floor(Math.abs(offsetMinutes) / 60);
  const minutes = Math.abs(offsetMinutes) % 60;
  const zone =
    offsetMinutes === 0
      ? 'UTC'
      : `UTC${offsetMinutes < 0 ? '-' : '+'}${hours}${minutes === 0 ? '' : `:${two(minutes)}`}`;
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())} ${zone}`;
}

/** Hours and minutes of a day: `09:53`. */
export function formatClock(at: number): string {
  const date = new Date(at);
  return `${String(date.getHours()).padStart(2, '0')}:${String(date.getMinutes()).padStart(2, '0')}`;
}

/** MiB as `512 MB`, `15.6 GB`, `1.5 TB`: units as minimega names them. */
export function formatMegabytes(megabytes: number): string {
  if (megabytes < 1024) return `${Math.round(megabytes)} MB`;
  const gigabytes = megabytes / 1024;
  if (gigabytes < 1024) return `${gigabytes < 100 ? gigabytes.toFixed(1) : Math.round(gigabytes)} GB`;
  return `${(gigabytes / 1024).toFixed(1)} TB`;
}

/** `1 node`, `3 nodes`. */
export function countOf(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** `a`, `a and b`, `a, b and 3 more`. */
export function listOf(items: readonly string[], shown = 3): string {
  if (items.length === 0) return '';
  if (items.length > shown) return `${items.slice(0, shown).join(', ')} and ${items.length - shown} more`;
  if (items.length === 1) return items[0] ?? '';
  return `${items.slice(0, -1).join(', ')} and ${items.at(-1) ?? ''}`;
}
