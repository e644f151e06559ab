// The cluster's CA, on the head only: `ca.key` and `ca.crt` in one folder. It issues certificates and signs rosters.
// The two cannot be confused: a certificate's signed part starts with a DER sequence (0x30), a roster with `{`.
import { createPrivateKey, createPublicKey, sign, X509Certificate, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../contract/errors.ts';
import { Roster, type SignedRoster } from '../../contract/roster.ts';
import { writeFileAtomic } from '../../host/files.ts';
import {
  createId,
  createKeyPair,
  issueAuthorityCertificate,
  issueNodeCertificate,
  keyHashOf,
  readPublicKey,
} from './certificates.ts';

export interface IssuedCertificate {
  certificatePem: string;
  /** For the node's entry in the roster. */
  keyHash: string;
}

export class Authority {
  readonly cluster: string;
  readonly certificatePem: string;
  private readonly keyPem: string;
  private readonly key: KeyObject;

  constructor(cluster: string, pems: { keyPem: string; certificatePem: string }) {
    this.cluster = cluster;
    this.certificatePem = pems.certificatePem;
    this.keyPem = pems.keyPem;
    this.key = createPrivateKey(pems.keyPem);
  }

  /** Issues a node's certificate for its public key (SPKI, PEM). */
  async issue(node: { nodeId: string; publicKey: string }, now = new Date()): Promise<IssuedCertificate> {
    const certificatePem = await issueNodeCertificate(
      { cluster: this.cluster, keyPem: this.keyPem },
      { nodeId: node.nodeId, publicKeyPem: node.publicKey },
      now,
    );
    return { certificatePem, keyHash: keyHashOf(readPublicKey(node.publicKey)) };
  }

  /** Signs a roster: the text that is signed is the text that travels. */
  sign(roster: Roster): SignedRoster {
    const body = JSON.stringify(Roster.parse(roster));
    return { body, signature: sign('sha256', Buffer.from(body), this.key).toString('base64') };
  }

  /** The private key, for moving the CA to another member and for the console's encrypted copy. */
  exportPrivateKey(): string {
    return this.keyPem;
  }
}

/** Makes a new CA with a new cluster id in `folder` (0700). @throws AppError `conflict` if there is one already. */
export async function createAuthority(folder: string, now = new Date()): Promise<Authority> {
  if ((await readIfThere(join(folder, 'ca.key'))) !== null) {
    throw new AppError('conflict', `${folder} holds a CA already; it is never replaced`);
  }
  const cluster = createId();
  const { privateKeyPem: keyPem } = createKeyPair();
  const certificatePem = await issueAuthorityCertificate(cluster, keyPem, now);
  const authority = new Authority(cluster, { keyPem, certificatePem });
  await storeAuthority(folder, authority);
  return authority;
}

/** Writes a CA's files. The key comes last: a folder with a key is whole. */
export async function storeAuthority(folder: string, authority: Authority): Promise<void> {
  await writeFileAtomic(join(folder, 'ca.crt'), authority.certificatePem);
  await writeFileAtomic(join(folder, 'ca.key'), authority.exportPrivateKey());
}

/** Opens the CA in `folder`; null on a node without a CA (every node but the head). @throws AppError when it is damaged. */
export async function openAuthority(folder: string): Promise<Authority | null> {
  const keyPem = await readIfThere(join(folder, 'ca.key'));
  if (keyPem === null) return null;
  const certificatePem = await readIfThere(join(folder, 'ca.crt'));
  if (certificatePem === null) throw new AppError('invalid', `${folder}/ca.crt is missing; put it back from a backup`);
  try {
    return authorityFromPems({ keyPem, certificatePem });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : 'unreadable';
    throw new AppError('invalid', `the CA in ${folder} is not usable: ${why}; put it back from a backup`, { cause });
  }
}

/** @throws when key and certificate are not a CA of ours */
export function authorityFromPems(pems: { keyPem: string; certificatePem: string }): Authority {
  const certificate = new X509Certificate(pems.certificatePem);
  const cluster = /^CN=([0-9a-f]{32})$/.exec(certificate.subject)?.[1];
  if (cluster === undefined) throw new AppError('invalid', 'its subject is not a cluster id');
  const publicKey = createPublicKey(createPrivateKey(pems.keyPem));
  if (!certificate.publicKey.equals(publicKey))
    throw new AppError('invalid', 'ca.key and ca.crt do not belong together');
  return new Authority(cluster, pems);
}

/** A file's text, or null if there is no such file. */
export async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new AppError('invalid', `${path} is not readable: ${(cause as Error).message}`, { cause });
  }
}
