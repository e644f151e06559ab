// What a phone's keyboard typed, from what its field held before and holds now: such keyboards change words, and send no keys.

/** Signs that were taken from the end of `before`, and those that came in their place. */
export function typedDiff(before: string, now: string): { removed: number; added: string[] } {
  const [old, fresh] = [Array.from(before), Array.from(now)];
  let same = 0;
  while (same < old.length && same < fresh.length && old[same] === fresh[same]) same += 1;
  return { removed: old.length - same, added: fresh.slice(same) };
}
