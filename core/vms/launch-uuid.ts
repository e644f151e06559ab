// UUIDs that who launches knows before: made from a text of the launch and the name of the VM, so that a VM is found by its UUID
// whatever became of the answer.

/** What is hashed for a VM. */
export function uuidText(launch: string, name: string): string {
  return `meshdeck vm ${launch} ${name}`;
}

/** The UUID that a SHA-256 in hex gives: version 8 of RFC 9562, whose bits are the maker's own. */
export function uuidOfHash(hex: string): string {
  const variant = ((Number.parseInt(hex.charAt(16), 16) & 0x3) | 0x8).toString(16);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-');
}
