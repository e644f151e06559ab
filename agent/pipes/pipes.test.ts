// Named pipes over nodes in memory, and plumbs over programs that are played.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { maxPipeBacklogBytes, maxPipeLineBytes, maxPipeReaders, maxPipes } from '../../contract/limits.ts';
import type { Filter, FilterEnd, FilterOptions } from '../../host/filter.ts';
import { MemoryMeshes } from '../tables/memory-mesh.ts';
import { Pipes } from './pipes.ts';
import { Plumbs, type Stage } from './plumbs.ts';

let logged: string[];
let made: string[];
let meshes: MemoryMeshes;
let nodes: Pipes[];
const log = { info: (text: string) => void logged.push(text), warn: (text: string) => void logged.push(text) };

beforeEach(() => {
  logged = [];
  made = [];
  meshes = new MemoryMeshes();
  nodes = ['n1', 'n2', 'n3'].map(
    (id) =>
      new Pipes({
        mesh: meshes.join(id, `node-${id}`),
        random: () => 0,
        log,
        runVia: (argv, text) => {
          made.push(text);
          return Promise.resolve(`${argv.join(' ')} ${made.length}: ${text}`);
        },
      }),
  );
});
afterEach(() => {
  for (const node of nodes) node.stop();
});

const name = 'minimega//foo';
const node = (at: number): Pipes => {
  const found = nodes[at];
  if (!found) throw new Error('three nodes');
  return found;
};
/** What a reader of this node hears. */
function listen(at: number, pipe = name): string[] {
  const heard: string[] = [];
  node(at).addReader(pipe, { deliver: (text) => heard.push(text) > 0, onEnd: () => void heard.push('end') });
  return heard;
}
/** Messages to other nodes are on their way after `write`. */
const settle = () => new Promise((resolve) => setTimeout(resolve, 5));

describe('a named pipe', () => {
  it('goes to the readers of all nodes, in its order', async () => {
    const heard = [listen(0), listen(1), listen(1), listen(2, 'exp1//foo')];
    for (const text of ['one', 'two\n', 'three']) await node(2).write(name, text);
    await settle();
    const all = ['one\n', 'two\n', 'three\n'];
    expect(heard).toEqual([all, all, all, []]);
    expect(node(2).list('minimega')).toEqual([
      { name, mode: 'all', readers: 3, writers: 0, count: 3, via: [], previous: 'three' },
    ]);
  });

  it('goes to one reader after the other, or to one', async () => {
    const heard = [listen(0), listen(1), listen(1)];
    node(0).set(name, { mode: 'round-robin' });
    for (const text of ['1', '2', '3', '4']) await node(0).write(name, text);
    await settle();
    expect(heard).toEqual([['1\n', '4\n'], ['2\n'], ['3\n']]);
    node(0).set(name, { mode: 'random' });
    await node(0).write(name, '5');
    expect(heard[0]).toEqual(['1\n', '4\n', '5\n']);
  });

  it('learns of readers that come and go after its first message', async () => {
    await node(0).write(name, 'nobody');
    const heard: string[] = [];
    const leave = node(1).addReader(name, { deliver: (text) => heard.push(text) > 0, onEnd: () => undefined });
    await node(0).write(name, 'one');
    await settle();
    leave();
    leave();
    await node(0).write(name, 'two');
    await settle();
    expect(heard).toEqual(['one\n']);
    expect(node(0).list('minimega')[0]).toMatchObject({ readers: 0, count: 3 });
  });

  it('gives each reader what the program makes for it', async () => {
    const heard = [listen(0), listen(1)];
    node(0).set(name, { via: ['dice'] });
    await node(0).write(name, 'roll');
    await settle();
    expect(heard).toEqual([['dice 1: roll\n'], ['dice 2: roll\n']]);
    expect(made).toEqual(['roll\n', 'roll\n']);
  });

  it('is logged where logging is on, and ends its readers when it is forgotten', async () => {
    const heard = listen(0);
    node(0).set(name, { isLogged: true });
    await node(0).write(name, 'one');
    expect(logged).toEqual([`pipe ${name}: one`]);
    node(0).remove(name);
    expect(heard).toEqual(['one\n', 'end']);
    expect(() => node(0).remove(name)).toThrow('no such pipe');
  });

  it('says that a node does not take a message, and sends it to the others', async () => {
    const heard = [listen(1), listen(2)];
    await node(0).write(name, 'one');
    await settle();
    meshes.silent.add('n2');
    await node(0).write(name, 'two');
    await settle();
    expect(heard).toEqual([['one\n'], ['one\n', 'two\n']]);
    expect(logged).toEqual([`pipe ${name}: node-n2 did not take a message: timed out`]);
    meshes.silent.clear();
    await node(0).write(name, 'three');
    await settle();
    expect(heard[0]).toEqual(['one\n', 'three\n']);
  });

  it('is bounded: messages, what waits, readers, and pipes', async () => {
    expect(() => node(0).write(name, 'x'.repeat(maxPipeLineBytes + 1))).toThrow(/a message of more than/);
    const line = 'x'.repeat(maxPipeLineBytes);
    let refused = '';
    const writes: Promise<void>[] = [];
    for (let at = 0; at <= maxPipeBacklogBytes / maxPipeLineBytes; at += 1) {
      try {
        writes.push(node(0).write(name, line));
      } catch (error) {
        refused = String(error);
      }
    }
    expect(refused).toMatch(/is full/);
    await Promise.all(writes);
    await node(0).write(name, line);
    for (let at = 0; at < maxPipeReaders; at += 1) listen(0);
    expect(() => listen(0)).toThrow(/more than 256 readers/);
    for (let at = 1; at < maxPipes; at += 1) node(0).set(`minimega//p${at}`, {});
    expect(() => node(0).set('minimega//more', {})).toThrow(/more than 256 pipes/);
  });
});

