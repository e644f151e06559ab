// OVSDB's value notation (RFC 7047, 5.1): an atom stands for itself, a UUID is ["uuid", …], a set ["set", […]] or its one
// member, a map ["map", [[key, value], …]]. Readers take whatever another program sent, and give what is usable of it.
export type Row = Readonly<Record<string, unknown>>;

export const uuid = (id: string) => ['uuid', id] as const;
/** A row that the same transaction inserts under this name. */
export const namedUuid = (name: string) => ['named-uuid', name] as const;
export const set = (members: readonly unknown[]) => ['set', members] as const;
export const map = (entries: Readonly<Record<string, string>>) => ['map', Object.entries(entries)] as const;

function tagged(value: unknown): readonly [unknown, unknown] {
  if (!Array.isArray(value)) return [undefined, undefined];
  const [kind, content] = value as readonly unknown[];
  return [kind, content];
}

/** A set's members, or the one that stands for itself; UUIDs as their text. */
export function readSet(value: unknown): (string | number | boolean)[] {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return [value];
  const [kind, content] = tagged(value);
  if (kind === 'set' && Array.isArray(content)) return content.flatMap(readSet);
  return kind === 'uuid' && typeof content === 'string' ? [content] : [];
}

/** The one member, as text; empty for none. */
export const readText = (value: unknown): string => String(readSet(value)[0] ?? '');

/** The one member, as a number; null for none. */
export function readNumber(value: unknown): number | null {
  const [first] = readSet(value);
  return typeof first === 'number' ? first : null;
}

export const readIds = (value: unknown): string[] => readSet(value).filter((member) => typeof member === 'string');

/** A map as pairs of texts; values that are not atoms are left out. */
export function readMap(value: unknown): Map<string, string> {
  const [kind, pairs] = tagged(value);
  const entries = new Map<string, string>();
  if (kind !== 'map' || !Array.isArray(pairs)) return entries;
  for (const pair of pairs) {
    const [key, content] = tagged(pair);
    const [atom] = readSet(content);
    if (typeof key === 'string' && atom !== undefined) entries.set(key, String(atom));
  }
  return entries;
}
