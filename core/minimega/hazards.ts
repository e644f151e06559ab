// Lines that a minimega does not survive, or that make one wait for ever, and what to do instead. All were seen on minimega 3.1.0. It
// knows no client that it could refuse, so the console does not send them.
import { parseRange } from '../ranges/parse-range.ts';
import type { ParsedCommand } from '../commands/types.ts';

/** Why this command must not be sent; null when nothing speaks against it. */
export function hazardOf(command: ParsedCommand): string | null {
  return judge(command, false);
}

/** `isForwarded`: another node runs it, for `mesh send` or `ns run`. */
function judge(command: ParsedCommand, isForwarded: boolean): string | null {
  const { pattern } = command.pattern;
  const own = isForwarded ? (hazardThere(command) ?? hazard(command)) : hazard(command);
  if (own !== null || command.nested === null) return own;
  return judge(command.nested, isForwarded || pattern.startsWith('mesh send') || pattern.startsWith('ns <run,>'));
}

function hazard({ pattern: { pattern }, words }: ParsedCommand): string | null {
  if (pattern.startsWith('mesh send')) return targetsHazard(words['hostname'] ?? '');
  if (pattern.startsWith('mesh timeout') && /^0+$/.test(words['timeout'] ?? '')) {
    return 'without a limit, one node that does not answer holds up every `mesh send` of this minimega until it is restarted';
  }
  if (/^vm (save|snapshot|migrate)$/.test(pattern) || (/^ns <(save|snapshot),>/.test(pattern) && !words['name'])) {
    return 'minimega 3.1.0 ends when it is asked about saves right after one began: `vm info` shows a VM that is being saved as PAUSED';
  }
  if (/^(clear )?background-(status|output|error)/.test(pattern)) {
    return 'minimega 3.1.0 ends when it is asked about background commands while one runs: look on the node itself';
  }
  return null;
}

/** Those whose answer would be empty, and those that end the node that should answer. */
function hazardThere({ pattern: { pattern }, words }: ParsedCommand): string | null {
  if (pattern.startsWith('.filter') && isHostFilter(words['filter'] ?? '')) {
    return 'a node that is to answer with no host at all ends: write `.filter host=…` in front of `mesh send` or `ns run`';
  }
  if (/^(quit|nuke)\b/.test(pattern)) {
    return "the node ends before it answers, and holds up this one's mesh commands: run it on that node itself";
  }
  return null;
}

/** minimega takes a column by any beginning of its name that no other column has. */
function isHostFilter(filter: string): boolean {
  const [column = ''] = filter.split(/!~|~|!=|=/, 1);
  return column !== '' && 'host'.startsWith(column.trim().toLowerCase());
}

/** minimega lists a name once in a bracket only: `node2,node[1-3]` has node2 twice. */
function targetsHazard(targets: string): string | null {
  const seen = new Set<string>();
  for (const item of targets.split(/,(?![^[\]]*\])/)) {
    const range = parseRange(item);
    for (const name of range.ok ? range.names : []) {
      if (seen.has(name)) return `${name} is named twice, and minimega waits for its second answer: name it once`;
      seen.add(name);
    }
  }
  return null;
}
