// The shell on a guest's serial line, over the socket that QEMU made for it: a command in, its output and exit code out.
import { connect } from 'node:net';
import { AppError } from '../contract/errors.ts';

export interface GuestAnswer {
  /** What the command printed, on both outputs, without escape sequences. */
  readonly output: string;
  readonly code: number;
}

/** What the shell asks of a terminal: behind its prompt, where the cursor is. */
// eslint-disable-next-line no-control-regex -- that is how it begins
const escapes = /\u001b\[[0-9;]*[A-Za-z]/g;

/** A guest that prints without end must not fill this process. */
const maxOutput = 1_000_000;

/**
 * Runs a command in the guest of this socket (on a lab's node: its `livePath`), as the guest's root. The guest may still be starting.
 * One command at a time for each guest. @throws AppError `timeout`, `unreachable` when nothing listens there or the guest ends
 */
export function runInGuest(path: string, command: string, timeoutMs = 60_000): Promise<GuestAnswer> {
  // The marks are typed in two pieces, so that the terminal's echo of the line does not count.
  const line = `printf '%s%s\\n' @@ begin; { ${command}; } 2>&1; printf '%s%s %s\\n' @@ end $?\n`;
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    let said = '';
    let isTyped = false;
    const end = (act: () => void) => {
      clearTimeout(deadline);
      clearInterval(asking);
      socket.destroy();
      act();
    };
    const fail = (code: 'timeout' | 'unreachable', text: string) => {
      end(() => reject(new AppError(code, `${command}: ${text}; the guest said: ${said.slice(-300).trim()}`)));
    };
    const deadline = setTimeout(() => fail('timeout', `no end within ${timeoutMs} ms`), timeoutMs);
    // A shell that has not begun reads nothing; its prompt says that it has.
    const asking = setInterval(() => {
      if (!isTyped) socket.write('\n');
    }, 500);
    socket.write('\n');
    socket.on('error', (error) => fail('unreachable', error.message));
    socket.on('close', () => fail('unreachable', 'the serial line ended'));
    socket.on('data', (chunk) => {
      said = (said + chunk.toString('latin1').replaceAll('\r', '')).slice(-maxOutput);
      const plain = said.replaceAll(escapes, '');
      if (!isTyped && plain.endsWith('# ')) {
        isTyped = true;
        said = '';
        socket.write(line);
        return;
      }
      const answer = /@@begin\n([^]*?)@@end (\d+)\n/.exec(plain);
      if (answer) end(() => resolve({ output: answer[1] ?? '', code: Number(answer[2]) }));
    });
  });
}
