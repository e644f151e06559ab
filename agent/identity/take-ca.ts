// `meshd -takeca <copy>` on a member, when the head is lost permanently: opens the copy with its recovery code, and makes this
// node the head. It works on the files of a meshd that does not run. The others learn it from the roster that this node floods.
import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { AppError } from '../../contract/errors.ts';
import { moveHead } from '../../core/mesh/roster.ts';
import { writeFileAtomic } from '../../host/files.ts';
import { storeAuthority } from './authority.ts';
import { openSealed } from './ca-copy.ts';
import { loadIdentity } from './identity.ts';
import { RosterStore } from './roster-store.ts';

/**
 * The lost head may have made versions of the roster that this node never saw; they must not win over ours. Nobody edits a
 * roster that often in the seconds that flooding takes.
 */
const skippedVersions = 1_000;

/**
 * Gives the name of the previous head. After an interruption, call it again: a node with the CA alone is not the head yet.
 * @throws AppError `invalid` for a copy or code that is not right, `refused` on a node that cannot be the head
 */
export async function takeAuthority(
  stateFolder: string,
  given: { readonly sealed: string; readonly code: string; readonly now: Date },
): Promise<string> {
  const folder = join(stateFolder, 'identity');
  const authority = openSealed(given.sealed, given.code);
  const identity = await loadIdentity(folder, given.now);
  if (authority.cluster !== identity.cluster || !isSame(authority.certificatePem, identity.caPem)) {
    throw new AppError('refused', 'this is the CA of another cluster than this node is a member of');
  }
  const path = join(folder, 'roster.json');
  const store = await RosterStore.open({ path, caPem: identity.caPem });
  const { roster } = store;
  const before = store.node(roster.head)?.name ?? 'unknown';
  const standing = store.standing(identity.nodeId, identity.keyHash);
  if (standing !== 'member') {
    throw new AppError(
      'refused',
      `this node is no longer a member of the cluster (${standing}): run it on another node`,
    );
  }
  const edit = moveHead(roster, identity.nodeId);
  if (!edit.ok) throw new AppError(edit.code, edit.message);
  await storeAuthority(join(stateFolder, 'ca'), authority);
  const signed = authority.sign({ ...edit.roster, version: roster.version + skippedVersions });
  await writeFileAtomic(path, JSON.stringify(signed));
  return before;
}

function isSame(a: string, b: string): boolean {
  return new X509Certificate(a).fingerprint256 === new X509Certificate(b).fingerprint256;
}
