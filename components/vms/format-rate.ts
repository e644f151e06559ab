/** Bytes a second: `0 B/s`, `12 kB/s`, `1.5 MB/s`; a kB is 1,000 bytes, as networks count. */
export function formatRate(bytes: number): string {
  if (bytes < 1_000) return `${Math.round(bytes)} B/s`;
  if (bytes < 1_000_000) return `${Math.round(bytes / 1_000)} kB/s`;
  if (bytes < 1_000_000_000) return `${(bytes / 1_000_000).toFixed(1)} MB/s`;
  return `${(bytes / 1_000_000_000).toFixed(1)} GB/s`;
}
