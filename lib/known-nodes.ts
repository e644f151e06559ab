// The nodes that the console reaches over SSH, kept up to date by events and asked for again when the connection comes back.
import { describeError } from '../contract/errors.ts';
import type { KnownNode, KnownNodesChange } from '../contract/known-nodes.ts';
import type { ConsoleClient } from './client.ts';
import { Observable, type Readable } from './observable.ts';

export interface KnownNodesState {
  readonly status: 'loading' | 'live' | 'stale';
  /** By the console's own id. */
  readonly nodes: ReadonlyMap<string, KnownNode>;
  /** Why there is no list, for people; empty otherwise. */
  readonly error: string;
}

export class KnownNodesCollection {
  private readonly client: ConsoleClient;
  private readonly current = new Observable<KnownNodesState>({ status: 'loading', nodes: new Map(), error: '' });
  private users = 0;
  /** What changed while the list was asked for: the list may be older. */
  private held: KnownNodesChange[] | null = null;

  constructor(components: { client: ConsoleClient }) {
    const { client } = components;
    this.client = client;
    client.on('nodes.changed', (change) => {
      if (this.held) this.held.push(change);
      else this.apply(change);
    });
    client.onConnected(() => {
      if (this.users > 0) void this.load();
    });
    client.connection.subscribe(() => {
      const state = this.current.get();
      if (client.connection.get().state !== 'live' && state.status === 'live') {
        this.current.set({ ...state, status: 'stale' });
      }
    });
  }

  get state(): Readable<KnownNodesState> {
    return this.current;
  }

  /** Keeps it loaded over reconnects until the returned function is called. */
  retain(): () => void {
    this.users += 1;
    if (this.current.get().status !== 'live' && this.client.connection.get().state === 'live') void this.load();
    return () => {
      this.users -= 1;
    };
  }

  private async load(): Promise<void> {
    if (this.held) return;
    this.held = [];
    try {
      const nodes = await this.client.call('nodes.known', {});
      this.current.set({ status: 'live', nodes: new Map(nodes.map((node) => [node.id, node])), error: '' });
    } catch (error) {
      this.current.set({ ...this.current.get(), error: describeError(error) });
    }
    const held = this.held;
    this.held = null;
    for (const change of held) this.apply(change);
  }

  private apply({ changed, gone }: KnownNodesChange): void {
    const state = this.current.get();
    const nodes = new Map(state.nodes);
    for (const node of changed) nodes.set(node.id, node);
    for (const id of gone) nodes.delete(id);
    this.current.set({ ...state, nodes });
  }
}
