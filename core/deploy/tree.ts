// The program tree that meshd is shipped in: the same under dist/meshd after a build and under /opt/meshd on a node.
//
//   runtime/<hash>/node          Node's binary            node.zst, node.gz beside it where deploy starts from
//   program/<hash>/meshd.mjs     the bundle               meshd.mjs.gz likewise; the daemon's side is in a comment of it
//   program/<hash>/runtime       link to the runtime it was built for
//   current, previous            links to program/<hash>
//   bin/meshd                    starts the current program on its runtime
//
// A hash is the first 16 hex digits of the file's SHA-256. The bundle names its runtime in its first line, so that a new
// runtime is a new program too, and going back to the previous program goes back to its runtime.

export const installedTree = '/opt/meshd';
export const hashDigits = 16;
export const runtimeFile = 'node';
export const programFile = 'meshd.mjs';

/** The text of bin/meshd. It finds its tree by its own real path, so that a link to it works from anywhere. */
export const wrapperText = `#!/bin/sh
# Starts the current meshd on the runtime it was built for. It starts no other program, which would take as long again.
self=$0
[ ! -L "$self" ] || self=$(readlink -f -- "$self") || exit 1
case $self in /*) ;; *) self=$PWD/$self ;; esac
tree=\${self%/bin/meshd}
from=$PWD
cd -P -- "$tree/current" || exit 1
program=$PWD
cd -- "$from" 2>/dev/null || :
# V8 keeps what it compiled beside the program; where it may not write, it compiles again.
NODE_COMPILE_CACHE=\${NODE_COMPILE_CACHE-"$program/cache"}
export NODE_COMPILE_CACHE
exec "$program/runtime/node" "$program/meshd.mjs" "$@"
`;

/** Before what the program carries for the daemon alone, which ends with its line (agent/carried-side.ts). */
export const carriedMark = '\n//daemon ';

/** First line of the bundle. */
export function programBanner(version: string, runtimeHash: string): string {
  return `// meshd ${version}; runtime ${runtimeHash}`;
}

/** The tree, program hash of a bundle's path, or null when the path is not inside a tree (meshd runs from source). */
export function treeFromProgramPath(path: string): { tree: string; programHash: string } | null {
  const match = /^(.*)\/program\/([0-9a-f]{16})\/meshd\.mjs$/.exec(path);
  return match?.[1] !== undefined && match[2] !== undefined ? { tree: match[1], programHash: match[2] } : null;
}
