// tcpdump as a child: it opens one interface, and gives a pcap on its standard output. It has no right but to see packets (CAP_NET_RAW), reads
// and writes no file, and does not outlive this process. Its arguments are words, and no shell sees them.
import { spawn } from 'node:child_process';
import { AppError } from '../../contract/errors.ts';
import { CommandError, localRunner } from '../runner.ts';
import type { Taking, TakeOptions } from './capture-host.ts';

/** nobody and nogroup. */
const user = '65534';
const asNobody = [
  ...['setpriv', `--reuid=${user}`, `--regid=${user}`, '--clear-groups', '--no-new-privs'],
  ...['--inh-caps=-all,+net_raw', '--ambient-caps=-all,+net_raw', '--bounding-set=-all,+net_raw'],
  ...['--pdeathsig', 'KILL', '--'],
];
/** A filter compiles in milliseconds; one made to be slow does not hold a command up. */
const compileMs = 5_000;
const startMs = 15_000;
const graceMs = 2_000;
/** KiB that the kernel holds while a disk is slow. */
const bufferKib = 8_192;
const maxLastWords = 2_000;

/** @throws AppError `invalid` with libpcap's reason */
export async function compileFilter(filter: string): Promise<void> {
  try {
    await localRunner.run([...asNobody, 'tcpdump', '-d', '-y', 'EN10MB', '--', filter], { timeoutMs: compileMs });
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    const reason = lastLine(error.stderr);
    // setpriv ends with 127 where there is no tcpdump.
    if (error.exitCode === 127) throw new AppError('failed', 'no tcpdump on this node: `apt-get install tcpdump`');
    throw new AppError('invalid', reason.replace(/^tcpdump: /, ''), { cause: error });
  }
}

/** What it says at its beginning and of its counters is not why it ended. */
const isNews = /^\S*: ?(listening on|data link type)|^listening on|^\d+ packets? (captured|received|dropped)/;
const lastLine = (text: string) =>
  text
    .trim()
    .split('\n')
    .filter((line) => !isNews.test(line))
    .at(-1) ?? '';

/** `within`: argv that enters a network namespace; empty for this one. @throws AppError `failed` with what tcpdump says */
export async function startTcpdump(
  { device, snaplen, filter, onBytes, onEnd }: Omit<TakeOptions, 'id' | 'place'> & { readonly device: string },
  within: readonly string[],
): Promise<Taking> {
  const options = ['-i', device, '-p', '-n', '-U', '--immediate-mode', '-B', String(bufferKib), '-s', String(snaplen)];
  const argv = [...within, ...asNobody, 'tcpdump', ...options, '-w', '-', ...(filter === '' ? [] : ['--', filter])];
  const [program = '', ...args] = argv;
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: '/',
    env: { ...process.env, LC_ALL: 'C' },
  });
  let said = '';
  let isStopping = false;
  const started = Promise.withResolvers<undefined>();
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = `${said}${text}`.slice(-maxLastWords);
    if (said.includes('listening on ')) started.resolve(undefined);
  });
  const closed = new Promise<void>((resolve) => {
    child.on('close', () => resolve());
    child.on('error', ({ message }) => {
      said = message;
      resolve();
    });
  });
  const read = (async () => {
    for await (const chunk of child.stdout as AsyncIterable<Buffer>) await onBytes(chunk);
  })();
  const over = Promise.allSettled([closed, read]).then(([, result]) => {
    const why = result.status === 'rejected' ? String(result.reason) : lastLine(said).replace(/^tcpdump: /, '');
    started.reject(new AppError('failed', `no packets from ${device}: ${why}`));
    if (!isStopping) onEnd(why);
  });
  // A consumer that fails reads no more; tcpdump would wait for it forever.
  read.catch(() => child.kill('SIGKILL'));
  const timer = setTimeout(() => {
    said = `it has not started within ${startMs} ms`;
    child.kill('SIGKILL');
  }, startMs);
  try {
    await started.promise;
  } catch (error) {
    isStopping = true;
    throw error;
  } finally {
    clearTimeout(timer);
  }
  return {
    async stop() {
      isStopping = true;
      child.kill('SIGTERM');
      const kill = setTimeout(() => child.kill('SIGKILL'), graceMs);
      await over;
      clearTimeout(kill);
      const dropped = /(\d+) packets? dropped by kernel/.exec(said)?.[1];
      return { dropped: dropped === undefined ? null : Number(dropped) };
    },
  };
}
