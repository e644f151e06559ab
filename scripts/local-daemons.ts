// For tests: real meshds of one cluster in this process, on addresses of 127.0.0.0/8, over machines in memory.
import { expect, vi } from 'vitest';
import { startDaemon, type Daemon } from '../agent/daemon.ts';
import { makeIdentities, type LocalNodes } from '../bench/identities.ts';
import { CommandClient } from '../contract/command-client.ts';
import type { ResponseEntry } from '../contract/command-socket.ts';
import { parseFlags } from '../core/flags.ts';
import { connectSocket, socketTransport } from '../host/command-socket.ts';
import { createMemoryMachine } from '../host/memory-machine.ts';
import type { Hypervisor } from '../host/qemu/hypervisor.ts';

const nothing = () => undefined;
export const silentLog = { debug: nothing, info: nothing, warn: nothing, error: nothing, fatal: nothing };

/** What runs VMs on a node, by its index; one in memory unless given. */
type HypervisorOf = (index: number) => Hypervisor | undefined;

export class LocalDaemons {
  readonly identities: LocalNodes;
  private readonly hypervisorOf: HypervisorOf;
  private readonly daemons: (Daemon | undefined)[] = [];

  private constructor(identities: LocalNodes, hypervisorOf: HypervisorOf) {
    this.identities = identities;
    this.hypervisorOf = hypervisorOf;
  }

  /** They all run and see each other. */
  static async start(
    count: number,
    firstPort: number,
    hypervisorOf: HypervisorOf = () => undefined,
  ): Promise<LocalDaemons> {
    const daemons = new LocalDaemons(await makeIdentities(count, firstPort), hypervisorOf);
    for (let index = 0; index < count; index += 1) await daemons.start(index);
    await daemons.sees(0, count);
    return daemons;
  }

  async start(index: number): Promise<void> {
    const node = this.identities.nodes[index];
    if (!node) throw new Error(`no node ${index}`);
    const { base, port, name } = node;
    const parsed = parseFlags(['-base', base, '-port', String(port), '-context', 'bench', '-degree', '1', '-nostdin']);
    if (!parsed.ok) throw new Error(parsed.message);
    const hypervisor = this.hypervisorOf(index);
    this.daemons[index] = await startDaemon(
      { flags: { ...parsed.flags, base }, programPath: '/nowhere/meshd' },
      {
        log: silentLog,
        machine: createMemoryMachine({ name, number: port }),
        onQuit: nothing,
        ...(hypervisor ? { hypervisor } : {}),
      },
    );
  }

  async stop(index: number): Promise<void> {
    await this.daemons[index]?.stop();
    this.daemons[index] = undefined;
  }

  async remove(): Promise<void> {
    for (const index of this.daemons.keys()) await this.stop(index);
    await this.identities.remove();
  }

  /** This node's mesh has so many members. */
  async sees(index: number, count: number): Promise<void> {
    // The first of five columns is the size.
    await vi.waitFor(async () => expect((await this.tabular(index, 'mesh status'))[0]?.[0]).toBe(String(count)), {
      timeout: 60_000,
    });
  }

  name(index: number): string {
    return this.identities.nodes[index]?.name ?? '';
  }

  socketPath(index: number): string {
    return this.daemons[index]?.socketPath ?? '';
  }

  /** All entries of a command's answer. */
  async entries(index: number, line: string): Promise<readonly ResponseEntry[]> {
    const transport = socketTransport(await connectSocket(this.socketPath(index)));
    const client = new CommandClient({ canCancel: true }, { transport });
    const entries: ResponseEntry[] = [];
    try {
      for await (const { Resp } of client.command(line, {})) entries.push(...(Resp ?? []));
      return entries;
    } finally {
      client.close();
    }
  }

  async run(index: number, line: string): Promise<ResponseEntry> {
    const [entry] = await this.entries(index, line);
    if (!entry) throw new Error(`${line}: no answer`);
    return entry;
  }

  async tabular(index: number, line: string): Promise<readonly (readonly string[])[]> {
    const entry = await this.run(index, line);
    expect(entry.Error).toBe('');
    return entry.Tabular ?? [];
  }
}
