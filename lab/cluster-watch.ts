// Watches the mesh on several lab nodes at once, through their own command sockets: what each node knows, as soon as it
// knows it, without starting processes. Lab tests and benches measure with it.
import { connect, type Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { AppError } from '../contract/errors.ts';
import { WatchMessage } from '../contract/watch-messages.ts';
import { applyWatch, emptyCluster, watchedKinds } from '../core/watched-cluster.ts';
import type { Lab } from './lab.ts';

/** One node's view of the cluster, kept up to date. */
class NodeWatch {
  state = emptyCluster;
  /** The first snapshot has come, and the connection is open. */
  isOpen = false;
  private text = '';
  private readonly socket: Socket;
  private readonly onChange: () => void;

  constructor(path: string, onChange: () => void, onEnd: () => void) {
    this.onChange = onChange;
    this.socket = connect(path);
    this.socket.setEncoding('utf8');
    this.socket.write(`${JSON.stringify({ Watch: { Kinds: watchedKinds } })}\n`);
    this.socket.on('data', (text: string) => {
      this.receive(text);
    });
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => {
      this.isOpen = false;
      onEnd();
      onChange();
    });
  }

  close(): void {
    this.socket.destroy();
  }

  private receive(text: string): void {
    const lines = (this.text + text).split('\n');
    this.text = lines.pop() ?? '';
    for (const line of lines) {
      const message = WatchMessage.parse(JSON.parse(line));
      this.state = applyWatch(this.state, message);
      this.isOpen ||= !message.More;
    }
    this.onChange();
  }
}

export class ClusterWatcher {
  private readonly nodes = new Map<string, NodeWatch>();
  private readonly waiting = new Set<() => void>();

  /**
   * Starts to watch on each of these nodes (again, where it did before), and returns when each has answered: it waits for
   * a meshd that is just starting. @throws AppError `timeout`
   */
  async open(lab: Lab, names: readonly string[], options: { timeoutMs?: number } = {}): Promise<void> {
    const endAt = performance.now() + (options.timeoutMs ?? 45_000);
    await Promise.all(
      names.map(async (name) => {
        this.nodes.get(name)?.close();
        while (!(await this.openOnce(lab, name))) {
          if (performance.now() > endAt) throw new AppError('timeout', `meshd on ${name} does not answer a Watch`);
          await setTimeout(100);
        }
      }),
    );
  }

  /** True once the node has sent its snapshot. */
  private async openOnce(lab: Lab, name: string): Promise<boolean> {
    const path = await lab.livePath(name, '/run/meshd/meshd').catch(() => null);
    if (path === null) return false;
    return new Promise((resolve) => {
      const onChange = () => {
        if (node.isOpen) resolve(true);
        for (const check of this.waiting) check();
      };
      const node = new NodeWatch(path, onChange, () => {
        resolve(false);
      });
      this.nodes.set(name, node);
    });
  }

  close(): void {
    for (const node of this.nodes.values()) node.close();
    this.nodes.clear();
  }

  /** Names of the members that a node sees, itself included; empty when it does not answer. */
  members(name: string): string[] {
    const node = this.nodes.get(name);
    if (!node?.isOpen) return [];
    return [...node.state.nodes.values()].filter(({ State }) => State === 'member').map(({ Name }) => Name);
  }

  /** Links that count (both sides list them), per member name, as a node sees them. */
  degrees(name: string): Map<string, number> {
    const state = this.nodes.get(name)?.state ?? emptyCluster;
    const degrees = new Map(this.members(name).map((member) => [member, 0]));
    const add = (id: string) => {
      const member = state.nodes.get(id)?.Name ?? '';
      degrees.set(member, (degrees.get(member) ?? 0) + 1);
    };
    for (const link of state.links.values()) {
      if (link.State !== 'up') continue;
      add(link.A);
      add(link.B);
    }
    return degrees;
  }

  /**
   * Waits until `isReached` holds, asked at each change of any node. @returns milliseconds waited
   * @throws Error with `what` and what each node sees, after the deadline
   */
  async until(
    isReached: () => boolean,
    { what, timeoutMs = 60_000 }: { what: string; timeoutMs?: number },
  ): Promise<number> {
    const startedAt = performance.now();
    if (isReached()) return 0;
    await new Promise<void>((resolve, reject) => {
      const end = (finish: () => void) => {
        clearTimeout(timer);
        this.waiting.delete(check);
        finish();
      };
      const check = () => {
        if (isReached()) end(resolve);
      };
      const timer = globalThis.setTimeout(() => {
        const seen = [...this.nodes.keys()].map((name) => `${name} sees ${this.members(name).join(',') || 'nothing'}`);
        end(() => {
          reject(new Error(`${what}: not within ${timeoutMs} ms\n${seen.join('\n')}`));
        });
      }, timeoutMs);
      this.waiting.add(check);
    });
    return performance.now() - startedAt;
  }
}
