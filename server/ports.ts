// What the parts of the server need of one another. main.ts builds them in this order and stops them in the reverse:
//
//   config -> store -> fleet -> runs -> hub -> http
//
// The hub authenticates, parses, bounds, authorises and audits; fleet and runs never see raw input or a socket. Expected
// failures are AppErrors. Every method here that waits for a node has a deadline of its own.
import type { NodeBridge } from '../contract/bridge.ts';
import type { CommandResponse } from '../contract/command-socket.ts';
import type { FleetDelta, FleetSnapshot } from '../contract/fleet.ts';
import type {
  LogLine,
  Plan,
  PlanKind,
  RunEvent,
  RunState,
  RunSummary,
  RunView,
  StepSignal,
  StepView,
} from '../contract/plans.ts';
import type { Role } from '../contract/roles.ts';

export interface Part {
  /** Resolves when the part can be called; it never waits for a node. */
  start(): Promise<void>;
  /** Resolves when nothing of it runs any more; work that outlives the process is in the store by then. */
  stop(): Promise<void>;
}

export type Log = Readonly<Record<'debug' | 'info' | 'warn' | 'error', (text: string) => void>>;

/** Who calls: a session of the browser, a token of the CLI, or the CLI without a server (`system`). */
export interface Caller {
  readonly userId: string;
  /** For people and the audit log: `Ann <ann@example.org>`, `root on this machine`. */
  readonly name: string;
  readonly role: Role;
}

// ---------------------------------------------------------------------------------------------------- fleet

export interface CommandCall {
  readonly cluster: string;
  readonly node: string;
  readonly line: string;
  /** Lines of one session of one user share a connection to the node; empty for none. */
  readonly session: string;
  readonly timeoutMs: number;
  readonly caller: Caller;
  /** Aborted by `command.cancel`, and when the caller's connection or session ends. */
  readonly signal: AbortSignal;
  readonly onAnswer: (answer: CommandResponse) => void;
}

export interface SuggestQuestion {
  readonly cluster: string;
  readonly node: string;
  readonly text: string;
  /** Names of variables are for who may read them. */
  readonly role: Role;
  readonly signal: AbortSignal;
}

/** server/fleet: `createFleet({ log }, { store })`. */
export interface Fleet extends Part {
  /** As it is now. The next delta's `From` is this `Revision`: what is coalesced but not sent yet is not in it. */
  snapshot(): FleetSnapshot;
  /** At most ten times a second. Returns what ends it. */
  onDelta(listener: (delta: FleetDelta) => void): () => void;
  /**
   * Runs one line on a node, authorised by the command table for `caller.role` (core/commands/authorise), each nested
   * command too. `failed`: an answer carried an error.
   */
  runCommand(call: CommandCall): Promise<{ failed: boolean }>;
  suggest(question: SuggestQuestion): Promise<string[]>;
  /** Reads clusters and hosts of the store again: called by runs after it changed them. */
  reload(): Promise<void>;
}
export interface FleetOptions {
  readonly log: Log;
}
export interface FleetComponents {
  readonly store: Pick<Store, 'clusters' | 'keys'> & { readonly hosts: Pick<HostStore, 'list'> };
}

// ----------------------------------------------------------------------------------------------------- runs

/** Secrets by the names that Plan.secrets gives; in memory only. */
export type Secrets = Readonly<Record<string, string>>;

