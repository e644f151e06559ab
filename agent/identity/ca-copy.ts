// A copy of the CA for the day the head is lost, sealed under a recovery code that is shown once, when it is made. The keeper
// of the copy (the console) cannot open it; a person with copy and code can make any member the head.
//
//   "meshd-ca-1" <cluster id> base64( nonce 12 | AES-256-GCM( JSON { keyPem, certificatePem } ) | tag 16 )
//
// The key is HKDF-SHA256 of the code. A code is 140 random bits, so no slow derivation has to stand in for a weak one.
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { z } from 'zod';
import { AppError } from '../../contract/errors.ts';
import { authorityFromPems, type Authority } from './authority.ts';

export interface CaCopy {
  /** One line. */
  readonly sealed: string;
  /** Seven groups of four; shown once and kept nowhere. */
  readonly code: string;
}

const format = 'meshd-ca-1';
const nonceBytes = 12;
const tagBytes = 16;
/** Crockford's base 32: no I, L, O or U, which people confuse or which make words. */
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const codeLength = 28;
const Content = z.object({ keyPem: z.string(), certificatePem: z.string() });

export function sealAuthority(authority: Authority): CaCopy {
  const letters = [...randomBytes(codeLength)].map((byte) => alphabet.charAt(byte % alphabet.length)).join('');
  const nonce = randomBytes(nonceBytes);
  const { cluster, certificatePem } = authority;
  const content: z.infer<typeof Content> = { keyPem: authority.exportPrivateKey(), certificatePem };
  const cipher = createCipheriv('aes-256-gcm', keyOf(letters, cluster), nonce).setAAD(placeOf(cluster));
  const sealed = Buffer.concat([nonce, cipher.update(JSON.stringify(content)), cipher.final(), cipher.getAuthTag()]);
  return {
    sealed: `${format} ${cluster} ${sealed.toString('base64')}`,
    code: (letters.match(/.{4}/g) ?? []).join('-'),
  };
}

/** @throws AppError `invalid`: no copy, a damaged one, or another code */
export function openSealed(sealed: string, code: string): Authority {
  const [name, cluster = '', text = ''] = sealed.trim().split(/\s+/);
  if (name !== format || !/^[0-9a-f]{32}$/.test(cluster)) {
    throw new AppError(
      'invalid',
      'this is not a copy of a CA, or a newer meshd made it: a copy begins with meshd-ca-1',
    );
  }
  const letters = code.toUpperCase().replaceAll(/[\s-]/g, '').replaceAll('O', '0').replaceAll(/[IL]/g, '1');
  if (letters.length !== codeLength) {
    throw new AppError('invalid', `a recovery code has ${codeLength} letters and digits, this has ${letters.length}`);
  }
  const bytes = Buffer.from(text, 'base64');
  try {
    const decipher = createDecipheriv('aes-256-gcm', keyOf(letters, cluster), bytes.subarray(0, nonceBytes), {
      authTagLength: tagBytes,
    });
    decipher.setAAD(placeOf(cluster)).setAuthTag(bytes.subarray(-tagBytes));
    const opened = Buffer.concat([decipher.update(bytes.subarray(nonceBytes, -tagBytes)), decipher.final()]);
    return authorityFromPems(Content.parse(JSON.parse(opened.toString('utf8'))));
  } catch (cause) {
    throw new AppError('invalid', 'the copy does not open: the recovery code is of another one, or it is damaged', {
      cause,
    });
  }
}

function keyOf(letters: string, cluster: string): Buffer {
  return Buffer.from(hkdfSync('sha256', letters, cluster, format, 32));
}

/** A copy of one cluster's CA does not open as another's. */
function placeOf(cluster: string): Buffer {
  return Buffer.from(`${format} ${cluster}`);
}
