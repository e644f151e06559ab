// What a person typed behind `vlans probe`, as VLANs and nodes; and what it means to type nothing.
import { AppError } from '../../contract/errors.ts';
import type { RosterNode } from '../../contract/roster.ts';
import { compareNames } from '../../core/ranges/natural-order.ts';
import { parseRange, rangeHint } from '../../core/ranges/parse-range.ts';
import { describeVlans } from '../../core/probe/texts.ts';
import { describeAlias, parseAlias, parseVlan, type AliasName } from '../../core/vlans/names.ts';
import type { VlanTable } from '../../core/vlans/table.ts';
import type { ProbeOrder } from './prober.ts';

/** NICs of VMs on all nodes, as each said last. */
export interface VmNetwork {
  readonly nodeId: string;
  readonly namespace: string;
  readonly vlan: number;
}

export interface OrderSurroundings {
  readonly namespace: string;
  readonly table: VlanTable;
  /** Members of the roster. */
  readonly members: readonly RosterNode[];
  /** Names of the namespace's hosts. */
  readonly hosts: readonly string[];
  readonly networks: () => Iterable<VmNetwork>;
}

/** @throws AppError `invalid`, `not-found`, `refused` with what is wrong and what to type */
export function readOrder(
  words: { readonly vlans: string | undefined; readonly nodes: string | undefined },
  surroundings: OrderSurroundings,
): ProbeOrder {
  const { namespace, table } = surroundings;
  const vlans = words.vlans === undefined ? vlansInUse(surroundings) : readVlans(words.vlans, surroundings);
  const nodes = words.nodes === undefined ? usualNodes(surroundings) : readNodes(words.nodes, surroundings);
  return {
    nodes: [...nodes].sort((a, b) => compareNames(a.name, b.name)).map(({ id, name }) => ({ id, name })),
    vlans: [...new Set(vlans)].sort((a, b) => a - b).map((vlan) => ({ vlan, alias: aliasOf(table, vlan, namespace) })),
  };
}

/** The alias that has a number, as shown in a namespace; empty where it has none. */
export function aliasOf(table: VlanTable, vlan: number, namespace: string): string {
  const held = table.holders(vlan).filter(({ alias }) => alias !== '');
  const row: AliasName | undefined = held.find((each) => each.namespace === namespace) ?? held[0];
  return row ? describeAlias(row, namespace) : '';
}

/** All aliases of the namespace, and numbers that its VMs have. */
function vlansInUse({ namespace, table, networks }: OrderSurroundings): number[] {
  const aliases = table.heldRows().filter((row) => row.namespace === namespace && row.alias !== '');
  const used = [...networks()].filter((network) => network.namespace === namespace && network.vlan > 0);
  const vlans = [...aliases, ...used].map(({ vlan }) => vlan);
  if (vlans.length > 0) return vlans;
  throw new AppError(
    'invalid',
    `the namespace ${namespace} has no VLANs: name some, as in \`vlans probe 100-120\` or \`vlans probe lan\``,
  );
}

/** `lan`, `exp1//lan`, `120`, `100-120`, and several of them with commas. */
function readVlans(text: string, surroundings: OrderSurroundings): number[] {
  const vlans = text.split(',').flatMap((part) => readPart(part, surroundings));
  const shut = blacklisted(vlans, surroundings);
  if (shut.length > 0)
    throw new AppError(
      'refused',
      `${describeVlans(shut)} ${shut.length === 1 ? 'is' : 'are'} blacklisted, so no frame is sent there: leave ${shut.length === 1 ? 'it' : 'them'} out`,
    );
  return vlans;
}

function readPart(part: string, { namespace, table }: OrderSurroundings): number[] {
  if (/^[+-]?\d+$/.test(part)) return [numberOf(part)];
  const name = parseAlias(part, namespace);
  const held = name.ok ? table.held(name.value) : [];
  if (held.length > 0) return held.map(({ vlan }) => vlan);
  const [, first, last] = /^(\d{1,9})-(\d{1,9})$/.exec(part) ?? [];
  if (first === undefined || last === undefined) {
    if (!name.ok) throw new AppError('invalid', name.message);
    throw new AppError(
      'not-found',
      `no alias ${name.value.alias} in the namespace ${name.value.namespace}: \`vlans\` shows its aliases`,
    );
  }
  const [from, to] = [numberOf(first), numberOf(last)];
  if (from > to) throw new AppError('invalid', `${part}: the first number of a range is the lower one`);
  return Array.from({ length: to - from + 1 }, (_, at) => from + at);
}

function numberOf(text: string): number {
  const parsed = parseVlan(text);
  if (!parsed.ok) throw new AppError('invalid', `${text}: ${parsed.message}`);
  return parsed.value;
}

/** A number that a VM has without an alias is kept from aliases in the same way. */
function blacklisted(vlans: readonly number[], { table, networks }: OrderSurroundings): number[] {
  const raw = vlans.filter((vlan) => table.holders(vlan).some(({ alias }) => alias === ''));
  if (raw.length === 0) return [];
  const used = new Set([...networks()].map(({ vlan }) => vlan));
  return raw.filter((vlan) => !used.has(vlan));
}

/** The namespace's hosts; where these are fewer than two, as in the default namespace, all nodes. */
function usualNodes({ members, hosts }: OrderSurroundings): readonly RosterNode[] {
  const own = members.filter(({ name }) => hosts.includes(name));
  return own.length < 2 ? members : own;
}

function readNodes(text: string, { members }: OrderSurroundings): readonly RosterNode[] {
  if (text === 'all') return members;
  const parsed = parseRange(text);
  if (!parsed.ok) throw new AppError('invalid', parsed.message);
  const byName = new Map(members.map((node) => [node.name, node] as const));
  return [...new Set(parsed.names)].map((name) => {
    const node = byName.get(name);
    if (!node) throw new AppError('not-found', `no node ${name} in the roster${rangeHint(name)}`);
    return node;
  });
}
