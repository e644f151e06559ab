// What deploy needs of the rest of meshd. agent/daemon.ts passes it in; tests pass their own.
import type { Flags } from '../../core/flags.ts';
import type { Roster, RosterNode, SignedRoster } from '../../contract/roster.ts';
import type { Runner } from '../../host/runner.ts';
import type { HostKeyPins } from '../../host/ssh/pins.ts';
import type { SshCredentials } from '../../host/ssh/credentials.ts';

/** The CA's side of the cluster, on the head only. */
export interface DeployAuthority {
  /** Issues a certificate for a public key (SPKI, PEM). */
  issue(node: { nodeId: string; publicKey: string }): Promise<{ certificatePem: string; keyHash: string }>;
  /**
   * Admits a node, or gives a known id its new name, addresses and key. `replaces` names an id to be removed first: the same
   * machine before it was reinstalled. @throws AppError with the roster's refusal
   */
  admit(node: RosterNode, replaces?: string): Promise<void>;
}

/** This node's cluster, according to its identity and roster. */
export interface DeployCluster {
  readonly nodeId: string;
  readonly cluster: string;
  /** PEM. */
  readonly caPem: string;
  roster(): Roster;
  signedRoster(): SignedRoster;
  /** Null unless this node is the head. */
  authority(): DeployAuthority | null;
  /** A new node id and P-256 key pair, in PEM. */
  createNodeKeys(): { nodeId: string; privateKeyPem: string; publicKeyPem: string };
  /** Cluster, node and key hash of a certificate in PEM; null when it is not a meshd certificate. */
  readCertificate(pem: string): { cluster: string; nodeId: string; keyHash: string; validTo: Date } | null;
}

/** The mesh as deploy sees it. */
export interface DeployMesh {
  /** Whether a node is in the mesh now. */
  has(nodeId: string): boolean;
  /** Members now, this node included. */
  size(): number;
  /** Links that a member holds now. */
  links(nodeId: string): number;
  /** Calls back after changes of members or links, until the returned function is called. */
  onChange(listener: () => void): () => void;
  /** Asks a member over the mesh what it runs. @throws AppError `timeout` or `unreachable` */
  hello(nodeId: string, options: { timeoutMs: number; signal: AbortSignal }): Promise<MeshHello>;
}

export interface MeshHello {
  readonly version: string;
  /** Hash of the program's bundle; empty when it runs from source. */
  readonly program: string;
  /** It holds the CA, and the roster names it as head. */
  readonly isHead: boolean;
}

export interface DeployOptions {
  /** This host's short name. */
  readonly host: string;
  readonly stateFolder: string;
  /** Path of the running program (real path of the bundle, or of agent/main.ts). */
  readonly programPath: string;
  /** Port of sshd on the nodes. */
  readonly sshPort: number;
  /** Nodes at work at once. */
  readonly parallel: number;
  /** Whether a launch installs the head's own service too: unless false. Tests on someone's machine must not. */
  readonly installsHead?: boolean;
}

/** The user who logs in on the nodes, and whether commands there run through sudo. */
export interface DeployLogin {
  readonly user: string;
  readonly sudo: boolean;
}

export interface DeployComponents {
  /** The flags in effect now: they include a degree that was set at run time. */
  readonly flags: () => Flags;
  readonly cluster: DeployCluster;
  readonly mesh: DeployMesh;
  readonly pins: HostKeyPins;
  /** Read again for each launch: an administrator adds keys after an error says that one is missing. */
  readonly credentials: () => Promise<SshCredentials>;
  readonly runner: Runner;
  /** Keeps the last launch's login over restarts; without it, deploy logs in as root until the next launch. */
  readonly logins?: { last(): DeployLogin | undefined; keep(login: DeployLogin): Promise<void> };
  readonly log: (text: string) => void;
}
