// Where `vm save` and `ns save` put what they save: in the folder `saved` below -filepath, so that no name of theirs is that of an image.
import { parseImageName, type FileNameResult } from '../files/file-name.ts';

export const savedFolder = 'saved';

/** The name that a save has, without its folder and its ending: `web1`, `snap1/web1`. */
export function parseSavedName(text: string, filesPath: string): FileNameResult {
  const parsed = parseImageName(text, filesPath);
  if (!parsed.ok) return parsed;
  const name = parsed.name.startsWith(`${savedFolder}/`) ? parsed.name.slice(savedFolder.length + 1) : parsed.name;
  // The longest one that is made of it is a name too.
  const longest = parseImageName(diskName(name, 99), filesPath);
  return longest.ok ? { ok: true, name } : longest;
}

export const stateName = (name: string) => `${savedFolder}/${name}.state`;
/** minimega's ending for the first disk. */
export const diskName = (name: string, disk: number) => `${savedFolder}/${name}${disk === 0 ? '' : `.${disk}`}.hdd`;
