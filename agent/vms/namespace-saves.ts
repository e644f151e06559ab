// `ns save`: memory and disks of all VMs of a namespace, and a script that launches them again. Owns the order of things over all hosts; each host saves
// its own VMs (saving.ts).
//
//   no VM is lost, every host answers → all stand still → hosts side by side, each VM after the other → the script
//
// INVARIANTS: what cannot be saved as a whole changes nothing. When a save fails, VMs that ran run again, and there is no script.
import { z } from 'zod';
import { AppError, describeError } from '../../contract/errors.ts';
import { responseEntry, type ResponseEntry } from '../../contract/command-socket.ts';
import { describeRange } from '../../core/ranges/describe-range.ts';
import { compareNames } from '../../core/ranges/natural-order.ts';
import { quoteWord } from '../../core/commands/tokens.ts';
import { diskName, savedFolder, stateName } from '../../core/vms/saved-names.ts';
import { launchScript } from '../../core/vms/launch-script.ts';
import type { VmConfig } from '../../core/vms/config.ts';
import type { VmRecord } from '../../core/vms/record.ts';
import type { FileStore } from '../../host/images/image-store.ts';
import type { ListedVm } from './launch-plan.ts';
import { Config } from './shapes.ts';

export interface NamespaceSaveComponents {
  /** Runs a line on one host of the namespace, this one too; its entries. */
  readonly runOn: (
    host: string,
    line: string,
    options: { readonly namespace: string; readonly signal: AbortSignal; readonly timeoutMs: number },
  ) => Promise<readonly ResponseEntry[]>;
  readonly hosts: (namespace: string) => readonly string[];
  readonly listed: (namespace: string) => readonly ListedVm[];
  readonly lost: (namespace: string) => readonly VmRecord[];
  readonly store: Pick<FileStore, 'newFile'>;
  /** Milliseconds. */
  readonly now: () => number;
}

export interface NamespaceSaveStatus {
  readonly completed: number;
  readonly total: number;
}

interface Call {
  readonly signal: AbortSignal;
  readonly status: (text: string) => void;
}

interface Found {
  readonly host: string;
  readonly name: string;
  readonly state: string;
}

/** A person reads no more. */
const statusMs = 1_000;
const askMs = 30_000;
const stopMs = 120_000;
const saveMs = 3_600_000;
const States = z.array(z.tuple([z.string(), z.string(), z.string(), z.string()]));

export class NamespaceSaves {
  private readonly components: NamespaceSaveComponents;
  private readonly last = new Map<string, { completed: number; total: number; isRunning: boolean }>();

  constructor(components: NamespaceSaveComponents) {
    this.components = components;
  }

  /** Of the save that runs, or of the last one. */
  status(namespace: string): NamespaceSaveStatus {
    return this.last.get(namespace) ?? { completed: 0, total: 0 };
  }

  /** The namespace is gone. */
  forget(namespace: string): void {
    this.last.delete(namespace);
  }

  /** `name`: of the folder below `saved`. @returns VMs that were left out, since they have ended */
  async save(namespace: string, name: string, call: Call): Promise<readonly string[]> {
    if (this.last.get(namespace)?.isRunning)
      throw new AppError('conflict', `${namespace} is being saved: \`ns save\` shows how far`);
    const { lost } = this.components;
    const away = lost(namespace);
    if (away.length > 0) {
      const nodes = describeRange([...new Set(away.map(({ host }) => host))]);
      throw new AppError(
        'refused',
        `${describeRange(away.map((vm) => vm.name))} cannot be saved: lost with ${nodes}. Nothing was saved: try again when ${nodes} is back, or ` +
          `take it out with \`ns del-hosts\` and save the others by \`vm save\``,
      );
    }
    const progress = { completed: 0, total: 0, isRunning: true };
    this.last.set(namespace, progress);
    try {
      return await this.saveAll(namespace, name, call, progress);
    } finally {
      progress.isRunning = false;
    }
  }

