// Starts a program over SSH under any login shell, and separates its answer from what that shell or sudo prints. sshd's exec
// request carries one command line, which sshd gives to the user's login shell. The line holds only what sh, bash, zsh, fish
// and tcsh read alike: one word in single quotes without a quote, a backslash before a quote, an exclamation mark or a
// newline. /bin/sh decodes it and prints markers around the program's output:
//
//   <printed by start-up files>  T:shell  <printed by sudo>  T:begin  <the answer>  T:end 0  <printed by whatever follows>
//
// T is random per call. Standard error has T:begin too, and T:exit with sudo's exit code once sudo has ended. An answer
// without its end was cut off, and a program without its begin was never started.
import { randomBytes } from 'node:crypto';
import { AppError } from '../../contract/errors.ts';
import { quoteArgv } from './quote.ts';

/** The other program that starts the program: sudo. */
export interface Through {
  /** `prompt`: the text it prints when it wants the password, and that nothing else prints. */
  argv(prompt: string): readonly string[];
  /** Given once, to that prompt alone. */
  readonly answer?: string;
}

/** The kernel's bound on one argument (MAX_ARG_STRLEN, 128 KiB with its NUL): the line is one argument of the login shell. */
const maxLineBytes = 131_071;

export function newFrameToken(): string {
  return `meshdeck-${randomBytes(12).toString('hex')}`;
}

/** Programs on nodes must print in the language that we parse. Root's tools are found with any path of the shell. */
const environment = `LC_ALL=C; PATH=\${PATH:-/usr/bin:/bin}:/usr/local/sbin:/usr/sbin:/sbin; export LC_ALL PATH`;

/**
 * The command line that runs argv between markers. `stays`: false for a program that takes the place of the shell, whose
 * answer has no end marker. @throws AppError `invalid` on a NUL byte, an empty argv or one that is too long
 */
export function frameLine(
  argv: readonly string[],
  token: string,
  options: { readonly through?: Through | undefined; readonly stays: boolean },
): string {
  const begin = `printf '%s\\n' '${token}:begin'; printf '%s\\n' '${token}:begin' >&2`;
  const finish = `c=$?; printf '%s\\n' "${token}:end $c"; exit $c`;
  const around = (words: string) => (options.stays ? `${words}; ${finish}` : `exec ${words}`);
  let program: string;
  if (options.through) {
    const inner = `${environment}; ${begin}; ${around('"$@"')}`;
    const outer = [...options.through.argv(promptOf(token)), '/bin/sh', '-c', inner, 'sh', ...argv];
    const said = `c=$?; printf '%s\\n' "${token}:exit $c" >&2; exit $c`;
    program = `${environment}; printf '%s\\n' '${token}:shell'; ${quoteArgv(outer)}; ${said}`;
  } else program = `${environment}; ${begin}; ${around(quoteArgv(argv))}`;
  const line = `exec /bin/sh -c 'eval "$(printf %b "$1")"' sh '${encode(program)}'`;
  if (Buffer.byteLength(line) > maxLineBytes) {
    throw new AppError('invalid', `${argv[0] ?? ''}: its arguments are longer than a command line may be`);
  }
  return line;
}

/** What `printf %b` turns back into the text: octal for every character that a shell treats specially within single quotes. */
function encode(text: string): string {
  let encoded = '';
  for (const byte of Buffer.from(text)) {
    const isPlain = byte >= 0x20 && byte < 0x7f && byte !== 0x21 && byte !== 0x27 && byte !== 0x5c;
    encoded += isPlain ? String.fromCharCode(byte) : `\\0${byte.toString(8).padStart(3, '0')}`;
  }
  return encoded;
}

/** The text we ask sudo to print when it wants the password. */
function promptOf(token: string): string {
  return `${token}:asks `;
}

/** The first bounds how much output before the begin marker is searched, the second how much of it is kept for messages. */
const searchedBytes = 65_536;
const keptNoise = 2_000;

/** Takes a stream apart: what came before the begin, the answer, and the exit code in the end marker. */
export class FrameReader {
  private readonly token: string;
  private state: 'before' | 'inside' | 'after' = 'before';
  private held = '';
  /** Beginning of what was printed before any marker. */
  private first = '';
  private isShellSeen = false;

  constructor(token: string) {
    this.token = token;
  }

  get hasBegun(): boolean {
    return this.state !== 'before';
  }

