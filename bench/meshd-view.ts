// Follows one meshd over its command socket: connects as soon as the socket is there, keeps a Watch, and connects again when
// the daemon comes back. Looking for the socket costs a failed connect(2) now and then, and no process.
import { setTimeout as sleep } from 'node:timers/promises';
import { connectSocket, socketTransport } from '../host/command-socket.ts';
import { CommandClient } from '../contract/command-client.ts';
import type { ResponseEntry } from '../contract/command-socket.ts';
import { AppError } from '../contract/errors.ts';
import { WatchMessage } from '../contract/watch-messages.ts';
import { applyWatch, emptyCluster, watchedKinds, type WatchedCluster } from '../core/watched-cluster.ts';

const defaultLookEveryMs = 20;

/** Opens the command socket at `path`. @throws AppError `unreachable` when nobody listens there */
export async function openClient(path: string): Promise<CommandClient> {
  return new CommandClient({ canCancel: true }, { transport: socketTransport(await connectSocket(path)) });
}

/** Runs one line and gives all entries. @throws AppError when the daemon does not answer in time */
export async function runLine(client: CommandClient, line: string, timeoutMs: number): Promise<ResponseEntry[]> {
  const entries: ResponseEntry[] = [];
  for await (const answer of client.command(line, { deadline: AbortSignal.timeout(timeoutMs) })) {
    entries.push(...(answer.Resp ?? []));
  }
  return entries;
}

export interface MeshdViewOptions {
  /** Path of the command socket; may change from one run of the daemon to the next. Null while the daemon does not run. */
  readonly path: () => Promise<string | null>;
  /** How often to look for a daemon that does not answer; 20 ms unless given. */
  readonly lookEveryMs?: number;
  /** Called with each state, and with null when the connection is lost. */
  readonly onState: (state: WatchedCluster | null) => void;
}

/** Follows until the returned function is called. */
export function followMeshd(options: MeshdViewOptions): () => void {
  let isOver = false;
  let client: CommandClient | null = null;
  const follow = async () => {
    while (!isOver) {
      try {
        const path = await options.path();
        if (path === null) throw new AppError('unreachable', 'not there');
        client = await openClient(path);
        let state = emptyCluster;
        for await (const message of client.watch({ Kinds: watchedKinds }, WatchMessage)) {
          state = applyWatch(state, message);
          if (!message.More) options.onState(state);
        }
      } catch {
        // Not there yet, or gone again: seen below.
      }
      if (client) options.onState(null);
      client = null;
      await sleep(options.lookEveryMs ?? defaultLookEveryMs);
    }
  };
  void follow();
  return () => {
    isOver = true;
    client?.close();
  };
}

/** Names of the members that a state holds. */
export function memberNames(state: WatchedCluster | null): string[] {
  if (state === null) return [];
  return [...state.nodes.values()].filter((node) => node.State === 'member').map((node) => node.Name);
}
