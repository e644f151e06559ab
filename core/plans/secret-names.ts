// Names of a run's secrets: `password:root@node1` for one node, `password:root` for all. `password` is of the login and of sudo,
// `key` a private key to log in with, `passphrase` that key's, needed only where it has one.

export function passwordName(login: { readonly user: string; readonly name: string }): string {
  return `password:${login.user}@${login.name}`;
}

export function keyName(login: { readonly user: string; readonly name: string }): string {
  return `key:${login.user}@${login.name}`;
}

export function isKeyName(name: string): boolean {
  return name.startsWith('key:');
}

/** Of a key's name. */
export function passphraseName(key: string): string {
  return key.replace(/^key:/, 'passphrase:');
}

/** The same secret for all nodes: `password:root`. */
export function forAllNodes(name: string): string {
  return name.split('@', 1)[0] ?? name;
}

export function userOf(name: string): string {
  return forAllNodes(name).replace(/^[^:]*:/, '');
}
