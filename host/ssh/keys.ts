// SSH key pairs: made, and read back. OpenSSH's own formats, so that a key also works with ssh(1).
import ssh2 from 'ssh2';
import { AppError } from '../../contract/errors.ts';

export interface SshKeyPair {
  /** OpenSSH's private key format, without a passphrase. */
  readonly privateKey: string;
  /** One line of authorized_keys: type, key, comment. */
  readonly publicKey: string;
}

/** A new Ed25519 key pair. */
export function createSshKeyPair(comment: string): SshKeyPair {
  const pair = ssh2.utils.generateKeyPairSync('ed25519', { comment });
  return { privateKey: pair.private, publicKey: `${pair.public.trim().split(/\s+/).slice(0, 2).join(' ')} ${comment}` };
}

/** The authorized_keys line of a private key. @throws AppError `invalid` when it is none, or has a passphrase */
export function publicKeyOf(privateKey: string, comment: string): string {
  const parsed = ssh2.utils.parseKey(privateKey);
  if (parsed instanceof Error) throw new AppError('invalid', `this is no usable private key: ${parsed.message}`);
  return `${parsed.type} ${parsed.getPublicSSH().toString('base64')} ${comment}`;
}
