// /etc/network/interfaces and what it includes as stanzas, by ifupdown's own rules (interfaces(5), tried with 0.8.41), with the
// lines that each takes, so that an edit leaves all other lines as they are.
import type { FileFacts } from './facts.ts';

export interface StanzaOption {
  readonly name: string;
  readonly value: string;
}

export interface Stanza {
  /** `iface`, `auto`, `allow-hotplug`, `source`, `mapping`, … */
  readonly keyword: string;
  /** The words behind it. */
  readonly words: readonly string[];
  /** Its lines: `from` up to but without `to`; comments and blank lines at its end are not among them. */
  readonly from: number;
  readonly to: number;
  readonly options: readonly StanzaOption[];
}

/** An `iface` stanza with what it inherits in it. */
export interface Interface {
  readonly name: string;
  /** `inet`, `inet6`; empty where it inherits from a stanza that is not there. */
  readonly family: string;
  /** `static`, `dhcp`, `manual`, … */
  readonly method: string;
  readonly options: readonly StanzaOption[];
}

export interface ReadFile {
  readonly file: FileFacts;
  readonly stanzas: readonly Stanza[];
}

export interface InterfacesTree {
  /** Files that ifupdown reads, each once. */
  readonly files: readonly ReadFile[];
  /** Stanzas of all of them, in the order in which ifupdown reads them. */
  readonly stanzas: readonly Stanza[];
  /** Lines that cannot be followed from here, in words. */
  readonly problems: readonly string[];
}

export const mainInterfacesFile = '/etc/network/interfaces';
/** How deep includes may nest: a file that includes itself ends here. */
const maxDepth = 8;
const opening = /^(iface|mapping|auto|allow-\S+|source|source-directory|no-auto-down|no-scripts|rename)$/;
/** wordexp(3) would expand these: variables, commands, quotes, home folders. */
const beyondGlob = /[$`"'\\~(){}<>|&;]/;
const isCommandName = (name: string) => /^(pre-up|up|post-up|down|pre-down|post-down)$/.test(name);

export function parseInterfaces(text: string): Stanza[] {
  const lines = text.split('\n');
  const stanzas: Stanza[] = [];
  let at = 0;
  while (at < lines.length) {
    const from = at;
    const parts = [lines[at] ?? ''];
    // A comment ends with its line, whatever it ends in.
    if (!/^\s*#/.test(parts[0] ?? '')) {
      while (parts.at(-1)?.endsWith('\\') && at + 1 < lines.length) parts.push(lines[++at] ?? '');
    }
    at += 1;
    const logical = parts.map((part, i) => (i < parts.length - 1 ? part.slice(0, -1) : part)).join(' ');
    const [keyword = '', ...words] = logical.trim().split(/\s+/);
    if (keyword === '' || keyword.startsWith('#')) continue;
    const open = stanzas.at(-1);
    if (opening.test(keyword)) {
      stanzas.push({ keyword, words, from, to: at, options: [] });
    } else if (open && (open.keyword === 'iface' || open.keyword === 'mapping')) {
      const value = logical.trim().slice(keyword.length).trim();
      // Grown in place: a stanza of thousands of lines is read in one pass.
      (open.options as StanzaOption[]).push({ name: keyword, value });
      stanzas[stanzas.length - 1] = { ...open, to: at };
    }
  }
  return stanzas;
}

/** The files that ifupdown reads among these, by its own rules for names, globs and folders. */
export function readInterfacesTree(all: readonly FileFacts[]): InterfacesTree {
  const read = new Map<string, ReadFile>();
  const stanzas: Stanza[] = [];
  const problems: string[] = [];
  const follow = (path: string, depth: number): void => {
    const file = all.find((each) => each.path === path);
    if (!file || read.has(path)) return;
    const own = parseInterfaces(file.content ?? '');
    read.set(path, { file, stanzas: own });
    for (const stanza of own) {
      if (!stanza.keyword.startsWith('source')) {
        stanzas.push(stanza);
        continue;
      }
      const line = `${stanza.keyword} ${stanza.words.join(' ')}`;
      if (depth === 0) problems.push(`\`${line}\` in ${path} is an include in too many others (more than ${maxDepth})`);
      else if (stanza.words.some((word) => beyondGlob.test(word)))
        problems.push(`\`${line}\` in ${path} has variables, quotes or commands, which cannot be followed from here`);
      else for (const included of includesOf(stanza, path, all)) follow(included, depth - 1);
    }
  };
  follow(mainInterfacesFile, maxDepth);
  return { files: [...read.values()], stanzas, problems };
}

/** Paths that a `source` or `source-directory` line reads, in its order. */
function includesOf({ keyword, words }: Stanza, from: string, all: readonly FileFacts[]): string[] {
  return words.flatMap((word, at) => {
    // The first word is relative to the file's folder, the others to where ifup runs: at boot that is /.
    const folder = at === 0 ? from.slice(0, from.lastIndexOf('/')) : '';
    const pattern = globOf(cleanPath(word.startsWith('/') ? word : `${folder}/${word}`));
    return all
      .map(({ path }) => path)
      .filter((path) => {
        if (keyword === 'source') return pattern.test(path);
        const slash = path.lastIndexOf('/');
        return pattern.test(path.slice(0, slash)) && /^[a-zA-Z0-9_-]+$/.test(path.slice(slash + 1));
      })
      .sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  });
}

/** Without `.`, `..` and doubled slashes. */
function cleanPath(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}

/** glob(7) as a pattern of whole paths: no wildcard matches a slash, nor a dot that begins a name. */
export function globOf(glob: string): RegExp {
  let source = '';
  for (let at = 0; at < glob.length; at++) {
    const char = glob[at] ?? '';
    const begins = at === 0 || glob[at - 1] === '/' ? String.raw`(?!\.)` : '';
    const end = char === '[' ? glob.indexOf(']', at + 2) : -1;
    if (char === '*') source += `${begins}[^/]*`;
    else if (char === '?') source += `${begins}[^/]`;
    else if (end > 0) {
      const set = glob
        .slice(at + 1, end)
        .replace(/^!/, '^')
        .replaceAll(/[\\[\]]/g, String.raw`\$&`);
      source += `${begins}[${set}]`;
      at = end;
    } else source += char.replace(/[.*+?^${}()|[\]\\]/, String.raw`\$&`);
  }
  try {
    return new RegExp(`^${source}$`);
  } catch {
    // Not a valid set, such as [z-a].
    return /^(?!)/;
  }
}

/** All `iface` stanzas with what each inherits, from a stanza that ifupdown has read before it. */
export function interfacesOf(stanzas: readonly Stanza[]): Interface[] {
  const known: Interface[] = [];
  for (const { keyword, words, options } of stanzas) {
    if (keyword !== 'iface') continue;
    const [name = '', ...rest] = words;
    const at = rest.indexOf('inherits');
    const [family, method] = at === -1 ? rest : rest.slice(0, at);
    const base =
      at === -1
        ? undefined
        : known.find((each) => each.name === rest[at + 1] && (family === undefined || each.family === family));
    const inherited = base?.options ?? [];
    // The base's value wins over the same word here, except for commands, which all run.
    const own = options.filter(
      (option) => isCommandName(option.name) || !inherited.some((each) => each.name === option.name),
    );
    known.push({
      name,
      family: family ?? base?.family ?? '',
      method: method ?? base?.method ?? '',
      options: [...inherited, ...own],
    });
  }
  return known;
}

/** `eth0` itself, and its labels such as `eth0:1`. */
export const isOrLabels = (word: string, name: string) => word === name || word.startsWith(`${name}:`);
