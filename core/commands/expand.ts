// Preprocessing: $NAME and ${NAME} in values are replaced before a command runs, on the daemon where it was typed. A line
// that arrives over the mesh is never expanded, so a member cannot read this host's variables.
import { AppError } from '../../contract/errors.ts';
import { commandFromParts, commandText } from './parse.ts';
import type { CommandPart, ParsedCommand } from './types.ts';

/**
 * Replaces variables in all values, nested ones too; `.preprocess false` inside keeps its nested command as it is.
 * @throws AppError `not-found` for a variable that is not set, `refused` for a value that would have to be fetched.
 */
export function expandCommand(
  command: ParsedCommand,
  variables: ReadonlyMap<string, string>,
  isOn: boolean,
): ParsedCommand {
  const said = preprocessFlag(command);
  const nested = command.nested ? expandCommand(command.nested, variables, said ?? isOn) : null;
  const parts = isOn ? command.parts.map((part) => expandPart(part, variables)) : command.parts;
  const isSame = nested === command.nested && parts.every((part, at) => part.text === command.parts[at]?.text);
  if (isSame) return command;
  const expanded = commandFromParts(command.pattern, parts, { nested, line: command.line });
  return { ...expanded, line: commandText(expanded) };
}

function preprocessFlag(command: ParsedCommand): boolean | null {
  if (!command.nested || !command.pattern.pattern.startsWith('.preprocess ')) return null;
  return command.words['true'] !== undefined;
}

function expandPart(part: CommandPart, variables: ReadonlyMap<string, string>): CommandPart {
  if (part.kind === 'literal') return part;
  const prefix = /^(file|tar|https?):/.exec(part.text)?.[0];
  if (prefix !== undefined) {
    throw new AppError(
      'refused',
      `\`${part.text}\`: meshd does not fetch \`${prefix}\` values; give a path, or put \`.preprocess false\` in front to pass it on as text`,
    );
  }
  const text = part.text.replace(/\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))/g, (_, braced?: string, bare?: string) => {
    const name = braced ?? bare ?? '';
    const value = variables.get(name);
    if (value === undefined)
      throw new AppError('not-found', `$${name} is not set: set it with \`.env ${name} <value>\``);
    return value;
  });
  return { ...part, text };
}
