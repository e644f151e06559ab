// Where a request came from and to which address: the connection itself, or, when a trusted reverse proxy made it, what that
// proxy says in X-Forwarded-* or Forwarded. Headers of anyone else are not believed.
import { isIP, type BlockList } from 'node:net';
import type { IncomingMessage } from 'node:http';

export interface RequestOrigin {
  /** Address of the client. */
  readonly address: string;
  readonly isSecure: boolean;
  /** Host as the browser has it in its address bar, with its port if anyone said it; empty when it sent none. */
  readonly host: string;
  /** The trusted proxy that made the connection; null for a direct connection. */
  readonly proxy: string | null;
}

/** The parts of a request that are read here. */
export type OriginRequest = Pick<IncomingMessage, 'headers'> & {
  readonly socket: { readonly remoteAddress?: string | undefined; readonly encrypted?: boolean | undefined };
};

/** Of what a client sends, as much as an error may repeat. */
const clip = (text: string) => (text.length > 200 ? `${text.slice(0, 200)}…` : text);

/** Without the prefix of IPv4 on an IPv6 socket and without a zone. */
function plainAddress(address: string): string {
  const bare = address.split('%', 1)[0] ?? '';
  return bare.startsWith('::ffff:') && isIP(bare.slice(7)) === 4 ? bare.slice(7) : bare;
}

/** The address in `192.0.2.1:4711`, `"[2001:db8::1]:4711"` or alone, as proxies write it; empty when the entry is not an address. */
function addressOf(entry: string): string {
  const text = entry.trim().replace(/^"(.*)"$/, '$1');
  const bare = /^\[([^\]]*)\](?::\d+)?$/.exec(text)?.[1] ?? /^([\d.]+):\d+$/.exec(text)?.[1] ?? text;
  const address = plainAddress(bare);
  return isIP(address) === 0 ? '' : address;
}

export function isTrusted(trusted: BlockList, peer: string): boolean {
  const address = plainAddress(peer);
  const family = isIP(address);
  return family !== 0 && trusted.check(address, family === 4 ? 'ipv4' : 'ipv6');
}

function lastOf(header: string | string[] | undefined): string {
  const parts = String(header ?? '').split(',');
  return (parts.at(-1) ?? '').trim();
}

interface Forwarded {
  /** Of client and proxies, from the first to the last. */
  readonly chain: string[];
  readonly scheme: string;
  readonly host: string;
}

/** X-Forwarded-*, or RFC 7239's Forwarded where the proxy sends none of those. */
function readForwarded({ headers }: OriginRequest): Forwarded {
  if (readsForwarded(headers)) {
    const hops = String(headers['forwarded'])
      .split(',')
      .map((hop) => new Map(hop.split(';').map((pair) => readPair(pair))));
    const last = hops.at(-1);
    return {
      chain: hops.map((hop) => addressOf(hop.get('for') ?? '')).filter((entry) => entry !== ''),
      scheme: last?.get('proto') ?? '',
      host: last?.get('host') ?? '',
    };
  }
  const host = lastOf(headers['x-forwarded-host']);
  return {
    chain: String(headers['x-forwarded-for'] ?? '')
      .split(',')
      .map(addressOf)
      .filter((entry) => entry !== ''),
    scheme: lastOf(headers['x-forwarded-proto']).toLowerCase(),
    host,
  };
}

function readPair(pair: string): [string, string] {
  const at = pair.indexOf('=');
  const name = pair.slice(0, Math.max(at, 0)).trim().toLowerCase();
  const value = pair.slice(at + 1).trim();
  return [name, value.replace(/^"(.*)"$/, '$1')];
}

