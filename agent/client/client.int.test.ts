// The clients against a real command socket.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { responseEntry } from '../../contract/command-socket.ts';
import { createMemoryCluster } from '../commands/memory-cluster.ts';
import { CommandSocket } from '../socket/server.ts';
import { runAttach } from './attach.ts';
import { runExecute } from './execute.ts';
import { runRelay } from './relay.ts';

let base: string;
let socketPath: string;
let server: CommandSocket;
let cancelled: string[];
let quits: number;

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'meshd-client-'));
  socketPath = join(base, 'meshd');
  server = await listen();
  cancelled = [];
  quits = 0;
});
afterEach(async () => {
  await server.close();
  await rm(base, { recursive: true, force: true });
});

async function listen(): Promise<CommandSocket> {
  const dispatcher = (
    await createMemoryCluster({
      names: ['node1', 'node2', 'node3'],
      onQuit: () => {
        quits += 1;
      },
      handlers: (name, peers) => ({
        'host <name,>': ({ host }) => Promise.resolve([responseEntry(host, { Response: name })]),
        'mesh send <hostname or range or all> (command)': ({ command, signal }) =>
          peers.send(peers.names().concat('node9'), command.nested?.line ?? '', {
            namespace: 'minimega',
            timeoutMs: 9,
            signal,
          }),
        'deploy launch <hosts>': ({ status, host }) => {
          status('node2: copied');
          return Promise.resolve([responseEntry(host, { Response: 'done' })]);
        },
        'deploy logs <node>': ({ signal, command }) =>
          new Promise((_, reject) => {
            signal.addEventListener('abort', () => {
              cancelled.push(command.line);
              reject(new Error('stopped'));
            });
          }),
      }),
    })
  ).get('node1')!;
  const watch = { kinds: [], subscribe: () => ({ resync: () => undefined, close: () => undefined }) };
  return CommandSocket.listen(
    { base, host: 'node1', version: '0.1.0' },
    Promise.resolve({ dispatcher, watch, streams: { open: noStreams }, onBug: () => undefined }),
    () => undefined,
  );
}

const noStreams = () => Promise.reject(new Error('not in this test'));

class Text extends PassThrough {
  text = '';
  isTTY = false;
  rows = 24;
  columns = 200;
  constructor() {
    super();
    this.on('data', (chunk: Buffer) => {
      this.text += chunk.toString();
    });
  }
  async until(pattern: RegExp): Promise<void> {
    const end = Date.now() + 60_000;
    while (!pattern.test(this.text)) {
      if (Date.now() > end) throw new Error(`no ${String(pattern)} in a minute: ${this.text}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

describe('-e', () => {
  async function execute(
    words: string[],
    options: { namespace?: string; socketPath?: string; signal?: AbortSignal } = {},
  ) {
    const stdout = new Text();
    const stderr = new Text();
    const code = await runExecute(words, { socketPath, namespace: '', ...options, stdout, stderr });
    return { code, out: stdout.text, err: stderr.text };
  }

  it('prints the answer, and exits 0', async () => {
    expect(await execute(['version'])).toEqual({ code: 0, out: 'node1: meshd 0.1.0\n', err: '' });
    expect(await execute(['echo', 'a  b', '', 'c'])).toMatchObject({ out: 'node1: a  b  c\n' });
    expect(await execute(['echo "a  b" c'])).toMatchObject({ out: 'node1: a  b c\n' });
    expect(await execute(['host', 'name'], { namespace: 'exp' })).toMatchObject({
      out: 'node2: node2\nnode3: node3\n',
    });
  });

  it('hands words on as the shell gave them, whatever the command language makes of their signs', async () => {
    for (const words of [
      ['x#y', 'end'],
      ["it's"],
      ['', 'a', '', 'b'],
      ['a\\nb'],
      ['"hi"'],
      ['#z end'],
      ['a\nb'],
      ['\\'],
      ["'"],
    ]) {
      expect(await execute(['echo', ...words])).toEqual({ code: 0, out: `node1: ${words.join(' ')}\n`, err: '' });
    }
    // One word is a line, as `meshd -attach` takes it.
    expect(await execute(["echo 'x#y' it\\'s # end"])).toMatchObject({ out: "node1: x#y it's\n" });
    await execute(['.env', 'QUOTES', 'x "y" #z']);
    expect(await execute(['echo', '$QUOTES', "'"])).toMatchObject({ out: `node1: x "y" #z '\n` });
  });

  it('shows escape sequences of other hosts, and obeys none', async () => {
    const hostile = '\u001b]52;c;x\u0007\u001b[2J\u009b2J\u0000';
    const shown = '^[]52;c;x^G^[[2J<009b>2J^@';
    expect(await execute(['echo', hostile])).toEqual({ code: 0, out: `node1: ${shown}\n`, err: '' });
    expect((await execute(['bogus', hostile])).err).toContain(shown);
  });

  it('says that a line is too long without asking the daemon, and exits 1', async () => {
    const long = await execute(['echo', 'x'.repeat(1_100_000)], { socketPath: join(base, 'none') });
    expect(long).toMatchObject({
      code: 1,
      err: 'meshd -e: the line has more than 65536 bytes: split it into several lines\n',
    });
    expect((await execute(['echo', ...Array<string>(1000).fill('x')])).err).toBe(
      'Error (node1): the line has more than 1000 words: split it into several lines\n',
    );
  });

  it('exits 1 when any host failed, with the errors on stderr', async () => {
    expect(await execute(['bogus'])).toEqual({ code: 1, out: '', err: 'Error (node1): invalid command: `bogus`\n' });
    expect(await execute(['mesh', 'send', 'all', 'host', 'name'])).toEqual({
      code: 1,
      out: 'node2: node2\nnode3: node3\n',
      err: 'Error (node9): no node node9 in the mesh\n',
    });
    expect((await execute([])).code).toBe(1);
  });

  it('prints progress on stderr', async () => {
    expect(await execute(['deploy launch node2'])).toEqual({ code: 0, out: 'node1: done\n', err: 'node2: copied\n' });
  });

  it('exits 2 when no daemon is there, and says what to do', async () => {
    const missing = await execute(['version'], { socketPath: join(base, 'none') });
    expect(missing.code).toBe(2);
    expect(missing.err).toMatch(/^meshd: no meshd at .*none: start one with/);
  });

  it('cancels on the node', async () => {
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 50);
    expect(await execute(['deploy logs n2'], { signal: abort.signal })).toEqual({
      code: 1,
      out: '',
      err: 'Error (node1): stopped\n',
    });
    expect(cancelled).toEqual(['deploy logs n2']);
  });

