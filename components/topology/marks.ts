// Marks in the page's performance timeline: when a frame with nodes was first drawn, when they could be moved and chosen, and when they
// stood still.
export const drawnMark = 'mesh drawn';
export const liveMark = 'mesh live';
export const settledMark = 'mesh settled';

export function markOnce(name: string): void {
  if (performance.getEntriesByName(name).length === 0) performance.mark(name);
}