/** server/runs: `createRuns({ log, usesOwnKeys }, { store, fleet })`. */
export interface Runs extends Part {
  /** Observes and plans. The plan is kept for an hour, for whoever made it. */
  makePlan(
    caller: Caller,
    request: { kind: PlanKind; form: Record<string, unknown>; secrets: Secrets; signal: AbortSignal },
  ): Promise<Plan>;
  /** The bridges of a node range as they are now. @throws AppError `invalid` with `detail.field` */
  showBridges(nodes: string, signal: AbortSignal): Promise<NodeBridge[]>;
  /** What a bridge step left on its node, as a gzipped tar. @throws AppError `not-found`, `unreachable` */
  evidence(run: string, step: string, signal: AbortSignal): Promise<{ fileName: string; bytes: Buffer }>;
  startRun(caller: Caller, plan: string, secrets: Secrets): Promise<RunSummary>;
  /** Newest first; `node`: only runs with steps on it. */
  list(limit: number, node?: string): Promise<RunSummary[]>;
  /** `listener` hears all that happens after `view` was taken. It may hear it before the promise resolves; the hub holds it back. */
  subscribe(run: string, listener: (event: RunEvent) => void): Promise<{ view: RunView; stop: () => void }>;
  /** Summaries of all runs as they change, at most ten times a second and run. Returns what ends it. */
  onChanged(listener: (summary: RunSummary) => void): () => void;
  cancel(caller: Caller, run: string): Promise<RunSummary>;
  retry(caller: Caller, run: string, secrets: Secrets): Promise<RunSummary>;
  undo(caller: Caller, run: string): Promise<RunSummary>;
  answer(caller: Caller, run: string, step: string, answer: boolean): Promise<RunSummary>;
  /** @throws AppError `conflict` when the step is not at work or waits for nobody */
  signal(caller: Caller, run: string, step: string, signal: StepSignal): Promise<RunSummary>;
  provideSecrets(caller: Caller, run: string, secrets: Secrets): Promise<RunSummary>;
  /** The plan or run as a command for the audit log: `meshdeck nodes add node[1-4] --user root`; null when unknown. */
  describe(planOrRun: string): Promise<{ command: string; nodes: string[] } | null>;
}
export interface RunsOptions {
  readonly log: Log;
  /**
   * A first login may use the SSH keys and the agent of whoever runs this process too. Where users of a console plan, false
   * unless the administrator said so: they name the machines, and would act there by a right that is not theirs.
   */
  readonly usesOwnKeys: boolean;
}
export interface RunsComponents {
  readonly store: Pick<Store, 'runs' | 'hosts' | 'clusters' | 'keys'>;
  readonly fleet: Pick<Fleet, 'snapshot' | 'onDelta' | 'reload' | 'runCommand'>;
}

// ---------------------------------------------------------------------------------------------------- store

/** A run as the journal has it. No secrets: neither in the plan nor in results nor in the log. */
export interface StoredRun {
  readonly id: string;
  readonly plan: Plan;
  readonly state: RunState;
  readonly startedBy: string;
  readonly startedAt: number;
  readonly endedAt: number | null;
  readonly missingSecrets: readonly string[];
  /** What the runner needs to go on with after a restart: `undoing`, asked answers, …; its own shape, parsed by it. */
  readonly memo: unknown;
}

/** A run for lists: its plan stays where it is, since that of 1,000 nodes has megabytes. */
export type ListedRun = Omit<StoredRun, 'plan'>;

/** Each promise resolves when the change is on the disk: write `running` before a step acts, `done` after it. */
export interface RunStore {
  create(run: StoredRun): Promise<void>;
  /** With the views of steps, where they must not be apart from it: all of it is written, or nothing. */
  update(
    id: string,
    change: Partial<Pick<StoredRun, 'state' | 'endedAt' | 'missingSecrets' | 'memo'>>,
    steps?: readonly StepView[],
  ): Promise<void>;
  get(id: string): Promise<StoredRun | null>;
  /** Newest first; `node`: only those whose memo has it among `digest.nodes`. */
  list(limit: number, node?: string): Promise<ListedRun[]>;
  /** Those without an end, oldest first: what a start resumes. */
  unfinished(): Promise<StoredRun[]>;
  /** Puts the view of a step in place of the one before; the journal. */
  putSteps(id: string, steps: readonly StepView[]): Promise<void>;
  steps(id: string): Promise<StepView[]>;
  appendLog(id: string, lines: readonly LogLine[]): Promise<void>;
  /** The last `limit` lines, oldest first. */
  log(id: string, limit: number): Promise<LogLine[]>;
}

