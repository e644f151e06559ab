// The console's methods and events: the one wire between server and its clients (browser and meshdeck), over socket.io.
// Every call is an event named after its method with one argument and an Ack; see server/hub for the dispatcher.
import { z } from 'zod';
import { NodeBridge } from './bridge.ts';
import { CommandResponse } from './command-socket.ts';
import { FleetDelta, FleetSnapshot } from './fleet.ts';
import { KnownNode, KnownNodesChange, NodeChecks } from './known-nodes.ts';
import { maxCallBytes, maxSecretLength } from './limits.ts';
import { defineMethod } from './method.ts';
import { Plan, PlanKind, RunEvent, RunSummary, RunView, StepSignal } from './plans.ts';
import { Role } from './roles.ts';
import { UserAddress } from './user-address.ts';

const NewPassword = z.string().min(12).max(256);
const Nothing = z.object({});
/** By the names that Plan.secrets gives, and `passphrase:root@node1` beside a key. In memory only. */
const Secrets = z.record(z.string(), z.string().max(maxSecretLength));

export const User = z.object({
  id: z.string(),
  name: z.string().min(1).max(64),
  email: UserAddress,
  role: Role,
  createdAt: z.number(),
  /** Some address that the user never logged in from waits until then, after wrong passwords. */
  lockedUntil: z.number().nullable(),
});
export type User = z.infer<typeof User>;

export const AuditEntry = z.object({
  id: z.number(),
  at: z.number(),
  who: z.string(),
  /** As a command where there is one, else in words. */
  what: z.string(),
  /** Nodes or the console. */
  where: z.string(),
  result: z.enum(['ok', 'refused', 'failed']),
  message: z.string(),
});
export type AuditEntry = z.infer<typeof AuditEntry>;

export const CaCopyView = z.object({
  cluster: z.string(),
  context: z.string(),
  /** One line that a recovery code opens; empty: none is kept. */
  sealed: z.string(),
  madeAt: z.number().nullable(),
});
export type CaCopyView = z.infer<typeof CaCopyView>;

export const ConsoleKeyView = z.object({
  id: z.string(),
  /** One line, as in authorized_keys. */
  publicKey: z.string(),
  /** `SHA256:…`, as ssh-keygen -l says it. */
  fingerprint: z.string(),
  addedAt: z.number(),
  /** Names of the nodes that let root in with it, as the console saw last. */
  nodes: z.array(z.string()),
});
export type ConsoleKeyView = z.infer<typeof ConsoleKeyView>;

