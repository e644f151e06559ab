// What a DHCP message says (RFC 2131, 2132, 8415): who wants or gets which address.
import { ip4At, macAt, printable, type Bytes } from './bytes.ts';

const messages4: readonly string[] = [
  ...['', 'discover', 'offer', 'request', 'decline', 'ack', 'nak', 'release', 'inform'],
];
const cookie = 0x63825363;
/** More options than a message of one frame has. */
const maxOptions = 64;

interface Options4 {
  message: number;
  wanted: string;
  host: string;
}

export function describeDhcp4(bytes: Bytes): string {
  const isReply = bytes.u8(0) === 2;
  const given = ip4At(bytes, 16);
  const mac = macAt(bytes, 28);
  if (bytes.u32(236) !== cookie) return `BOOTP ${isReply ? 'reply' : 'request'} of ${mac}`;
  const { message, wanted, host } = readOptions(bytes);
  const kind = messages4[message] ?? '';
  const name = kind === '' ? `message ${message}` : kind;
  const address = given !== '0.0.0.0' ? given : wanted;
  return [name, address, `${isReply ? 'for' : 'from'} ${mac}`, host && `(${host})`].filter(Boolean).join(' ');
}

/** 53 the message, 50 the address that is wanted, 12 the name of the host. */
function readOptions(bytes: Bytes): Options4 {
  const found: Options4 = { message: 0, wanted: '', host: '' };
  let at = 240;
  for (let count = 0; count < maxOptions && at < bytes.length; count += 1) {
    const code = bytes.u8(at);
    if (code === 255) break;
    if (code === 0) {
      at += 1;
      continue;
    }
    const length = bytes.u8(at + 1);
    if (code === 53) found.message = bytes.u8(at + 2);
    if (code === 50 && length === 4) found.wanted = ip4At(bytes, at + 2);
    if (code === 12) found.host = printable(bytes.from(at + 2, length).data, 63);
    at += 2 + length;
  }
  return found;
}

const messages6: readonly string[] = [
  ...['', 'solicit', 'advertise', 'request', 'confirm', 'renew', 'rebind', 'reply', 'release', 'decline'],
  ...['reconfigure', 'information request', 'relay forward', 'relay reply'],
];

export function describeDhcp6(bytes: Bytes): string {
  const type = bytes.u8(0);
  const kind = messages6[type] ?? '';
  return kind === '' ? `message ${type}` : kind;
}
