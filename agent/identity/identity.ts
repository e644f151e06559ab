// Who this node is: its key, its certificate, the CA's certificate and the roster, in `<state>/identity`. The first
// start on a machine without a certificate makes the cluster: a CA in `<state>/ca`, and this node as head and only member.
import { createPrivateKey, createPublicKey, X509Certificate, type KeyObject } from 'node:crypto';
import { join } from 'node:path';
import { AppError } from '../../contract/errors.ts';
import type { RosterNode, SignedRoster } from '../../contract/roster.ts';
import { admitNode, firstRoster } from '../../core/mesh/roster.ts';
import { writeFileAtomic } from '../../host/files.ts';
import { createAuthority, openAuthority, readIfThere, type Authority } from './authority.ts';
import { createId, createKeyPair, identityFromCertificate } from './certificates.ts';
import { RosterEditor, RosterStore } from './roster-store.ts';

export interface Identity {
  readonly nodeId: string;
  readonly cluster: string;
  readonly keyHash: string;
  readonly keyPem: string;
  readonly certificatePem: string;
  readonly caPem: string;
}

export interface IdentityFiles {
  keyPem: string;
  certificatePem: string;
  caPem: string;
  roster: SignedRoster;
}

/** Writes a node's identity folder. The certificate comes last: a folder with a certificate is whole. */
export async function writeIdentity(folder: string, files: IdentityFiles): Promise<void> {
  await writeFileAtomic(join(folder, 'node.key'), files.keyPem);
  await writeFileAtomic(join(folder, 'ca.crt'), files.caPem);
  await writeFileAtomic(join(folder, 'roster.json'), JSON.stringify(files.roster));
  await writeFileAtomic(join(folder, 'node.crt'), files.certificatePem);
}

/** True if this folder holds a certificate, whatever its state. */
export async function hasIdentity(folder: string): Promise<boolean> {
  return (await readIfThere(join(folder, 'node.crt')).catch(() => '')) !== null;
}

/**
 * Reads and checks a node's identity folder.
 * @throws AppError `invalid` (missing, unreadable, key and certificate not matching) or `refused` (foreign, expired)
 */
export async function loadIdentity(folder: string, now: Date): Promise<Identity> {
  const [keyPem, certificatePem, caPem] = await Promise.all(
    ['node.key', 'node.crt', 'ca.crt'].map(async (name) => {
      const text = await readIfThere(join(folder, name));
      if (text === null) throw new AppError('invalid', `${join(folder, name)} is missing; deploy this node again`);
      return text;
    }),
  );
  // Promise.all of three gives three.
  if (keyPem === undefined || certificatePem === undefined || caPem === undefined)
    throw new AppError('invalid', folder);
  const certificate = readCertificate(join(folder, 'node.crt'), certificatePem);
  const ca = readCertificate(join(folder, 'ca.crt'), caPem);
  let key: KeyObject;
  try {
    key = createPrivateKey(keyPem);
  } catch (cause) {
    throw new AppError('invalid', `${folder}/node.key is not a readable private key; deploy this node again`, {
      cause,
    });
  }
  if (!certificate.publicKey.equals(createPublicKey(key))) {
    throw new AppError('invalid', `${folder}: node.key does not belong to node.crt; deploy this node again`);
  }
  const claimed = identityFromCertificate(certificate);
  if (!claimed || !certificate.checkIssued(ca) || !certificate.verify(ca.publicKey)) {
    throw new AppError(
      'refused',
      `${folder}/node.crt was not issued by the CA in ca.crt: it belongs to another cluster; deploy this node again`,
    );
  }
  for (const [name, checked] of [
    ['node.crt', certificate],
    ['ca.crt', ca],
  ] as const) {
    if (now < checked.validFromDate) {
      throw new AppError(
        'refused',
        `${folder}/${name} is valid from ${checked.validFrom} only: check this node's clock`,
      );
    }
    if (now > checked.validToDate) {
      throw new AppError(
        'refused',
        `${folder}/${name} expired on ${checked.validTo}: deploy this node again from the head`,
      );
    }
  }
  return { ...claimed, keyPem, certificatePem, caPem };
}

