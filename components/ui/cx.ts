// Joins class names. Later utilities do not override earlier ones: a component offers variants instead.
export function cx(...names: readonly (string | false | null | undefined)[]): string {
  return names.filter(Boolean).join(' ');
}
