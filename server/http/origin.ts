// Where a request came from and to which address: the connection itself, or, when a configured reverse proxy made it, what
// that proxy says in its forwarded headers. Headers of anyone else are not believed.
import { isIP, type BlockList } from 'node:net';
import type { IncomingMessage } from 'node:http';

export interface RequestOrigin {
  /** Address of the client. */
  readonly address: string;
  readonly isSecure: boolean;
  /** Host with port as the browser has it in its address bar; empty when it sent none. */
  readonly host: string;
}

/** The parts of a request that are read here. */
export type OriginRequest = Pick<IncomingMessage, 'headers'> & {
  readonly socket: { readonly remoteAddress?: string | undefined; readonly encrypted?: boolean | undefined };
};

function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && isIP(address.slice(7)) === 4 ? address.slice(7) : address;
}

function contains(list: BlockList, address: string): boolean {
  const family = isIP(address);
  return family !== 0 && list.check(address, family === 4 ? 'ipv4' : 'ipv6');
}

function lastOf(header: string | string[] | undefined): string {
  const parts = String(header ?? '').split(',');
  return (parts.at(-1) ?? '').trim();
}

export function readOrigin(request: OriginRequest, trusted: BlockList): RequestOrigin {
  const peer = plainAddress(request.socket.remoteAddress ?? '');
  const direct = { address: peer, isSecure: request.socket.encrypted === true, host: request.headers.host ?? '' };
  if (!contains(trusted, peer)) return direct;
  // From the right: each trusted proxy appended the address it saw; the first that is not a proxy's is the client's.
  const chain = String(request.headers['x-forwarded-for'] ?? '')
    .split(',')
    .map((entry) => plainAddress(entry.trim()))
    .filter((entry) => isIP(entry) !== 0);
  const client = chain.toReversed().find((address) => !contains(trusted, address)) ?? chain[0] ?? peer;
  const scheme = lastOf(request.headers['x-forwarded-proto']);
  const host = lastOf(request.headers['x-forwarded-host']);
  return {
    address: client,
    isSecure: scheme === '' ? direct.isSecure : scheme === 'https',
    host: host === '' ? direct.host : host,
  };
}

/** True when the Origin header names the console itself. A request without one is not from a page of ours. */
export function isOwnOrigin(request: OriginRequest, trusted: BlockList): boolean {
  const { isSecure, host } = readOrigin(request, trusted);
  const { origin } = request.headers;
  if (origin === undefined || host === '' || !URL.canParse(origin)) return false;
  return new URL(origin).origin === ownOrigin(isSecure, host);
}

function ownOrigin(isSecure: boolean, host: string): string | null {
  const text = `${isSecure ? 'https' : 'http'}://${host}`;
  return URL.canParse(text) ? new URL(text).origin : null;
}
