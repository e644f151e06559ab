// What a VLAN number and an alias may be, and how they are shown. Texts are minimega's where it has one.
import { isNamespaceName, namespaceNameRule } from '../namespaces.ts';

/**
 * IEEE 802.1Q: 0 is a frame without VLAN, 4095 is reserved. It holds for both tags of QinQ, and a port that tunnels has its
 * number as the outer one, so no number is left out for it.
 */
export const minVlan = 1;
export const maxVlan = 4094;

export const invalidVlan = 'invalid VLAN (0 < vlan < 4095)';

export const maxAliasCharacters = 64;

/** The name of a VLAN in its namespace. Without name: a number that is used as it is. */
export interface AliasName {
  readonly namespace: string;
  readonly alias: string;
}

/** Whose numbers are used as they are: they are of no namespace, since the wire has one number for all. */
export const rawName: AliasName = { namespace: '', alias: '' };

export type Parsed<Value> =
  { readonly ok: true; readonly value: Value } | { readonly ok: false; readonly message: string };

const isInteger = (text: string) => /^[+-]?\d+$/.test(text);

export function isVlan(value: number): boolean {
  return Number.isInteger(value) && value >= minVlan && value <= maxVlan;
}

/** A number that a person typed. */
export function parseVlan(text: string): Parsed<number> {
  if (!isInteger(text)) return { ok: false, message: 'expected integer VLAN' };
  const value = Number(text);
  return isVlan(value) ? { ok: true, value } : { ok: false, message: invalidVlan };
}

/** `alias` in the active namespace, or `namespace//alias`. */
export function parseAlias(text: string, namespace: string): Parsed<AliasName> {
  const at = text.indexOf('//');
  const name = at < 0 ? { namespace, alias: text } : { namespace: text.slice(0, at), alias: text.slice(at + 2) };
  if (text === '' || name.alias === '') return { ok: false, message: 'VLAN must be non-empty string' };
  if (!isNamespaceName(name.namespace))
    return { ok: false, message: `invalid namespace name \`${name.namespace.slice(0, 80)}\`: ${namespaceNameRule}` };
  if (!isAlias(name.alias)) {
    const rule = `1 to ${maxAliasCharacters} characters without spaces, commas and \`//\`, and not a number`;
    return { ok: false, message: `invalid alias \`${name.alias.slice(0, 80)}\`: ${rule}` };
  }
  return { ok: true, value: name };
}

/** A number as an alias would never be looked up: it is taken as the number. */
export function isAlias(text: string): boolean {
  return text.length <= maxAliasCharacters && /^[^\s,\p{C}]+$/u.test(text) && !text.includes('//') && !isInteger(text);
}

/** What a config or netspec names: a number, or an alias. */
export function parseVlanOrAlias(text: string, namespace: string): Parsed<number | AliasName> {
  return isInteger(text) ? parseVlan(text) : parseAlias(text, namespace);
}

/** `alias`, with its namespace when that is another than the active one. */
export function describeAlias({ namespace, alias }: AliasName, active: string): string {
  return namespace === active ? alias : `${namespace}//${alias}`;
}

export function sameAlias(a: AliasName, b: AliasName): boolean {
  return a.namespace === b.namespace && a.alias === b.alias;
}
