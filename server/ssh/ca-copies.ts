// Copies of clusters' CAs, for the day a head is lost. The head seals each under a recovery code; the console keeps the sealed
// line, which a backup holds too, and passes the code on once, to the person who asked.
import { z } from 'zod';
import { CommandClient } from '../../contract/command-client.ts';
import type { ResponseEntry } from '../../contract/command-socket.ts';
import type { CaCopyView } from '../../contract/browser/nodes.ts';
import { AppError } from '../../contract/errors.ts';
import { connectSocket, socketTransport } from '../../host/command-socket.ts';
import type { Store, StoredCluster } from '../ports.ts';
import type { SettingStore } from '../store/types.ts';
import { shellOf } from './stored-hosts.ts';
import { runOverRelay } from './relay.ts';

const command = 'mesh ca copy';
/** What the head gives. */
const Answer = z.object({ cluster: z.string(), sealed: z.string().max(4_096), code: z.string().max(100) });
const Kept = z.object({ sealed: z.string(), madeAt: z.number() });

export interface CaCopiesComponents {
  readonly store: Pick<Store, 'clusters' | 'hosts' | 'keys'>;
  readonly settings: SettingStore;
  /** ms since 1970. */
  readonly now: () => number;
}

export class CaCopies {
  private readonly components: CaCopiesComponents;

  constructor(components: CaCopiesComponents) {
    this.components = components;
  }

  async list(): Promise<CaCopyView[]> {
    const clusters = await this.withCa();
    return Promise.all(
      clusters.map(async ({ id, context }) => {
        const text = await this.components.settings.get(settingOf(id));
        const kept = text === null ? null : Kept.parse(JSON.parse(text));
        return { cluster: id, context, sealed: kept?.sealed ?? '', madeAt: kept?.madeAt ?? null };
      }),
    );
  }

  /**
   * Replaces the copy before, which stays usable for anyone who has its code. `name`: a cluster's id or context; empty when there
   * is only one cluster. @throws AppError
   */
  async keep(name: string, signal: AbortSignal): Promise<{ cluster: string; code: string }> {
    const cluster = await this.find(name);
    const entries = await this.ask(cluster, signal);
    const refused = entries.find(({ Error: text }) => text !== '');
    if (refused) throw new AppError('refused', refused.Error);
    const { sealed, code } = Answer.parse(entries[0]?.Data);
    const kept: z.infer<typeof Kept> = { sealed, madeAt: this.components.now() };
    await this.components.settings.put(settingOf(cluster.id), JSON.stringify(kept));
    return { cluster: cluster.id, code };
  }

  /** minimega's nodes know each other by nothing, so there is no CA. */
  private async withCa(): Promise<StoredCluster[]> {
    return (await this.components.store.clusters.list()).filter(({ engine }) => engine === 'meshd');
  }

  private async find(name: string): Promise<StoredCluster> {
    const clusters = await this.withCa();
    const found = clusters.filter(({ id, context }) => name === '' || name === id || name === context);
    const [cluster] = found;
    if (!cluster) throw new AppError('not-found', name === '' ? 'no cluster is known here' : `no cluster ${name}`);
    if (found.length > 1) {
      throw new AppError('invalid', `name one cluster: ${found.map(({ id, context }) => context || id).join(', ')}`);
    }
    return cluster;
  }

  /** The head's own command socket: the CA is never used over the mesh. */
  private async ask(cluster: StoredCluster, signal: AbortSignal): Promise<ResponseEntry[]> {
    if (cluster.socketPaths.length > 0) return askSockets(cluster.socketPaths, signal);
    const { store } = this.components;
    const head = (await store.hosts.list()).find((host) => host.cluster === cluster.id && host.isHead);
    if (!head) throw new AppError('not-found', 'the console does not know the head of this cluster: deploy again');
    const shell = await shellOf(head, store, signal);
    try {
      return await runOverRelay(shell, command, { signal });
    } finally {
      shell.connection.close();
    }
  }
}

/** One of them may be the head's; the others name it. */
async function askSockets(paths: readonly string[], signal: AbortSignal): Promise<ResponseEntry[]> {
  let refusal: ResponseEntry[] = [];
  let lost: unknown;
  for (const path of paths) {
    const entries: ResponseEntry[] = [];
    try {
      const transport = socketTransport(await connectSocket(path));
      const client = new CommandClient({ canCancel: true }, { transport });
      try {
        for await (const answer of client.command(command, { deadline: signal })) entries.push(...(answer.Resp ?? []));
      } finally {
        client.close();
      }
    } catch (error) {
      lost = error;
      continue;
    }
    if (entries.every(({ Error: text }) => text === '')) return entries;
    refusal = entries;
  }
  if (refusal.length === 0) throw lost;
  return refusal;
}

/** A cluster on this machine's own socket has an id that the console chose: its copy is kept under that id. */
function settingOf(cluster: string): string {
  return `ca-copy ${cluster}`;
}
