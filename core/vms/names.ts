// Names of VMs: of new ones (`vm launch kvm <range|count>`), and of those that a command means (`<vm target>`) [facts 5.7, 5.8].
import { maxRangeNames } from '../../contract/limits.ts';
import { parseRange } from '../ranges/parse-range.ts';
import { bad, clip, good, type Result } from './result.ts';

/** How many VMs without names, or the names of as many. */
export type LaunchNames = { readonly count: number } | { readonly names: readonly string[] };

/**
 * Reads what follows `vm launch kvm`: a positive number, or names as a range. The texts are minimega's [facts 5.7, obs]; a bad range has
 * ours. `.` and `..` are refused too, which minimega takes.
 */
export function parseLaunchNames(text: string): Result<LaunchNames> {
  if (/^[+-]?[0-9]+$/.test(text)) {
    const count = Number(text);
    if (count <= 0) return bad('invalid number of vms (must be > 0)');
    if (count > maxRangeNames) return bad(`${clip(text)} VMs in one launch: at most ${maxRangeNames}`);
    return good({ count });
  }
  const range = parseRange(text);
  if (!range.ok) return bad((/^[^[\],]*\s[^[\],]*$/.test(text) ? findNameIssue(text) : null) ?? range.message);
  const twice = findTwice(text);
  if (twice !== null) return bad(`\`${clip(twice)}\` is specified twice in VMs to launch`);
  if (range.names.length === 0) return bad('no VMs to launch');
  for (const name of range.names) {
    const issue = findNameIssue(name);
    if (issue !== null) return bad(issue);
  }
  return good({ names: range.names });
}

/** Why a VM cannot have this name, in minimega's words; null when it can. */
export function findNameIssue(name: string): string | null {
  if (/^[+-]?[0-9]+$/.test(name)) return `invalid vm name, \`${clip(name)}\` is an integer`;
  if (name === 'all') return 'invalid vm name, `all` is a reserved word';
  if (!/^[A-Za-z0-9_.-]+$/.test(name) || /^\.{1,2}$/.test(name)) {
    return `invalid name; must only include letters, numbers, hyphens and underscores: \`${clip(name)}\``;
  }
  return null;
}

/** The first name that two items of a good range give. */
function findTwice(text: string): string | null {
  const seen = new Set<string>();
  // Commas outside brackets; the range was read before, so brackets pair and do not nest.
  for (const item of text.match(/(?:[^,[]|\[[^\]]*\])+/g) ?? []) {
    const range = parseRange(item);
    for (const name of range.ok ? range.names : []) {
      if (seen.has(name)) return name;
      seen.add(name);
    }
  }
  return null;
}

/** Names for `count` VMs that have none: `vm-<n>`, counting from `next` and leaving out what is taken [facts 5.7]. */
export function nameUnnamed(
  count: number,
  next: number,
  isTaken: (name: string) => boolean,
): { names: string[]; next: number } {
  const names: string[] = [];
  let number = next;
  while (names.length < count) {
    const name = `vm-${number}`;
    if (!isTaken(name)) names.push(name);
    number += 1;
  }
  return { names, next: number };
}

/** The text for each of `names` and of the config's UUID that exists already, by name of the new VM; empty when all are free. */
export function findTaken(
  names: readonly string[],
  uuid: string,
  existing: readonly { readonly name: string; readonly uuid: string }[],
): ReadonlyMap<string, string> {
  const takenNames = new Set(existing.map(({ name }) => name));
  const issues = new Map<string, string>();
  for (const name of names) {
    if (takenNames.has(name)) issues.set(name, `vm already exists with name \`${name}\``);
    else if (uuid !== '' && names.length > 1) {
      issues.set(name, 'cannot launch multiple VMs with a pre-configured UUID');
    } else if (uuid !== '' && existing.some((vm) => vm.uuid === uuid)) {
      issues.set(name, `vm already exists with UUID \`${uuid}\``);
    }
  }
  return issues;
}

/** What a `<vm target>` means: all VMs, or those with one of these names, ids or, where one VM is wanted, UUIDs. */
export type Target = { readonly all: true } | { readonly all: false; readonly words: readonly string[] };

export function parseTarget(text: string): Result<Target> {
  if (text === 'all') return good({ all: true });
  const range = parseRange(text);
  if (!range.ok) return range;
  return range.names.length === 0 ? bad(`vm not found: ${text}`) : good({ all: false, words: range.names });
}

/**
 * The VMs that a target means, each once, in the order of `vms`, and the words that mean none. `isSingle`: one VM was named, so its refusal
 * and its absence are errors (`vm not found: X`); with lists, minimega skips silently [facts 5.8].
 */
export function matchTarget<T extends { readonly id: number; readonly name: string; readonly uuid: string }>(
  target: Target,
  vms: readonly T[],
): { matched: T[]; missing: string[]; isSingle: boolean } {
  if (target.all) return { matched: [...vms], missing: [], isSingle: false };
  const wanted = new Set(target.words);
  const found = new Set<string>();
  const matched = vms.filter((vm) => {
    // No name is an integer, so a name and an id never mean two VMs; a name goes before a UUID.
    const words = [vm.name, String(vm.id), vm.uuid].filter((word) => wanted.has(word));
    for (const word of words) found.add(word);
    return words.length > 0;
  });
  return { matched, missing: target.words.filter((word) => !found.has(word)), isSingle: target.words.length === 1 };
}

/** The VM that a `<vm name>` means: its name, id or UUID. */
export function matchVm<T extends { readonly id: number; readonly name: string; readonly uuid: string }>(
  text: string,
  vms: readonly T[],
): T | undefined {
  return vms.find(({ name }) => name === text) ?? vms.find(({ id, uuid }) => String(id) === text || uuid === text);
}
