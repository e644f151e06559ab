// `args`, `check`, `debug`, `log` and `write`, as the dispatcher runs them.
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseFlags } from '../../core/flags.ts';
import type { HostView } from '../../host/ovs/switch-host.ts';
import { LogBook } from '../log.ts';
import { createSystemClock } from '../mesh/clock.ts';
import { createDaemonCommandsPart } from '../parts/daemon-commands.ts';
import type { Part } from '../parts/part.ts';
import type { Dispatcher } from './dispatcher.ts';
import { createMemoryCluster } from './memory-cluster.ts';

let filePath: string;
beforeAll(async () => {
  filePath = await mkdtemp(join(tmpdir(), 'meshd-commands-'));
});
afterAll(() => rm(filePath, { recursive: true }));

let written: string[];
let book: LogBook;
let part: Part;
let qemu: Error | null;
let databaseFailure: string;
let dispatcher: Dispatcher;

beforeEach(async () => {
  written = [];
  qemu = null;
  databaseFailure = '';
  book = new LogBook({ level: 'info', file: '' }, (line) => written.push(line.slice('2026/11/22 06:20:15 '.length)));
  const parsed = parseFlags(['-degree', '3']);
  if (!parsed.ok) throw new Error(parsed.message);
  part = createDaemonCommandsPart(
    { flags: parsed.flags, filePath, isOfMachine: false },
    {
      hypervisor: { facts: () => (qemu ? Promise.reject(qemu) : (Promise.resolve({}) as never)) },
      switchHost: { view: () => ({ databaseFailure, switchFailure: '' }) as HostView },
      clock: createSystemClock(),
      logBook: book,
    },
  );
  dispatcher = (await createMemoryCluster({ names: ['node1'], filePath, handlers: () => part.handlers })).get('node1')!;
});
afterEach(() => part.stop());

const idle = { signal: new AbortController().signal, status: () => undefined };
/** Its text, its table, or its error. */
async function run(line: string, session = dispatcher.session()): Promise<unknown> {
  let answer: unknown = 'no answer';
  for await (const { Resp } of dispatcher.execute(session, line, { via: 'socket' }, idle)) {
    const [entry] = Resp ?? [];
    answer = entry?.Error === '' ? (entry.Tabular ?? entry.Response) : `error: ${entry?.Error ?? 'none'}`;
  }
  return answer;
}

it('`check` says nothing when all is there, and else all that is missing', async () => {
  expect(await run('check')).toBe('');
  qemu = new Error('there is no QEMU');
  databaseFailure = 'no socket';
  expect(await run('check')).toBe('error: openvswitch does not appear to be running: no socket\nthere is no QEMU');
});

it('`args` shows the flags', async () => {
  expect(await run('.columns degree,context args')).toEqual([['3', 'meshd']]);
});

describe('log', () => {
  it('has a level, filters and a ring, which end with `clear log`', async () => {
    expect(await run('log level')).toBe('info');
    expect(await run('log ring')).toBe('error: cannot dump log ring, not enabled');
    await run('log level debug');
    await run('log ring 2');
    await run('log filter noise');
    book.log.debug('one');
    book.log.info('two');
    book.log.info('some noise');
    book.log.warn('three\nlines');
    expect(written).toEqual(['DEBUG one\n', 'INFO two\n', 'WARN three\\nlines\n']);
    expect(await run('log ring')).toMatch(/INFO two\n.*WARN three\\nlines$/);
    expect(await run('log filter')).toBe('noise');
    await run('clear log');
    book.log.debug('four');
    book.log.info('noise');
    expect(written.slice(3)).toEqual(['INFO noise\n']);
    expect(await run('log ring')).toBe('error: cannot dump log ring, not enabled');
  });

  it('goes to a file below -filepath and not to standard error', async () => {
    expect(await run('log stderr')).toBe('true');
    await run('log stderr false');
    await run('log file a.log');
    expect(await run('log file')).toBe('a.log');
    book.log.info('here');
    await run('clear log file');
    book.log.info('nowhere');
    expect(await readFile(join(filePath, 'a.log'), 'utf8')).toMatch(/^\S+ \S+ INFO here\n$/);
    expect(written).toEqual([]);
  });

  it('refuses files elsewhere, images, and sizes that are not numbers', async () => {
    await writeFile(join(filePath, 'disk.raw'), Buffer.alloc(100));
    await symlink('/etc/passwd', join(filePath, 'link'));
    expect(await run('log file /etc/x')).toMatch(/only files below/);
    expect(await run('log file disk.raw')).toMatch(/is not a text file/);
    expect(await run('log file link')).toMatch(/is a symlink/);
    expect(await run('log ring 0')).toMatch(/a number of lines, 1 to 10000/);
    expect(await run('log ring many')).toMatch(/a number of lines/);
    expect(await run('log filter ""')).toMatch(/an empty filter/);
    for (let at = 0; at < 64; at += 1) await run(`log filter f${at}`);
    expect(await run('log filter more')).toMatch(/more than 64 filters/);
  });
});

describe('debug', () => {
  it('shows the runtime, and writes a profile, what is waited for, and memory', async () => {
    expect(await run('debug')).toEqual([[`node ${process.version}`, expect.stringMatching(/^\d+$/), '0']]);
    expect(await run('debug cpu stop')).toBe('error: cpu profile not running');
    expect(await run('debug cpu start ../x')).toMatch(/only files below/);
    expect(await run('debug cpu start a.cpuprofile')).toBe('');
    expect(await run('debug cpu start b.cpuprofile')).toMatch(/already running, for a.cpuprofile/);
    expect(await run('debug cpu stop')).toBe('');
    const profile = JSON.parse(await readFile(join(filePath, 'a.cpuprofile'), 'utf8')) as { nodes: unknown[] };
    expect(profile.nodes.length).toBeGreaterThan(0);
    await run('debug goroutine g.json');
    await run('debug memory m.json');
    expect(JSON.parse(await readFile(join(filePath, 'g.json'), 'utf8'))).toEqual(expect.any(Object));
    const memory = JSON.parse(await readFile(join(filePath, 'm.json'), 'utf8')) as { process: { rss: number } };
    expect(memory.process.rss).toBeGreaterThan(0);
  });
});

describe('write', () => {
  it('writes the history below -filepath, in a form that `read` takes', async () => {
    const session = dispatcher.session();
    await run('echo one', session);
    await run('.env SECRET hunter2', session);
    expect(await run('write t.mm', session)).toBe('');
    expect(await readFile(join(filePath, 't.mm'), 'utf8')).toBe('echo one\n.env SECRET ••••••\n');
    expect(await run('read t.mm check')).toBe('');
    expect(await run('write /etc/x')).toMatch(/only files below/);
    await writeFile(join(filePath, 'disk.raw'), Buffer.alloc(100));
    expect(await run('write disk.raw')).toMatch(/is not a text file/);
  });
});
