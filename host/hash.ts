// Hashes of texts, as the scripts on nodes compute them (sha256sum).
import { createHash } from 'node:crypto';

export function sha256Hex(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
