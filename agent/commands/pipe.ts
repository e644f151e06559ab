// `plumb` and `pipe`: named pipes over all nodes, and programs between them. Columns are minimega's.
import { responseEntry, type ResponseEntry } from '../../contract/command-socket.ts';
import { AppError } from '../../contract/errors.ts';
import { clipLine, quoteWord, splitTokens } from '../../core/commands/tokens.ts';
import { pipeModes } from '../../core/pipes/delivery.ts';
import { parsePipeName, shownPipe } from '../../core/pipes/names.ts';
import type { Pipes } from '../pipes/pipes.ts';
import type { Plumbs, Stage } from '../pipes/plumbs.ts';
import type { CommandCall, Handlers } from './handler.ts';

export interface PipeComponents {
  readonly pipes: Pipes;
  readonly plumbs: Plumbs;
  /** Whether this node has a program of this name. */
  readonly isProgram: (name: string) => Promise<boolean>;
}

export function createPipeHandlers({ pipes, plumbs, isProgram }: PipeComponents): Handlers {
  const stageOf = async (text: string, namespace: string): Promise<Stage> => {
    const argv = wordsOf(text);
    if (await isProgram(argv[0] ?? '')) return { kind: 'program', argv };
    if (argv.length !== 1)
      throw new AppError('not-found', `there is no program ${clipLine(argv[0] ?? '')} on this node's PATH`);
    return { kind: 'pipe', name: nameOf(text, namespace) };
  };
  const known = (call: CommandCall): string => {
    const name = nameOf(call.command.words['pipe'] ?? '', call.namespace);
    if (!pipes.has(name)) throw new AppError('not-found', `no such pipe: ${shownPipe(name, call.namespace)}`);
    return name;
  };
  return {
    plumb: (call) =>
      Promise.resolve(
        answer(call, { Header: ['pipeline'], Tabular: plumbs.list(call.namespace).map((text) => [text]) }),
      ),

    'plumb <src> <dst>...': async (call) => {
      const texts = [call.command.words['src'] ?? '', ...(call.command.lists['dst'] ?? [])];
      const stages: Stage[] = [];
      for (const text of texts) stages.push(await stageOf(text, call.namespace));
      await plumbs.start(call.namespace, texts.map(quoteWord).join(' '), stages);
      return answer(call);
    },

    'clear plumb [pipeline]...': async (call) => {
      const words = call.command.lists['pipeline'] ?? [];
      await plumbs.clear(call.namespace, words.length === 0 ? [] : [words.map(quoteWord).join(' ')]);
      return answer(call);
    },

    pipe: (call) => {
      const Header = ['name', 'mode', 'readers', 'writers', 'count', 'via', 'previous'];
      const Tabular = pipes
        .list(call.namespace)
        .map(({ name, mode, readers, writers, count, via, previous }) => [
          ...[shownPipe(name, call.namespace), mode, String(readers), String(writers), String(count)],
          ...[via.map(quoteWord).join(' '), previous],
        ]);
      return Promise.resolve(answer(call, { Header, Tabular }));
    },

    'pipe <pipe> <data>': async (call) => {
      await pipes.write(nameOf(call.command.words['pipe'] ?? '', call.namespace), call.command.words['data'] ?? '');
      return answer(call);
    },

    'pipe <pipe> <mode,> <all,round-robin,random>': (call) => {
      const mode = pipeModes.find((each) => call.command.words[each] !== undefined);
      pipes.set(nameOf(call.command.words['pipe'] ?? '', call.namespace), { mode: mode ?? 'all' });
      return Promise.resolve(answer(call));
    },

    'pipe <pipe> <log,> <true,false>': (call) => {
      const isLogged = call.command.words['true'] !== undefined;
      pipes.set(nameOf(call.command.words['pipe'] ?? '', call.namespace), { isLogged });
      return Promise.resolve(answer(call));
    },

    'pipe <pipe> <via,> <command>...': async (call) => {
      const words = call.command.lists['command'] ?? [];
      const [only = ''] = words;
      const via = words.length === 1 ? wordsOf(only) : words;
      if (!(await isProgram(via[0] ?? '')))
        throw new AppError('not-found', `there is no program ${clipLine(via[0] ?? '')} on this node's PATH`);
      pipes.set(nameOf(call.command.words['pipe'] ?? '', call.namespace), { via });
      return answer(call);
    },

    'clear pipe [pipe]': (call) => {
      if (call.command.words['pipe'] !== undefined) pipes.remove(known(call));
      else for (const { name } of pipes.list(call.namespace)) pipes.remove(name);
      return Promise.resolve(answer(call));
    },
    'clear pipe <pipe> <mode,>': (call) => {
      pipes.set(known(call), { mode: 'all' });
      return Promise.resolve(answer(call));
    },
    'clear pipe <pipe> <log,>': (call) => {
      pipes.set(known(call), { isLogged: false });
      return Promise.resolve(answer(call));
    },
    'clear pipe <pipe> <via,>': (call) => {
      pipes.set(known(call), { via: [] });
      return Promise.resolve(answer(call));
    },
  };
}

/** The whole name. A namespace that is not the active one may be named. @throws AppError `invalid` */
function nameOf(text: string, namespace: string): string {
  const parsed = parsePipeName(text, namespace);
  if (!parsed.ok) throw new AppError('invalid', parsed.message);
  return parsed.name;
}

/** A program with its words, as one word of the command language. @throws AppError `invalid` */
function wordsOf(text: string): string[] {
  const split = splitTokens(text);
  if (!split.ok) throw new AppError('invalid', split.message);
  return split.tokens.map((token) => token.text);
}

function answer({ host }: CommandCall, part: Partial<Omit<ResponseEntry, 'Host'>> = {}): ResponseEntry[] {
  return [responseEntry(host, part)];
}
