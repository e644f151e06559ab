// Which names and addresses belong to the console. A page of another site can make its own name resolve to the console's address
// and then read answers as its own (DNS rebinding): a Host header with a name that is not the console's gets no answer.
import { isIP } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';
import { isLoopback, type Config } from '../config.ts';

type NamesConfig = Pick<Config, 'host' | 'names'>;

export interface OwnNames {
  /** Names, and the address to listen on: a certificate must have them. */
  readonly names: readonly string[];
  /** Of this machine, when the console listens on all of them. Links of one machine (fe80::) and the loopback are not among them. */
  readonly addresses: readonly string[];
}

export function ownNames(config: NamesConfig): OwnNames {
  return { names: fixedNames(config), addresses: ownAddresses(config) };
}

function fixedNames({ host, names }: NamesConfig): string[] {
  return [...new Set([hostname(), 'localhost', '127.0.0.1', ...(isEvery(host) ? [] : [host]), ...names])];
}

function ownAddresses({ host }: NamesConfig): string[] {
  if (!isEvery(host)) return [];
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter((address) => !address.internal && !address.address.startsWith('fe80:'))
    .map((address) => address.address);
}

const isEvery = (host: string) => host === '0.0.0.0' || host === '::';

/** Judges a Host header, with or without a port. Addresses of the machine are looked up again: they come and go. */
export function isOwnHost(header: string, config: NamesConfig): boolean {
  const name = nameOf(header);
  if (name === null) return false;
  const isName = (own: string) => nameOf(own.includes(':') ? `[${own}]` : own) === name;
  return isLoopback(name) || fixedNames(config).some(isName) || (isIP(name) !== 0 && ownAddresses(config).some(isName));
}

/** For people: what to do about a Host header that is not the console's. */
export function describeForeignHost(header: string): string {
  const name = nameOf(header);
  if (name === null) return 'This request has no usable Host header.';
  return (
    `The console does not have the name "${name.slice(0, 255)}". If it should, start it with --name ${name.slice(0, 255)}; ` +
    'without that, another site could read it through its own name (DNS rebinding).'
  );
}

/** In one spelling, without port and brackets; null when the header is not a host. */
function nameOf(header: string): string | null {
  if (header === '' || /[/?#@\\\s]/.test(header) || !URL.canParse(`http://${header}`)) return null;
  return new URL(`http://${header}`).hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
}
