// What a namespace may be called, and the one that is there without being made.

export const defaultNamespace = 'minimega';

export const namespaceNameRule =
  '1 to 64 letters, digits, hyphens, underscores or dots, not first a hyphen, and not `.`, `..` or `all`';

export function isNamespaceName(name: string): boolean {
  return /^(?!-|\.{1,2}$)[A-Za-z0-9_.-]{1,64}$/.test(name) && name !== 'all';
}
