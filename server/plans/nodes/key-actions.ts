// Host keys and login keys: pinning, installing, proving, switching passwords off, and undoing each of these.
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError, describeError } from '../../../contract/errors.ts';
import { scriptArgv } from '../../../host/scripts/script-argv.ts';
import type { keyActions } from '../../../core/plans/nodes/actions.ts';
import {
  ensureKeyScript,
  removeKeyScript,
  removeRootPasswordScript,
  restoreRootPasswordScript,
  sshdFile,
  sshdScript,
  sshdStateScript,
} from '../../../core/plans/nodes/host-scripts.ts';
import { isHostName } from '../../../core/plans/targets.ts';
import type { NodeTarget } from '../../../core/plans/targets.ts';
import type { HostStore, StoredHost } from '../../ports.ts';
import { outcomeOf } from '../action.ts';
import type { ActionParts, Executors } from '../action.ts';
import { makeConsoleKey } from '../../ssh/console-key.ts';
import { describeHostKey, isPublicKey } from '../../ssh/host-keys.ts';
import type { RootShell } from '../../ssh/login.ts';
import { observeSighting } from '../../ssh/observe.ts';
import { findHost } from '../../ssh/sessions.ts';

export const keyExecutors: Executors<typeof keyActions> = {
  pinHostKey: async ({ target, keys, replacesPins }, context, parts) => {
    if (keys.length === 0) {
      // No look has seen its key: look again, to say why, or to say that it answers by now.
      const { error } = await observeSighting(target, parts.store, context.signal);
      throw error !== ''
        ? new AppError('unreachable', error)
        : new AppError('host-key-unknown', `${target.name} answers by now: make the plan again, to see its host key`);
    }
    const known = findHost(await parts.store.hosts.list(), target);
    const isPinned = known !== undefined && known.pins.some((pin) => keys.includes(pin));
    if (known && known.pins.length > 0 && !isPinned && !replacesPins) {
      throw new AppError(
        'host-key-changed',
        `the host key of ${target.name} has changed: it shows ${keys.map(describeHostKey).join(', ')}, pinned is ` +
          `${known.pins.map(describeHostKey).join(', ')}; if it was reinstalled: meshdeck nodes replace ${target.name}`,
        { detail: { shown: keys.map(describeHostKey), pinned: known.pins.map(describeHostKey) } },
      );
    }
    // Other keys that it shows beside a pinned one are not added: each was shown on a separate connection.
    const pins = isPinned ? [...known.pins] : keys;
    if (known) {
      let before = '';
      const after = await parts.store.hosts.update(known.id, (host) => {
        before = JSON.stringify(host);
        return { ...host, pins, addresses: withFirst(target.address, host.addresses), port: target.port };
      });
      if (JSON.stringify(after) === before) return { changed: false };
    } else {
      await parts.store.hosts.put(newHost(target, pins, parts));
    }
    if (isPinned) return { changed: true };
    for (const key of keys) context.log(`pinned ${describeHostKey(key)}`);
    return { changed: true };
  },

  ensureKey: async ({ target, publicKey }, context, parts) => {
    const shell = await parts.sessions.shell(target, context);
    const { stdout } = await shell.run(scriptArgv(ensureKeyScript, [publicKey]), { signal: context.signal });
    return outcomeOf(stdout);
  },

  /** For a rotation: a key pair with this id, made once. */
  ensureConsoleKey: async ({ keyId }, context, parts) => {
    const found = await parts.store.keys.get(keyId);
    const { publicKey } =
      found ?? (await makeConsoleKey(parts.store.keys, keyId, { nowMs: parts.now(), host: parts.host }));
    context.log(publicKey);
    return { changed: !found, result: { publicKey } };
  },

  /** The public half of a console key. */
  ensureStoredKey: async ({ target, keyId }, context, parts) => {
    const key = await parts.store.keys.get(keyId);
    if (!key) throw new AppError('not-found', `the console no longer has the key "${keyId}": make a new plan`);
    const shell = await parts.sessions.shell(target, context);
    const { stdout } = await shell.run(scriptArgv(ensureKeyScript, [key.publicKey]), { signal: context.signal });
    return outcomeOf(stdout);
  },

  removeKey: async ({ target, publicKey }, context, parts) => {
    const shell = await parts.sessions.shell(target, context);
    const { stdout } = await shell.run(scriptArgv(removeKeyScript, [publicKey]), { signal: context.signal });
    const host = await parts.sessions.hostOf(target);
    if (host?.keyId) await parts.store.hosts.update(host.id, (known) => ({ ...known, keyId: null }));
    return outcomeOf(stdout);
  },

  /** Removes all console keys, and the head's, from a node that leaves. */
  removeKeys: async ({ target, head, publicKeys }, context, parts) => {
    const shell = await parts.sessions.shell(target, context);
    const keys = [...publicKeys];
    if (head && head.name !== target.name) {
      const headShell = await parts.sessions.shell(head, context);
      const { stdout } = await headShell.run(['sh', '-c', 'cat ~root/.ssh/id_ed25519.pub 2>/dev/null || :'], {
        signal: context.signal,
      });
      const headKey = stdout.trim();
      if (headKey !== '' && !isPublicKey(headKey)) {
        throw new AppError(
          'failed',
          `/root/.ssh/id_ed25519.pub on ${head.name} is damaged, so it does not say which key to take away on ` +
            `${target.name}: write it again there (ssh-keygen -y -f ~/.ssh/id_ed25519 >~/.ssh/id_ed25519.pub), then retry`,
        );
      }
      if (headKey !== '') keys.unshift(headKey);
    }
    let changed = false;
    for (const key of keys) {
      const { stdout } = await shell.run(scriptArgv(removeKeyScript, [key]), { signal: context.signal });
      changed ||= outcomeOf(stdout).changed;
    }
    return { changed };
  },

  /** After a rotation: removes the old key; the record names the new one already. */
  removeOldKey: async ({ target, publicKey }, context, parts) => {
    const shell = await parts.sessions.shell(target, context);
    const { stdout } = await shell.run(scriptArgv(removeKeyScript, [publicKey]), { signal: context.signal });
    return outcomeOf(stdout);
  },

  ensureRootKeyLogin: async ({ target }, context, parts) => {
    const shell = await parts.sessions.shell(target, context);
    const state = await shell.run(['sh', '-c', sshdStateScript], { signal: context.signal });
    if (!/permitrootlogin no/i.test(state.stdout)) return { changed: false };
    const { stdout } = await shell.run(scriptArgv(sshdScript, [sshdFile, 'PermitRootLogin prohibit-password']), {
      signal: context.signal,
    });
    return outcomeOf(stdout);
  },

  proveKeyLogin: async ({ target, keyId }, context, parts) => {
    let shell;
    try {
      shell = await proveAfterReload(target, parts, context.signal, keyId);
    } catch (error) {
      if (!(error instanceof AppError && error.code === 'refused')) throw error;
      const old = await parts.sessions.shell(target, context);
      const { stdout } = await old.run(['sh', '-c', sshdStateScript], { signal: context.signal });
      if (!/permitrootlogin no/i.test(stdout)) throw error;
      throw new AppError(
        'refused',
        `sshd on ${target.name} forbids root to log in at all (PermitRootLogin no): add it with "let root log in by key" ` +
          `(--allow-root-key), or set PermitRootLogin prohibit-password there`,
        { cause: error },
      );
    }
    try {
      const { stdout } = await shell.run(['uname', '-n'], { signal: context.signal });
      const name = stdout.trim().split('.')[0] ?? '';
      // From now on ranges, commands and known_hosts contain this name.
      if (!isHostName(name)) {
        throw new AppError(
          'invalid',
          `${target.name} calls itself ${JSON.stringify(name.slice(0, 60))}, which is not a host name: give it one of letters, ` +
            'digits and hyphens (hostnamectl set-hostname), then retry',
        );
      }
      const host = await parts.sessions.hostOf(target);
      if (!host) throw new AppError('conflict', `${target.name} was removed from the console meanwhile`);
      const isSame = await recordProof(host, { name, keyId }, parts.store.hosts);
      context.log(`root@${target.address} logs in by key, and calls itself ${name}`);
      return { changed: !isSame, result: { name } };
    } finally {
      shell.connection.close();
    }
  },

  ensurePasswordLoginOff: async ({ target }, context, parts) => {
    const shell = await parts.sessions.shell(target, context);
    (await parts.sessions.proveKey(target, context.signal)).connection.close();
    const lines = ['PasswordAuthentication no', 'KbdInteractiveAuthentication no', 'PermitRootLogin prohibit-password'];
    const { stdout } = await shell.run(scriptArgv(sshdScript, [sshdFile, ...lines]), { signal: context.signal });
    try {
      (await proveAfterReload(target, parts, context.signal)).connection.close();
    } catch (error) {
      // Through the connection that is still open, even when the step's deadline has passed.
      await shell.run(scriptArgv(sshdScript, [sshdFile]), { timeoutMs: 20_000 });
      throw new AppError(
        'failed',
        `after passwords were switched off no login by key worked on ${target.name}, so that they are on again: ${describeError(error)}`,
        { cause: error },
      );
    }
    return outcomeOf(stdout);
  },

  ensureSshdLines: async ({ target, file, lines }, context, parts) => {
    const shell = await parts.sessions.shell(target, context);
    const { stdout } = await shell.run(scriptArgv(sshdScript, [file, ...lines]), { signal: context.signal });
    return outcomeOf(stdout);
  },

  removeRootPassword: async ({ target }, context, parts) => {
    const shell = await parts.sessions.shell(target, context);
    const { stdout } = await shell.run(['sh', '-c', removeRootPasswordScript], { signal: context.signal });
    return outcomeOf(stdout);
  },

  restoreRootPassword: async ({ target }, context, parts) => {
    const shell = await parts.sessions.shell(target, context);
    const { stdout } = await shell.run(['sh', '-c', restoreRootPasswordScript], { signal: context.signal });
    return outcomeOf(stdout);
  },

  removeSshdFile: async ({ target }, context, parts) => {
    const shell = await parts.sessions.shell(target, context);
    const { stdout } = await shell.run(scriptArgv(sshdScript, [sshdFile]), { signal: context.signal });
    return outcomeOf(stdout);
  },

  /** Undoes pinHostKey for a machine that was replaced: restores its record. */
  restoreHost: async ({ target, was }, context, parts) => {
    const host = await parts.sessions.hostOf(target);
    if (!host) return { changed: false };
    await parts.sessions.release(context.step.node);
    await parts.store.hosts.put({ ...host, ...was });
    await parts.fleet.reload();
    return { changed: true };
  },

  /** Undoes pinHostKey: the console forgets the machine. */
  forgetHost: async ({ target }, context, parts) => {
    const host = await parts.sessions.hostOf(target);
    if (!host) return { changed: false };
    await parts.sessions.release(context.step.node);
    await parts.store.hosts.remove(host.id);
    await parts.fleet.reload();
    return { changed: true };
  },
};

