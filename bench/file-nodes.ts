// Members with files as processes of this machine (file-node.ts), each with a folder for -filepath, in one mesh on the loopback.
import { join } from 'node:path';
import { mkdir, rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { CommandClient } from '../contract/command-client.ts';
import type { ResponseEntry } from '../contract/command-socket.ts';
import { startChild, type Child } from '../host/child.ts';
import { connectSocket, socketTransport } from '../host/command-socket.ts';
import { benchContext, makeIdentities } from './identities.ts';
import { within } from './rounds.ts';

const program = new URL('./file-node.ts', import.meta.url).pathname;
const compileCache = new URL('../.cache/bench/compiled', import.meta.url).pathname;
const stepMs = 120_000;

export interface FileNode {
  readonly name: string;
  /** Its -filepath. */
  readonly root: string;
  /** Lines that its meshd logged. */
  readonly log: readonly string[];
  /** Runs a line on its command socket to the end. */
  command(line: string): Promise<ResponseEntry>;
  /** Bytes that were read for other nodes since it started. */
  served(): Promise<number>;
  /** Each read for another node takes so much longer from now on. */
  slow(ms: number): Promise<unknown>;
  /** kill -9. */
  kill(): Promise<void>;
  start(): Promise<void>;
}

export interface FileNodes {
  readonly nodes: readonly FileNode[];
  /** Resolves when each of them sees so many members. */
  settled(size: number): Promise<void>;
  stop(): Promise<void>;
}

export async function startFileNodes(count: number, firstPort: number): Promise<FileNodes> {
  const nameOf = (index: number) => `node${index + 1}`;
  const identities = await makeIdentities(count, firstPort, { nameOf });
  const children: (Child | undefined)[] = [];
  const stop = async () => {
    await Promise.all(children.flatMap((child) => (child ? [child.stop()] : [])));
    await identities.remove();
  };
  const nodes = identities.nodes.map((identity, index): FileNode => {
    const root = join(identity.base, 'files');
    const log: string[] = [];
    const waiting: { readonly word: string; resolve(rest: string): void }[] = [];
    const answer = (word: string) =>
      within(
        new Promise<string>((resolve) => {
          waiting.push({ word, resolve });
        }),
        stepMs,
        () => `${identity.name} says nothing of ${word}: ${log.slice(-3).join(' / ')}`,
      );
    const ask = (line: string) => {
      const [word = ''] = line.split(' ');
      const answered = answer(word);
      children[index]?.write(`${line}\n`);
      return answered;
    };
    return {
      name: identity.name,
      root,
      log,
      slow: (ms) => ask(`slow ${ms}`),
      served: async () => Number(await ask('served')),
      async command(line) {
        const socket = await connectSocket(join(identity.base, 'meshd'));
        const client = new CommandClient({ canCancel: true }, { transport: socketTransport(socket) });
        try {
          let last: ResponseEntry | undefined;
          for await (const { Resp } of client.command(line)) last = Resp?.[0] ?? last;
          if (!last) throw new Error(`${identity.name} gives no answer to ${line}`);
          return last;
        } finally {
          client.close();
        }
      },
      async kill() {
        children[index]?.kill('SIGKILL');
        await children[index]?.ended;
      },
      async start() {
        const ready = answer('ready');
        const flags = {
          base: identity.base,
          port: identity.port,
          context: benchContext,
          degree: count - 1,
          filepath: root,
        };
        const args = Object.entries(flags).map(([flag, value]) => `-${flag}=${value}`);
        children[index] = await startChild(
          [process.execPath, program, identity.name, ...args, '-level=warn', '-nostdin'],
          {
            diesWithParent: true,
            env: { NODE_COMPILE_CACHE: compileCache },
            hasInput: true,
            onLine: (line) => {
              const [word = '', ...rest] = line.split(' ');
              const at = waiting.findIndex((each) => each.word === word);
              if (at >= 0) waiting.splice(at, 1)[0]?.resolve(rest.join(' '));
              else log.push(line);
            },
          },
        );
        await ready;
      },
    };
  });
  const settled = async (size: number) => {
    const seesAll = async (node: FileNode) => (await node.command('mesh status')).Tabular?.[0]?.[0] === String(size);
    const endAt = performance.now() + stepMs;
    for (;;) {
      const seen = await Promise.all(nodes.map((node) => seesAll(node).catch(() => false)));
      if (seen.filter(Boolean).length === size) return;
      if (performance.now() > endAt) throw new Error(`no mesh of ${size} formed`);
      await sleep(50);
    }
  };
  try {
    for (const node of nodes) {
      await rm(node.root, { recursive: true, force: true });
      await mkdir(node.root);
    }
    await Promise.all(nodes.map((node) => node.start()));
    await settled(count);
    return { nodes, settled, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
