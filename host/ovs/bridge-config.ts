// What `bridge config` sets on a bridge: some switches, and the keys of other_config (ovs-vswitchd.conf.db(5), Bridge). What was set is kept in a
// mark of the bridge, so that it is shown and made again. Columns on which a bridge's traffic hangs are not among them.
import { AppError } from '../../contract/errors.ts';
import type { Operation } from './ovsdb.ts';
import { map, set, type Row } from './ovsdb-values.ts';

/** By key, as typed: `rstp_enable` or `other_config:rstp-priority`. */
export type BridgeConfig = Readonly<Record<string, string>>;

export const configMark = 'meshdeck-config';

const switches = ['mcast_snooping_enable', 'rstp_enable', 'stp_enable'];
const other = 'other_config:';
const maxSettings = 32;
const maxValueCharacters = 256;

/** @throws AppError `invalid`; without `=` in minimega's words */
export function parseSetting(text: string): { readonly key: string; readonly value: string } {
  const at = text.indexOf('=');
  const [key, value] = [text.slice(0, at), text.slice(at + 1)];
  if (at < 1 || value === '') throw new AppError('invalid', 'expected key=value');
  if (switches.includes(key)) {
    if (value !== 'true' && value !== 'false') throw new AppError('invalid', `${key} is true or false, not "${value}"`);
  } else if (!/^other_config:[A-Za-z0-9_-]{1,64}$/.test(key)) {
    throw new AppError('invalid', `bridge config sets ${switches.join(', ')} and ${other}<key>, not "${key}"`);
  } else if (value.length > maxValueCharacters || /\p{C}/u.test(value)) {
    throw new AppError(
      'invalid',
      `${key}: a value has at most ${maxValueCharacters} characters, all of them printable`,
    );
  }
  return { key, value };
}

/** @throws AppError `refused` when there are too many */
export function withSetting(config: BridgeConfig, { key, value }: ReturnType<typeof parseSetting>): BridgeConfig {
  const next = { ...config, [key]: value };
  if (Object.keys(next).length > maxSettings)
    throw new AppError('refused', `the bridge has ${maxSettings} settings: it can have no more`);
  return next;
}

/** What the mark of a bridge says; nothing where somebody wrote something else into it. */
export function readConfig(marks: ReadonlyMap<string, string>): BridgeConfig {
  try {
    const parsed: unknown = JSON.parse(marks.get(configMark) ?? '{}');
    const entries = Object.entries(parsed ?? {}).flatMap(([key, value]) => {
      const setting = parseSetting(`${key}=${String(value)}`);
      return [[setting.key, setting.value] as const];
    });
    return Object.fromEntries(entries.slice(0, maxSettings));
  } catch {
    return {};
  }
}

/** Sets all of it on the bridge with this id; what others keep in the same columns stays. */
export function settingOperations(id: unknown, config: BridgeConfig): Operation[] {
  const where = [['_uuid', '==', id]];
  const settings = Object.entries(config);
  const row: Row = Object.fromEntries(
    settings.flatMap(([key, value]) => (switches.includes(key) ? [[key, value === 'true'] as const] : [])),
  );
  const others = Object.fromEntries(
    settings.flatMap(([key, value]) => (key.startsWith(other) ? [[key.slice(other.length), value] as const] : [])),
  );
  const replace = (column: string, entries: Readonly<Record<string, string>>) => [
    [column, 'delete', set(Object.keys(entries))],
    [column, 'insert', map(entries)],
  ];
  const mutations = [
    ...replace('other_config', others),
    ...replace('external_ids', { [configMark]: JSON.stringify(config) }),
  ];
  return [
    { op: 'mutate', table: 'Bridge', where, mutations },
    ...(Object.keys(row).length > 0 ? [{ op: 'update', table: 'Bridge', where, row }] : []),
  ];
}
