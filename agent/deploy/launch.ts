// `deploy launch`: many nodes at once, each with its own result. A launch belongs to the daemon and not to the client that
// asked for it: a client that goes away leaves it running, and the same command joins it again.
import { mapAtOnce } from '../../core/at-once.ts';
import { AppError, describeError } from '../../contract/errors.ts';
import { deployAtWork, planWaves } from '../../core/deploy/steps.ts';
import type { DeployStep } from '../../core/deploy/steps.ts';
import { ensureHeadService } from './head-service.ts';
import { NodeDeploy } from './node.ts';
import type { LaunchPlan } from './node.ts';
import type { DeployComponents, DeployOptions } from './types.ts';

export interface LaunchRow {
  readonly node: string;
  /** The last step that the node came to; on failure the one that failed. */
  readonly step: DeployStep;
  readonly seconds: number;
  /** False: the node was already as it should be. */
  readonly changed: boolean;
  /** Empty when the node is in the mesh. */
  readonly error: string;
}

export type StatusListener = (text: string) => void;

/** One running deploy. */
export class Launch {
  readonly hosts: readonly string[];
  readonly done: Promise<LaunchRow[]>;
  private readonly plan: LaunchPlan;
  private readonly options: DeployOptions;
  private readonly components: DeployComponents;
  private readonly listeners = new Set<StatusListener>();
  /** Newest line by node, for those who join late. */
  private readonly latest = new Map<string, string>();
  private readonly abort = new AbortController();
  private readonly startedAt = performance.now();
  private readonly rows = new Map<string, LaunchRow>();
  /** Names that nodes gave themselves: two machines with one name must be detected before either is admitted. */
  private readonly claimed = new Map<string, string>();

  constructor(hosts: readonly string[], plan: LaunchPlan, options: DeployOptions, components: DeployComponents) {
    this.hosts = hosts;
    this.plan = plan;
    this.options = options;
    this.components = components;
    this.done = this.runAll();
  }

