// The meshdeck command as tests run it: as a separate process, whose exit code is part of the result.
import { fileURLToPath } from 'node:url';
import { startChild, type Child } from '../host/child.ts';
import { CommandError, localRunner } from '../host/runner.ts';
import { createConsoleAuth } from '../server/start.ts';
import { openDataFolder } from '../server/store/data-folder.ts';
import { silentLog } from '../server/parts-for-tests.ts';

const main = fileURLToPath(new URL('./main.ts', import.meta.url));
/** What a link in a folder of PATH leads to. */
export const launcher = fileURLToPath(new URL('../scripts/meshdeck', import.meta.url));
const serverMain = fileURLToPath(new URL('../server/main.ts', import.meta.url));

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export async function meshdeck(
  args: readonly string[],
  options: { stdin?: string; env?: Record<string, string> } = {},
): Promise<Ended> {
  try {
    const { stdout, stderr } = await localRunner.run([process.execPath, main, ...args], {
      timeoutMs: 240_000,
      stdin: options.stdin ?? '',
      ...(options.env ? { env: options.env } : {}),
    });
    return { code: 0, stdout, stderr };
  } catch (error) {
    if (error instanceof CommandError)
      return { code: error.exitCode ?? -1, stdout: error.stdout, stderr: error.stderr };
    throw error;
  }
}

export interface TestConsole {
  readonly child: Child;
  /** `https://127.0.0.1:…` */
  readonly url: string;
  /** Of its self-signed certificate, as it printed it. */
  readonly fingerprint: string;
  /** Of an admin. */
  readonly token: string;
}

/** The console as a process, with its own certificate and an admin whose token the tests have. */
export async function startTestConsole(dataPath: string): Promise<TestConsole> {
  const { store, box } = await openDataFolder(dataPath);
  const auth = createConsoleAuth(silentLog, { store, box });
  const password = 'correct horse battery';
  const user = await auth.createUser({ name: 'Ann', email: 'ann@example.org', role: 'admin', password });
  const { token } = await auth.createToken(user.id, 'tests');
  await store.stop();
  const lines: string[] = [];
  const printed = Promise.withResolvers<undefined>();
  const child = await startChild([process.execPath, serverMain, '--data', dataPath, '--listen', '0.0.0.0:0'], {
    onLine: (line) => {
      lines.push(line);
      if (line.includes('SHA-256')) printed.resolve(undefined);
    },
    diesWithParent: true,
  });
  void child.ended.then(() => printed.reject(new Error(lines.join('\n'))));
  await printed.promise;
  const port = /https:\/\/0\.0\.0\.0:(\d+)/.exec(lines.join('\n'))?.[1] ?? '';
  const fingerprint = /SHA-256: ([0-9A-F:]+)/.exec(lines.join('\n'))?.[1] ?? '';
  return { child, url: `https://127.0.0.1:${port}`, fingerprint, token };
}