/** sshd takes no connections for a moment while it reads its configuration again. */
async function proveAfterReload(
  target: NodeTarget,
  parts: ActionParts,
  signal: AbortSignal,
  keyId?: string,
): Promise<RootShell> {
  for (let left = 10; ; left -= 1) {
    try {
      return await parts.sessions.proveKey(target, signal, keyId);
    } catch (error) {
      if (left === 0 || !(error instanceof AppError && error.code === 'unreachable')) throw error;
      await sleep(500, undefined, { signal });
    }
  }
}

/**
 * Records the machine's own name and the key that it lets in. When two clones are proved at once, the second is refused.
 * @returns whether the record had them already
 * @throws AppError `conflict`
 */
export async function recordProof(
  { id, name: label }: Pick<StoredHost, 'id' | 'name'>,
  { name, keyId }: { name: string; keyId: string },
  hosts: HostStore,
): Promise<boolean> {
  let isSame = false;
  await hosts.update(id, async (host) => {
    const twin = (await hosts.list()).find(
      (other) => other.id !== id && other.name.toLowerCase() === name.toLowerCase() && other.keyId !== null,
    );
    if (twin) {
      throw new AppError(
        'conflict',
        `${label} calls itself ${name}, and so does ${twin.addresses[0] ?? 'another node'}: give one of them another ` +
          'name (hostnamectl set-hostname), then retry',
      );
    }
    const wanted: StoredHost = { ...host, name, user: 'root', needsSudo: false, keyId };
    isSame = JSON.stringify(wanted) === JSON.stringify(host);
    return wanted;
  });
  return isSame;
}

function newHost(target: NodeTarget, pins: string[], parts: ActionParts): StoredHost {
  return {
    id: parts.createId(),
    name: target.name,
    addresses: [target.address],
    port: target.port,
    user: target.user,
    needsSudo: target.user !== 'root',
    keyId: null,
    pins,
    cluster: '',
    nodeId: null,
    isHead: false,
    addedAt: parts.now(),
    facts: null,
  };
}

function withFirst(address: string, addresses: readonly string[]): string[] {
  return [address, ...addresses.filter((other) => other !== address)];
}
