// A bridge transaction on its node, driven from here: places its files in one round trip, and calls its subcommands. Works over
// whatever runs argv as root there (SSH, this machine, a lab). Every call has a deadline, and a time-out means unknown: the
// node continues, or rolls back, on its own. docs/bridge.md has the table of files and subcommands.
import { AppError } from '../../contract/errors.ts';
import { packTar } from '../../core/deploy/tar.ts';
import type { TarFile } from '../../core/deploy/tar.ts';
import { parseTransactionStatus } from '../../core/plans/bridge/observe/transaction-status.ts';
import type { BridgeTransaction, TransactionStatus } from '../../core/plans/bridge/plan/transaction.ts';
import { sha256Hex } from '../hash.ts';
import { partsOfRollback, partsOfScript, readParts } from '../scripts/bridge/parts.ts';
import { CommandError } from '../runner.ts';
import type { RunOptions, RunResult } from '../runner.ts';
import { quoteArgv } from '../ssh/quote.ts';

/** Where argv run as root: a Runner that logs in as root, or a root shell through sudo. */
export interface RootHost {
  run(argv: readonly string[], options?: RunOptions): Promise<RunResult>;
}

export interface NodeTransaction {
  readonly id: string;
  /** Takes the lock, arms, starts the change. If it was begun before, answers with its state. Answers when it is armed or gave up. */
  begin(options?: CallOptions): Promise<TransactionStatus>;
  readStatus(options?: CallOptions): Promise<TransactionStatus>;
  /** A witness saw the node from outside. Prolongs the window, unless it is held for a person. */
  reportSeen(nonce: string, who: string, options?: CallOptions): Promise<TransactionStatus>;
  /** Keeps the change; answers once that is decided. */
  keep(nonce: string, options?: CallOptions): Promise<TransactionStatus>;
  undo(options?: CallOptions): Promise<TransactionStatus>;
  more(seconds: number, options?: CallOptions): Promise<TransactionStatus>;
  /** Compares what the next boot would do with what runs; the doubts are in the status. */
  prove(options?: CallOptions): Promise<TransactionStatus>;
  /** The evidence, as a gzipped tar. No contents of configuration files in it. */
  bundle(options?: CallOptions): Promise<Buffer>;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
}

const base = '/var/lib/meshd/bridge';
/** Above what the script itself waits for (transaction.sh), so that its own answer comes. */
const deadlines = {
  place: 30_000,
  begin: 75_000,
  status: 10_000,
  keep: 45_000,
  undo: 45_000,
  prove: 30_000,
  bundle: 30_000,
};
const maxBundleBytes = 16 * 1024 * 1024;
/** Exit codes of transaction.sh, and `gone` of the line that starts it. */
const gone = 6;
const codeOfExit = new Map([
  [3, 'refused'],
  [4, 'conflict'],
  [5, 'refused'],
  [gone, 'not-found'],
] as const);

/**
 * Puts the transaction's files on the node; nothing else changes there. Placed again, an unbegun one is replaced and a begun
 * one is left as it is.
 * @throws AppError `invalid` on a value that the script could not hold
 */
