// `pipe … via`: a program that makes something of each message, once for each reader.
import { AppError } from '../../contract/errors.ts';
import { maxPipeLineBytes, viaTimeoutMs } from '../../contract/limits.ts';
import type { StartFilter } from '../../host/filter.ts';
import type { Clock } from '../mesh/clock.ts';

/** Runs argv over one message. What it printed, at most the size of a message; empty when it printed nothing. @throws AppError */
export function createVia({ startFilter, clock }: { startFilter: StartFilter; clock: Clock }) {
  return async (argv: readonly string[], text: string): Promise<string> => {
    let made = '';
    let complaint = '';
    const filter = await startFilter(argv, {
      onLine: (line) => {
        if (made.length < maxPipeLineBytes) made += `${line}\n`;
      },
      onComplaint: (line) => (complaint ||= line),
    });
    let isLate = false;
    const timer = clock.after(viaTimeoutMs, () => {
      isLate = true;
      void filter.stop();
    });
    filter.write(text);
    filter.closeInput();
    const { exitCode } = await filter.ended;
    timer.cancel();
    const program = argv[0] ?? '';
    // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- the timer sets it
    if (isLate) throw new AppError('timeout', `${program} took more than ${viaTimeoutMs / 1000} s for a message`);
    if (exitCode !== 0)
      throw new AppError(
        'failed',
        `${program} ended with ${exitCode ?? 'a signal'}${complaint === '' ? '' : `: ${complaint.slice(0, 300)}`}`,
      );
    return made;
  };
}
