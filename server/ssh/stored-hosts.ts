// The machines that the console knows, by what people call them, and a look into one by the console's key.
import { rangeHint } from '../../core/ranges/parse-range.ts';
import { AppError } from '../../contract/errors.ts';
import type { NodeTarget } from '../../core/plans/targets.ts';
import type { Store, StoredHost } from '../ports.ts';
import { invalid } from '../form.ts';
import { pinsOfLines } from './host-keys.ts';
import { loginByKey } from './login.ts';
import type { RootShell } from './login.ts';
import { localIdentity } from './observe.ts';
import { findHost } from './sessions.ts';

/** @throws AppError `invalid` at this field when it is not known */
export function knownHost(hosts: readonly StoredHost[], name: string, field: string): StoredHost {
  const host = findHost(hosts, { name, address: name });
  if (!host) {
    const text = name.length > 60 ? `${name.slice(0, 60)}…` : name;
    throw invalid(
      field,
      `the console does not know ${JSON.stringify(text)}: add it first (meshdeck nodes add)${rangeHint(text)}`,
    );
  }
  return host;
}

export function targetOf(host: StoredHost): NodeTarget {
  return { name: host.name, address: host.addresses[0] ?? host.name, port: host.port, user: host.user };
}

/** For a machine that is in no cluster. */
export const noCluster = { cluster: '', nodeId: null, isHead: false };

/** What is known about a machine. Each writer changes only its own fields. */
export function factsOf({ facts }: Pick<StoredHost, 'facts'>): object {
  return typeof facts === 'object' && facts !== null ? facts : {};
}

/** A connection for looking, without the node's lock; the caller closes it. @throws AppError */
export async function shellOf(
  host: StoredHost,
  store: Pick<Store, 'keys'>,
  signal: AbortSignal,
  options: { readonly timeoutMs?: number } = {},
): Promise<RootShell> {
  const key = host.keyId === null ? null : await store.keys.get(host.keyId);
  if (!key)
    throw new AppError(
      'refused',
      `${host.name} has no key of the console yet: add it first (meshdeck nodes add ${host.name})`,
    );
  return loginByKey(
    targetOf(host),
    {
      pins: pinsOfLines(host.pins, 'the console'),
      consoleKey: key.privateKey,
      own: { keys: [], unusable: [] },
      local: localIdentity(),
    },
    signal,
    options,
  );
}