export function readOrigin(request: OriginRequest, trusted: BlockList): RequestOrigin {
  const peer = plainAddress(request.socket.remoteAddress ?? '');
  const isSecure = request.socket.encrypted === true;
  const asked = request.headers.host ?? '';
  if (!isTrusted(trusted, peer)) return { address: peer, isSecure, host: asked, proxy: null };
  const { chain, scheme, host } = readForwarded(request);
  // From the right: each trusted proxy appended the address it saw; the first that is not a proxy's is the client's.
  const client = chain.toReversed().find((address) => !isTrusted(trusted, address)) ?? chain[0] ?? peer;
  const port = lastOf(request.headers['x-forwarded-port']);
  const named = host === '' ? asked : host;
  return {
    address: client,
    isSecure: scheme === '' ? isSecure : scheme === 'https',
    host: hasPort(named) || !/^\d{1,5}$/.test(port) ? named : `${named}:${port}`,
    proxy: peer,
  };
}

function hasPort(host: string): boolean {
  return /:\d+$/.test(host.replace(/^\[[^\]]*\]/, ''));
}

/**
 * Why the Origin header does not name the console, for people; null when it does. Behind a proxy that does not say the port,
 * hosts are compared without.
 */
export function foreignOrigin(request: OriginRequest, trusted: BlockList): string | null {
  const { isSecure, host, proxy } = readOrigin(request, trusted);
  const { origin } = request.headers;
  if (origin === undefined) return 'This request has no Origin header: it came from no page of the console.';
  const own = parse(`${isSecure ? 'https' : 'http'}://${host}`);
  const page = parse(origin);
  if (own === null || page === null) return 'This request came from another site, or from no page at all.';
  const isOwn = own.origin === page.origin;
  const isPortUnknown = proxy !== null && !hasPort(host);
  if (isOwn || (isPortUnknown && own.protocol === page.protocol && own.hostname === page.hostname)) return null;
  const seen = `The browser is at ${clip(page.origin)}`;
  if (proxy !== null) return `${seen}, but the reverse proxy at ${proxy} ${wrongHeader(request, own, page)}`;
  const forwarded = Object.keys(request.headers).some(
    (name) => name.startsWith('x-forwarded-') || name === 'forwarded',
  );
  const peer = plainAddress(request.socket.remoteAddress ?? '');
  return forwarded
    ? `${seen}, but the request was for ${clip(own.origin)}. A reverse proxy at ${peer} forwarded it, which is not trusted: start the console with --trust-proxy ${peer}.`
    : `This request came from another site: the browser is at ${clip(page.origin)}, but the request was for ${clip(own.origin)}.`;
}

/** Which header of the proxy is wrong, and the lines that fix it. */
function wrongHeader({ headers }: OriginRequest, own: URL, page: URL): string {
  const usesForwarded = readsForwarded(headers);
  const guide = 'docs/reverse-proxy.md has the whole configuration.';
  if (own.hostname === page.hostname && own.protocol !== page.protocol) {
    const sent = headers['x-forwarded-proto'];
    const what = usesForwarded
      ? `says ${own.protocol.slice(0, -1)} in Forwarded`
      : sent === undefined
        ? 'sends no X-Forwarded-Proto'
        : `says "X-Forwarded-Proto: ${clip(String(sent))}"`;
    return `${what}. nginx: "proxy_set_header X-Forwarded-Proto $scheme;". Apache: "RequestHeader set X-Forwarded-Proto https". ${guide}`;
  }
  const header = usesForwarded ? 'Forwarded' : headers['x-forwarded-host'] === undefined ? 'Host' : 'X-Forwarded-Host';
  const port = headers['x-forwarded-port'];
  const extra = port === undefined ? '' : ` and "X-Forwarded-Port: ${clip(String(port))}"`;
  return `says "${header}: ${clip(own.host)}"${extra}. nginx: "proxy_set_header Host $http_host;". Apache: "ProxyPreserveHost On". ${guide}`;
}

function readsForwarded(headers: OriginRequest['headers']): boolean {
  const names = ['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host'];
  return headers['forwarded'] !== undefined && names.every((name) => headers[name] === undefined);
}

function parse(text: string): URL | null {
  return URL.canParse(text) ? new URL(text) : null;
}
