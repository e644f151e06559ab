// Lists of processors as taskset and the kernel write them: `0,2-4`.

/** Null for what is not such a list, or names a processor that is not there. */
export function parseCpuList(text: string, cpus: number): number[] | null {
  const found = new Set<number>();
  for (const part of text.split(',')) {
    const [, first = '', last = first] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(part) ?? [];
    if (first === '' || Number(last) < Number(first) || Number(last) >= cpus) return null;
    for (let at = Number(first); at <= Number(last); at += 1) found.add(at);
  }
  return [...found].sort((a, b) => a - b);
}

export function describeRanges(cpus: readonly number[]): string {
  const parts: string[] = [];
  const sorted = [...cpus].sort((a, b) => a - b);
  for (let at = 0; at < sorted.length;) {
    let end = at;
    while (sorted[end + 1] === (sorted[end] ?? 0) + 1) end += 1;
    parts.push(end === at ? `${sorted[at]}` : `${sorted[at]}-${sorted[end]}`);
    at = end + 1;
  }
  return parts.join(',');
}