export interface EnsureIdentityOptions {
  /** This machine's short hostname. */
  name: string;
  context: string;
  port: number;
  addresses: string[];
  now: Date;
  /** False where the cluster must exist already (`-headnode` names another machine): then no CA is made here. */
  create: boolean;
}

export interface ClusterState {
  identity: Identity;
  roster: RosterStore;
  /** On the head: the CA and the way to edit the roster; null elsewhere. */
  head: { authority: Authority; editor: RosterEditor } | null;
}

/** Loads this node's identity, and makes cluster and identity at the first start. @throws AppError as loadIdentity does */
export async function ensureIdentity(stateFolder: string, options: EnsureIdentityOptions): Promise<ClusterState> {
  const folder = join(stateFolder, 'identity');
  const caFolder = join(stateFolder, 'ca');
  if (!(await hasIdentity(folder))) {
    if (!options.create) {
      throw new AppError(
        'not-found',
        `no certificate in ${folder}: this node was not deployed; run \`deploy launch ${options.name}\` on the head`,
      );
    }
    await createCluster({ folder, caFolder }, options);
  }
  const identity = await loadIdentity(folder, options.now);
  const roster = await RosterStore.open({ path: join(folder, 'roster.json'), caPem: identity.caPem });
  if (roster.roster.cluster !== identity.cluster) {
    throw new AppError(
      'refused',
      `${folder}: certificate and roster are of different clusters; deploy this node again`,
    );
  }
  if (roster.roster.context !== options.context) {
    throw new AppError(
      'refused',
      `this node belongs to the mesh with context "${roster.roster.context}", not "${options.context}": ` +
        'start it with its own context, or remove its state folder to make a new mesh',
    );
  }
  const authority = await openAuthority(caFolder);
  if (!authority || roster.roster.head !== identity.nodeId) return { identity, roster, head: null };
  const editor = new RosterEditor({ authority, store: roster });
  await keepOwnEntry({ identity, roster, editor }, options);
  return { identity, roster, head: { authority, editor } };
}

async function createCluster(
  folders: { folder: string; caFolder: string },
  options: EnsureIdentityOptions,
): Promise<void> {
  // A start that died between CA and certificate left a CA: the next start uses it.
  const authority = (await openAuthority(folders.caFolder)) ?? (await createAuthority(folders.caFolder, options.now));
  const nodeId = createId();
  const keys = createKeyPair();
  const issued = await authority.issue({ nodeId, publicKey: keys.publicKeyPem }, options.now);
  const self: RosterNode = { ...ownEntry(options), id: nodeId, keyHash: issued.keyHash, state: 'member' };
  await writeIdentity(folders.folder, {
    keyPem: keys.privateKeyPem,
    certificatePem: issued.certificatePem,
    caPem: authority.certificatePem,
    roster: authority.sign(firstRoster(authority.cluster, options.context, self)),
  });
}

/** The head's name, port and addresses may change between two starts; it can say so itself. */
async function keepOwnEntry(
  parts: { identity: Identity; roster: RosterStore; editor: RosterEditor },
  options: EnsureIdentityOptions,
): Promise<void> {
  const { identity, roster, editor } = parts;
  const known = roster.node(identity.nodeId);
  const wanted = ownEntry(options);
  const same =
    known?.name === wanted.name &&
    known.port === wanted.port &&
    JSON.stringify(known.addresses) === JSON.stringify(wanted.addresses);
  if (same) return;
  await editor.edit((current) =>
    admitNode(current, { ...wanted, id: identity.nodeId, keyHash: identity.keyHash, state: 'member' }),
  );
}

function ownEntry(options: EnsureIdentityOptions): Pick<RosterNode, 'name' | 'addresses' | 'port'> {
  return { name: options.name, addresses: options.addresses.slice(0, 16), port: options.port };
}

function readCertificate(path: string, pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw new AppError('invalid', `${path} is not a readable certificate; deploy this node again`, { cause });
  }
}
