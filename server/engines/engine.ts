// What fleet, runs, pages and terminal know about a cluster. Each engine implements it and passes the same suite
// (engine-compliance.ts); outside of this folder nothing asks which engine it is.
import type { Duplex } from 'node:stream';
import type { CommandResponse } from '../../contract/command-socket.ts';
import type { Kind, RowChanges } from '../../contract/kinds.ts';
import type { CompiledPattern } from '../../core/commands/pattern.ts';
import type { StoredCluster } from '../ports.ts';
import type { NodeRoute } from './route.ts';

export type EngineName = StoredCluster['engine'];

/** What not every engine can do. */
export type Capability =
  /** Aborts a running line and reports how it ended; otherwise the connection is closed, and the outcome is unknown. */
  | 'cancel'
  /** Reports changes as they happen; otherwise they are asked for again and again. */
  | 'push'
  /** Opens byte streams to services of its nodes. */
  | 'streams'
  /** Sends frames through the VLANs of nodes, and traces their paths. */
  | 'probe'
  /** Has a roster: deploys, upgrades, revokes and replaces nodes, and has a CA. */
  | 'members'
  /** Takes images from pages. */
  | 'uploads'
  /** Screens of many VMs as pictures, and what a VM takes of its node, each second. */
  | 'pictures'
  | 'rates'
  /** Serves DHCP on a VLAN. */
  | 'dhcp'
  /** Captures with limits, whose files pages show. */
  | 'captures'
  /** Fetches the log of a node. */
  | 'logs'
  /** Asks a guest to shut down. */
  | 'shutdown'
  /** Joins aliases that a split gave two numbers, and knows who owns a number. */
  | 'vlan-owners'
  /** Tells about the bridges of nodes. */
  | 'bridges';

/** Which mesh a node is in, and which node it is. */
export interface MeshIdentity {
  readonly mesh: string;
  readonly context: string;
  /** Id of the node that answers. */
  readonly self: string;
}

export interface ClusterChange {
  /** Not null: `rows` are all that there are, and what was known before is gone. */
  readonly begins: MeshIdentity | null;
  readonly rows: RowChanges;
  /** What keeps rows from being current though the node answers, for people; empty when nothing does, undefined where nothing is said of it. */
  readonly trouble?: string;
}

export interface OpenOptions {
  /** From nothing to greeted, in milliseconds. */
  readonly timeoutMs: number;
  /** Of that, until the node is connected to; all of it unless given. */
  readonly connectTimeoutMs?: number;
  readonly signal: AbortSignal;
}

export interface RunLineOptions {
  /** Cancels the line. */
  readonly signal?: AbortSignal;
  /** Gives up on the node: the connection is closed, and the outcome is unknown. */
  readonly deadline?: AbortSignal;
  readonly onStatus?: (text: string) => void;
}

export interface StreamRequest {
  /** Name of the node to reach through the mesh from here; empty for this node. */
  readonly node: string;
  readonly service: string;
  /** For the service; JSON. */
  readonly args: unknown;
}

/** An open connection to one node. One thing at a time: a line, the changes, or a stream. */
export interface EngineConnection {
  readonly isClosed: boolean;
  /** What the node there lacks, each with its reason. */
  readonly lacks: Readonly<Partial<Record<Capability, string>>>;
  /**
   * Rows of these kinds, as far as the node knows them. The first change is a beginning. It takes the connection for itself;
   * leaving the loop closes it. @throws AppError `refused` when the node cannot, `invalid` for more than a cluster can have
   */
  changes(kinds: readonly Kind[]): AsyncGenerator<ClusterChange, void, undefined>;
  /** Runs one line; settings like `namespace x` hold for the connection. @throws AppError */
  run(line: string, options?: RunLineOptions): AsyncGenerator<CommandResponse, void, undefined>;
  /** Completions of a text, whole lines each. @throws AppError */
  suggest(text: string, options: { readonly deadline: AbortSignal }): Promise<string[]>;
  /**
   * Resolves when the service took the stream, which has the connection for itself from then on.
   * @throws AppError `refused` with what the node or its service says, or why the node can open none
   */
  stream(request: StreamRequest, options: { readonly deadline: AbortSignal }): Promise<Duplex>;
  /** Resolves when the node has answered. @throws AppError `timeout`, `unreachable` */
  greet(options: { readonly deadline: AbortSignal }): Promise<void>;
  close(): void;
}

export interface Engine {
  readonly name: EngineName;
  /** Its language: which lines there are, who may run them, and from where. */
  readonly commandTable: readonly CompiledPattern[];
  /** What no node of it can do, each with its reason, for pages. */
  readonly lacks: Readonly<Partial<Record<Capability, string>>>;
  /** What it says of words that are commands of another engine; null when it knows none. */
  readonly describeMissing: ((words: readonly string[]) => string | null) | null;
  /** Connects to a node and greets it. @throws AppError that says what is wrong on which node */
  open(route: NodeRoute, options: OpenOptions): Promise<EngineConnection>;
  /** The node does not answer: what is opened next shall not use a connection that may be dead. */
  distrust(routeKey: string): void;
  /** Ends what is open: the node's login changed. */
  forget(routeKey: string): void;
  close(): void;
}

/** The engines that a console has. */
export type Engines = Readonly<Partial<Record<EngineName, Engine>>>;
