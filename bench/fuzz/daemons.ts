// Real meshds for the fuzzers: the built program, one process each, started once and never again. What they log as an error
// is a fault that the fuzzer found.
import { join } from 'node:path';
import { startChild, type Child } from '../../host/child.ts';
import { makeIdentities, type LocalNodes } from '../identities.ts';
import { builtTree, buildTree } from '../meshds.ts';
import { openClient, runLine } from '../meshd-view.ts';
import { collectedMemory, comes, type Faults, type Memory } from './process-facts.ts';

const answerTimeoutMs = 60_000;

export class Daemons {
  readonly identities: LocalNodes;
  private readonly faults: Faults;
  private readonly children: Child[] = [];
  /** Addresses of the inspectors. */
  private readonly inspectors: string[] = [];
  private isStopping = false;

  private constructor(identities: LocalNodes, faults: Faults) {
    this.identities = identities;
    this.faults = faults;
  }

  /** Identities of `size` nodes, n0 and so on, with mesh ports from `firstPort`; none of them runs yet. */
  static async create(size: number, firstPort: number, faults: Faults): Promise<Daemons> {
    await buildTree();
    return new Daemons(await makeIdentities(size, firstPort), faults);
  }

  async start(index: number): Promise<void> {
    const { base, port, name } = this.node(index);
    const flags = ['-degree', '3', '-context', 'bench', '-port', String(port), '-level', 'warn', '-nostdin'];
    const child = await startChild([join(builtTree, 'bin/meshd'), '-base', base, '-force', ...flags], {
      diesWithParent: true,
      env: { NODE_OPTIONS: '--inspect=127.0.0.1:0' },
      onLine: (line) => {
        const inspector = /^Debugger listening on (ws:\S+)/.exec(line)?.[1];
        if (inspector !== undefined) this.inspectors[index] = inspector;
        if (/ (ERROR|FATAL) |^\s+at |Error:/.test(line)) this.faults.add(`${name} logged: ${line}`);
      },
    });
    this.children[index] = child;
    void child.ended.then(({ exitCode, signal }) => {
      if (!this.isStopping) this.faults.add(`${name} ended: exit code ${exitCode}, signal ${signal}`);
    });
    if (!(await comes(() => this.isAnswering(index)))) throw new Error(`${name} does not answer`);
  }

  /** The rows of one command; one more connection for each, as `mesh status` of a person has. */
  async ask(index: number, line: string): Promise<{ rows: string[][]; text: string; error: string }> {
    const client = await openClient(this.socketOf(index));
    try {
      const [entry] = await runLine(client, line, answerTimeoutMs);
      return { rows: entry?.Tabular ?? [], text: entry?.Response ?? '', error: entry?.Error ?? '' };
    } finally {
      client.close();
    }
  }

  socketOf(index: number): string {
    return join(this.node(index).base, 'meshd');
  }

  pidOf(index: number): number {
    return this.children[index]?.pid ?? 0;
  }

  memoryOf(index: number): Promise<Memory> {
    return collectedMemory(this.pidOf(index), this.inspectors[index] ?? '');
  }

  node(index: number) {
    const node = this.identities.nodes[index];
    if (!node) throw new RangeError(`no node ${index}`);
    return node;
  }

  async stop(): Promise<void> {
    this.isStopping = true;
    await Promise.all(this.children.map((child) => child.stop(10_000)));
    await this.identities.remove();
  }

  private async isAnswering(index: number): Promise<boolean> {
    return this.ask(index, 'mesh status').then(
      ({ rows }) => rows.length === 1,
      () => false,
    );
  }
}
