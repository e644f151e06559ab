import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runInGuest } from './guest-shell.ts';

/** A serial line at whose end a shell prints its prompt in these pieces, and answers one command. */
async function withShell(prompt: readonly string[], act: (path: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'guest-shell-'));
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => {
      const line = bytes.toString();
      const pieces = line.includes('printf') ? ['@@begin\n', 'web1\n@@end 3\n'] : prompt;
      for (const [index, piece] of pieces.entries()) setTimeout(() => socket.write(piece), index * 20);
    });
  });
  const path = join(folder, 'serial');
  await new Promise<void>((resolve) => server.listen(path, resolve));
  try {
    await act(path);
  } finally {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
    await rm(folder, { recursive: true });
  }
}

test.each([
  [['/ # ']],
  // The shell of the lab's guest asks where the cursor is.
  [['/ # \u001b[6n']],
  [['/ # ', '\u001b[6n']],
])('a command is typed at the prompt %j', async (prompt) => {
  await withShell(prompt, async (path) => {
    expect(await runInGuest(path, 'hostname')).toEqual({ output: 'web1\n', code: 3 });
  });
});
