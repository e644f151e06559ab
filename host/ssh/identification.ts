// What the other side sends first, in plain text: lines of any kind, then its identification (RFC 4253, 4.2). ssh2 keeps both for
// itself. sshd that drops a connection may say why in such a line, and never identifies itself.
import type { Duplex } from 'node:stream';

const maxBytes = 1_024;
const maxSaid = 120;

export interface ServerLines {
  /** `SSH-2.0-OpenSSH_9.2p1 Debian-2`; empty as long as it is not known. */
  readonly identification: string;
  /** What was said in place of it, in one line for messages. */
  readonly said: string;
}

/** Reads along. Call it before ssh2 gets the socket. */
export function readIdentification(socket: Duplex): ServerLines {
  let text = '';
  // A paused stream hands nothing to this listener before ssh2, which has its own then, lets it flow.
  socket.pause();
  const take = (data: Buffer) => {
    text = (text + data.toString('latin1')).slice(0, maxBytes);
    if (/^SSH-[^\n]*\n/m.test(text) || text.length === maxBytes) socket.removeListener('data', take);
  };
  socket.on('data', take);
  return {
    get identification() {
      return /^SSH-[\x20-\x7e]*/m.exec(text)?.[0] ?? '';
    },
    get said() {
      const [line = ''] = text.split('\n', 1);
      return line.startsWith('SSH-')
        ? ''
        : line
            .replaceAll(/[^\x20-\x7e]/g, '?')
            .replace(/\?$/, '')
            .trim()
            .slice(0, maxSaid);
    },
  };
}
