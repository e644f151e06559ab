// One connection to a minimega's command socket, for all that the console says over it. Framing, order, More and Status are
// CommandClient's; this owns what only a minimega needs: no line that harms it is sent, every question has an end and a bound, and nothing
// that a user sets holds for others, since minimega keeps active namespace and output flags for the whole daemon (settings.ts).
import type { CommandClient } from '../../../contract/command-client.ts';
import { responseEntry, type CommandResponse, type ResponseEntry } from '../../../contract/command-socket.ts';
import { AppError } from '../../../contract/errors.ts';
import { maxClusterRows } from '../../../contract/limits.ts';
import { clipLine } from '../../../core/commands/tokens.ts';
import { parseCommand } from '../../../core/commands/parse.ts';
import { defaultNamespace } from '../../../core/namespaces.ts';
import { defaultOutputFlags, renderEntries } from '../../../core/render.ts';
import type { ParsedCommand } from '../../../core/commands/types.ts';
import { hazardOf } from '../../../core/minimega/hazards.ts';
import { minimegaTable } from '../../../core/minimega/table.ts';
import type { RunLineOptions } from '../engine.ts';
import { prepareLine, settingsAtFirst, type Settings } from './settings.ts';
import { columnOf } from './answers.ts';
import { meshTimeoutSeconds, type Asker } from './asker.ts';
import { answerOwnLine, consolePatterns, OwnLineError, showPattern, type ConfigTurns } from './console-lines.ts';

/** minimega's language, and the lines of the console's own. */
export const consoleTable = [...minimegaTable, ...consolePatterns];

/** A question of the console's own waits as long as minimega may, and a little longer. */
const askMs = (meshTimeoutSeconds + 5) * 1_000;

export class MinimegaClient implements Asker {
  private readonly client: CommandClient;
  private readonly place: string;
  private readonly turns: ConfigTurns;
  private settings: Settings = settingsAtFirst;

  /** `place`: for messages. */
  constructor(options: { place: string }, components: { client: CommandClient; turns: ConfigTurns }) {
    this.turns = components.turns;
    this.place = options.place;
    this.client = components.client;
  }

  get isClosed(): boolean {
    return this.client.isClosed;
  }

  /**
   * What all hosts answer to a line of the console's own. It stays out of the history, and none of its words are taken for files or variables.
   * @throws AppError `timeout`, `unreachable`; `invalid` for more than any cluster has
   */
  async ask(line: string, options: { readonly deadline?: AbortSignal } = {}): Promise<ResponseEntry[]> {
    const entries: ResponseEntry[] = [];
    const deadline = options.deadline ?? AbortSignal.timeout(askMs);
    for await (const { Resp } of this.client.command(`.record false .preprocess false ${line}`, { deadline })) {
      for (const entry of Resp ?? []) entries.push(entry);
      if (entries.length > maxClusterRows) {
        throw new AppError('invalid', `${this.place}: \`${clipLine(line)}\` has more than ${maxClusterRows} answers`);
      }
    }
    return entries;
  }

  /**
   * Runs a line of a user. @throws AppError `refused` for a line that minimega does not survive, and what CommandClient throws
   */
  async *run(line: string, options: RunLineOptions = {}): AsyncGenerator<CommandResponse, void, undefined> {
    const command = await this.judged(line);
    if (command === null) {
      yield* this.client.command(line, options);
      return;
    }
    const own = await this.answerOwn(command);
    if (own !== null) {
      yield { Resp: own, Rendered: renderEntries(own, defaultOutputFlags), More: false, Status: false };
      return;
    }
    const prepared = prepareLine(command, this.settings);
    if (prepared.mustExist !== null) await this.assertNamespace(prepared.mustExist);
    this.settings = prepared.settings;
    if (prepared.answer !== null)
      yield { Resp: [prepared.answer], Rendered: prepared.answer.Response, More: false, Status: false };
    else yield* this.client.command(prepared.line, options);
  }

  /** The answer to a line that is the console's own, with whatever stands in front of it; null for others. */
  private async answerOwn(command: ParsedCommand): Promise<ResponseEntry[] | null> {
    let namespace = this.settings.namespace === '' ? defaultNamespace : this.settings.namespace;
    let inner = command;
    let isSent = false;
    while (inner.nested) {
      if (inner.pattern.pattern.startsWith('mesh send')) isSent = true;
      if (inner.pattern.pattern.startsWith('namespace')) namespace = inner.words['name'] ?? namespace;
      inner = inner.nested;
    }
    // Sent to another node, it would meet a minimega that does not know it.
    if (isSent && inner.pattern.pattern !== showPattern) return null;
    try {
      return await answerOwnLine(inner, namespace, { client: this, turns: this.turns });
    } catch (error) {
      if (error instanceof OwnLineError) return [responseEntry('', { Error: error.message })];
      throw error;
    }
  }

  suggest(text: string, options: { readonly deadline: AbortSignal }): Promise<string[]> {
    return this.client.suggest(text, options);
  }

  close(): void {
    this.client.close();
  }

  /** The command that a line is; null when we do not know it, and it goes as it is. @throws AppError `refused` */
  private async judged(line: string): Promise<ParsedCommand | null> {
    let parsed = parseCommand(consoleTable, line);
    const isPlain = parsed.ok;
    if (!parsed.ok && !parsed.isTooLong) {
      if (/destructive/.test(parsed.message)) throw new AppError('refused', parsed.message);
      const [word = ''] = line.trim().split(/\s/, 1);
      const expansion = await this.aliasOf(word);
      if (expansion !== null)
        parsed = parseCommand(
          minimegaTable,
          line.trim().replace(word, () => expansion),
        );
    }
    const command = parsed.ok ? parsed.command : null;
    const hazard = command && hazardOf(command);
    if (hazard) throw new AppError('refused', `\`${clipLine(line.trim())}\` is not sent: ${hazard}`);
    return isPlain ? command : null;
  }

  /** minimega puts it in place of a line's first word. */
  private async aliasOf(word: string): Promise<string | null> {
    const [entry] = await this.ask('.alias');
    const aliases = columnOf(entry, 'alias');
    const at = aliases.indexOf(word);
    return at < 0 ? null : (columnOf(entry, 'expansion')[at] ?? null);
  }

  /** To mention a namespace makes it. @throws AppError `not-found` */
  private async assertNamespace(name: string): Promise<void> {
    const [entry] = await this.ask('namespace');
    if (columnOf(entry, 'namespace').includes(name)) return;
    throw new AppError(
      'not-found',
      `no namespace ${name}, and to look into one makes it: launch a VM in it, or add hosts`,
    );
  }
}
