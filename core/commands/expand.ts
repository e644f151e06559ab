// Preprocessing: $NAME and ${NAME} in values are replaced before a command runs, on the daemon where it was typed. A line
// that arrives over the mesh is never expanded, so a member cannot read this host's variables.
import { AppError } from '../../contract/errors.ts';
import { maxLineBytes } from '../../contract/limits.ts';
import { commandFromParts, partsText } from './parse.ts';
import { clipLine, describeTooLong } from './tokens.ts';
import type { CommandPart, ParsedCommand } from './types.ts';

/**
 * Replaces variables in all values, nested ones too; `.preprocess false` inside keeps its nested command as it is.
 * @throws AppError `not-found` for a variable that is not set, `refused` for a value that would have to be fetched, `invalid`
 * for a line that becomes too long.
 */
export function expandCommand(
  command: ParsedCommand,
  variables: ReadonlyMap<string, string>,
  isOn: boolean,
): ParsedCommand {
  return expandInside(command, { variables, isOn, budget: { left: maxLineBytes } }).command;
}

interface Expansion {
  readonly variables: ReadonlyMap<string, string>;
  readonly isOn: boolean;
  /** Characters that values may still put in: `$A$A…` of one line would be 500 MB. */
  readonly budget: { left: number };
}

/** Builds from the inside out, so that each word is written once however deep it is nested. */
function expandInside(command: ParsedCommand, expansion: Expansion): { command: ParsedCommand; text: string } {
  const said = preprocessFlag(command);
  const inside = command.nested && expandInside(command.nested, { ...expansion, isOn: said ?? expansion.isOn });
  const parts = expansion.isOn ? command.parts.map((part) => expandPart(part, expansion)) : command.parts;
  const text = inside ? `${partsText(parts)} ${inside.text}` : partsText(parts);
  const nested = inside?.command ?? null;
  const isSame = nested === command.nested && parts.every((part, at) => part.text === command.parts[at]?.text);
  if (isSame) return { command, text };
  return { command: commandFromParts(command.pattern, parts, { nested, line: text }), text };
}

function preprocessFlag(command: ParsedCommand): boolean | null {
  if (!command.nested || !command.pattern.pattern.startsWith('.preprocess ')) return null;
  return command.words['true'] !== undefined;
}

function expandPart(part: CommandPart, { variables, budget }: Expansion): CommandPart {
  if (part.kind === 'literal') return part;
  const prefix = /^(file|tar|https?):/.exec(part.text)?.[0];
  if (prefix !== undefined) {
    throw new AppError(
      'refused',
      `\`${clipLine(part.text)}\`: meshd does not fetch \`${prefix}\` values; give a path, or put \`.preprocess false\` in front to pass it on as text`,
    );
  }
  const text = part.text.replace(/\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))/g, (_, braced?: string, bare?: string) => {
    const name = braced ?? bare ?? '';
    const value = variables.get(name);
    if (value === undefined)
      throw new AppError('not-found', `$${name} is not set: set it with \`.env ${name} <value>\``);
    budget.left -= value.length;
    if (budget.left < 0) {
      throw new AppError('invalid', `with its variables ${describeTooLong('socket')}`);
    }
    return value;
  });
  return { ...part, text };
}
