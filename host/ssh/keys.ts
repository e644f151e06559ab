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

/** The authorized_keys line of a private key. @throws AppError `invalid` when it is not a private key, or has a passphrase */
export function publicKeyOf(privateKey: string, comment: string): string {
  const parsed = ssh2.utils.parseKey(privateKey);
  if (parsed instanceof Error) throw new AppError('invalid', `this is not a usable private key: ${parsed.message}`);
  return `${parsed.type} ${parsed.getPublicSSH().toString('base64')} ${comment}`;
}

/**
 * Why a private key cannot be used to log in, and which of the two is at fault; null when it can. ssh2's own words are not
 * shown: some repeat the input.
 */
export function findKeyIssue(
  privateKey: string,
  passphrase: string,
): { readonly field: 'key' | 'passphrase'; readonly message: string } | null {
  const parsed = ssh2.utils.parseKey(privateKey, passphrase === '' ? undefined : passphrase);
  if (!(parsed instanceof Error)) {
    return parsed.isPrivateKey()
      ? null
      : issue('key', 'this is the public half: give the private key, the file without .pub');
  }
  const { message } = parsed;
  // ssh2 1.17, protocol/keyParser.js: its errors have no code.
  if (/no passphrase given/i.test(message)) return issue('passphrase', 'this key has a passphrase: give it too');
  if (/passphrase/i.test(message)) return issue('passphrase', 'the passphrase is another one');
  if (/^PuTTY-User-Key-File/m.test(privateKey)) {
    return issue('key', "this is PuTTY's format: export it as an OpenSSH key first (puttygen, Conversions)");
  }
  return /BEGIN (ENCRYPTED )?PRIVATE KEY/.test(privateKey)
    ? issue('key', "this is a key in PKCS #8: turn it into OpenSSH's format first (ssh-keygen -p -f <file>)")
    : issue('key', "this is not a private key in OpenSSH's format, or not all of it");
}

function issue<Field extends 'key' | 'passphrase'>(field: Field, message: string): { field: Field; message: string } {
  return { field, message };
}
