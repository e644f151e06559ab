// Certificates of the console's HTTPS: files of the administrator, read again when they change, or one that the console
// signs itself and keeps in the data folder, whose fingerprint is printed beside the link.
import { createHash, randomBytes, webcrypto, X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import { AppError, describeError } from '../../contract/errors.ts';
import { writeFileAtomic } from '../../host/files.ts';
import type { OwnNames } from './hosts.ts';

const dayMs = 24 * 3_600_000;
/** Browsers refuse longer ones even when the user trusts them. */
const lifeMs = 397 * dayMs;
const renewBeforeMs = 30 * dayMs;

export interface Certificate {
  /** PEM, chain after the certificate itself. */
  readonly cert: string;
  /** PEM. */
  readonly key: string;
}

/** `AB:CD:…`, as browsers show it. */
export function fingerprintOf(certificate: Certificate): string {
  return new X509Certificate(certificate.cert).fingerprint256;
}

/** Reads the administrator's files. @throws AppError `invalid` when they do not fit together. */
export async function readCertificate(paths: { certificatePath: string; keyPath: string }): Promise<Certificate> {
  try {
    const [cert, key] = await Promise.all([readFile(paths.certificatePath, 'utf8'), readFile(paths.keyPath, 'utf8')]);
    createSecureContext({ cert, key });
    return { cert, key };
  } catch (cause) {
    throw new AppError(
      'invalid',
      `cannot use ${paths.certificatePath} with ${paths.keyPath}: ${describeError(cause)}`,
      { cause },
    );
  }
}

/** Tells when the files changed: their times and sizes. */
export async function certificateStamp(paths: { certificatePath: string; keyPath: string }): Promise<string> {
  const [cert, key] = await Promise.all([stat(paths.certificatePath), stat(paths.keyPath)]);
  return [cert.mtimeMs, cert.size, key.mtimeMs, key.size].join();
}

/**
 * The console's own certificate for its names and addresses. People compare its fingerprint: a new one comes only when it is
 * old, lacks one of the names, or has none of this machine's addresses. A bridge that comes or goes causes no new one.
 */
export async function ensureSelfSigned(
  dataPath: string,
  { names, addresses }: OwnNames,
  now: number,
): Promise<Certificate> {
  const certPath = join(dataPath, 'tls', 'console.crt');
  const keyPath = join(dataPath, 'tls', 'console.key');
  const kept = await readCertificate({ certificatePath: certPath, keyPath }).catch(() => null);
  if (kept) {
    const parsed = new X509Certificate(kept.cert);
    const isFresh = new Date(parsed.validTo).getTime() - renewBeforeMs > now;
    const covers = (name: string) => (isIP(name) === 0 ? parsed.checkHost(name) : parsed.checkIP(name)) !== undefined;
    if (isFresh && names.every(covers) && (addresses.length === 0 || addresses.some(covers))) return kept;
  }
  const made = await createSelfSigned([...new Set([...names, ...addresses])], now);
  await writeFileAtomic(keyPath, made.key);
  await writeFileAtomic(certPath, made.cert);
  return made;
}

export async function createSelfSigned(names: readonly string[], now: number): Promise<Certificate> {
  // Loaded only here: it costs 35 ms, and most starts need no new certificate.
  await import('reflect-metadata');
  const x509 = await import('@peculiar/x509');
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: `00${randomBytes(15).toString('hex')}`,
      name: `CN=Meshdeck console ${createHash('sha256').update(names.join()).digest('hex').slice(0, 8)}`,
      notBefore: new Date(now - dayMs),
      notAfter: new Date(now + lifeMs),
      signingAlgorithm: algorithm,
      keys,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
        new x509.SubjectAlternativeNameExtension(
          names.map((name) => ({ type: isIP(name) === 0 ? ('dns' as const) : ('ip' as const), value: name })),
        ),
      ],
    },
    webcrypto,
  );
  const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  return {
    cert: certificate.toString('pem'),
    key: `-----BEGIN PRIVATE KEY-----\n${key.replace(/.{64}/g, '$&\n')}\n-----END PRIVATE KEY-----\n`,
  };
}
