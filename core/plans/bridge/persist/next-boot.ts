// What ifupdown would give a bridge at the next boot: as we read the files, as ifupdown itself says, and compared with what runs.
// Pure. The node compares again, with the commit's own files (host/scripts/bridge/next-boot.sh).
import { managedFlag } from '../observe/namers.ts';
import type { BridgeFacts, NicFacts } from '../observe/facts.ts';
import { interfacesOf, isOrLabels, readInterfacesTree, type Interface } from '../observe/interfaces-file.ts';

/** In the words of a finding. */
interface Objection {
  readonly text: string;
  readonly mend: string;
}

/** What ifquery knows about the uplink and its labels that we did not read, or the reverse; null where both agree. */
export function compareWithIfquery(
  { ifupdown, files }: Pick<BridgeFacts, 'ifupdown' | 'files'>,
  uplink: string,
): Objection | null {
  if (ifupdown === null) return null;
  const read = interfacesOf(readInterfacesTree(files).stanzas);
  const names = new Set([...read.map(({ name }) => name), ...Object.keys(ifupdown.queries)]);
  for (const name of names) {
    const query = ifupdown.queries[name];
    // Labels that no class names are not asked for.
    if (!isOrLabels(name, uplink) || (query === undefined && name !== uplink)) continue;
    const ours = new Set(read.filter((each) => each.name === name).flatMap(wordsOf));
    const theirs = new Set((query ?? '').split('\n').flatMap(queryWords));
    const [missing] = [...theirs].filter((word) => !ours.has(word));
    const [extra] = [...ours].filter((word) => !theirs.has(word));
    const mend = `look at \`ifquery ${name}\` there, and write its stanzas plainly into /etc/network/interfaces`;
    if (missing !== undefined)
      return { text: `ifquery says \`${missing}\` of ${name}, which stands in no file that was read`, mend };
    if (extra !== undefined)
      return { text: `a stanza of ${name} says \`${extra}\`, and ifquery does not: ifupdown does not take it`, mend };
  }
  return null;
}

/** Addresses and commands: what both notations have in common. */
function wordsOf({ options }: Interface): string[] {
  return options.flatMap(({ name, value }) => queryWords(`${name}: ${value}`));
}

function queryWords(line: string): string[] {
  const [, name = '', value = ''] = /^([^:\s]+): ?(.*)$/.exec(line) ?? [];
  // ifquery splits an address from its length, and has one name for two.
  if (name === 'address') return [`address ${canonical(value)}`];
  const command = /^(pre-up|up|post-up|down|pre-down|post-down)$/.test(name);
  const alias: Record<string, string> = { 'post-up': 'up', 'pre-down': 'down' };
  return command ? [`${alias[name] ?? name} ${value.replaceAll(/\s+/g, ' ').trim()}`] : [];
}

/** The host of an address in one way of writing. */
export function canonical(address: string): string {
  const [host = ''] = address.trim().split('/');
  if (!host.includes(':') || !/^[0-9a-fA-F:.]+$/.test(host)) return host;
  try {
    return new URL(`http://[${host}]`).hostname.slice(1, -1);
  } catch {
    return host;
  }
}

/** Hosts that a text names, in one way of writing. */
export function hostsIn(text: string): Set<string> {
  return new Set((text.match(/[0-9a-fA-F]*[.:][0-9a-fA-F.:]+/g) ?? []).map(canonical));
}

/** An address that runs now and that no stanza gives; null where the next boot gives all. */
export function missingAtBoot(carrier: NicFacts, interfaces: readonly Interface[]): Objection | null {
  const given = hostsIn(interfaces.flatMap(({ options }) => options.map(({ value }) => value)).join('\n'));
  const isLeased = interfaces.some(({ family, method }) => family === 'inet' && method === 'dhcp');
  const [missing] = addressesToGive(carrier, isLeased).filter((address) => !given.has(canonical(address)));
  if (missing === undefined) return null;
  return {
    text: `${carrier.name} has ${missing}, which no stanza gives: the next boot would leave it out`,
    mend: `write a stanza for it, or take it off (ip address delete ${missing} dev ${carrier.name}); or choose the method commands, which keeps what runs`,
  };
}

/** Those that a client or a router does not bring. Older clients mark no address: with a lease the first of IPv4 is theirs. */
export function addressesToGive(carrier: Pick<NicFacts, 'addresses'>, isLeased: boolean): string[] {
  const isBrought = (flags: readonly string[]) =>
    flags.some((flag) => ['dynamic', 'mngtmpaddr', 'temporary'].includes(flag));
  const fixed = carrier.addresses.filter(
    ({ scope, flags }) => scope === 'global' && !isBrought(flags) && !flags.includes(managedFlag),
  );
  const hasMark = carrier.addresses.some(({ family, flags }) => family === 4 && isBrought(flags));
  const unmarked = isLeased && !hasMark ? fixed.find(({ family }) => family === 4) : undefined;
  return fixed.filter((each) => each !== unmarked).map(({ address }) => address);
}
