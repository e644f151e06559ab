// What goes into a bridge plan: what was typed, what was seen of each node, and how the next boot is made to do the same.
import { z } from 'zod';
import type { NodeTarget } from '../../targets.ts';
import type { BridgeFacts, BridgeMethod, NicFacts } from '../observe/facts.ts';
import { BridgeTimesForm, timeSchema } from './times.ts';
import type { BridgeTransaction, FileChange } from './transaction.ts';
import type { BridgeFinding } from '../judge/finding.ts';

/** Linux takes 15 characters; Open vSwitch only warns of more. */
const BridgeName = z
  .string()
  .regex(
    /^[A-Za-z_][A-Za-z0-9_.-]{0,14}$/,
    'a bridge name: a letter, then letters, digits, dot, hyphen, underscore; 15 at most',
  );
const NicName = z.string().regex(/^[A-Za-z0-9_.:@-]{1,15}$/, 'the name of a NIC, such as eth0: 15 characters at most');

export const defaultBridge = 'mega_bridge';

const common = {
  /** A node range. */
  nodes: z.string().trim().min(1, 'a node range such as node[2-4]').max(200_000),
  bridge: BridgeName.default(defaultBridge),
  /** Waits until somebody says keep, up to the end of the window. */
  hold: z.boolean().default(false),
  /** Seconds until a node rolls back unless the change is kept; longer where links are slow (bonds). */
  window: timeSchema('window', z.coerce.number()).optional(),
  times: BridgeTimesForm.default({}),
  /** Nodes that change at once. */
  atOnce: z.coerce.number().int().min(1).max(64).default(16),
};

export const BridgeForm = z.object({
  ...common,
  /** For all nodes: a NIC's name, or `auto`, the one that the console came in on. */
  uplink: NicName.default('auto'),
  /** For single nodes, by name. */
  uplinks: z.record(z.string(), NicName).default({}),
  method: z.enum(['auto', 'ifupdown', 'commands', 'networkd']).default('auto'),
  datapath: z.enum(['auto', 'system', 'netdev']).default('auto'),
  /** Restarts the first node once it is bridged, if somebody says yes: that ends what runs there. */
  rebootCanary: z.boolean().default(false),
});
export type BridgeForm = z.infer<typeof BridgeForm>;

export const RemoveBridgeForm = z.object({
  ...common,
  /** The bridge's name, typed again as confirmation: its VMs lose their network. */
  confirm: z.string().default(''),
});
export type RemoveBridgeForm = z.infer<typeof RemoveBridgeForm>;

/** One look at a node. */
export interface BridgeSighting {
  readonly target: NodeTarget;
  readonly isHead: boolean;
  /** The console runs on it. */
  readonly isConsole: boolean;
  /** Null when it was not reached; `error` says why. */
  readonly facts: BridgeFacts | null;
  readonly error: string;
}

export interface BridgePlanFacts {
  readonly nodes: readonly BridgeSighting[];
  /** Other nodes that the console reached and that are not in the plan. */
  readonly bystanders: readonly NodeTarget[];
}

/** What a commit writes so that the next boot does the same, and what it cannot cover. */
export interface BridgePersistence {
  readonly files: readonly FileChange[];
  readonly enable: readonly string[];
  readonly disable: readonly string[];
  readonly dhcp: BridgeTransaction['dhcp'];
  readonly findings: readonly BridgeFinding[];
}

/** persist.ts: by owner and method. */
export type PlanPersistence = (
  facts: BridgeFacts,
  change: {
    readonly kind: BridgeTransaction['kind'];
    readonly bridge: string;
    readonly uplink: NicFacts;
    readonly method: BridgeMethod;
    readonly datapath: 'system' | 'netdev';
  },
) => BridgePersistence;
