// meshd's command-line flags: one table with minimega's names and meaning, from which parsing, the usage text and the
// flags that deploy hands on all follow. Go's flag syntax: `-x v`, `-x=v`, `--x`, bools alone.
import { maxDegree } from '../contract/limits.ts';

export type FlagKind = 'boolean' | 'number' | 'string';

interface FlagSpec {
  readonly kind: FlagKind;
  readonly initial: boolean | number | string;
  readonly help: string;
  /** A client mode of the program rather than a setting of the daemon: deploy does not hand it on. */
  readonly client?: true;
  /** One of minimega's that changes nothing here, and why: it is accepted, so that scripts and unit files still work. */
  readonly inert?: string;
  /** minimega has no such flag. */
  readonly isOurs?: true;
}

const specs = {
  abssnapshot: {
    kind: 'boolean',
    initial: false,
    help: 'no effect',
    inert: 'disks of VMs name their images by absolute paths in any case',
  },
  attach: { kind: 'boolean', initial: false, help: 'attach to the running meshd and give a prompt', client: true },
  base: { kind: 'string', initial: '/run/meshd', help: 'directory of the command socket and the pid file' },
  broadcast: {
    kind: 'string',
    initial: '255.255.255.255',
    help: 'no effect',
    inert: 'nodes are found by the roster, not by broadcast',
  },
  cgroup: { kind: 'string', initial: '/sys/fs/cgroup', help: 'no effect', inert: 'meshd has no containers' },
  cli: { kind: 'boolean', initial: false, help: 'print the patterns of all commands as JSON and exit', client: true },
  context: { kind: 'string', initial: 'meshd', help: 'the mesh this node belongs to' },
  degree: { kind: 'number', initial: 0, help: 'mesh links this node tries to hold; 3 or 4 is a good value' },
  e: { kind: 'boolean', initial: false, help: 'run the rest of the line as one command and exit', client: true },
  filepath: {
    kind: 'string',
    initial: '',
    help: 'directory of the files that commands may name (default: files beside the state)',
  },
  force: {
    kind: 'boolean',
    initial: false,
    help: 'start although a command socket of a dead meshd is there, without adopting its VMs',
  },
  hashfiles: { kind: 'boolean', initial: false, help: 'no effect', inert: 'files are always compared by SHA-256' },
  headnode: { kind: 'string', initial: '', help: 'name of the node that deployed this one' },
  level: { kind: 'string', initial: 'info', help: 'log level: debug, info, warn, error, fatal' },
  logfile: { kind: 'string', initial: '', help: 'also append the log to this file' },
  msa: { kind: 'number', initial: 10, help: 'period of the mesh map check, in seconds' },
  namespace: { kind: 'string', initial: '', help: 'namespace of -e and -attach', client: true },
  nostdin: { kind: 'boolean', initial: false, help: 'take no commands from the terminal' },
  panic: { kind: 'boolean', initial: false, help: 'no effect', inert: '`debug goroutine` shows what meshd waits for' },
  pipe: { kind: 'string', initial: '', help: 'connect standard input and output to a named pipe', client: true },
  port: { kind: 'number', initial: 9000, help: 'TCP port of the mesh' },
  recover: { kind: 'boolean', initial: false, help: 'adopt what a dead meshd left running' },
  relay: {
    kind: 'boolean',
    initial: false,
    help: 'connect standard input and output to the command socket',
    client: true,
    isOurs: true,
  },
  takeca: {
    kind: 'string',
    initial: '',
    help: 'make this node the head with a copy of the CA; its recovery code is read from standard input',
    client: true,
    isOurs: true,
  },
  v: { kind: 'boolean', initial: true, help: 'log to standard error' },
  verbose: { kind: 'boolean', initial: true, help: 'the same' },
  version: { kind: 'boolean', initial: false, help: 'print the version and exit', client: true },
  vlanrange: { kind: 'string', initial: '101-4096', help: 'default VLAN pool, min-max, max exclusive' },
} as const satisfies Record<string, FlagSpec>;

type Widen<T> = T extends boolean ? boolean : T extends number ? number : string;
export type FlagName = keyof typeof specs;
export type Flags = { readonly [name in FlagName]: Widen<(typeof specs)[name]['initial']> };

export type FlagsResult =
  | { readonly ok: true; readonly flags: Flags; readonly rest: readonly string[] }
  | { readonly ok: false; readonly message: string };

const names = Object.keys(specs) as FlagName[];
const isFlagName = (name: string): name is FlagName => Object.hasOwn(specs, name);

