// `deploy hostkeys`: shows the SSH host keys of nodes beside the keys pinned for them, and pins those whose fingerprint
// an administrator has compared.
import { AppError } from '../../contract/errors.ts';
import { describeRemoval } from '../../host/ssh/errors.ts';
import { fingerprintOf } from '../../host/ssh/known-hosts.ts';
import { judgeHostKey } from '../../host/ssh/pins.ts';
import type { HostKeyPins, PinVerdict } from '../../host/ssh/pins.ts';
import { scanHostKeys } from '../../host/ssh/scan.ts';

export interface HostKeyRow {
  readonly node: string;
  readonly address: string;
  readonly type: string;
  readonly fingerprint: string;
  readonly state: PinVerdict;
}

export interface HostKeyOptions {
  readonly sshPort: number;
  /** Who asks, for messages: `root@node1`. */
  readonly local: string;
  readonly signal: AbortSignal;
}

/** All keys that a node shows. @throws AppError when it cannot be asked. */
export async function observeHostKeys(
  node: string,
  options: HostKeyOptions,
  components: { pins: HostKeyPins },
): Promise<HostKeyRow[]> {
  const scan = await scanHostKeys({ host: node, port: options.sshPort }, { ...options, timeoutMs: 15_000 });
  const entries = await components.pins.entriesFor(node, options.sshPort);
  return scan.keys.map((hostKey) => ({
    node,
    address: scan.address,
    type: hostKey.type,
    fingerprint: fingerprintOf(hostKey.key),
    state: judgeHostKey(entries, hostKey),
  }));
}

/**
 * Pins the keys of a node that have one of the fingerprints. @throws AppError `refused` when it shows none of them, and
 * `host-key-changed` when another key is pinned: an administrator has to remove that one first.
 */
export async function acceptHostKeys(
  node: string,
  fingerprints: readonly string[],
  options: HostKeyOptions,
  components: { pins: HostKeyPins },
): Promise<HostKeyRow[]> {
  const target = { host: node, port: options.sshPort };
  const scan = await scanHostKeys(target, { ...options, timeoutMs: 15_000 });
  const accepted = scan.keys.filter((hostKey) => fingerprints.includes(fingerprintOf(hostKey.key)));
  if (accepted.length === 0) {
    const shown = scan.keys.map((hostKey) => `${hostKey.type} ${fingerprintOf(hostKey.key)}`).join(', ');
    throw new AppError(
      'refused',
      `${node} shows none of these fingerprints but ${shown}: compare them on ${node} itself (ssh-keygen -lf)`,
    );
  }
  const entries = await components.pins.entriesFor(node, options.sshPort);
  for (const hostKey of accepted) {
    const sameType = entries.filter((entry) => entry.type === hostKey.type);
    const verdict = judgeHostKey(sameType, hostKey);
    if (verdict === 'changed' || verdict === 'revoked') {
      throw new AppError(
        'host-key-changed',
        `another ${hostKey.type} key is pinned for ${node}: remove it first (${describeRemoval(target, entries)}), ` +
          'then accept the new one',
      );
    }
    await components.pins.pin(node, options.sshPort, hostKey);
  }
  return accepted.map((hostKey) => ({
    node,
    address: scan.address,
    type: hostKey.type,
    fingerprint: fingerprintOf(hostKey.key),
    state: 'pinned',
  }));
}
