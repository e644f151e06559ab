import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { responseEntry } from '../../contract/command-socket.ts';
import { AppError } from '../../contract/errors.ts';
import { maxHistoryLines } from '../../contract/limits.ts';
import { commandTable } from '../../core/commands/table.ts';
import type { Answer, Dispatcher } from './dispatcher.ts';
import type { Handlers } from './handler.ts';
import { createMemoryCluster } from './memory-cluster.ts';
import type { Session } from './session.ts';

let filePath: string;
beforeAll(async () => {
  filePath = await mkdtemp(join(tmpdir(), 'meshd-read-'));
});
afterAll(() => rm(filePath, { recursive: true }));

let ran: string[];
let quits: string[];
let cluster: Map<string, Dispatcher>;
let node1: Dispatcher;
let session: Session;

beforeEach(async () => {
  ran = [];
  quits = [];
  cluster = await createMemoryCluster({
    names: ['node1', 'node2', 'node3'],
    filePath,
    onQuit: (name, delayMs) => quits.push(`${name} ${delayMs}`),
    handlers: (name, peers): Handlers => ({
      host: ({ host, origin, namespace }) => {
        ran.push(`${name} host ${origin.via} ${namespace}`);
        const rows = [[name === 'node1' ? '4' : '2', name.slice(-1)]];
        return Promise.resolve([responseEntry(host, { Header: ['cpus', 'load'], Tabular: rows })]);
      },
      'host <name,>': ({ host }) => Promise.resolve([responseEntry(host, { Response: name })]),
      'mesh degree [degree]': ({ host, command }) => {
        ran.push(`${name} ${command.line}`);
        return Promise.resolve([responseEntry(host, { Response: command.words['degree'] ?? '2' })]);
      },
      'mesh send <hostname or range or all> (command)': ({ command, namespace, signal }) => {
        const targets = command.words['hostname'] === 'all' ? peers.names() : [command.words['hostname'] ?? ''];
        return peers.send(targets, command.nested?.line ?? '', { namespace, timeoutMs: 1000, signal });
      },
      'mesh dial <hostname>': () => Promise.reject(new AppError('unreachable', 'dial node9: no address')),
      'mesh hangup <hostname>': (): never => {
        throw new TypeError('a bug');
      },
      'deploy launch <hosts>': async function* ({ host, status }) {
        status('step 1');
        yield [responseEntry(host, { Response: 'one' })];
        yield await Promise.resolve([responseEntry(host, { Response: 'two' })]);
      },
      'deploy logs <node>': () => new Promise(() => undefined),
      'deploy flags [meshd flags]...': async function* ({ signal }) {
        yield [responseEntry('node1', { Response: 'first' })];
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        await new Promise(() => undefined);
      },
    }),
  });
  node1 = cluster.get('node1')!;
  session = node1.session();
});

const idle = { signal: new AbortController().signal, status: () => undefined };
async function answers(line: string, on: { dispatcher?: Dispatcher; session?: Session } = {}): Promise<Answer[]> {
  const found: Answer[] = [];
  const { dispatcher = node1, session: own = session } = on;
  for await (const answer of dispatcher.execute(own, line, { via: 'socket' }, idle)) found.push(answer);
  return found;
}
async function rendered(line: string): Promise<string> {
  return (await answers(line)).map(({ Rendered }) => Rendered).join('\n');
}
function suggestionError(line: string): string {
  try {
    node1.suggest(session, line);
    return '';
  } catch (error) {
    return error instanceof AppError ? error.message : 'a bug';
  }
}
async function errors(line: string): Promise<string> {
  return (await answers(line)).flatMap(({ Resp }) => (Resp ?? []).map((entry) => entry.Error)).join('\n');
}
const fromMember = (line: string, namespace = 'minimega') =>
  node1.executeForMember(line, { nodeId: 'x', name: 'node2', namespace, signal: idle.signal });

