// What is open without a session: the login and set-up pages, health, the assets of these pages, and what a phone loads to
// install the console. Everything else is closed, including paths that are added later and forgotten here.
import { httpPaths } from '../../contract/http-paths.ts';
import { installFiles } from '../../contract/install-files.ts';

export type GateVerdict =
  /** Answered by anyone's request. */
  | 'open'
  /** Needs a session. */
  | 'closed'
  /** A path that proxies, Next and we might read differently: nobody gets an answer. */
  | 'malformed';

const openPages: readonly string[] = [httpPaths.login, httpPaths.setup];
/** Compiled scripts, styles and fonts: their names are hashes, and they hold no data. */
const assetPath = /^\/_next\/static\/[\w./~()[\]%-]+$/;
const openFiles: readonly string[] = ['/favicon.ico', '/icon.svg', '/robots.txt', ...installFiles];

/** Judges the path of a request target, such as `/nodes?sort=load`. */
export function judgePath(target: string, options: { isDevelopment: boolean }): GateVerdict {
  const path = pathOf(target);
  if (path === null) return 'malformed';
  if (openPages.includes(path) || openFiles.includes(path) || path === httpPaths.health) return 'open';
  if (assetPath.test(path)) return 'open';
  // The development server's own scripts and its reload socket; it listens on the loopback only.
  if (options.isDevelopment && (path.startsWith('/_next/') || path.startsWith('/__nextjs'))) return 'open';
  return 'closed';
}

/** The path without its query; null for what is not one plain absolute path. */
export function pathOf(target: string): string | null {
  const path = target.split(/[?#]/, 1)[0] ?? '';
  let decoded: string;
  try {
    decoded = decodeURIComponent(path);
  } catch {
    return null;
  }
  const isPlain =
    path.startsWith('/') &&
    !path.includes('//') &&
    !decoded.includes('//') &&
    !decoded.includes('\\') &&
    !decoded.includes('\0') &&
    !/%(2f|5c|25)/i.test(path) &&
    !decoded.split('/').some((part) => part === '..' || part === '.');
  return isPlain ? path : null;
}