  /** The program's exit code; null while the end marker is missing. */
  get exitCode(): number | null {
    if (this.state !== 'after') return null;
    const code = /^:end (\d{1,3})\n/.exec(this.held)?.[1];
    return code === undefined ? null : Number(code);
  }

  /** From standard error: sudo's exit code if it ended without starting the program; null if unknown. */
  get refusedWith(): number | null {
    if (this.state !== 'before') return null;
    const at = this.held.indexOf(`${this.token}:exit `);
    const code = at < 0 ? undefined : /^\d{1,3}(?=\n)/.exec(this.held.slice(at + this.token.length + 6))?.[0];
    return code === undefined ? null : Number(code);
  }

  /** The beginning of what start-up files printed. */
  get noise(): string {
    return this.first.trim();
  }

  /** Whether our line was run at all. */
  get isRun(): boolean {
    return this.isShellSeen || this.hasBegun;
  }

  /** The part of the answer that this text completes. */
  push(text: string): string {
    this.held += text;
    if (this.state === 'before') this.lookForBegin();
    if (this.state !== 'inside') {
      if (this.state === 'after') this.held = this.held.slice(0, 32);
      return '';
    }
    const at = this.held.indexOf(`${this.token}:e`);
    if (at >= 0) {
      const answer = this.held.slice(0, at);
      this.held = this.held.slice(at + this.token.length, at + this.token.length + 32);
      this.state = 'after';
      return answer;
    }
    const kept = partialLength(this.held, `${this.token}:e`);
    const answer = this.held.slice(0, this.held.length - kept);
    this.held = this.held.slice(this.held.length - kept);
    return answer;
  }

  /** At the end of the stream: text held back as the possible beginning of a marker that never came. */
  rest(): string {
    const rest = this.state === 'inside' ? this.held : '';
    if (this.state === 'inside') this.held = '';
    return rest;
  }

  private lookForBegin(): void {
    const begin = `${this.token}:begin\n`;
    const at = this.held.indexOf(begin);
    this.keepNoise(at);
    if (at >= 0) {
      this.held = this.held.slice(at + begin.length);
      this.state = 'inside';
    } else if (this.held.length > searchedBytes) this.held = this.held.slice(-searchedBytes / 2);
  }

  private keepNoise(beginAt: number): void {
    if (this.isShellSeen) return;
    const shellAt = this.held.indexOf(`${this.token}:shell\n`);
    this.isShellSeen = shellAt >= 0;
    const end = shellAt >= 0 ? shellAt : beginAt >= 0 ? beginAt : this.held.length;
    // The search keeps its text until it is long, so that it begins where the stream begins.
    if (this.first.length < keptNoise) this.first = this.held.slice(0, Math.min(end, keptNoise));
  }
}

/** Length of the longest end of `text` that `marker` begins with. */
function partialLength(text: string, marker: string): number {
  for (let length = Math.min(marker.length - 1, text.length); length > 0; length -= 1) {
    if (text.endsWith(marker.slice(0, length))) return length;
  }
  return 0;
}

/** What a program that asks on standard error wants: our prompt asks for the password, and we answer no other. */
export function judgePrompt(stderr: string, token: string): 'none' | 'password' | 'other' {
  const last = lastLine(stderr).trim();
  if (last === '') return 'none';
  const mark = promptOf(token).trim();
  const at = last.lastIndexOf(mark);
  // sudo prints the prompt as it is. sudo-rs puts it in brackets before PAM's own, which under LC_ALL=C is this one of
  // pam_unix; its older versions ignore our prompt.
  const isPassword =
    at < 0
      ? /^\[sudo: authenticate\] password:$/i.test(last)
      : /^([^\]]{0,40}\]\s*(password:)?)?$/i.test(last.slice(at + mark.length).trim());
  return isPassword ? 'password' : 'other';
}

/** sudo's own output, without our markers. */
export function withoutMarkers(stderr: string, token: string): string {
  return stderr.replaceAll(new RegExp(`${token}:(asks ?|exit \\d+\n)`, 'g'), '');
}

/** The text of a prompt, for messages. */
export function promptText(stderr: string, token: string): string {
  const text = lastLine(stderr).replaceAll(promptOf(token).trim(), '').trim();
  return text.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 120);
}

function lastLine(text: string): string {
  return text.slice(text.lastIndexOf('\n') + 1);
}