  it('shares namespace and output flags with the next -e, and not with a prompt', async () => {
    await execute(['namespace', 'exp']);
    await execute(['.annotate', 'false']);
    expect(await execute(['host', 'name'])).toMatchObject({ out: 'node2\nnode3\n' });
    const input = new PassThrough();
    const output = new Text();
    input.end('namespace other\nhost name\n');
    await runAttach({ socketPath, namespace: '', input, output, errorOutput: new Text() });
    expect(output.text).toBe('node2: node2\nnode3: node3\n');
    expect((await execute(['namespace'])).out).toMatch(/exp +\| +\| true/);
  });

  it('the terminal of the daemon itself shares them too', async () => {
    const input = new PassThrough();
    input.end('namespace exp\n');
    const options = { socketPath, namespace: '', output: new Text(), errorOutput: new Text() };
    await runAttach({ ...options, input, isOwnTerminal: true });
    expect(await execute(['host', 'name'])).toMatchObject({ out: 'node2: node2\nnode3: node3\n' });
  });

  it('quit is a success', async () => {
    expect(await execute(['quit'])).toEqual({ code: 0, out: '', err: '' });
    expect(quits).toBe(1);
  });
});

describe('-attach without a terminal', () => {
  it('runs its input line by line', async () => {
    const input = new PassThrough();
    const output = new Text();
    const errorOutput = new Text();
    input.end('namespace exp\nhost name\n\n# comment\nbogus\necho last');
    expect(await runAttach({ socketPath, namespace: '', input, output, errorOutput })).toBe(1);
    expect(output.text).toBe('node2: node2\nnode3: node3\nnode1: last\n');
    expect(errorOutput.text).toBe('Error (node1): invalid command: `bogus`\n');
  });

  it('exits 2 without a daemon', async () => {
    const errorOutput = new Text();
    const input = new PassThrough();
    expect(
      await runAttach({ socketPath: `${socketPath}x`, namespace: '', input, output: new Text(), errorOutput }),
    ).toBe(2);
    expect(errorOutput.text).toMatch(/no meshd at/);
  });
});

