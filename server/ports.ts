// What the server's parts need from each other. main.ts builds them in this order and stops them in the reverse order:
//
//   config -> store -> fleet -> runs -> hub -> screens -> http
//
// The hub authenticates, parses, bounds, authorises and audits; fleet and runs never see raw input or a socket. Expected
// failures are AppErrors. Every method here that waits for a node has its own deadline.
import type { Duplex } from 'node:stream';
import type { FleetChoice } from '../contract/browser/fleet.ts';
import type { CommandResponse } from '../contract/command-socket.ts';
import type { EngineName, FleetDelta, FleetSnapshot, FleetVm } from '../contract/fleet.ts';
import type { LogLine, Plan, PlanKind, RunEvent, RunState, RunSummary, RunView, StepView } from '../contract/plans.ts';
import type { Role } from '../contract/roles.ts';

export interface Part {
  /** Resolves when the part can be called; it never waits for a node. */
  start(): Promise<void>;
  /** Resolves when the part no longer runs; work that outlives the process is in the store by then. */
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

export interface StreamCall {
  /** Id of a cluster; empty for the only one. */
  readonly cluster: string;
  /** Name of a node; empty for the one that the console is attached to. */
  readonly node: string;
  readonly service: string;
  readonly args: unknown;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export interface SuggestQuestion {
  readonly cluster: string;
  readonly node: string;
  readonly text: string;
  /** Only callers who may read variables get their names. */
  readonly role: Role;
  readonly signal: AbortSignal;
}

/** server/fleet: `createFleet({ log }, { store })`. */
export interface Fleet extends Part {
  /** The fleet now. The next delta's `From` is this `Revision`: changes that are coalesced but not sent yet are not in it. */
  snapshot(choice?: FleetChoice): FleetSnapshot;
  /** At most ten times a second. Returns what ends it. */
  onDelta(listener: (delta: FleetDelta) => void): () => void;
  /**
   * Runs one line on a node, authorised by the command table for `caller.role` (core/commands/authorise), each nested
   * command too. `failed`: an answer carried an error.
   */
  runCommand(call: CommandCall): Promise<{ failed: boolean }>;
  suggest(question: SuggestQuestion): Promise<string[]>;
  /** What is known of a VM, by its id on a node; null when that is nothing. The node's name as in StreamCall. */
  vm(cluster: string, node: string, id: number): FleetVm | null;
  /** A byte stream to a service of a node. @throws AppError that says what is wrong where */
  openStream(call: StreamCall): Promise<Duplex>;
  /** Reads clusters and hosts from the store again: runs calls it after it changed them. */
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

/** server/plans: `createRuns({ log, usesOwnKeys }, { store, fleet })`. */
export interface Runs extends Part {
  /** Observes and plans. The plan is kept for an hour, for the user who made it. */
  makePlan(
    caller: Caller,
    request: { kind: PlanKind; form: Record<string, unknown>; secrets: Secrets; signal: AbortSignal },
  ): Promise<Plan>;
  /** What a step left on its node, as a file. @throws AppError `not-found`, `unreachable` */
  evidence(run: string, step: string, signal: AbortSignal): Promise<{ fileName: string; bytes: Buffer }>;
  startRun(caller: Caller, plan: string, secrets: Secrets): Promise<RunSummary>;
  /** Newest first; `node`: only runs with steps on it. */
  list(limit: number, node?: string): Promise<RunSummary[]>;
  /** `listener` gets every event after `view` was taken. Events may arrive before the promise resolves; the hub holds them back. */
  subscribe(run: string, listener: (event: RunEvent) => void): Promise<{ view: RunView; stop: () => void }>;
  /** Summaries of all runs as they change, at most ten times a second and run. Returns what ends it. */
  onChanged(listener: (summary: RunSummary) => void): () => void;
  cancel(caller: Caller, run: string): Promise<RunSummary>;
  retry(caller: Caller, run: string, secrets: Secrets): Promise<RunSummary>;
  undo(caller: Caller, run: string): Promise<RunSummary>;
  answer(caller: Caller, run: string, step: string, answer: boolean): Promise<RunSummary>;
  /** @throws AppError `conflict` when the step does not run or does not wait for a person, `invalid` for a word that it does not know */
  signal(caller: Caller, run: string, step: string, signal: string): Promise<RunSummary>;
  provideSecrets(caller: Caller, run: string, secrets: Secrets): Promise<RunSummary>;
  /** The plan or run as a command for the audit log: `meshdeck nodes add node[1-4] --user root`; null when unknown. */
  describe(planOrRun: string): Promise<{ command: string; nodes: string[] } | null>;
}
export interface RunsOptions {
  readonly log: Log;
  /**
   * A first login may also use the SSH keys and the agent of the user who runs this process. False when a console's users plan,
   * unless the administrator allows it: they choose the machines, and would act there with rights that are not theirs.
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
  /** What the runner needs to continue after a restart: `undoing`, asked answers, …; the runner owns and parses the shape. */
  readonly memo: unknown;
}

/** A run for lists, without its plan: a plan of 1,000 nodes has megabytes. */
export type ListedRun = Omit<StoredRun, 'plan'>;

/** Each promise resolves when the change is on the disk: write `running` before a step acts, `done` after it. */
export interface RunStore {
  create(run: StoredRun): Promise<void>;
  /** With the views of steps when they must change together with the run: all of it is written, or nothing. */
  update(
    id: string,
    change: Partial<Pick<StoredRun, 'state' | 'endedAt' | 'missingSecrets' | 'memo'>>,
    steps?: readonly StepView[],
  ): Promise<void>;
  get(id: string): Promise<StoredRun | null>;
  /** Newest first; `node`: only runs whose memo has it among `digest.nodes`. */
  list(limit: number, node?: string): Promise<ListedRun[]>;
  /** Runs that have not ended, oldest first: a start resumes them. */
  unfinished(): Promise<StoredRun[]>;
  /** Replaces a step's view: this is the journal. */
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
  /** Id of the console key that logs in; null before the node has one. */
  readonly keyId: string | null;
  /** Pinned host keys, each as `ssh-ed25519 AAAA…`; the console does not talk to a host that shows another key. */
  readonly pins: readonly string[];
  /** The cluster that it was deployed to; empty before. */
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
   * Changes the current record. Changes run one after another, so that none undoes another. Nothing is written when `change`
   * throws; it may read other records by `list`, and must not wait for another change. Null when the record no longer exists.
   */
  update(id: string, change: (host: StoredHost) => StoredHost | Promise<StoredHost>): Promise<StoredHost | null>;
  remove(id: string): Promise<void>;
  /** The listener gets each change once it is on the disk; `host` is null when it was removed. Returns the function that ends it. */
  onChanged(listener: (id: string, host: StoredHost | null) => void): () => void;
}

/** A cluster to be attached to. */
export interface StoredCluster {
  /** Its mesh's id; `local-socket` when the console knows only command sockets on this machine. */
  readonly id: string;
  readonly context: string;
  readonly engine: EngineName;
  /** Command sockets of its nodes on this machine; its hosts are further ways to it. */
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
  /** The one-time link that makes the first admin; null when an admin exists. */
  readonly setupLink: string | null;
  stop(): Promise<void>;
}

/** What `openWorkspace(config)` in server/workspace.ts gives the CLI when no server runs: the same parts under the data folder's lock. */
export interface Workspace {
  readonly store: Store;
  readonly fleet: Fleet;
  readonly runs: Runs;
  /** An admin: root on the machine that holds the data folder. */
  readonly caller: Caller;
  close(): Promise<void>;
}
