// The settings of one launch, as words of that line: `vm launch kvm web[1-4] with memory=512 networks=lan`. They are the fields of
// `vm config`, without a configuration that others see or change.
import { findField, configFields, setField, type ConfigSurroundings } from './config-fields.ts';
import { defaultConfig, type VmConfig } from './config.ts';
import { bad, clip, good, type Result } from './result.ts';

export interface LaunchSettings {
  readonly config: VmConfig;
  /** What the UUID of each VM is made from, together with its name; empty: they are random. */
  readonly uuids: string;
}

/** In its place in a launch, this word begins the settings. */
export const withWord = 'with';

/** Fields that take several words: each setting adds one. Words of a kernel command line may also come in one setting. */
const manyKinds: ReadonlySet<string> = new Set(['nets', 'bonds', 'disks', 'words']);

/**
 * Reads `field=value` words, in any order. A field that takes several words is given once for each: `networks=lan networks=dmz`;
 * `tags=role=web` is a tag. Fields that are an admin's are refused: `vm config` sets them.
 */
export function parseLaunchSettings(
  words: readonly string[],
  surroundings: ConfigSurroundings,
): Result<LaunchSettings> {
  const given = new Map<string, string[]>();
  let uuids = '';
  for (const word of words) {
    const at = word.indexOf('=');
    const [name, value] = at < 1 ? [word, null] : [word.slice(0, at), word.slice(at + 1)];
    if (value === null) return bad(`\`${clip(word)}\`: settings are field=value, such as memory=512`);
    if (name === 'uuids') {
      if (!/^[\w-]{8,64}$/.test(value)) return bad('uuids: 8 to 64 letters, digits, hyphens and underscores');
      uuids = value;
      continue;
    }
    const field = findField(name);
    if (!field) return bad(`no field \`${clip(name)}\`: ${settingNames().join(', ')}`);
    if (field.role === 'admin') return bad(`\`${field.name}\` is set by \`vm config ${field.name}\`, by an admin`);
    const known = given.get(field.name);
    if (known && !manyKinds.has(field.kind) && field.kind !== 'tags') return bad(`${field.name} is given twice`);
    given.set(field.name, [...(known ?? []), value]);
  }
  let config = defaultConfig;
  for (const [name, values] of given) {
    for (const typed of wordsOf(name, values)) {
      const field = findField(name);
      const set = field ? setField(config, field, { words: typed, surroundings }) : bad(name);
      if (!set.ok) return bad(`${name}: ${set.message}`);
      config = set.value;
    }
  }
  return good({ config, uuids });
}

/** Fields that a launch takes as settings. */
export function settingNames(): string[] {
  return configFields.filter(({ role }) => role !== 'admin').map(({ name }) => name);
}

/** What is typed after `vm config <field>`, once for each time that it is set. */
function wordsOf(name: string, values: readonly string[]): (readonly string[])[] {
  const kind = findField(name)?.kind;
  if (kind === 'tags') {
    return values.map((value) => {
      const at = value.indexOf('=');
      return at < 0 ? [value, ''] : [value.slice(0, at), value.slice(at + 1)];
    });
  }
  // One setting may have a whole command line of a kernel.
  if (kind === 'words') return [values.flatMap((value) => value.split(/\s+/).filter((word) => word !== ''))];
  return [[...values]];
}