/** Checks a flag's value against its bounds; returns the message of the first that it breaks. */
function issueOf(name: FlagName, value: boolean | number | string): string | null {
  if (name === 'degree' && (Number(value) < 0 || Number(value) > maxDegree)) return `must be 0 to ${maxDegree}`;
  if (name === 'port' && (Number(value) < 1 || Number(value) > 65535)) return 'must be 1 to 65535';
  if (name === 'msa' && (Number(value) < 1 || Number(value) > 3600)) return 'must be 1 to 3600 seconds';
  if (name === 'context' && !/^[\w.-]{1,64}$/.test(String(value))) {
    return 'must be 1 to 64 letters, digits, dots, hyphens or underscores';
  }
  if (name === 'level' && !['debug', 'info', 'warn', 'error', 'fatal'].includes(String(value))) {
    return 'must be debug, info, warn, error or fatal';
  }
  // It stands in sh scripts and in unit files on the nodes, and its text decides where the state lies.
  if (name === 'base' && !/^(\/(?!\.\.?(\/|$))[\w.@+:-]+)+$/.test(String(value))) {
    return 'must be an absolute path of letters, digits and . _ @ + : -, without . and .. as folders';
  }
  if (name === 'filepath' && value !== '' && !String(value).startsWith('/')) return 'must be an absolute path';
  if (name === 'vlanrange') {
    const [, min, max] = /^(\d+)-(\d+)$/.exec(String(value)) ?? [];
    if (min === undefined || Number(min) < 1 || Number(max) > 4096 || Number(min) >= Number(max)) {
      return 'must be min-max with 1 <= min < max <= 4096';
    }
  }
  return null;
}

/** Parses argv (without the program). Flags end at the first argument that is not a flag, at `--`, or after `-e`. */
export function parseFlags(argv: readonly string[]): FlagsResult {
  const flags: Record<string, boolean | number | string> = Object.fromEntries(
    names.map((name) => [name, specs[name].initial]),
  );
  let index = 0;
  while (index < argv.length) {
    const argument = argv[index] ?? '';
    if (!argument.startsWith('-') || argument === '-') break;
    index += 1;
    if (argument === '--') break;
    const [, name = '', inline] = /^--?([^=]*)(?:=([\s\S]*))?$/.exec(argument) ?? [];
    if (!isFlagName(name)) return { ok: false, message: `unknown flag -${name}; see meshd -help` };
    const { kind } = specs[name];
    let text = inline;
    if (kind === 'boolean') text ??= 'true';
    else if (text === undefined) {
      text = argv[index];
      index += 1;
      if (text === undefined) return { ok: false, message: `flag -${name} needs a value` };
    }
    let value: boolean | number | string = name === 'base' ? text.replace(/(?<=.)\/+$/, '') : text;
    if (kind === 'boolean') {
      if (!['true', 'false', '1', '0'].includes(text))
        return { ok: false, message: `flag -${name}: true or false, not ${text}` };
      value = text === 'true' || text === '1';
    } else if (kind === 'number') {
      if (!/^\d{1,9}$/.test(text)) return { ok: false, message: `flag -${name}: a number, not ${text}` };
      value = Number(text);
    }
    const issue = issueOf(name, value);
    if (issue !== null) return { ok: false, message: `flag -${name}: ${issue}, not ${text}` };
    flags[name] = value;
    // minimega's clients put the command right behind -e: what follows is the command, also if it begins with a dash.
    if (name === 'e' && value === true) break;
  }
  // Every name was filled with a value of its kind above.
  return { ok: true, flags: flags as unknown as Flags, rest: argv.slice(index) };
}

/** Where a daemon with this base keeps what must last. */
export function statePathOf(base: string): string {
  return base === specs.base.initial ? '/var/lib/meshd' : `${base}/state`;
}

/** The usage text. */
export function describeFlags(): string {
  const lines = names.map((name) => {
    const { kind, initial, help } = specs[name];
    const shown = initial === '' || initial === false ? '' : ` (default ${String(initial)})`;
    return `  -${name}${kind === 'boolean' ? '' : ` ${kind}`}\n        ${help}${shown}`;
  });
  return `usage: meshd [flags]              start the daemon\n       meshd [flags] -e command   run one command\n       meshd [flags] -attach      give a prompt\n\n${lines.join('\n')}\n`;
}

/**
 * The flags that deploy hands on, as minimega does: `-headnode=<head>` first, then every flag including
 * defaults, alphabetical, as `-name=value`, with `-nostdin=true`. Client modes, which minimega spells out as false, and flags without effect are
 * left out; so are -v and -verbose unless they are set, since a meshd that is rolled back to may not know them.
 */
export function deployFlags(flags: Flags, headnode: string): string[] {
  const handed = names.filter((name) => {
    if (name === 'headnode' || 'client' in specs[name] || 'inert' in specs[name]) return false;
    return (name !== 'v' && name !== 'verbose') || flags[name] !== specs[name].initial;
  });
  return [
    `-headnode=${headnode}`,
    ...handed.map((name) => `-${name}=${name === 'nostdin' ? 'true' : String(flags[name])}`),
  ];
}

/** For each flag that was set and changes nothing: which, and why. */
export function inertFlags(flags: Flags): string[] {
  return names.flatMap((name) => {
    const spec: FlagSpec = specs[name];
    return spec.inert === undefined || flags[name] === spec.initial ? [] : [`-${name} (${spec.inert})`];
  });
}

/** Names and values of minimega's flags, in its order: the table of `args`. */
export function flagTable(flags: Flags): { readonly names: readonly string[]; readonly values: readonly string[] } {
  const shown = names.filter((name) => !('isOurs' in specs[name])).sort();
  return { names: shown, values: shown.map((name) => String(flags[name])) };
}
