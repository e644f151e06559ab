// The nodes that a wizard is given, as typed or pasted: ranges, addresses, name=address, CIDR blocks. Where a node is
// dialled and as whom.
import { z } from 'zod';
import { parseRange } from '../ranges/parse-range.ts';

/** Nodes of one plan. A cluster has at most 1,000, and nobody would read the preview of a larger plan. */
export const maxPlanNodes = 1_000;

/** Addresses of blocks: a /22. Most of them are unused; at most `maxPlanNodes` of those that answer make a plan. */
export const maxScannedAddresses = 1_024;

/** A machine as it is dialled over SSH. */
export const NodeTarget = z.object({
  name: z.string(),
  /** Name or address that is dialled. */
  address: z.string(),
  port: z.number().int().min(1).max(65_535),
  /** Who logs in when the console's key does not let root in yet. */
  user: z.string(),
});
export type NodeTarget = z.infer<typeof NodeTarget>;

/** A login name as useradd takes it: it stands in commands that people copy. */
export const UserName = z
  .string()
  .regex(/^[a-z_][a-z0-9_.-]{0,31}$/i, 'a login name: letters, digits, dot, hyphen, underscore, 32 at most');

export const SshPort = z.coerce.number().int().min(1).max(65_535).default(22);

/** What lets the first login in; the console's own key, where it is there already, comes before either. */
export const LoginBy = z.enum(['password', 'key']).default('password');

export interface ListedNode {
  readonly name: string;
  readonly address: string;
  /** SSH port written behind the address; null for that of the form. */
  readonly port: number | null;
  /** From a CIDR block: an address there that does not answer is not a node. */
  readonly isScanned: boolean;
}

export type NodeListResult =
  { readonly ok: true; readonly nodes: ListedNode[] } | { readonly ok: false; readonly message: string };

/**
 * Reads `node[1-4], storage=10.0.0.9, 10.0.0.0/28`, separated by commas, spaces or lines; `#` starts a comment. An
 * IPv6 address may stand in brackets, and then with a port. Each address once. A name that cannot be a host's is an error, whatever it is made of.
 */
export function parseNodeList(text: string): NodeListResult {
  const nodes = new Map<string, ListedNode>();
  let scanned = 0;
  const add = (node: ListedNode): string | null => {
    const key = `${node.address.toLowerCase()} ${node.port ?? ''}`;
    if (nodes.has(key)) return null;
    nodes.set(key, node);
    if (node.isScanned) scanned += 1;
    if (scanned > maxScannedAddresses)
      return `more than ${maxScannedAddresses} addresses in blocks: scan one /22, or what is smaller, at a time`;
    return nodes.size - scanned > maxPlanNodes
      ? `more than ${maxPlanNodes} nodes in one run: add them in several`
      : null;
  };
  for (const item of splitItems(text)) {
    const issue = addItem(item, add);
    if (issue !== null) return { ok: false, message: issue };
  }
  if (nodes.size === 0) return { ok: false, message: 'no nodes: give a node range such as node[1-4], or addresses' };
  return { ok: true, nodes: [...nodes.values()] };
}

/** In one pass: a form may bring 200 kB of them. Commas inside brackets belong to a range. */
export function splitItems(text: string): string[] {
  const withoutComments = text.replaceAll(/#[^\n]*/g, '');
  const items: string[] = [];
  let start = 0;
  let isInside = false;
  for (const { 0: char, index } of withoutComments.matchAll(/[\s,[\]]/g)) {
    if (char === '[' || char === ']') isInside = char === '[';
    else if (!isInside) {
      items.push(withoutComments.slice(start, index));
      start = index + 1;
    }
  }
  items.push(withoutComments.slice(start));
  return items.filter((item) => item !== '');
}

function addItem(item: string, add: (node: ListedNode) => string | null): string | null {
  const block = /^(\d{1,3}(?:\.\d{1,3}){3})\/(\d{1,2})$/.exec(item);
  if (block) return addBlock(item, add);
  const [left = '', right, extra] = item.split('=');
  if (extra !== undefined) return `${clip(item)}: one = between name and address`;
  if (right !== undefined) {
    if (!isHostName(left)) return notAName(left);
    const named = bracketed(right) ?? { address: right, port: null };
    if (!isHostName(named.address) && !isAddress(named.address)) return notAName(right);
    return add({ name: left, ...named, isScanned: false });
  }
  const alone = bracketed(item) ?? (isAddress(item) ? { address: item, port: null } : null);
  if (alone)
    return isAddress(alone.address) ? add({ name: alone.address, ...alone, isScanned: false }) : notAName(item);
  const range = parseRange(item);
  if (!range.ok) return range.message;
  for (const name of range.names) {
    if (!isHostName(name) && !isAddress(name)) return notAName(name);
    const issue = add({ name, address: name, port: null, isScanned: false });
    if (issue !== null) return issue;
  }
  return null;
}

function addBlock(item: string, add: (node: ListedNode) => string | null): string | null {
  const [base = '', bits = ''] = item.split('/');
  const length = Number(bits);
  if (!isAddress(base) || length > 32) return `${clip(item)} is not a block of addresses, such as 10.0.0.0/28`;
  if (length < 22) return `${item} has ${2 ** (32 - length)} addresses: scan blocks of /22 or smaller`;
  const size = 2 ** (32 - length);
  const number = base.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  const first = number - (number % size);
  // A block's first and last address are the network's and the broadcast's; /31 and /32 have none.
  const [from, to] = length >= 31 ? [first, first + size - 1] : [first + 1, first + size - 2];
  for (let at = from; at <= to; at += 1) {
    const address = [24, 16, 8, 0].map((shift) => Math.floor(at / 2 ** shift) % 256).join('.');
    const issue = add({ name: address, address, port: null, isScanned: true });
    if (issue !== null) return issue;
  }
  return null;
}

/** `[2001:db8::5]` or `[2001:db8::5]:2222`; null for anything else. */
function bracketed(text: string): { address: string; port: number | null } | null {
  const [, address, port] = /^\[([0-9a-f:.]+(?:%[a-z0-9.]+)?)\](?::(\d{1,5}))?$/i.exec(text) ?? [];
  if (address?.includes(':') !== true) return null;
  const number = port === undefined ? null : Number(port);
  return number !== null && (number < 1 || number > 65_535) ? null : { address, port: number };
}

/** An IPv4 address, or what can only be an IPv6 one. */
export function isAddress(text: string): boolean {
  if (/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) return text.split('.').every((part) => Number(part) <= 255);
  return /^[0-9a-f:.]+(%[a-z0-9.]+)?$/i.test(text) && text.split(':').length > 2;
}

/** A host name (RFC 1123), with or without a domain. */
export function isHostName(text: string): boolean {
  return (
    text.length <= 253 &&
    text.split('.').every((label) => /^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/.test(label)) &&
    !/^[\d.]+$/.test(text)
  );
}

function notAName(text: string): string {
  return `${JSON.stringify(clip(text))} is not a host name or an address`;
}

function clip(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

/** What the guide advises: one prefix and a number. Null when the names follow it. */
export function adviseOnNames(names: readonly string[]): string | null {
  const hosts = names.filter((name) => !isAddress(name));
  const prefixes = new Set(hosts.map((name) => /^(.*?)\d+$/.exec(name.split('.')[0] ?? '')?.[1] ?? ''));
  if (hosts.length < 2 || (prefixes.size === 1 && !prefixes.has(''))) return null;
  return 'Names of one prefix and a number (node1, node2, …) let one node range name them all; these do not have that form.';
}