export async function placeTransaction(
  host: RootHost,
  transaction: BridgeTransaction,
  options: CallOptions = {},
): Promise<NodeTransaction> {
  const files = await describeFiles(transaction);
  const unpack = 'set -e; umask 077; mkdir -p "$1"; cd "$1"; if [ -s state ]; then cat >/dev/null; else tar -xf -; fi';
  await call(host, ['/bin/sh', '-c', unpack, 'sh', `${base}/${transaction.id}`], {
    stdin: Buffer.from(packTar(files)),
    timeoutMs: options.timeoutMs ?? deadlines.place,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  return openTransaction(host, transaction.id);
}

/** A transaction that was placed on this node before. @throws AppError `invalid` on an impossible id */
export function openTransaction(host: RootHost, id: string): NodeTransaction {
  assertMatches('id', id, /^[A-Za-z0-9][A-Za-z0-9-]{0,79}$/);
  // What a shell says of a missing script, and with which code it ends, differs from one shell to the next.
  const start = `[ -f "$1" ] || { echo "there is no transaction ${id} here" >&2; exit ${gone}; }; exec /bin/sh "$@"`;
  const run = (words: readonly string[], timeoutMs: number, options: CallOptions | undefined, stdin?: string) =>
    call(host, ['/bin/sh', '-c', start, 'sh', `${base}/${id}/tx`, ...words], {
      timeoutMs: options?.timeoutMs ?? timeoutMs,
      ...(options?.signal === undefined ? {} : { signal: options.signal }),
      ...(stdin === undefined ? {} : { stdin }),
      maxBytes: maxBundleBytes,
    });
  const ask = async (...args: Parameters<typeof run>): Promise<TransactionStatus> => {
    const result = parseTransactionStatus((await run(...args)).stdout);
    if (!result.ok) throw new AppError('failed', `transaction ${id}: ${result.message}`);
    return result.status;
  };
  return {
    id,
    begin: (options) => ask(['begin'], deadlines.begin, options),
    readStatus: (options) => ask(['status'], deadlines.status, options),
    reportSeen: (nonce, who, options) => ask(['seen', who], deadlines.status, options, `${nonce}\n`),
    keep: (nonce, options) => ask(['keep'], deadlines.keep, options, `${nonce}\n`),
    undo: (options) => ask(['undo'], deadlines.undo, options),
    more: (seconds, options) => ask(['more', `${Math.round(seconds)}`], deadlines.status, options),
    prove: (options) => ask(['prove'], deadlines.prove, options),
    bundle: async (options) => Buffer.from((await run(['bundle'], deadlines.bundle, options)).stdout, 'base64'),
  };
}

/** Runs, and gives the script's exit codes their meaning; its last words are the message. */
async function call(host: RootHost, argv: readonly string[], options: RunOptions): Promise<RunResult> {
  try {
    return await host.run(argv, options);
  } catch (error) {
    const cause = error instanceof CommandError ? error : error instanceof AppError ? error.cause : null;
    if (!(cause instanceof CommandError)) throw error;
    const said = cause.stderr.trim().split('\n').slice(-1).join('');
    const code = [...codeOfExit].find(([exit]) => exit === cause.exitCode)?.[1];
    if (code !== undefined) throw new AppError(code, said, { cause: error });
    throw error;
  }
}

async function describeFiles(transaction: BridgeTransaction): Promise<TarFile[]> {
  const encode = (text: string) => new TextEncoder().encode(text);
  const script = `#!/bin/sh\n. "\${0%/*}/plan"\n${await readParts(partsOfScript)}`;
  return [
    { name: 'plan', content: encode(describePlan(transaction)), mode: 0o600 },
    { name: 'tx', content: encode(script), mode: 0o700 },
    { name: 'rollback-script', content: encode(await readParts(partsOfRollback)), mode: 0o600 },
    ...transaction.files.flatMap((file, at) =>
      file.content === null ? [] : [{ name: `file-${at + 1}`, content: encode(file.content), mode: 0o600 }],
    ),
  ];
}

/** The values of a transaction as assignments that any POSIX shell reads back. */
export function describePlan(transaction: BridgeTransaction): string {
  const { times } = transaction;
  assertMatches('id', transaction.id, /^[A-Za-z0-9][A-Za-z0-9-]{0,79}$/);
  // The kernel's bound (IFNAMSIZ), and no character that means something to ovs-vsctl or ip.
  for (const name of ['bridge', 'uplink'] as const) assertMatches(name, transaction[name], /^[A-Za-z0-9][\w.-]{0,14}$/);
  assertMatches('mac', transaction.mac, /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/);
  assertMatches('nonceSha256', transaction.nonceSha256, /^[0-9a-f]{64}$/);
  for (const address of [...transaction.addresses, ...transaction.leave])
    assertMatches('address', address, /^[0-9a-f.:]+(\/\d{1,3})?$/);
  for (const unit of [...transaction.enable, ...transaction.disable]) assertMatches('unit', unit, /^[\w@.\\:-]+$/);
  const values: [string, string | number][] = [
    ['ID', transaction.id],
    ['KIND', transaction.kind],
    ['HOLDER', transaction.holder.replaceAll(/\s+/g, ' ')],
    ['BRIDGE', transaction.bridge],
    ['UPLINK', transaction.uplink],
    ['MAC', transaction.mac],
    ['MTU', transaction.mtu],
    ['DATAPATH', transaction.datapath],
    ['OWNER', transaction.owner],
    ['METHOD', transaction.method],
    ['DHCP', transaction.dhcp],
    ['DHCP_CLIENT_ID', transaction.dhcpClientId],
    ['ENABLE', transaction.enable.join(' ')],
    ['DISABLE', transaction.disable.join(' ')],
    ['ADDRESSES', transaction.addresses.join(' ')],
    ['LEAVE', transaction.leave.join(' ')],
    ['CHECKS', transaction.checks.join(' ')],
    ['NONCE_SHA256', transaction.nonceSha256],
    ['HELD', transaction.isHeld ? 'yes' : 'no'],
    ['SETTLE', times.settle],
    ['INSIDE', times.inside],
    ['WINDOW', times.window],
    ['CAP', times.cap],
    ['OVS_APPLY', times.ovsApply],
    ['OVS_UNDO', times.ovsUndo],
    ['DHCP_SECONDS', times.dhcp],
    ['OWNER_RESTART', times.ownerRestart],
    ['REBOOT', times.reboot],
    ['FILES', transaction.files.length],
  ];
  for (const [at, file] of transaction.files.entries()) {
    // eslint-disable-next-line no-control-regex -- a path of ours holds none, and a newline would end the assignment's line
    assertMatches('path', file.path, /^\/[^\x00-\x1f]+$/);
    assertMatches('mode', file.mode, /^[0-7]{3,4}$/);
    const sha256 = file.content === null ? 'none' : sha256Hex(file.content);
    values.push(
      [`FILE_${at + 1}_PATH`, file.path],
      [`FILE_${at + 1}_MODE`, file.mode],
      [`FILE_${at + 1}_OLD`, file.oldSha256 ?? 'none'],
      [`FILE_${at + 1}_NEW`, sha256],
      [`FILE_${at + 1}_SOURCE`, 'plan'],
    );
  }
  for (const [name, value] of values) {
    if (typeof value === 'number' && !(Number.isInteger(value) && value >= 0)) {
      throw new AppError('invalid', `bridge transaction: ${name} is ${value}: a whole number is wanted`);
    }
  }
  return values.map(([name, value]) => `${name}=${quoteArgv([`${value}`])}\n`).join('');
}

function assertMatches(what: string, value: string, pattern: RegExp): void {
  if (!pattern.test(value)) throw new AppError('invalid', `bridge transaction: ${what} '${value}' is not possible`);
}
