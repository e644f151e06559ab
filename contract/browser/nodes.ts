// The machines that the console knows, their bridges, and the keys and CA copies that belong to them.
import { z } from 'zod';
import { NodeBridge } from '../bridge.ts';
import { KnownNode, KnownNodesChange, NodeChecks } from '../known-nodes.ts';
import { defineMethod, Nothing } from '../method.ts';

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

export const nodeMethods = {
  'bridge.show': defineMethod({
    name: 'bridge.show',
    summary: 'Looks at the bridges of nodes, and changes nothing.',
    role: 'operator',
    changes: false,
    input: z.object({ nodes: z.string().min(1).max(200_000) }),
    output: z.array(NodeBridge),
    example: { nodes: 'node1' },
  }),
  'nodes.known': defineMethod({
    name: 'nodes.known',
    summary: 'The nodes that the console knows, with what it saw of them last; asks no node.',
    role: 'viewer',
    changes: false,
    input: Nothing,
    output: z.array(KnownNode),
    example: {},
  }),
  'nodes.checks': defineMethod({
    name: 'nodes.checks',
    summary: 'What the last look at a machine found; null before the first look. Asks no node.',
    role: 'viewer',
    changes: false,
    input: z.object({ node: z.string() }),
    output: NodeChecks.nullable(),
    example: { node: 'h1' },
  }),
  'keys.list': defineMethod({
    name: 'keys.list',
    summary: 'The console’s own SSH keys, newest first: public halves only.',
    role: 'viewer',
    changes: false,
    input: Nothing,
    output: z.array(ConsoleKeyView),
    example: {},
  }),
  'ca.list': defineMethod({
    name: 'ca.list',
    summary: 'The sealed copies of clusters’ CAs.',
    role: 'admin',
    changes: false,
    input: Nothing,
    output: z.array(CaCopyView),
    example: {},
  }),
  'ca.keep': defineMethod({
    name: 'ca.keep',
    summary: 'Has the head seal a copy of its CA, and keeps it. The code that opens it is shown only this once.',
    role: 'admin',
    changes: true,
    input: z.object({
      /** Id or context; empty where there is one only. */
      cluster: z.string().max(100),
    }),
    output: z.object({ cluster: z.string(), code: z.string() }),
    example: { cluster: 'john' },
  }),
} as const;

export const nodeEvents = {
  'nodes.changed': KnownNodesChange,
} as const;
