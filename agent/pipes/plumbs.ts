// Plumbs: lines pass from a program or a named pipe to the next one, and so on. They are of the node where they were made, and end with it.
//
//   plumb words "grep -v bar" clean
//   pipe words ── lines ──> grep ── lines ──> pipe clean
//
// A program that ends closes the input of the next one. A plumb is over when all of its programs have ended, or when it is cleared.
import { AppError, describeError } from '../../contract/errors.ts';
import { maxPlumbPrograms } from '../../contract/limits.ts';
import { closesCircle } from '../../core/pipes/delivery.ts';
import type { Filter, StartFilter } from '../../host/filter.ts';
import type { Pipes } from './pipes.ts';

export type Stage =
  { readonly kind: 'pipe'; readonly name: string } | { readonly kind: 'program'; readonly argv: readonly string[] };

export interface PlumbsComponents {
  readonly pipes: Pick<Pipes, 'write' | 'addReader' | 'addWriter'>;
  readonly startFilter: StartFilter;
  readonly log: { readonly info: (text: string) => void; readonly warn: (text: string) => void };
}

interface Plumb {
  readonly namespace: string;
  /** The words as typed: what it is shown and cleared by. */
  readonly text: string;
  readonly stages: readonly Stage[];
  readonly filters: Set<Filter>;
  /** Takes it apart from its pipes. */
  readonly ends: (() => void)[];
}

/** Where the lines of a stage go. */
interface Sink {
  readonly write: (line: string) => boolean;
  readonly end: () => void;
}

const nowhere: Sink = { write: () => true, end: () => undefined };

export class Plumbs {
  private readonly components: PlumbsComponents;
  private readonly plumbs = new Set<Plumb>();
  private starting = 0;

  constructor(components: PlumbsComponents) {
    this.components = components;
  }

  /** Texts of those of a namespace. */
  list(namespace: string): string[] {
    return this.of(namespace).map(({ text }) => text);
  }

  /** Starts a plumb. @throws AppError when a program does not start or a pipe is refused, and then nothing of it is left */
  async start(namespace: string, text: string, stages: readonly Stage[]): Promise<void> {
    const programs = stages.filter(({ kind }) => kind === 'program').length;
    this.check(stages, programs);
    const plumb: Plumb = { namespace, text, stages, filters: new Set(), ends: [] };
    this.starting += programs;
    try {
      // From its end: each stage knows where its lines go before it has any.
      let sink = nowhere;
      for (const [at, stage] of [...stages.entries()].reverse())
        sink = await this.open(plumb, stage, { next: sink, isFirst: at === 0, isLast: at === stages.length - 1 });
      this.plumbs.add(plumb);
    } catch (error) {
      await this.end(plumb);
      throw error;
    } finally {
      this.starting -= programs;
    }
    // One that has ended meanwhile calls nobody.
    if (programs > 0 && plumb.filters.size === 0) await this.end(plumb);
  }

  /** Ends those with one of these texts; all of the namespace without any. @throws AppError `not-found`, and then none has ended */
  async clear(namespace: string, texts: readonly string[]): Promise<void> {
    const own = this.of(namespace);
    const unknown = texts.find((text) => own.every((plumb) => plumb.text !== text));
    if (unknown !== undefined) throw new AppError('not-found', `no such pipeline: ${unknown.slice(0, 200)}`);
    const wanted = texts.length === 0 ? own : own.filter(({ text }) => texts.includes(text));
    await Promise.all(wanted.map((plumb) => this.end(plumb)));
  }

  async stop(): Promise<void> {
    await Promise.all([...this.plumbs].map((plumb) => this.end(plumb)));
  }

  private of(namespace: string): Plumb[] {
    return [...this.plumbs].filter((plumb) => plumb.namespace === namespace);
  }

  private check(stages: readonly Stage[], programs: number): void {
    const running = [...this.plumbs].reduce((sum, { filters }) => sum + filters.size, 0) + this.starting;
    if (running + programs > maxPlumbPrograms)
      throw new AppError(
        'refused',
        `more than ${maxPlumbPrograms} programs of plumbs on this node: \`clear plumb\` ends some`,
      );
    if (this.plumbs.size >= maxPlumbPrograms)
      throw new AppError('refused', `more than ${maxPlumbPrograms} plumbs on this node: \`clear plumb\` ends some`);
    const links = [...this.plumbs].flatMap((plumb) => pipeLinks(plumb.stages));
    for (const [from, to] of pipeLinks(stages)) {
      if (closesCircle(links, from, to))
        throw new AppError('refused', `messages would run in a circle forever: ${to} leads to ${from}`);
      links.push([from, to]);
    }
  }

  /** Opens a stage whose lines go to `next`; where its own lines come in. */
  private async open(
    plumb: Plumb,
    stage: Stage,
    { next, isFirst, isLast }: { next: Sink; isFirst: boolean; isLast: boolean },
  ): Promise<Sink> {
    const { pipes, startFilter, log } = this.components;
    if (stage.kind === 'program') {
      const filter = await startFilter(stage.argv, {
        onLine: (line) => void next.write(`${line}\n`),
        onComplaint: (line) => log.info(`plumb ${plumb.text}: ${stage.argv[0] ?? ''}: ${line.slice(0, 300)}`),
      });
      plumb.filters.add(filter);
      void filter.ended.then(({ exitCode }) => {
        plumb.filters.delete(filter);
        if (exitCode !== 0)
          log.warn(`plumb ${plumb.text}: ${stage.argv[0] ?? ''} ended with ${exitCode ?? 'a signal'}`);
        next.end();
        if (plumb.filters.size === 0 && this.plumbs.has(plumb)) void this.end(plumb);
      });
      // It makes lines, and reads none: its input ends, and it may run on.
      if (isFirst) filter.closeInput();
      return { write: (line) => filter.write(line), end: () => filter.endInput() };
    }
    if (!isLast) {
      const leave = pipes.addReader(stage.name, { deliver: next.write, onEnd: next.end });
      plumb.ends.push(leave);
    }
    if (isFirst) return nowhere;
    const leave = pipes.addWriter(stage.name);
    plumb.ends.push(leave);
    return {
      write: (line) => {
        pipes
          .write(stage.name, line)
          .catch((error: unknown) => log.warn(`plumb ${plumb.text}: ${describeError(error)}`));
        return true;
      },
      end: () => undefined,
    };
  }

  private async end(plumb: Plumb): Promise<void> {
    this.plumbs.delete(plumb);
    for (const leave of plumb.ends.splice(0)) leave();
    await Promise.all([...plumb.filters].map((filter) => filter.stop()));
  }
}

/** Which pipe leads to which, through programs too. */
function pipeLinks(stages: readonly Stage[]): (readonly [from: string, to: string])[] {
  const names = stages.flatMap((stage) => (stage.kind === 'pipe' ? [stage.name] : []));
  return names.slice(1).map((name, at) => [names[at] ?? '', name]);
}