describe('-attach on a terminal', () => {
  let input: Text & { setRawMode?: (isRaw: boolean) => void };
  let output: Text;
  let errorOutput: Text;
  let left: Promise<number>;
  const start = (options: { namespace?: string; pager?: string[] } = {}) => {
    input = new Text();
    input.removeAllListeners('data');
    input.isTTY = true;
    input.setRawMode = () => undefined;
    output = new Text();
    output.isTTY = true;
    errorOutput = new Text();
    left = runAttach({ socketPath, namespace: '', ...options, input, output, errorOutput });
    return output.until(/\$ /);
  };

  it('has a prompt, completes, and remembers', async () => {
    await start();
    expect(output.text).toContain(`meshd:${socketPath}$ `);
    input.write('echo one\r');
    await output.until(/node1: one/);
    input.write('hist\t');
    await output.until(/history /);
    input.write('\r');
    await output.until(/node1: echo one/);
    input.write('\u001b[A');
    input.write('\r');
    await output.until(/node1: echo one\s+history/);
    input.write('disconnect\r');
    expect(await left).toBe(0);
  });

  it('completes and runs in its namespace', async () => {
    await start({ namespace: 'exp' });
    expect(output.text).toContain('[exp]$ ');
    input.write('host na\t');
    await output.until(/host name /);
    input.write('\r');
    await output.until(/node2: node2/);
    input.write('\u0004');
    expect(await left).toBe(0);
  });

  it('runs a multi-line paste in order', async () => {
    await start();
    input.write('echo one\necho two\nnamespace exp\nhost name\n');
    await output.until(/one[\s\S]*two[\s\S]*node3: node3/);
    input.write('disconnect\r');
    await left;
  });

  it('Ctrl-C cancels the command and what was pasted behind it, and leaves the daemon', async () => {
    await start();
    input.write('deploy logs n2\necho never\n');
    await new Promise((resolve) => setTimeout(resolve, 100));
    input.write('\u0003');
    await errorOutput.until(/stopped/);
    input.write('half a li\u0003');
    await output.until(/\^C/);
    input.write('echo on\r');
    await output.until(/node1: on/);
    expect(output.text).not.toContain('node1: never');
    expect(quits).toBe(0);
    input.write('disconnect\r');
    expect(await left).toBe(0);
  });

  it('asks before it sends quit', async () => {
    await start();
    input.write('quit\r');
    await output.until(/Type `quit` again/);
    input.write('echo no\r');
    await output.until(/node1: no/);
    input.write('quit\r');
    await output.until(/Type `quit` again[\s\S]*Type `quit` again/);
    expect(quits).toBe(0);
    input.write('quit\r');
    expect(await left).toBe(0);
    expect(quits).toBe(1);
  });

  it('hands long output to the pager', async () => {
    const file = join(base, 'paged');
    await start({ pager: ['dd', `of=${file}`, 'status=none'] });
    output.rows = 10;
    input.write('help\r');
    await output.until(/sending \d+ lines to dd/);
    input.write('echo after\r');
    await output.until(/node1: after/);
    expect(await readFile(file, 'utf8')).toContain('mesh status');
    expect(output.text).not.toContain('size of the mesh');
    input.write('disconnect\r');
    await left;
  });

  it('prints it when there is no such pager', async () => {
    await start({ pager: ['no-such-pager'] });
    output.rows = 10;
    input.write('help\r');
    await output.until(/size of the mesh/);
    input.write('disconnect\r');
    await left;
  });

  it('says that the daemon went away, and connects again when it is back', async () => {
    await start();
    await server.close();
    await output.until(/ended the connection/);
    input.write('echo lost\r');
    await errorOutput.until(/no meshd at/);
    server = await listen();
    input.write('echo back\r');
    await output.until(/Connected again[\s\S]*node1: back/);
    input.write('disconnect\r');
    expect(await left).toBe(0);
  });
});

describe('-relay', () => {
  it('carries requests and answers', async () => {
    const stdin = new PassThrough();
    const stdout = new Text();
    const done = runRelay({ socketPath, stdin, stdout });
    stdin.write('{"Command":"version"}');
    await stdout.until(/meshd 0\.1\.0.*\n/);
    stdin.end('{"Command":"echo x"}');
    expect(await done).toBe(0);
    expect(stdout.text.trim().split('\n')).toHaveLength(2);
  });

  it('exits 2 without a daemon', async () => {
    const stderr = new Text();
    const stdin = new PassThrough();
    expect(await runRelay({ socketPath: `${socketPath}x`, stdin, stdout: new Text(), stderr })).toBe(2);
    expect(stderr.text).toMatch(/no meshd at/);
  });
});
