// Certificates of the cluster: issuing (with @peculiar/x509, loaded only then: it costs 35 ms) and reading (node:crypto).
//
// Strangers see a server's certificate and the CA's subject in a TLS handshake. So neither holds a name or a context:
//   CA:   subject CN=<cluster id>, P-256, CA:TRUE with path length 0
//   node: subject CN=<node id>, SAN URI urn:meshd:<cluster id>:<node id>, for client and server authentication
// Both are valid from one day ago (clocks of lab machines are off) for five years.
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  webcrypto,
  type KeyObject,
  type X509Certificate,
} from 'node:crypto';
import { AppError } from '../../contract/errors.ts';

const dayMs = 24 * 3600 * 1000;
const validity = { beforeMs: dayMs, afterMs: 5 * 365 * dayMs };
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

export interface KeyPair {
  /** PKCS #8, PEM. */
  privateKeyPem: string;
  /** SPKI, PEM. */
  publicKeyPem: string;
  /** SHA-256 of the SPKI in DER, hex: what the roster holds. */
  keyHash: string;
}

/** A new P-256 key pair. */
export function createKeyPair(): KeyPair {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    privateKeyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    keyHash: keyHashOf(publicKey),
  };
}

/** 32 hex digits of randomness: a node id or a cluster id. */
export function createId(): string {
  return randomBytes(16).toString('hex');
}

export function keyHashOf(publicKey: KeyObject): string {
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex');
}

/** Reads a P-256 public key in PEM. @throws AppError `invalid` */
export function readPublicKey(pem: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPublicKey(pem);
  } catch (cause) {
    throw new AppError('invalid', 'the public key is not readable as PEM', { cause });
  }
  if (key.asymmetricKeyType !== 'ec' || key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') {
    throw new AppError('invalid', 'the public key is not on the curve P-256');
  }
  return key;
}

export interface CertificateIdentity {
  cluster: string;
  nodeId: string;
  keyHash: string;
}

/** Cluster, node and key of a node's certificate, or null if it is not one of ours. It says nothing about the issuer. */
export function identityFromCertificate(certificate: X509Certificate): CertificateIdentity | null {
  const match = /^URI:urn:meshd:([0-9a-f]{32}):([0-9a-f]{32})$/.exec(certificate.subjectAltName ?? '');
  if (!match?.[1] || !match[2]) return null;
  return { cluster: match[1], nodeId: match[2], keyHash: keyHashOf(certificate.publicKey) };
}

/** Makes the CA's own certificate. */
export async function issueAuthorityCertificate(cluster: string, keyPem: string, now: Date): Promise<string> {
  const x509 = await loadX509();
  const keys = await importKeys(keyPem);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: `CN=${cluster}`,
    ...validityFrom(now),
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return certificate.toString('pem');
}

/** Makes a node's certificate, signed by the CA. */
export async function issueNodeCertificate(
  authority: { cluster: string; keyPem: string },
  node: { nodeId: string; publicKeyPem: string },
  now: Date,
): Promise<string> {
  const x509 = await loadX509();
  const { privateKey: signingKey, publicKey: authorityKey } = await importKeys(authority.keyPem);
  const spki = readPublicKey(node.publicKeyPem).export({ type: 'spki', format: 'der' });
  const publicKey = await webcrypto.subtle.importKey('spki', spki, algorithm, true, ['verify']);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: `CN=${node.nodeId}`,
    issuer: `CN=${authority.cluster}`,
    ...validityFrom(now),
    publicKey,
    signingKey,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
      new x509.SubjectAlternativeNameExtension([
        { type: 'url', value: `urn:meshd:${authority.cluster}:${node.nodeId}` },
      ]),
      await x509.AuthorityKeyIdentifierExtension.create(authorityKey),
    ],
  });
  return certificate.toString('pem');
}

async function loadX509() {
  // The library's container wants Reflect metadata to be there before it loads.
  await import('reflect-metadata');
  const x509 = await import('@peculiar/x509');
  x509.cryptoProvider.set(webcrypto);
  return x509;
}

async function importKeys(keyPem: string) {
  const key = createPrivateKey(keyPem);
  const pkcs8 = key.export({ type: 'pkcs8', format: 'der' });
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
  return {
    privateKey: await webcrypto.subtle.importKey('pkcs8', pkcs8, algorithm, false, ['sign']),
    publicKey: await webcrypto.subtle.importKey('spki', spki, algorithm, true, ['verify']),
  };
}

/** 127 random bits: positive, as RFC 5280 4.1.2.2 wants, and unique without a counter to keep. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString('hex');
}

function validityFrom(now: Date): { notBefore: Date; notAfter: Date } {
  const notBefore = new Date(now.getTime() - validity.beforeMs);
  return { notBefore, notAfter: new Date(notBefore.getTime() + validity.afterMs) };
}