describe('a line', () => {
  it('is nothing when blank or a comment', async () => {
    expect(await answers('  ')).toEqual([{ Resp: null, Rendered: '' }]);
    expect(await answers('# note')).toEqual([{ Resp: null, Rendered: '' }]);
  });

  it('that is wrong, refused or broken is an error entry of this host', async () => {
    expect(await answers('bogus')).toEqual([
      { Resp: [responseEntry('node1', { Error: 'invalid command: `bogus`' })], Rendered: '' },
    ]);
    expect(await errors('h')).toBe('ambiguous command: `h`: could be `help`, `history`, `host`');
    expect(await errors('mesh dial node9')).toBe('dial node9: no address');
    expect(await errors('mesh hangup node9')).toBe('a bug');
    expect(await errors('mesh status')).toBe('`mesh status` is not part of this meshd');
  });

  it('may answer several times, with progress between', async () => {
    const texts: string[] = [];
    const status = (text: string) => texts.push(text);
    for await (const { Rendered } of node1.execute(
      session,
      'deploy launch n1',
      { via: 'socket' },
      { ...idle, status },
    )) {
      texts.push(Rendered);
    }
    expect(texts).toEqual(['step 1', 'node1: one', 'node1: two']);
  });

  it('ends when it is cancelled, though its handler does not', async () => {
    for (const [line, before] of [
      ['deploy logs n1', []],
      ['deploy flags', ['first']],
    ] as const) {
      const abort = new AbortController();
      const texts: string[] = [];
      const execution = node1.execute(session, line, { via: 'socket' }, { ...idle, signal: abort.signal });
      setTimeout(() => abort.abort(), 10);
      for await (const { Resp } of execution) texts.push(...(Resp ?? []).map((entry) => entry.Error || entry.Response));
      expect(texts).toEqual([...before, `\`${line}\`: cancelled`]);
    }
  });
});

describe('output flags', () => {
  it('belong to the connection', async () => {
    await answers('.annotate false');
    expect(await rendered('echo hi')).toBe('hi');
    const [other] = await answers('echo hi', { session: node1.session() });
    expect(other?.Rendered).toBe('node1: hi');
    expect(await rendered('.annotate')).toBe('false');
  });

  it('and the active namespace are shared by connections that share them, and go with the namespace', async () => {
    const [one, two] = [node1.session('shared'), node1.session('shared')];
    await answers('namespace exp', { session: one });
    await answers('.annotate false', { session: one });
    await answers('.alias say=echo', { session: one });
    expect((await answers('say hi', { session: two }))[0]?.Rendered).toBe('hi');
    expect((await answers('host name', { session: two }))[0]?.Resp?.map(({ Host }) => Host)).toEqual([
      'node2',
      'node3',
    ]);
    expect(await rendered('echo hi')).toBe('node1: hi');
    await answers('clear namespace exp');
    expect(two.state.namespace).toBe('minimega');
    await answers('quit 5', { session: one });
    await answers('.annotate true quit', { session: one });
    expect([one.ended, two.ended]).toEqual([true, false]);
  });

  it('hold for one command, the outermost winning, also behind mesh send', async () => {
    expect(await rendered('.csv true .json true host')).toBe('host,cpus,load\nnode1,4,1');
    const table = 'host  | cpus | load\nnode1 | 4    | 1';
    expect(await rendered('.csv false .csv true host')).toBe(table);
    expect(await rendered('.json false .annotate true .json true host')).toBe(table);
    expect(await rendered('.json false .csv true host')).toBe('host,cpus,load\nnode1,4,1');
    expect(await rendered('mesh send all .annotate false host name')).toBe('node2\nnode3');
    expect(await rendered('.json false host name')).toBe('node1: node1');
    expect(await rendered('.headers false .columns load,cpus host')).toBe('node1 | 1  | 4');
  });

  it('csv and json exclude each other', async () => {
    await answers('.json true');
    await answers('.csv true');
    expect(await rendered('.json')).toBe('node1: false');
    await answers('.json false');
    expect(await rendered('.csv')).toBe('node1: true');
  });
});

