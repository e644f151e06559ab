// The program behind `meshd -takeca <copy>`: reads the copy's file and the code. The code never appears in an argument list
// or a history.
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline/promises';
import { AppError, describeError } from '../../contract/errors.ts';
import { takeAuthority } from '../identity/take-ca.ts';
import { claimSocket } from '../socket/claim.ts';

export async function runTakeCa(path: string, paths: { base: string; state: string }): Promise<number> {
  try {
    const sealed = await readFile(path, 'utf8').catch((cause: unknown) => {
      throw new AppError('invalid', `cannot read the copy: ${describeError(cause)}`, { cause });
    });
    // Held while files change: a running meshd would overwrite our roster with its own.
    const claimed = await claimSocket(createServer(), paths.base);
    try {
      const before = await takeAuthority(paths.state, { sealed, code: await readCode(), now: new Date() });
      console.log(`this node is the head now, in place of ${before}: start meshd, then run deploy from here`);
    } finally {
      await claimed.release();
    }
    return 0;
  } catch (error) {
    console.error(`meshd: ${describeError(error)}`);
    return 1;
  }
}

async function readCode(): Promise<string> {
  const line = createInterface({ input: process.stdin });
  try {
    if (process.stdin.isTTY) process.stderr.write('recovery code: ');
    for await (const text of line) return text;
    return '';
  } finally {
    line.close();
  }
}