export const browserMethods = {
  'fleet.subscribe': defineMethod({
    name: 'fleet.subscribe',
    role: 'viewer',
    changes: false,
    input: Nothing,
    output: FleetSnapshot,
    example: {},
  }),
  'fleet.unsubscribe': defineMethod({
    name: 'fleet.unsubscribe',
    role: 'viewer',
    changes: false,
    input: Nothing,
    output: Nothing,
    example: {},
  }),
  /**
   * Observes nodes for a wizard and makes its plan; the form is the wizard's own and parsed by its planner. Like all that acts
   * on a run, it needs what `planRoles` says of the kind too.
   */
  'plans.make': defineMethod({
    name: 'plans.make',
    role: 'operator',
    changes: false,
    input: z.object({
      kind: PlanKind,
      form: z.record(z.string(), z.unknown()),
      secrets: Secrets,
    }),
    output: Plan,
    example: { kind: 'deploy', form: {}, secrets: {} },
  }),
  /** Looks at the bridges of nodes, and changes nothing. */
  'bridge.show': defineMethod({
    name: 'bridge.show',
    role: 'operator',
    changes: false,
    input: z.object({ nodes: z.string().min(1).max(200_000) }),
    output: z.array(NodeBridge),
    example: { nodes: 'node1' },
  }),
  /** The nodes that the console knows, meshd or not, with what it saw of them last; asks no node. */
  'nodes.known': defineMethod({
    name: 'nodes.known',
    role: 'viewer',
    changes: false,
    input: Nothing,
    output: z.array(KnownNode),
    example: {},
  }),
  /** What the last look at a machine found; null before the first look. Asks no node. */
  'nodes.checks': defineMethod({
    name: 'nodes.checks',
    role: 'viewer',
    changes: false,
    input: z.object({ node: z.string() }),
    output: NodeChecks.nullable(),
    example: { node: 'h1' },
  }),
  'runs.start': defineMethod({
    name: 'runs.start',
    role: 'operator',
    changes: true,
    input: z.object({ plan: z.string(), secrets: Secrets }),
    output: RunSummary,
    example: { plan: 'p1', secrets: {} },
  }),
  'runs.list': defineMethod({
    name: 'runs.list',
    role: 'viewer',
    changes: false,
    /** `node`: only runs with steps on it. */
    input: z.object({ limit: z.number().int().min(1).max(500), node: z.string().max(253).optional() }),
    output: z.array(RunSummary),
    example: { limit: 50, node: 'node1' },
  }),
  'runs.subscribe': defineMethod({
    name: 'runs.subscribe',
    role: 'viewer',
    changes: false,
    input: z.object({ run: z.string() }),
    output: RunView,
    example: { run: 'r1' },
  }),
  'runs.unsubscribe': defineMethod({
    name: 'runs.unsubscribe',
    role: 'viewer',
    changes: false,
    input: z.object({ run: z.string() }),
    output: Nothing,
    example: { run: 'r1' },
  }),
  'runs.cancel': defineMethod({
    name: 'runs.cancel',
    role: 'operator',
    changes: true,
    input: z.object({ run: z.string() }),
    output: RunSummary,
    example: { run: 'r1' },
  }),
  'runs.retry': defineMethod({
    name: 'runs.retry',
    role: 'operator',
    changes: true,
    input: z.object({ run: z.string(), secrets: Secrets }),
    output: RunSummary,
    example: { run: 'r1', secrets: {} },
  }),
  'runs.undo': defineMethod({
    name: 'runs.undo',
    role: 'operator',
    changes: true,
    input: z.object({ run: z.string() }),
    output: RunSummary,
    example: { run: 'r1' },
  }),
  'runs.answer': defineMethod({
    name: 'runs.answer',
    role: 'operator',
    changes: true,
    input: z.object({ run: z.string(), step: z.string(), answer: z.boolean() }),
    output: RunSummary,
    example: { run: 'r1', step: 's', answer: true },
  }),
  /** Tells a running step what a person wants it to do: keep the change, undo it now, or give it more time. */
  'runs.signal': defineMethod({
    name: 'runs.signal',
    role: 'operator',
    changes: true,
    input: z.object({ run: z.string(), step: z.string(), signal: StepSignal }),
    output: RunSummary,
    example: { run: 'r1', step: 's', signal: 'keep' },
  }),
  'runs.provideSecrets': defineMethod({
    name: 'runs.provideSecrets',
    role: 'operator',
    changes: true,
    input: z.object({ run: z.string(), secrets: Secrets }),
    output: RunSummary,
    example: { run: 'r1', secrets: {} },
  }),
  /** One line on the command socket of a node; answers stream as `command.answer` events with the same call id. */
  'command.run': defineMethod({
    name: 'command.run',
    role: 'viewer',
    changes: true,
    input: z.object({
      call: z.string().max(64),
      cluster: z.string(),
      node: z.string(),
      /** The command language checks the bound, so that each way in gives the same error. */
      line: z.string().max(maxCallBytes),
      /** Lines of one session share a connection, so that `namespace x` and `.csv true` hold; empty for none. */
      session: z.string().max(64).default(''),
      timeoutMs: z.number().int().min(100).max(600_000),
    }),
    output: z.object({ failed: z.boolean() }),
    example: { call: 'c1', cluster: '', node: 'node1', line: 'mesh status', timeoutMs: 10_000 },
  }),
  'command.cancel': defineMethod({
    name: 'command.cancel',
    role: 'viewer',
    changes: false,
    input: z.object({ call: z.string().max(64) }),
    output: Nothing,
    example: { call: 'c1' },
  }),
  'command.suggest': defineMethod({
    name: 'command.suggest',
    role: 'viewer',
    changes: false,
    input: z.object({ cluster: z.string(), node: z.string(), text: z.string().max(maxCallBytes) }),
    output: z.array(z.string()),
    example: { cluster: '', node: 'node1', text: 'mesh ' },
  }),
  'users.list': defineMethod({
    name: 'users.list',
    role: 'admin',
    changes: false,
    input: Nothing,
    output: z.array(User),
    example: {},
  }),
  'users.create': defineMethod({
    name: 'users.create',
    role: 'admin',
    changes: true,
    needsSession: true,
    input: z.object({
      name: z.string().min(1).max(64),
      email: UserAddress,
      role: Role,
      password: NewPassword,
    }),
    output: User,
    example: { name: 'Ann', email: 'ann@example.org', role: 'viewer', password: 'correct horse battery' },
  }),
  'users.setRole': defineMethod({
    name: 'users.setRole',
    role: 'admin',
    changes: true,
    needsSession: true,
    input: z.object({ user: z.string(), role: Role }),
    output: User,
    example: { user: 'u1', role: 'operator' },
  }),
  /** For a user who lost it: sessions and tokens end, the role stays. `session.changePassword` changes the caller's own. */
  'users.setPassword': defineMethod({
    name: 'users.setPassword',
    role: 'admin',
    changes: true,
    needsSession: true,
    input: z.object({ user: z.string(), password: NewPassword }),
    output: Nothing,
    example: { user: 'u1', password: 'correct horse battery' },
  }),
  'users.remove': defineMethod({
    name: 'users.remove',
    role: 'admin',
    changes: true,
    needsSession: true,
    input: z.object({ user: z.string() }),
    output: Nothing,
    example: { user: 'u1' },
  }),
  /** Who is looking, and at what: the first thing a page asks. */
  'session.current': defineMethod({
    name: 'session.current',
    role: 'viewer',
    changes: false,
    input: Nothing,
    output: z.object({
      user: User,
      version: z.string(),
      /** The nodes are real meshds over simulated hosts: every page says so in a banner. */
      isSimulated: z.boolean(),
    }),
    example: {},
  }),
  /** The caller's own. All other sessions end; tokens stay. */
  'session.changePassword': defineMethod({
    name: 'session.changePassword',
    role: 'viewer',
    changes: true,
    needsSession: true,
    input: z.object({ old: z.string().min(1).max(256), password: NewPassword }),
    output: Nothing,
    example: { old: 'correct horse battery', password: 'staple correct horse' },
  }),
  'sessions.list': defineMethod({
    name: 'sessions.list',
    role: 'viewer',
    changes: false,
    input: Nothing,
    output: z.array(
      z.object({
        id: z.string(),
        createdAt: z.number(),
        expiresAt: z.number(),
        address: z.string(),
        agent: z.string(),
        isCurrent: z.boolean(),
      }),
    ),
    example: {},
  }),
  'sessions.revokeOthers': defineMethod({
    name: 'sessions.revokeOthers',
    role: 'viewer',
    changes: true,
    needsSession: true,
    input: Nothing,
    output: Nothing,
    example: {},
  }),
  /** Tokens of the caller, for `meshdeck --token`. A token acts with its owner's role; only its hash is kept. */
  'tokens.list': defineMethod({
    name: 'tokens.list',
    role: 'viewer',
    changes: false,
    input: Nothing,
    output: z.array(
      z.object({ id: z.string(), name: z.string(), createdAt: z.number(), lastUsedAt: z.number().nullable() }),
    ),
    example: {},
  }),
  /** The token itself is shown only this once. A user has `maxTokensPerUser` at most, and makes `maxTokensPerHour` an hour. */
  'tokens.create': defineMethod({
    name: 'tokens.create',
    role: 'viewer',
    changes: true,
    needsSession: true,
    input: z.object({ name: z.string().min(1).max(64) }),
    output: z.object({ id: z.string(), token: z.string() }),
    example: { name: 'laptop' },
  }),
  'tokens.revoke': defineMethod({
    name: 'tokens.revoke',
    role: 'viewer',
    changes: true,
    input: z.object({ token: z.string() }),
    output: Nothing,
    example: { token: 't1' },
  }),
  /** The console's own SSH keys, newest first: public halves only. */
  'keys.list': defineMethod({
    name: 'keys.list',
    role: 'viewer',
    changes: false,
    input: Nothing,
    output: z.array(ConsoleKeyView),
    example: {},
  }),
  'ca.list': defineMethod({
    name: 'ca.list',
    role: 'admin',
    changes: false,
    input: Nothing,
    output: z.array(CaCopyView),
    example: {},
  }),
  /** Has the head seal a copy of its CA, and keeps it. The code that opens it is shown only this once. */
  'ca.keep': defineMethod({
    name: 'ca.keep',
    role: 'admin',
    changes: true,
    input: z.object({
      /** Id or context; empty where there is one only. */
      cluster: z.string().max(100),
    }),
    output: z.object({ cluster: z.string(), code: z.string() }),
    example: { cluster: 'john' },
  }),
  'audit.list': defineMethod({
    name: 'audit.list',
    role: 'admin',
    changes: false,
    input: z.object({
      before: z.number().int().nullable(),
      limit: z.number().int().min(1).max(1000),
      text: z.string().max(200),
    }),
    output: z.array(AuditEntry),
    example: { before: null, limit: 100, text: '' },
  }),
} as const;
export type BrowserMethods = typeof browserMethods;
export type MethodName = keyof BrowserMethods;

/** What the server pushes, by event name. Each goes only to clients that subscribed and may see it. */
export const browserEvents = {
  'fleet.delta': FleetDelta,
  'nodes.changed': KnownNodesChange,
  'run.event': RunEvent,
  'runs.changed': RunSummary,
  'command.answer': z.object({ call: z.string(), answer: CommandResponse }),
  /** The session ended: the page goes to the login and comes back to where it was. */
  'session.ended': z.object({ reason: z.string() }),
} as const;
export type BrowserEvents = { readonly [Name in keyof typeof browserEvents]: z.infer<(typeof browserEvents)[Name]> };
