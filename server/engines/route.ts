// How to reach one node of a cluster: on this machine, or over SSH with what the store keeps for the node.
import { AppError } from '../../contract/errors.ts';
import type { KnownHost } from '../../host/ssh/known-hosts.ts';
import type { HostKeySource } from '../../host/ssh/connection.ts';
import type { StoredHost } from '../ports.ts';

export type NodeRoute = LocalRoute | SshRoute;

export interface LocalRoute {
  readonly via: 'socket';
  /** Unique among all routes; for messages and for keeping connections apart. */
  readonly key: string;
  readonly socketPath: string;
}

export interface SshRoute {
  readonly via: 'ssh';
  readonly key: string;
  readonly host: StoredHost;
}

export function localRoute(socketPath: string): LocalRoute {
  return { via: 'socket', key: `socket ${socketPath}`, socketPath };
}

/** Its key holds all that a connection rests on: one that was made with an older login or pin is not taken for it. */
export function sshRoute(host: StoredHost): SshRoute {
  const { addresses, port, user, needsSudo, keyId, pins } = host;
  return { via: 'ssh', key: `ssh ${host.id} ${JSON.stringify([addresses, port, user, needsSudo, keyId, pins])}`, host };
}

/** For messages: the socket's path or the node's name. */
export function describeRoute(route: NodeRoute): string {
  return route.via === 'socket' ? route.socketPath : route.host.name;
}

/** The host keys that the store pins for one host, as host/ssh judges by them. */
export function pinsOfHost(host: Pick<StoredHost, 'name' | 'pins'>): HostKeySource {
  const entries = host.pins.flatMap((line): KnownHost[] => {
    const [type, encoded] = line.trim().split(/\s+/);
    if (type === undefined || encoded === undefined) return [];
    return [{ hosts: [host.name], revoked: false, type, key: Buffer.from(encoded, 'base64') }];
  });
  return {
    entriesFor: () => Promise.resolve(entries.map((entry) => ({ ...entry, file: "the console's store" }))),
  };
}

/** Host-key errors in the console's words: the shell commands of host/ssh would edit files that it does not read. */
export function inConsoleWords(error: unknown, host: Pick<StoredHost, 'name'>): unknown {
  if (!(error instanceof AppError)) return error;
  const { fingerprint, type, pinned } = error.detail ?? {};
  const shown = `${String(type)} ${String(fingerprint)}`;
  if (error.code === 'host-key-changed') {
    const text =
      `the host key of ${host.name} has changed: it shows ${shown}, pinned is ${Array.isArray(pinned) ? pinned.join(', ') : 'another'}; ` +
      `another machine may answer in its place. If it was reinstalled, use Replace node`;
    return new AppError(error.code, text, { cause: error, detail: error.detail ?? {} });
  }
  if (error.code === 'host-key-unknown') {
    const text = `no host key of ${host.name} is pinned, and it shows ${shown}: add it with Add nodes, which shows the key first`;
    return new AppError(error.code, text, { cause: error, detail: error.detail ?? {} });
  }
  return error;
}