/** A machine that the console can reach over SSH, and how. `id` is the console's; `nodeId` is meshd's once it is known. */
export interface StoredHost {
  readonly id: string;
  /** Short hostname. */
  readonly name: string;
  /** The first is preferred. */
  readonly addresses: readonly string[];
  readonly port: number;
  readonly user: string;
  /** Commands go through `sudo -n`. */
  readonly needsSudo: boolean;
  /** Key of the key store that logs in; null while there is none. */
  readonly keyId: string | null;
  /** Pinned host keys, each as `ssh-ed25519 AAAA…`; a host that shows another is not spoken to. */
  readonly pins: readonly string[];
  /** Cluster that it was deployed to; empty before. */
  readonly cluster: string;
  readonly nodeId: string | null;
  readonly isHead: boolean;
  readonly addedAt: number;
  /** Preflight facts and the like, for pages; the writer's own shape. */
  readonly facts: unknown;
}
export interface HostStore {
  list(): Promise<StoredHost[]>;
  /** By id: of a record that is new. */
  put(host: StoredHost): Promise<void>;
  /**
   * Changes a record from what it is by then, one after another, so that none undoes what another has changed. Nothing is written
   * when `change` throws; it may read the others by `list`, and must not wait for another change. Null: it is not there any more.
   */
  update(id: string, change: (host: StoredHost) => StoredHost | Promise<StoredHost>): Promise<StoredHost | null>;
  remove(id: string): Promise<void>;
  /** Hears of each change once it is on the disk; `host` is null when it was removed. Returns what ends it. */
  onChanged(listener: (id: string, host: StoredHost | null) => void): () => void;
}

/** A cluster to be attached to. */
export interface StoredCluster {
  /** That of its mesh; `local-socket` where command sockets of this machine are what is known of it. */
  readonly id: string;
  readonly context: string;
  readonly engine: 'meshd' | 'minimega';
  /** Command sockets of its nodes on this machine; beside them, its hosts are ways to it. */
  readonly socketPaths: readonly string[];
  readonly addedAt: number;
}
export interface ClusterStore {
  list(): Promise<StoredCluster[]>;
  put(cluster: StoredCluster): Promise<void>;
  remove(id: string): Promise<void>;
}

/** An SSH key pair; the private half is encrypted at rest. */
export interface StoredKey {
  readonly id: string;
  readonly label: string;
  /** One line, as in authorized_keys. */
  readonly publicKey: string;
  /** OpenSSH or PEM text. */
  readonly privateKey: string;
  readonly addedAt: number;
}
export interface KeyStore {
  put(key: StoredKey): Promise<void>;
  get(id: string): Promise<StoredKey | null>;
  list(): Promise<Omit<StoredKey, 'privateKey'>[]>;
  remove(id: string): Promise<void>;
}

export interface Store extends Part {
  readonly runs: RunStore;
  readonly hosts: HostStore;
  readonly clusters: ClusterStore;
  readonly keys: KeyStore;
}

// ---------------------------------------------------------------------------------- constructors, as main.ts calls them

export type CreateFleet = (options: FleetOptions, components: FleetComponents) => Fleet;
export type CreateRuns = (options: RunsOptions, components: RunsComponents) => Runs;

/** What `startServer(config)` in server/start.ts gives. */
export interface RunningServer {
  /** `http://127.0.0.1:3000`. */
  readonly url: string;
  /** The one-time link that makes the first admin; null when there is one. */
  readonly setupLink: string | null;
  stop(): Promise<void>;
}

/** What `openWorkspace(config)` in server/workspace.ts gives the CLI where no server runs: the same parts under the data folder's lock. */
export interface Workspace {
  readonly store: Store;
  readonly fleet: Fleet;
  readonly runs: Runs;
  /** An admin: root on the machine that holds the data folder. */
  readonly caller: Caller;
  close(): Promise<void>;
}
