// Asks people at a terminal. Without a terminal it asks nobody.
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { safeText } from '../core/safe-text.ts';

export function isInteractive(): boolean {
  return process.stdin.isTTY && process.stderr.isTTY;
}

/** Yes or no; `initial` on a bare return. */
export async function askYesNo(question: string, initial: boolean): Promise<boolean> {
  const answer = (await askLine(`${question} [${initial ? 'Y/n' : 'y/N'}]`, ' ')).toLowerCase();
  return answer === '' ? initial : answer.startsWith('y');
}

export async function askLine(label: string, end = ': '): Promise<string> {
  const line = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return (await line.question(safeText(`${label}${end}`))).trim();
  } finally {
    line.close();
  }
}

/** What is typed is not shown. */
export async function askSecret(label: string): Promise<string> {
  process.stderr.write(safeText(`${label}: `));
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const line = createInterface({ input: process.stdin, output: silent, terminal: true });
  try {
    return await line.question('');
  } finally {
    line.close();
    process.stderr.write('\n');
  }
}

/** The first line of standard input. */
export async function readSecretFromStdin(): Promise<string> {
  const line = createInterface({ input: process.stdin });
  try {
    for await (const text of line) return text;
    return '';
  } finally {
    line.close();
  }
}

/** What went wrong, in words that may be a node's. */
export function tellError(text: string): void {
  console.error(safeText(`meshdeck: ${text}`));
}