  private async saveAll(
    namespace: string,
    name: string,
    { signal, status }: Call,
    progress: { completed: number; total: number },
  ): Promise<readonly string[]> {
    const found = await this.find(namespace, signal);
    const vms = found.filter(({ state }) => state !== 'QUIT' && state !== 'ERROR');
    progress.total = vms.length;
    if (vms.length === 0) throw new AppError('refused', `no VM of ${namespace} has a QEMU: there is no memory to save`);
    const configs = await Promise.all(vms.map((vm) => this.configOf(vm, namespace, signal)));
    const byHost = new Map<string, Found[]>();
    for (const vm of vms) byHost.set(vm.host, [...(byHost.get(vm.host) ?? []), vm]);
    const running = vms.filter(({ state }) => state === 'RUNNING');
    try {
      // All at about one moment: what VMs say to each other while they are saved would be lost.
      await this.onEach(running, 'vm stop', { namespace, signal, timeoutMs: stopMs });
      let saidAt = this.components.now();
      const say = (host: string, vm: string) => {
        if (this.components.now() - saidAt < statusMs) return;
        saidAt = this.components.now();
        status(`[${host}]: saving ${vm}: ${progress.completed} of ${progress.total} VMs are saved`);
      };
      const results = await Promise.allSettled(
        [...byHost].map(async ([host, own]) => {
          for (const vm of own) {
            say(host, vm.name);
            const line = `vm save ${quoteWord(vm.name)} ${quoteWord(`${name}/${vm.name}`)}`;
            await this.run(host, line, { namespace, signal, timeoutMs: saveMs });
            progress.completed += 1;
          }
        }),
      );
      const failed = results.filter((result) => result.status === 'rejected');
      if (failed.length > 0) throw new AppError('failed', failed.map(({ reason }) => describeError(reason)).join('\n'));
      const script = launchScript(vms.map((vm, at) => ({ name: vm.name, config: savedConfig(name, vm, configs[at]) })));
      const file = await this.components.store.newFile(`${savedFolder}/${name}/launch.mm`);
      try {
        await file.append(Buffer.from(script));
      } catch (error) {
        await file.discard();
        throw error;
      }
      await file.publish({ mayReplace: true });
    } catch (error) {
      // Also after a cancel.
      const again = { namespace, signal: AbortSignal.timeout(stopMs), timeoutMs: stopMs };
      const notAgain = await this.onEach(running, 'vm start', again).then(
        () => '',
        (cause: unknown) => `\nand not all VMs run again: ${describeError(cause)}`,
      );
      throw new AppError(error instanceof AppError ? error.code : 'failed', `${describeError(error)}${notAgain}`, {
        cause: error,
      });
    }
    return found.filter((vm) => !vms.includes(vm)).map((vm) => vm.name);
  }

  /** VMs of all hosts, with their states. @throws AppError that names a host which does not answer */
  private async find(namespace: string, signal: AbortSignal): Promise<Found[]> {
    const { hosts, listed } = this.components;
    // VMs stay on a host that was taken out of the namespace.
    const names = new Set([...hosts(namespace), ...listed(namespace).map(({ host }) => host)]);
    const all = await Promise.all(
      [...names].map(async (host) => {
        const [entry] = await this.run(host, 'vm state all', { namespace, signal, timeoutMs: askMs });
        return States.parse(entry?.Tabular ?? []).map(([name, , state]) => ({ host, name, state }));
      }),
    );
    return all.flat().sort((a, b) => compareNames(a.name, b.name));
  }

  private async configOf({ host, name }: Found, namespace: string, signal: AbortSignal): Promise<VmConfig> {
    const line = `vm config clone ${quoteWord(name)}`;
    const [entry] = await this.run(host, line, { namespace, signal, timeoutMs: askMs });
    const config = Config.safeParse(entry?.Data).data;
    if (!config) throw new AppError('failed', `${host} says nothing of how ${name} is configured: another version?`);
    return config;
  }

  private async onEach(
    vms: readonly Found[],
    command: string,
    options: { readonly namespace: string; readonly signal: AbortSignal; readonly timeoutMs: number },
  ): Promise<void> {
    const byHost = new Map<string, string[]>();
    for (const { host, name } of vms) byHost.set(host, [...(byHost.get(host) ?? []), name]);
    await Promise.all(
      [...byHost].map(([host, names]) => this.run(host, `${command} ${quoteWord(describeRange(names))}`, options)),
    );
  }

  /** @throws AppError with what the host answered */
  private async run(
    host: string,
    line: string,
    options: { readonly namespace: string; readonly signal: AbortSignal; readonly timeoutMs: number },
  ): Promise<readonly ResponseEntry[]> {
    const entries = await this.components.runOn(host, line, options);
    const wrong = entries.find(({ Error: error }) => error !== '');
    if (wrong) throw new AppError('failed', `${host}: ${wrong.Error}`);
    return entries.length > 0 ? entries : [responseEntry(host)];
  }
}

/** The configuration that continues a VM, on the host that has its files. */
function savedConfig(name: string, { name: vm, host }: Found, config: VmConfig | undefined): VmConfig {
  if (!config) throw new Error('each VM was asked for');
  return {
    ...config,
    schedule: host,
    colocate: '',
    snapshot: true,
    state: stateName(`${name}/${vm}`),
    disks: config.disks.map((disk, index) => ({ ...disk, path: diskName(`${name}/${vm}`, index) })),
  };
}