describe('.columns and .filter', () => {
  it('change tables and say what they cannot find', async () => {
    expect(await rendered('.columns load .filter cpus=4 host')).toBe('host  | load\nnode1 | 1');
    expect(await rendered('.filter cpus=5 host')).toBe('');
    expect((await answers('.filter host=zzz host'))[0]).toEqual({ Resp: [], Rendered: '' });
    expect(await errors('.columns x host')).toBe('no such column `x`');
    expect(await errors('.columns lo host')).toBe('no such column `lo`');
    expect(await errors('.filter lo=1 host')).toBe('no such column `lo`');
    expect(await errors('.filter cpus host')).toBe('invalid filter, see help');
  });

  it('work behind mesh send, also when nothing is left', async () => {
    expect(await rendered('mesh send node2 .columns load host')).toBe('host  | load\nnode2 | 2');
    expect((await answers('mesh send node2 .filter host=zzz host'))[0]?.Resp).toEqual([]);
  });
});

describe('namespaces', () => {
  it('are created when first mentioned, with all other nodes', async () => {
    expect(await rendered('namespace')).toBe(
      'host  | namespace | vlans    | active\nnode1 | minimega  | 101-4096 | true',
    );
    expect(await rendered('namespace exp host name')).toBe('node2: node2\nnode3: node3');
    expect(ran).toEqual([]);
    await answers('namespace exp host');
    expect(ran).toEqual(['node2 host mesh exp', 'node3 host mesh exp']);
    expect(session.state.namespace).toBe('minimega');
    await answers('namespace exp');
    expect(await rendered('host name')).toBe('node2: node2\nnode3: node3');
    expect(await rendered('mesh degree')).toBe('node1: 2');
    expect(await rendered('namespace')).toContain('node1 | exp       |          | true');
  });

  it('show the active one, also inside another and over the mesh', async () => {
    await answers('namespace exp');
    const rows = (line: string) => answers(line).then(([answer]) => answer?.Resp?.[0]?.Tabular);
    expect(await rows('namespace other namespace')).toEqual([
      ['minimega', '101-4096', 'false'],
      ['exp', '', 'true'],
      ['other', '', 'false'],
    ]);
    // node2 has none that is active but its own default.
    expect((await rows('mesh send node2 namespace'))?.[0]).toEqual(['minimega', '101-4096', 'true']);
  });

  it('belong to the connection, and a cleared one leads back to the default', async () => {
    await answers('namespace exp');
    expect(node1.session().state.namespace).toBe('minimega');
    const cleared = await answers('clear namespace exp');
    expect(cleared[0]?.Resp?.map(({ Host, Error }) => Host + Error)).toEqual(['node1', 'node2', 'node3']);
    expect(session.state.namespace).toBe('minimega');
    expect(await errors('clear namespace exp')).toMatch(/^no such namespace `exp`/);
    expect(await errors('clear namespace minimega')).toMatch(/^`minimega` is the default namespace/);
    await answers('namespace exp');
    await answers('clear namespace');
    expect(session.state.namespace).toBe('minimega');
  });

  it('have names that are checked and a number that is bounded', async () => {
    expect(await errors('namespace a/b')).toMatch(/^invalid namespace name `a\/b`/);
    for (const name of ['all', '.', '..', '-x', '--', '-']) {
      expect(await errors(`namespace ${name} version`), name).toMatch(/^invalid namespace name/);
    }
    for (const name of ['...', '.x', 'a-b', '_', '9']) expect(await errors(`namespace ${name} version`), name).toBe('');
    for (const name of ['...', '.x', 'a-b', '_', '9']) await answers(`clear namespace ${name}`);
    for (let at = 0; at < 1000; at += 1) await answers(`namespace n${at} version`);
    expect(await errors('namespace more version')).toMatch(/more than 1000 namespaces/);
  });

  it('are the same on every node, and disappear from all of them when they are cleared', async () => {
    await answers('namespace exp');
    const node2 = cluster.get('node2')!;
    const other = { dispatcher: node2, session: node2.session() };
    expect((await answers('namespace', other))[0]?.Resp?.[0]?.Tabular).toEqual([
      ['minimega', '101-4096', 'true'],
      ['exp', '', 'false'],
    ]);
    expect((await answers('namespace exp host name', other))[0]?.Resp?.map(({ Host }) => Host)).toEqual([
      'node2',
      'node3',
    ]);
    await answers('clear namespace exp', other);
    expect(await rendered('namespace')).not.toContain('exp');
  });

  it('that another node cleared is made again when it is active here and a command runs on its hosts', async () => {
    await answers('namespace exp');
    const node2 = cluster.get('node2')!;
    await answers('clear namespace exp', { dispatcher: node2, session: node2.session() });
    expect(await rendered('host name')).toBe('node2: node2\nnode3: node3');
    expect(ran).toEqual([]);
  });

  it('without hosts say so', async () => {
    expect(await errors('namespace exp ns del-hosts all')).toBe('');
    expect(await errors('namespace exp host')).toBe('the namespace exp has no hosts: `ns add-hosts <hosts>`');
    await answers('ns del-hosts all');
    expect(await errors('host')).toMatch(/^the namespace minimega has no hosts/);
    await answers('ns add-hosts node[1-2]');
    expect((await answers('host'))[0]?.Resp?.map(({ Host }) => Host)).toEqual(['node1', 'node2']);
  });

  it('stay when a host is silent, and the answer says what to do', async () => {
    const dispatchers = await createMemoryCluster({ names: ['a', 'b', 'c'], silent: ['c'], handlers: () => ({}) });
    const a = dispatchers.get('a')!;
    const at = { dispatcher: a, session: a.session() };
    await answers('namespace exp', at);
    expect((await answers('clear namespace exp', at))[0]?.Resp?.map(({ Host, Error }) => `${Host} ${Error}`)).toEqual([
      'a ',
      'b ',
      'c timed out\nRun `clear namespace exp` again, when c answers, or take it out first: `namespace exp ns del-hosts c`',
    ]);
    expect(at.session.state.namespace).toBe('exp');
  });

  it('are cleared on one node only, not over the mesh', async () => {
    await answers('namespace exp');
    const [entry] = await fromMember('clear namespace exp');
    expect(entry?.Error).toMatch(/^cannot run `clear namespace exp` via meshage/);
    expect((await fromMember('clear namespace'))[0]?.Error).toBe('');
  });

  it('of a lone node hold that node', async () => {
    const lone = (
      await createMemoryCluster({
        names: ['solo'],
        handlers: () => ({ 'host <name,>': ({ host }) => Promise.resolve([responseEntry(host, { Response: host })]) }),
      })
    ).get('solo')!;
    const [answer] = await answers('namespace x host name', { dispatcher: lone, session: lone.session() });
    expect(answer?.Rendered).toBe('solo: solo');
  });
});