  /** Receives status lines, the newest of each node at once, until the returned function is called. */
  listen(listener: StatusListener): () => void {
    for (const line of this.latest.values()) listener(line);
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  get listenerCount(): number {
    return this.listeners.size;
  }

  /** Ends it: nodes that are not in the mesh yet report that they were cancelled. */
  cancel(): void {
    this.abort.abort(
      new AppError('cancelled', 'the deploy was cancelled; the same command continues where it stopped'),
    );
  }

  private async runAll(): Promise<LaunchRow[]> {
    const head = this.options.installsHead === false ? null : this.installHead();
    const upgrades = new Map<string, NodeDeploy>();
    await mapAtOnce(this.hosts, this.options.parallel, async (host) => {
      const node = new NodeDeploy(
        { name: host, plan: this.plan, signal: this.abort.signal, status: (text) => this.say(host, text) },
        this.components,
      );
      const ok = await this.attempt(host, node, async () => {
        await node.prepare();
        this.claimName(host, node);
        if (node.service === 'upgrade') upgrades.set(host, node);
        else await node.finish();
      });
      if (!ok || node.service !== 'upgrade') node.close();
      else this.say(host, 'waits for its turn to be upgraded');
    });
    await this.upgradeInWaves(this.hosts.flatMap((host) => upgrades.get(host) ?? []));
    const headRow = await head;
    const rows = this.hosts.flatMap((host) => this.rows.get(host) ?? []);
    return headRow ? [...rows, headRow] : rows;
  }

  private async upgradeInWaves(nodes: readonly NodeDeploy[]): Promise<void> {
    const rolledBack: string[] = [];
    for (const wave of planWaves(nodes)) {
      const [stoppedBy] = rolledBack;
      await Promise.all(
        wave.map(async (node) => {
          await this.attempt(node.typed, node, async () => {
            if (stoppedBy !== undefined) {
              throw new AppError(
                'refused',
                `not upgraded, since ${stoppedBy} had to go back to its previous program; ${node.name} runs as before`,
              );
            }
            try {
              await node.finish();
            } catch (error) {
              // A lost node says nothing about the program; a node that was rolled back does.
              if (error instanceof AppError && error.detail?.['rolledBack'] === true) rolledBack.push(node.name);
              throw error;
            }
          });
          node.close();
        }),
      );
    }
  }

  /** Runs one part of a node's steps and keeps its row. False when it failed. */
  private async attempt(host: string, node: NodeDeploy, work: () => Promise<void>): Promise<boolean> {
    let error = '';
    try {
      await work();
    } catch (thrown) {
      error = describeError(thrown);
      this.components.log(`deploy of ${host} failed at ${node.step}: ${error}`);
    }
    const seconds = (performance.now() - this.startedAt) / 1000;
    this.rows.set(host, { node: node.name, step: node.step, seconds, changed: node.changes, error });
    if (error !== '') this.say(host, `failed at ${node.step}: ${firstLine(error)}`);
    else if (node.step === 'mesh') this.say(host, `in the mesh after ${seconds.toFixed(1)} s`);
    return error === '';
  }

  private claimName(host: string, node: NodeDeploy): void {
    const name = node.name.toLowerCase();
    const other = this.claimed.get(name);
    if (other !== undefined && other !== host) {
      throw new AppError(
        'conflict',
        `${host} and ${other} both call themselves ${node.name}: give one of them another name (hostnamectl set-hostname)`,
      );
    }
    this.claimed.set(name, host);
  }

  /** The head's own service. Gives a row only when something is wrong. */
  private async installHead(): Promise<LaunchRow | null> {
    try {
      const result = await ensureHeadService(this.plan, this.options, this.components, this.abort.signal);
      this.say(this.options.host, result);
      return null;
    } catch (thrown) {
      const error = `the head's own service is not installed, so that it will not come back after a reboot: ${describeError(thrown)}`;
      this.components.log(error);
      this.say(this.options.host, firstLine(error));
      const seconds = (performance.now() - this.startedAt) / 1000;
      return { node: this.options.host, step: 'service', seconds, changed: false, error };
    }
  }

  private say(host: string, text: string): void {
    const line = `[${host}] ${text}`;
    this.latest.set(host, line);
    for (const listener of this.listeners) listener(line);
  }
}

/** What Launches needs of a launch. */
type RunningLaunch = Pick<Launch, 'done' | 'cancel'>;

/** The launches of this daemon. */
export class Launches<T extends RunningLaunch = Launch> {
  private readonly running = new Map<string, { readonly hosts: readonly string[]; readonly launch: Promise<T> }>();

  /**
   * Joins the launch of the same hosts and login, or starts one. `open` is called only when one starts.
   * @throws AppError `conflict` when another launch has one of these hosts
   */
  async join(
    request: { hosts: readonly string[]; user: string; sudo: boolean },
    open: () => Promise<T>,
  ): Promise<{ launch: T; joined: boolean }> {
    const key = JSON.stringify([[...request.hosts].sort(), request.user, request.sudo]);
    const same = this.running.get(key);
    if (same) return { launch: await same.launch, joined: true };
    this.assertFree(request.hosts);
    // Its hosts are taken before it is open: another client may ask meanwhile.
    const entry = { hosts: request.hosts, launch: open() };
    this.running.set(key, entry);
    try {
      const launch = await entry.launch;
      void launch.done.finally(() => this.running.delete(key)).catch(() => undefined);
      return { launch, joined: false };
    } catch (error) {
      this.running.delete(key);
      throw error;
    }
  }

  /** Cancels all, at the daemon's end. */
  stop(): void {
    for (const { launch } of this.running.values()) {
      launch.then(
        (opened) => opened.cancel(),
        () => undefined,
      );
    }
  }

  private assertFree(hosts: readonly string[]): void {
    for (const running of this.running.values()) {
      const both = hosts.filter((host) => running.hosts.includes(host));
      if (both.length > 0) {
        throw new AppError(
          'conflict',
          `${deployAtWork} ${both.join(', ')}: wait for its end, or join it with the same command`,
        );
      }
    }
  }
}

export function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}
