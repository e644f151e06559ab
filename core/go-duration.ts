// Durations as Go prints them, which minimega's tables show.

/** Go's duration text (time.Duration.String): `17m7.28s`, `40m34.54s`, `3h0m1s`. Input in nanoseconds. */
export function describeDuration(nanoseconds: number): string {
  const seconds = nanoseconds / 1e9;
  const rest = seconds % 60;
  const minutes = Math.floor(seconds / 60) % 60;
  const hours = Math.floor(seconds / 3600);
  const secondsText = `${String(Number(rest.toFixed(2)))}s`;
  if (hours > 0) return `${hours}h${minutes}m${secondsText}`;
  return minutes > 0 ? `${minutes}m${secondsText}` : secondsText;
}