describe('clear all', () => {
  it('runs each of its clears, names what failed, and forgets the history last', async () => {
    const cleared: string[] = [];
    const dispatchers = await createMemoryCluster({
      names: ['a', 'b'],
      handlers: () => ({
        'clear deploy flags': () => Promise.reject(new AppError('failed', 'no room')),
        'clear vlans [prefix]': ({ host, command }) => {
          cleared.push(command.line);
          return Promise.resolve([responseEntry(host)]);
        },
      }),
    });
    const a = dispatchers.get('a')!;
    const at = { dispatcher: a, session: a.session() };
    await answers('namespace exp', at);
    expect((await answers('clear all', at))[0]?.Resp).toEqual([
      responseEntry('a', { Error: 'clear deploy flags: no room' }),
    ]);
    expect(cleared).toEqual(['clear vlans all']);
    expect(at.session.state.namespace).toBe('minimega');
    expect((await answers('namespace', at))[0]?.Resp?.[0]?.Tabular).toEqual([['minimega', '101-4096', 'true']]);
    expect((await answers('history', at))[0]?.Resp?.[0]?.Response).toBe('namespace');
  });
});

describe('a member of the mesh', () => {
  it('gets answers of this host only', async () => {
    const entries = await fromMember('namespace exp host name');
    expect(entries).toEqual([responseEntry('node1', { Response: 'node1' })]);
    expect(await fromMember('host', 'exp')).toHaveLength(1);
    expect(ran).toEqual(['node1 host mesh exp']);
  });

  it('cannot run what only the socket may run, in any wrapping', async () => {
    for (const { pattern, items } of commandTable.filter(({ pattern: { reach } }) => reach === 'socket')) {
      const words = items.flatMap((item) => {
        if (item.kind === 'literal') return [item.text];
        if (item.kind === 'nested') return ['version'];
        if (item.kind === 'choice') return item.optional ? [] : [item.options[0] ?? ''];
        return item.optional ? [] : ['value'];
      });
      const line = words.join(' ');
      for (const sent of [
        line,
        `.annotate false ${line}`,
        `namespace x .columns a ${line}`,
        `.filter a=b .csv true ${line}`,
      ]) {
        const entries = await fromMember(sent);
        expect(entries.map((entry) => entry.Error).join(), `${pattern.pattern}: ${sent}`).toMatch(
          /^cannot run `.*` via meshage/,
        );
      }
    }
    expect(quits).toEqual([]);
    expect(ran).toEqual([]);
  });

  it('reads none of this host: no variables, aliases or history', async () => {
    await answers('.env SECRET hunter2');
    expect(await fromMember('echo $SECRET')).toEqual([responseEntry('node1', { Response: '$SECRET' })]);
    await answers('.alias version=quit');
    expect((await fromMember('version'))[0]?.Response).toBe('meshd 0.1.0');
    expect((await fromMember('history'))[0]?.Error).toMatch(/^cannot run/);
  });

  it('cannot be sent what the operator may not send', async () => {
    expect(await errors('mesh send all quit')).toMatch(/^cannot run `quit` via meshage/);
    expect(await errors('mesh send all mesh send all version')).toMatch(
      /^cannot run `mesh send all version` via meshage/,
    );
    expect(quits).toEqual([]);
  });
});