/** A program that is played: what it gets is kept, and tests say what it prints. */
class PlayedFilter implements Filter {
  readonly pid = 1;
  readonly got: string[] = [];
  readonly options: FilterOptions;
  private readonly end = Promise.withResolvers<FilterEnd>();
  readonly ended = this.end.promise;
  input: 'open' | 'closed' = 'open';

  constructor(options: FilterOptions) {
    this.options = options;
  }
  write(line: string): boolean {
    this.got.push(line);
    return true;
  }
  closeInput(): void {
    this.input = 'closed';
  }
  endInput(): void {
    this.input = 'closed';
    this.exit(0);
  }
  exit(exitCode: number | null): void {
    this.end.resolve({ exitCode });
  }
  stop(): Promise<FilterEnd> {
    this.exit(null);
    return this.ended;
  }
}

describe('a plumb', () => {
  let played: Map<string, PlayedFilter>;
  let plumbs: Plumbs;
  const program = (word: string): Stage => ({ kind: 'program', argv: [word] });
  const pipe = (text: string): Stage => ({ kind: 'pipe', name: `minimega//${text}` });
  const filter = (word: string): PlayedFilter => {
    const found = played.get(word);
    if (!found) throw new Error(`${word} was not started`);
    return found;
  };

  beforeEach(() => {
    played = new Map();
    plumbs = new Plumbs({
      pipes: node(0),
      log,
      startFilter: ([word = ''], options) => {
        if (word === 'broken') return Promise.reject(new Error('it does not start'));
        played.set(word, new PlayedFilter(options));
        return Promise.resolve(filter(word));
      },
    });
  });
  afterEach(() => plumbs.stop());

  it('passes lines from a pipe through programs to a pipe', async () => {
    const heard = listen(1, 'minimega//out');
    await plumbs.start('minimega', 'in a b out', [pipe('in'), program('a'), program('b'), pipe('out')]);
    await node(1).write('minimega//in', 'one');
    await settle();
    expect(filter('a').got).toEqual(['one\n']);
    filter('a').options.onLine('two');
    expect(filter('b').got).toEqual(['two\n']);
    filter('b').options.onLine('three');
    await settle();
    expect(heard).toEqual(['three\n']);
    expect(plumbs.list('minimega')).toEqual(['in a b out']);
    expect(plumbs.list('exp1')).toEqual([]);
    expect(
      node(0)
        .list('minimega')
        .map(({ name: own, writers }) => [own, writers]),
    ).toEqual([
      ['minimega//in', 0],
      ['minimega//out', 1],
    ]);
  });

  it('ends with its programs: one that ends closes the next', async () => {
    await plumbs.start('minimega', 'a b in', [program('a'), program('b'), pipe('in')]);
    expect(filter('a').input).toBe('closed');
    filter('a').exit(3);
    await settle();
    expect(filter('b').input).toBe('closed');
    expect(plumbs.list('minimega')).toEqual([]);
    expect(node(0).list('minimega')[0]?.writers).toBe(0);
    expect(logged).toEqual(['plumb a b in: a ended with 3']);
  });

  it('ends when it is cleared, and when its source is', async () => {
    await plumbs.start('minimega', 'in a', [pipe('in'), program('a')]);
    await plumbs.start('minimega', 'in b', [pipe('in'), program('b')]);
    await expect(plumbs.clear('minimega', ['in'])).rejects.toThrow('no such pipeline: in');
    await plumbs.clear('minimega', ['in a']);
    expect(plumbs.list('minimega')).toEqual(['in b']);
    expect(node(0).list('minimega')[0]?.readers).toBe(1);
    node(0).remove('minimega//in');
    await settle();
    expect(plumbs.list('minimega')).toEqual([]);
  });

  it('leaves nothing behind when a program does not start', async () => {
    await expect(
      plumbs.start('minimega', 'in broken a', [pipe('in'), program('broken'), program('a')]),
    ).rejects.toThrow('it does not start');
    expect(plumbs.list('minimega')).toEqual([]);
    expect(await filter('a').ended).toEqual({ exitCode: null });
    expect(node(0).list('minimega')).toEqual([]);
  });

  it('makes no circle, also through programs and others', async () => {
    await plumbs.start('minimega', 'x a y', [pipe('x'), program('a'), pipe('y')]);
    await plumbs.start('minimega', 'y z', [pipe('y'), pipe('z')]);
    await expect(plumbs.start('minimega', 'z x', [pipe('z'), pipe('x')])).rejects.toThrow(/in a circle forever/);
    await expect(plumbs.start('minimega', 'q q', [pipe('q'), pipe('q')])).rejects.toThrow(/in a circle forever/);
  });

  it('is bounded in programs', async () => {
    for (let at = 0; at < 64; at += 1) await plumbs.start('minimega', `p${at} in`, [program(`p${at}`), pipe('in')]);
    await expect(plumbs.start('minimega', 'more in', [program('more'), pipe('in')])).rejects.toThrow(/more than 64/);
  });
});
