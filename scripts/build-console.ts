// Builds what the console runs from: Prisma's client and Next's pages. A part with unchanged inputs is not built again,
// so a second run takes a moment. `--client` builds the client alone, for the checks.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { describeError } from '../contract/errors.ts';
import { localRunner } from '../host/runner.ts';

const root = dirname(import.meta.dirname);
const { values: options } = parseArgs({ options: { client: { type: 'boolean', default: false } } });

interface Product {
  readonly name: string;
  /** Folders and files, relative to the root. */
  readonly inputs: readonly string[];
  /** Removed before it is built. */
  readonly output: string;
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

const client: Product = {
  name: 'database client',
  inputs: ['prisma/schema.prisma', 'node_modules/@prisma/client/package.json', 'node_modules/prisma/package.json'],
  output: 'server/store/client',
  argv: ['node_modules/prisma/build/index.js', 'generate'],
  // Prisma looks for a downloaded engine even where it needs none; this one is ours and downloads nothing.
  environment: {
    PRISMA_SCHEMA_ENGINE_BINARY: join(root, 'scripts/prisma-schema-engine.mjs'),
    PRISMA_HIDE_UPDATE_MESSAGE: '1',
    CHECKPOINT_DISABLE: '1',
  },
};
const pages: Product = {
  name: 'pages',
  inputs: [
    ...['app', 'components', 'lib', 'contract', 'core', 'public'],
    ...[
      'next.config.js',
      'postcss.config.mjs',
      'tsconfig.json',
      'tsconfig.browser.json',
      'package.json',
      'package-lock.json',
    ],
  ],
  output: '.next',
  argv: ['node_modules/next/dist/bin/next', 'build'],
  environment: { NEXT_TELEMETRY_DISABLED: '1', NODE_ENV: 'production' },
};

function filesOf(path: string): string[] {
  const full = join(root, path);
  if (!existsSync(full)) return [];
  if (statSync(full).isFile()) return [path];
  return readdirSync(full, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !/\.test\.tsx?$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .sort();
}

function hashOf(product: Product): string {
  const hash = createHash('sha256').update(process.version).update(product.argv.join('\0'));
  for (const file of product.inputs.flatMap(filesOf)) {
    hash
      .update(file)
      .update('\0')
      .update(readFileSync(join(root, file)))
      .update('\0');
  }
  return hash.digest('hex');
}

async function ensure(product: Product): Promise<void> {
  // Beside the product and not in it: a build that was cut off leaves no note.
  const notePath = join(root, '.cache', `built-${product.name.replaceAll(' ', '-')}`);
  const hash = hashOf(product);
  const note = existsSync(notePath) ? readFileSync(notePath, 'utf8') : '';
  if (note === hash && existsSync(join(root, product.output))) return;
  const startedAt = performance.now();
  console.log(`${product.name}: building`);
  rmSync(notePath, { force: true });
  rmSync(join(root, product.output), { recursive: true, force: true });
  await localRunner.run([process.execPath, ...product.argv], {
    cwd: root,
    env: { ...product.environment },
    timeoutMs: 10 * 60_000,
  });
  mkdirSync(dirname(notePath), { recursive: true });
  writeFileSync(notePath, hash);
  console.log(`${product.name}: built in ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
}

try {
  await ensure(client);
  if (!options.client) await ensure(pages);
} catch (error) {
  console.error(`build: ${describeError(error)}`);
  process.exit(1);
}
