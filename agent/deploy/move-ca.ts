// `mesh ca move <node>`: makes another member the head. The CA's key is on a disk at every moment:
//
//   1. the CA's files go to the node over SSH, on standard input, 0600, and are on its disk before the next step
//   2. a roster that names the new head is signed and flooded: from here on this node no longer edits rosters
//   3. the node gets that roster, restarts, and says in its hello that it is the head
//   4. only then is the key deleted here
//
// Interrupted before 2, this node is still the head; after 2, the same command continues where it stopped.
import { open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { rangeHint } from '../../core/ranges/parse-range.ts';
import { AppError } from '../../contract/errors.ts';
import type { RosterNode } from '../../contract/roster.ts';
import { becomeHeadScript, receiveCaScript } from '../../host/scripts/deploy.ts';
import { scriptArgv } from '../../host/scripts/script-argv.ts';
import { packTar } from '../../core/deploy/tar.ts';
import { SshConnection } from '../../host/ssh/connection.ts';
import { runAsRoot } from '../../host/as-root.ts';
import type { DeployComponents } from './types.ts';

export interface MoveOptions {
  /** Folder of ca.key and ca.crt here. */
  readonly caFolder: string;
  /** State folder of the other node's meshd. */
  readonly remoteState: string;
  readonly sshPort: number;
  /** Who logs in there, and whether through sudo. */
  readonly login: { readonly user: string; readonly sudo: boolean };
  /** Who we are, for messages. */
  readonly local: string;
  readonly signal: AbortSignal;
}

export interface MoveComponents extends Pick<DeployComponents, 'cluster' | 'mesh' | 'pins' | 'credentials'> {
  /** Signs a roster with another head. Called once, while this node is the head. */
  readonly moveHead: (nodeId: string) => Promise<void>;
}

const confirmMs = 20_000;

/** @throws AppError `refused` elsewhere than on the head, `not-found` for an unknown node, and what SSH says */
export async function moveAuthority(name: string, options: MoveOptions, components: MoveComponents): Promise<void> {
  const { cluster, mesh } = components;
  const files = await readAuthority(options.caFolder);
  const target = cluster.roster().nodes.find((node) => node.name.toLowerCase() === name.toLowerCase());
  if (target?.state !== 'member') throw new AppError('not-found', `no node ${name} in the roster${rangeHint(name)}`);
  if (target.id === cluster.nodeId) throw new AppError('invalid', `${name} is this node, and holds the CA already`);
  const isHead = cluster.roster().head === cluster.nodeId;
  const isGoingOn = files !== null && cluster.roster().head === target.id;
  if (files === null || (!isHead && !isGoingOn)) {
    const { head, nodes } = cluster.roster();
    const holder = nodes.find((node) => node.id === head)?.name ?? 'the head';
    throw new AppError('refused', `mesh ca move runs on ${holder}, which holds the CA`);
  }
  if (!mesh.has(target.id))
    throw new AppError('unreachable', `${target.name} is not in the mesh now: nothing was changed`);

  const { sshPort: port, login, local, signal } = options;
  const connection = await SshConnection.connect(
    { target: { host: target.name, port, user: login.user }, local, signal },
    { pins: components.pins, credentials: await components.credentials() },
  );
  try {
    const send = (script: string, sent: { name: string; content: Buffer }[]) =>
      runAsRoot(connection, login, scriptArgv(script, [options.remoteState]), {
        stdin: Buffer.from(packTar(sent.map((file) => ({ ...file, mode: 0o600 })))),
        timeoutMs: 30_000,
        signal,
      });
    await send(receiveCaScript, [
      { name: 'ca.crt', content: files.certificate },
      { name: 'ca.key', content: files.key },
    ]);
    if (!isGoingOn) await components.moveHead(target.id);
    const roster = Buffer.from(JSON.stringify(cluster.signedRoster()));
    await send(becomeHeadScript, [{ name: 'roster.json', content: roster }]);
  } finally {
    connection.close();
  }
  await confirmHead(target, options, components);
  await rm(join(options.caFolder, 'ca.key'));
  await rm(join(options.caFolder, 'ca.crt'), { force: true });
  const folder = await open(options.caFolder, 'r');
  await folder.sync().finally(() => folder.close());
}

async function readAuthority(folder: string): Promise<{ key: Buffer; certificate: Buffer } | null> {
  try {
    const [key, certificate] = await Promise.all([readFile(join(folder, 'ca.key')), readFile(join(folder, 'ca.crt'))]);
    return { key, certificate };
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new AppError('failed', `the CA in ${folder} is not readable: ${(cause as Error).message}`, { cause });
  }
}

async function confirmHead(target: RosterNode, options: MoveOptions, { mesh }: MoveComponents): Promise<void> {
  const endAt = performance.now() + confirmMs;
  for (;;) {
    options.signal.throwIfAborted();
    if (mesh.has(target.id)) {
      const hello = await mesh.hello(target.id, { timeoutMs: 2_000, signal: options.signal }).catch(() => null);
      if (hello?.isHead) return;
    }
    if (performance.now() > endAt) {
      throw new AppError(
        'timeout',
        `${target.name} holds the CA's key now and did not say within ${confirmMs / 1000} s that it is the head; the key is kept ` +
          `here too: look at deploy logs ${target.name}, then run mesh ca move ${target.name} again`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
