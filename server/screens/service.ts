// What pages may open streams to. Owns the shape of such a service, and the plain one: bytes, and nothing else.
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { z } from 'zod';
import { isAtLeast } from '../../contract/role-order.ts';
import type { Role } from '../../contract/roles.ts';
import type { Caller } from '../ports.ts';
import { joinStream } from './join.ts';

/** A service that pages may reach. */
export interface StreamService {
  /** The least role. */
  readonly role: Role;
  /** What the page may say to it. */
  readonly args: z.ZodType;
  /** For a service that is more than bytes; called for each stream. */
  readonly prepare?: (call: ServiceCall) => PreparedStream;
}
export interface ServiceCall {
  readonly caller: Caller;
  readonly cluster: string;
  readonly node: string;
  /** As parsed by the service's schema. */
  readonly args: unknown;
  /** Writes to the audit log what the caller does on the stream. */
  readonly audit: (what: string) => void;
}
export interface PreparedStream {
  /** The stream, in words for the audit log. */
  readonly what: string;
  /** Why it ends once its user has this role; null: it continues. */
  readonly whyNot: (role: Role) => string | null;
  /** To a service of a node; the console itself serves it otherwise. */
  readonly node?: {
    readonly args: unknown;
    /** Joins page and node. Returns what is done as soon as the stream is over, once. */
    readonly join: (socket: WebSocket, stream: Duplex) => () => void;
  };
  /** As `join`, without a node. */
  readonly serve?: (socket: WebSocket) => () => void;
}
/** By the name that the node has for it. */
export type StreamServices = Readonly<Record<string, StreamService>>;

/** A service that is bytes alone. */
export function plainStream({
  service,
  role,
  args,
}: {
  readonly service: string;
  readonly role: Role;
  readonly args: unknown;
}): PreparedStream {
  return {
    what: `stream ${service}${args === null ? '' : ` ${JSON.stringify(args)}`}`,
    whyNot: (now) => (isAtLeast(now, role) ? null : `Your role is now ${now}, and this needs ${role}.`),
    node: {
      args,
      join(socket, stream) {
        joinStream(socket, stream);
        return () => undefined;
      },
    },
  };
}
