// SSH key pairs: made, and read back. OpenSSH's own formats, so that a key also works with ssh(1).
import ssh2 from 'ssh2';

export interface SshKeyPair {
  /** OpenSSH's private key format, without a passphrase. */
  readonly privateKey: string;
  /** One line of authorized_keys: type, key, comment. */
  readonly publicKey: string;
}

/**
 * A new Ed25519 key pair. One in 256 public keys begins with a zero byte; ssh2 1.17 (lib/keygen.js) cuts it off, and no sshd
 * takes what is left, so pairs are made until one can sign.
 */
export function createSshKeyPair(comment: string): SshKeyPair {
  let pair = ssh2.utils.generateKeyPairSync('ed25519', { comment });
  while (!canSign(pair.private)) pair = ssh2.utils.generateKeyPairSync('ed25519', { comment });
  return { privateKey: pair.private, publicKey: `${pair.public.trim().split(/\s+/).slice(0, 2).join(' ')} ${comment}` };
}

/** Whether this private key, one without a passphrase, makes signatures that its own public half accepts. */
export function canSign(privateKey: string): boolean {
  const key = ssh2.utils.parseKey(privateKey);
  if (key instanceof Error) return false;
  const data = Buffer.from('proof');
  // Its types leave out the Error that sign() returns for a key that OpenSSL does not take.
  const signature = key.sign(data) as Buffer | Error;
  return Buffer.isBuffer(signature) && key.verify(data, signature);
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
