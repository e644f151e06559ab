// Shows long text in the user's pager, which takes over the terminal until it is left.
import { spawn } from 'node:child_process';

/** Resolves when the pager was left; false when it cannot be started, and nothing was shown. */
export function runPager(argv: readonly string[], text: string): Promise<boolean> {
  const [program = 'less', ...args] = argv;
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ['pipe', 'inherit', 'inherit'] });
    child.on('error', () => resolve(false));
    child.on('close', () => resolve(true));
    // Leaving a pager early closes its input.
    child.stdin.on('error', () => undefined);
    child.stdin.end(text);
  });
}