describe('variables and aliases', () => {
  it('are replaced where they are typed, also in what is sent on', async () => {
    await answers('.env WHO world');
    expect(await rendered('echo hello $WHO')).toBe('node1: hello world');
    expect(await rendered('mesh send node2 echo ${WHO}')).toBe('node2: world');
    expect(await rendered('.preprocess false echo $WHO')).toBe('node1: $WHO');
    expect(await rendered('.env')).toBe('host  | key | value\nnode1 | WHO | world');
    expect((await answers('.env WHO'))[0]?.Resp).toEqual([responseEntry('node1', { Response: 'world' })]);
    await answers('.env WHO ""');
    expect((await answers('echo hello $WHO .'))[0]?.Resp?.[0]?.Response).toBe('hello  .');
    expect((await answers('.env'))[0]?.Resp?.[0]?.Tabular).toEqual([['WHO', '']]);
    await answers('clear env WHO');
    expect(await errors('clear env WHO')).toMatch(/^\$WHO is not set/);
    expect(await errors('.env WHO')).toMatch(/^\$WHO is not set/);
    expect(await errors('echo $WHO')).toMatch(/^\$WHO is not set/);
    expect(await errors(`.env LONG ${'x'.repeat(16_385)}`)).toMatch(/more than 16384/);
    expect(await errors('.env 1x y')).toMatch(/a variable's name/);
    expect(await errors('echo http://x/y')).toMatch(/does not fetch/);
  });

  it('an alias stands for the first word, once, on its connection', async () => {
    await answers('.alias say=echo say');
    expect(await rendered('say hi')).toBe('node1: say hi');
    expect(await rendered('echo say')).toBe('node1: say');
    const [other] = await answers('say hi', { session: node1.session() });
    expect(other?.Resp?.[0]?.Error).toBe('invalid command: `say hi`');
    await answers('.unalias say');
    expect(await errors('.unalias say')).toMatch(/no such alias/);
    expect(await errors('.alias nonsense')).toMatch(/write `.alias name=command`/);
  });
});

describe('history', () => {
  const kept = async () => (await answers('.record false history'))[0]?.Resp?.[0]?.Response.split('\n');

  it('keeps lines after they ran, unless they failed, said nothing, or were not to be kept', async () => {
    await answers('mesh dial node9');
    await answers('bogus');
    await answers('echo $NONE');
    await answers('# a note');
    await answers('.record false version');
    await answers('echo  a # said');
    expect((await answers('history'))[0]?.Resp?.[0]?.Response).toBe('echo  a # said');
    expect(await kept()).toEqual(['echo  a # said', 'history']);
  });

  it('keeps what failed on some hosts only', async () => {
    await answers('namespace exp host');
    await answers('namespace exp ns add-hosts localhost');
    const silent = await createMemoryCluster({
      names: ['a', 'b'],
      silent: ['b'],
      handlers: () => ({ 'host <name,>': ({ host }) => Promise.resolve([responseEntry(host, { Response: host })]) }),
    });
    const a = silent.get('a')!;
    const at = { dispatcher: a, session: a.session() };
    await answers('ns add-hosts all', at);
    expect((await answers('host name', at))[0]?.Resp?.map(({ Error }) => Error)).toEqual(['', 'timed out']);
    expect((await answers('history', at))[0]?.Resp?.[0]?.Response).toBe('ns add-hosts all\nhost name');
  });

  it('is empty after `clear history`', async () => {
    await answers('echo a');
    expect(await errors('clear histor')).toMatch(/typed in full/);
    await answers('clear history');
    expect(await rendered('history')).toBe('');
    await answers('namespace exp clear history');
    expect(await rendered('history')).toBe('');
  });

  it('has the lines of a script, and not the line that read it', async () => {
    await writeFile(join(filePath, 'h.mm'), ['# note', 'echo one', 'mesh dial node9', 'echo two'].join('\n'));
    await answers('read h.mm');
    expect(await kept()).toEqual(['echo one', 'echo two']);
    await answers('clear history');
    await answers('.record false read h.mm');
    expect(await kept()).toEqual(['']);
  });

  it('has no values of variables, which others may not read, not even through an alias', async () => {
    await answers('.env PASSWORD hunter22');
    await answers('.csv true .e PASSWORD "hunter22 and more"');
    await answers('.env PASSWORD=hunter22');
    await answers('.alias pw=.env PASSWORD');
    await answers('pw hunter22');
    expect(await rendered('echo $PASSWORD')).toBe('node1: hunter22');
    const lines = (await answers('.record false history'))[0]?.Resp?.[0]?.Response.split('\n');
    expect(lines).toEqual([
      '.env PASSWORD ••••••',
      '.csv true .e PASSWORD ••••••',
      '.alias pw=.env PASSWORD',
      'pw ••••••',
      'echo $PASSWORD',
    ]);
  });

  it('is bounded', async () => {
    for (let at = 0; at < maxHistoryLines + 5; at += 1) await answers(`echo ${at}`);
    const lines = (await answers('.record false history'))[0]?.Resp?.[0]?.Response.split('\n');
    expect(lines).toHaveLength(maxHistoryLines);
    expect(lines?.[0]).toBe('echo 5');
    for (let at = 0; at < 20; at += 1) await answers(`echo ${'x'.repeat(900_000)}`);
    expect((await answers('.record false history'))[0]?.Resp?.[0]?.Response.length).toBeLessThan(9_000_000);
  });
});

describe('quit', () => {
  it('answers nothing and ends the connection', async () => {
    expect(await answers('.annotate false quit')).toEqual([]);
    expect(session.ended).toBe(true);
    expect(quits).toEqual(['node1 0']);
  });

  it('answers when it has a delay', async () => {
    expect(await rendered('quit 5')).toBe('node1: quitting after 5 seconds');
    expect(await errors('quit soon')).toMatch(/a delay in seconds/);
    expect(quits).toEqual(['node1 5000']);
  });
});

describe('read', () => {
  const script = (name: string, ...lines: string[]) => writeFile(join(filePath, name), lines.join('\n'));

  const said = async (line: string) => (await answers(line)).map(({ Resp, Rendered }) => Rendered || Resp?.[0]?.Error);

  it('answers line by line and continues after a command that fails', async () => {
    await script('a.mm', '# comment', 'echo one', '', 'mesh dial node9', '.annotate false', 'echo two');
    expect(await said('read a.mm')).toEqual(['node1: one', 'dial node9: no address', '', 'two']);
  });

  it('stops at the first line that is not a command, and says where', async () => {
    await script('t.mm', '# comment', 'echo one', '', 'bogus', 'echo two');
    expect(await said('read t.mm')).toEqual(['node1: one', 't.mm:4 invalid command: `bogus`']);
    await script('u.mm', 'echo "open');
    expect(await said('read u.mm')).toEqual(['u.mm:1 missing terminal "']);
  });

  it('only checks, when asked to', async () => {
    await script('b.mm', 'echo one', 'bogus', 'mesh send all', 'quit');
    expect(await errors('read b.mm check')).toBe(
      'b.mm:2 invalid command: `bogus`\nb.mm:3 invalid command: `mesh send all`',
    );
    await script('c.mm', 'quit');
    expect(await errors('read c.mm check')).toBe('');
    expect(quits).toEqual([]);
  });

  it('ends at quit, and reads no other script', async () => {
    await script('d.mm', 'echo one', 'quit', 'echo two');
    expect(await answers('read d.mm')).toHaveLength(1);
    expect(session.ended).toBe(true);
    session = node1.session();
    await script('e.mm', 'echo one', '.csv true read d.mm');
    expect(await said('read e.mm')).toEqual(['node1: one', 'e.mm:2 cannot run nested read commands']);
    expect(await errors('read e.mm check')).toBe('e.mm:2 cannot run nested read commands');
    await answers('.alias r=read');
    await script('e.mm', 'r d.mm');
    expect(await errors('read e.mm')).toBe('e.mm:1 cannot run nested read commands');
  });

  it('runs in the namespace it was started in', async () => {
    await script('f.mm', 'host name', 'namespace other', 'namespace');
    const found = await answers('namespace exp read f.mm');
    expect(found[0]?.Rendered).toBe('node2: node2\nnode3: node3');
    expect(found[2]?.Rendered).toContain('other     |          | true');
    expect(session.state.namespace).toBe('minimega');
  });

  it('stays below -filepath and follows no symlink', async () => {
    const outside = await mkdtemp(join(tmpdir(), 'meshd-outside-'));
    await writeFile(join(outside, 'x.mm'), 'quit');
    await symlink(join(outside, 'x.mm'), join(filePath, 'link.mm'));
    await symlink(outside, join(filePath, 'folder'));
    await mkdir(join(filePath, 'sub'));
    await script('sub/g.mm', 'echo sub');
    expect(await rendered('read sub/g.mm')).toBe('node1: sub');
    expect(await rendered(`read ${filePath}/sub/g.mm`)).toBe('node1: sub');
    expect(await errors('read ../x.mm')).toMatch(/only files below/);
    expect(await errors(`read ${outside}/x.mm`)).toMatch(/only files below/);
    expect(await errors('read link.mm')).toMatch(/is a symlink/);
    expect(await errors('read folder/x.mm')).toMatch(/leads through a symlink/);
    expect(await errors('read sub')).toMatch(/not a regular file/);
    expect(await errors('read none.mm')).toMatch(/no such file/);
    await rm(outside, { recursive: true });
    expect(quits).toEqual([]);
  });
});

describe('help and completion', () => {
  it('know the table, the nodes and the namespaces', async () => {
    expect((await answers('help mesh status'))[0]?.Resp?.[0]?.Response).toMatch(/^Usage: mesh status\n/);
    expect((await answers('help bogus'))[0]?.Resp?.[0]).toMatchObject({
      Response: 'no help for `bogus`: `help` lists all commands',
      Error: '',
    });
    expect((await answers('help viz'))[0]?.Resp?.[0]?.Response).toMatch(/^not in meshd: `viz`/);
    expect(node1.suggest(session, 'help mesh ')).toEqual([]);
    await answers('namespace exp version');
    expect(node1.suggest(session, 'namespace ')).toEqual(['namespace exp ', 'namespace minimega ']);
    expect(node1.suggest(session, 'mesh send ')).toEqual(['mesh send all ', 'mesh send node2 ', 'mesh send node3 ']);
    expect(node1.suggest(session, 'help ver')).toEqual(['help version ']);
  });
});

describe('a line beyond the bounds', () => {
  it.each([
    ['echo ' + 'x '.repeat(1000), /^the line has more than 1000 words: split it into several lines$/],
    ['. '.repeat(32_767), /^the line has more than 1000 words: split it into several lines$/],
    ['echo ' + 'x'.repeat(65_532), /^the line has more than 65536 bytes: split it into several lines$/],
  ])('gets the same error typed, in a script, checked, and completed', async (line, expected) => {
    expect(await errors(line)).toMatch(expected);
    expect(suggestionError(line)).toMatch(expected);
    await writeFile(join(filePath, 'long.mm'), `${line}\nversion\n`);
    expect(await errors('read long.mm')).toContain('long.mm:1 the line has more than ');
    expect(await errors('read long.mm check')).toContain('long.mm:1 the line has more than ');
  });

  it('gets it with an alias and with variables, whose values count', async () => {
    await answers(`.alias big=echo ${'x'.repeat(16_000)}`);
    expect(await errors(`big ${'y'.repeat(60_000)}`)).toMatch(/^the line has more than 65536 bytes/);
    await answers(`.env BIG ${'x'.repeat(16_000)}`);
    expect(await errors(`echo ${'$BIG'.repeat(10_000)}`)).toMatch(/^with its variables the line has more than 65536/);
  });

  it('ends at 16 kB for a line that a member sent, and runs nothing', async () => {
    const longest = `mesh degree ${'1'.repeat(16_384 - 12)}`;
    await fromMember(longest);
    expect(ran).toHaveLength(1);
    const [entry] = await fromMember(`${longest}1`);
    expect(entry?.Error).toMatch(/^the line has more than 16384 bytes, the most that another node takes/);
    expect(ran).toHaveLength(1);
  });
});

describe('checkHandlers', () => {
  it('names what is missing', () => {
    const { missing, unknown } = node1.checkHandlers();
    expect(missing).toContain('mesh status');
    expect(missing).not.toContain('version');
    expect(missing).not.toContain('.annotate <true,false> (command)');
    expect(unknown).toEqual([]);
  });

  it('names handlers that have no pattern', async () => {
    const handlers = () => ({ nonsense: () => Promise.resolve([]) });
    const odd = (await createMemoryCluster({ names: ['a'], handlers })).get('a')!;
    expect(odd.checkHandlers().unknown).toEqual(['nonsense']);
  });
});
