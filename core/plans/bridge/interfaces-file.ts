// /etc/network/interfaces and its drop-ins as stanzas (interfaces(5)), with the lines that each takes, so that an edit
// leaves all other lines as they are.

export interface Stanza {
  /** `iface`, `auto`, `allow-hotplug`, `source`, `mapping`, … */
  readonly keyword: string;
  /** The words behind it. */
  readonly words: readonly string[];
  /** Its lines: `from` up to but without `to`; comments and blank lines at its end are not among them. */
  readonly from: number;
  readonly to: number;
  readonly options: readonly { readonly name: string; readonly value: string }[];
}

const opening = /^(iface|mapping|auto|allow-\S+|source|source-directory|no-auto-down|no-scripts|template|rename)$/;

export function parseInterfaces(text: string): Stanza[] {
  const lines = text.split('\n');
  const stanzas: Stanza[] = [];
  let at = 0;
  while (at < lines.length) {
    const from = at;
    let logical = lines[at] ?? '';
    while (logical.endsWith('\\') && at + 1 < lines.length) logical = `${logical.slice(0, -1)} ${lines[++at] ?? ''}`;
    at += 1;
    const [keyword = '', ...words] = logical.trim().split(/\s+/);
    if (keyword === '' || keyword.startsWith('#')) continue;
    const open = stanzas.at(-1);
    if (opening.test(keyword)) {
      stanzas.push({ keyword, words, from, to: at, options: [] });
    } else if (open && (open.keyword === 'iface' || open.keyword === 'mapping')) {
      const value = logical.trim().slice(keyword.length).trim();
      stanzas[stanzas.length - 1] = { ...open, to: at, options: [...open.options, { name: keyword, value }] };
    }
  }
  return stanzas;
}

/** Its `iface` stanzas, one per family and address. */
export function stanzasOf(stanzas: readonly Stanza[], name: string): Stanza[] {
  return stanzas.filter(({ keyword, words }) => keyword === 'iface' && words[0] === name);
}

/** Classes that name it: `auto`, `allow-hotplug`, `allow-ovs`, … */
export function classesOf(stanzas: readonly Stanza[], name: string): Stanza[] {
  return stanzas.filter(({ keyword, words }) => /^(auto|allow-)/.test(keyword) && words.includes(name));
}
