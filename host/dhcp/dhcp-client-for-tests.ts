// For tests: a guest that asks for an address over a tap that it holds, and tells what it was given (RFC 2131).
import { startChild } from '../child.ts';

const client = String.raw`
import fcntl, os, select, struct, sys, time
name, mac, host = sys.argv[1], bytes.fromhex(sys.argv[2].replace(':', '')), sys.argv[3]
tap = os.open('/dev/net/tun', os.O_RDWR)
fcntl.ioctl(tap, 0x400454ca, struct.pack('16sH22s', name.encode(), 0x1002, b''))
def checksum(data):
    data += b'\0' * (len(data) % 2)
    total = sum(struct.unpack('!%dH' % (len(data) // 2), data))
    while total >> 16: total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff
def ask(kind, options):
    options = bytes([53, 1, kind, 12, len(host)]) + host.encode() + options + b'\xff'
    body = struct.pack('!BBBBIHHIIII', 1, 1, 6, 0, 0x1234, 0, 0x8000, 0, 0, 0, 0) + mac.ljust(16, b'\0') + b'\0' * 192 + b'\x63\x82\x53\x63' + options
    udp = struct.pack('!HHHH', 68, 67, 8 + len(body), 0) + body
    ip = struct.pack('!BBHHHBBHII', 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, 0, 0xffffffff)
    ip = ip[:10] + struct.pack('!H', checksum(ip)) + ip[12:]
    os.write(tap, b'\xff' * 6 + mac + b'\x08\x00' + ip + udp)
def answer(kind, seconds):
    end = time.time() + seconds
    while time.time() < end:
        if not select.select([tap], [], [], 0.2)[0]: continue
        frame = os.read(tap, 2000)
        if frame[12:14] != b'\x08\x00' or frame[23] != 17 or frame[36:38] != b'\0\x44': continue
        body = frame[42:]
        options, at = {}, 240
        while at < len(body) and body[at] != 255:
            if body[at] == 0: at += 1; continue
            options[body[at]] = body[at + 2:at + 2 + body[at + 1]]; at += 2 + body[at + 1]
        if options.get(53) == bytes([kind]): return body[16:20], options
    return None, {}
dotted = lambda value: '.'.join(map(str, value))
ip = None
for _ in range(int(sys.argv[4])):
    ask(1, b''); ip, options = answer(2, 1)
    if ip: break
if not ip: print('none', flush=True); sys.exit()
ask(3, b'\x32\x04' + ip + b'\x36\x04' + options[54])
ip, options = answer(5, 5)
print('lease', dotted(ip), 'router', dotted(options.get(3, b'')), 'dns', dotted(options.get(6, b'')), flush=True)
`;

/** `lease 10.0.0.10 router … dns …`, or `none` after so many attempts of a second. */
export async function askForLease(
  within: readonly string[],
  guest: { readonly tap: string; readonly mac: string; readonly name: string; readonly attempts: number },
): Promise<string> {
  const said: string[] = [];
  const argv = ['/usr/bin/python3', '-c', client, guest.tap, guest.mac, guest.name, String(guest.attempts)];
  const child = await startChild([...within, ...argv], { diesWithParent: true, onLine: (line) => said.push(line) });
  await child.ended;
  return said.join('\n');
}
