// What this meshd says about itself. The bundle holds package.json's version; the hash of the program is in its path.
import packageJson from '../package.json' with { type: 'json' };
import { treeFromProgramPath } from '../core/deploy/tree.ts';

/** Version of the package, such as `0.1.0`. */
export const meshdVersion: string = packageJson.version;

/** The answer of `version` after the product's name: version, and the program's hash or `source`. */
export function describeVersion(programPath: string): string {
  return `${meshdVersion} ${treeFromProgramPath(programPath)?.programHash ?? 'source'}`;
}
