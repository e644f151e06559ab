// Builds meshd's program tree in dist/meshd: the bundle of agent/main.ts, Node's binary beside it, and compressed copies of
// both, so that deploy only streams. A part with unchanged inputs is not built again; a second run takes well under a second.
import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import {
  copyFile,
  chmod,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { constants, zstdCompressSync } from 'node:zlib';
import { build, type BuildOptions, type Plugin } from 'esbuild';
import packageJson from '../package.json' with { type: 'json' };
import { ensurePacked } from '../host/tree/packed.ts';
import { carriedMark, hashDigits, programBanner, programFile, runtimeFile, wrapperText } from '../core/deploy/tree.ts';

const root = dirname(import.meta.dirname);
const { values: options } = parseArgs({
  options: {
    entry: { type: 'string', default: join(root, 'agent/main.ts') },
    out: { type: 'string', default: join(root, 'dist/meshd') },
    arch: { type: 'string', default: process.arch },
    quiet: { type: 'boolean', default: false },
  },
});
/**
 * Node's own modules are loaded by the module that first needs them. As imports they would all stand at the top of the one file,
 * and a client would load TLS, HTTP and zlib for nothing.
 */
const lazyBuiltins: Plugin = {
  name: 'lazy-builtins',
  setup(builder) {
    builder.onResolve({ filter: /^node:/ }, ({ path, kind }) =>
      kind === 'import-statement' ? { path, namespace: 'builtin' } : { path, external: true },
    );
    builder.onLoad({ filter: /./, namespace: 'builtin' }, ({ path }) => ({
      contents: `module.exports = require(${JSON.stringify(path)});`,
      loader: 'js',
    }));
  },
};
/** ssh2 is a quarter of what the daemon would load at its start, and a deploy alone needs it: it is loaded by its first use. */
const lazySsh: Plugin = {
  name: 'lazy-ssh',
  setup(builder) {
    builder.onResolve({ filter: /^ssh2$/ }, ({ path, kind, resolveDir }) =>
      kind === 'import-statement' ? { path, namespace: 'lazy', pluginData: resolveDir } : undefined,
    );
    builder.onLoad({ filter: /./, namespace: 'lazy' }, ({ path, pluginData }) => ({
      contents: `module.exports = new Proxy({}, { get: (_, name) => require(${JSON.stringify(path)})[name] });`,
      // Ours, from the resolver above.
      resolveDir: pluginData as string,
      loader: 'js',
    }));
  },
};
/** zod's messages in forty languages are a fifth of the program, and take longer to load than all of meshd's client. */
const englishOnly: Plugin = {
  name: 'english-only',
  setup(builder) {
    builder.onLoad({ filter: /\/zod\/v4\/locales\/index\.js$/ }, ({ path }) => ({
      contents: "export { default as en } from './en.js';",
      resolveDir: dirname(path),
      loader: 'js',
    }));
  },
};
/** The bundle has no files beside it: the texts of host/scripts travel in it. */
const carriedScripts: Plugin = {
  name: 'carried-scripts',
  setup(builder) {
    builder.onLoad({ filter: /\/host\/scripts\/script-text\.ts$/ }, async ({ path }) => {
      const folder = dirname(path);
      const names = (await readdir(folder, { recursive: true })).filter((name) => name.startsWith('deploy/')).sort();
      const texts = await Promise.all(
        names.map(async (name) => [name.replace(/\.sh$/, ''), await readFile(join(folder, name), 'utf8')]),
      );
      const table = JSON.stringify(Object.fromEntries(texts));
      return {
        contents: `const texts = ${table}; export const scriptText = (...names) => names.map((name) => texts[name]).join('\\n');`,
        loader: 'js',
      };
    });
  },
};
const common = {
  bundle: true,
  write: false,
  platform: 'node',
  target: 'node24',
  // Names stay, and with them readable stack traces. To shorten them and give them back at run time takes a tenth of a start.
  minifyWhitespace: true,
  minifySyntax: true,
  legalComments: 'none',
  // What agent/carried-side.ts relies on.
  charset: 'ascii',
  logLevel: 'warning',
  // A stack trace prints the line that threw: without a limit that would be the whole program.
  lineLimit: 200,
  // ssh2 works with node:crypto alone where its native parts are missing; the bundle has to run without any.
  external: ['cpu-features', '*.node'],
} as const satisfies BuildOptions;
/** The daemon's side is another bundle (buildProgram). In one with the clients, they would load whole what they share with it. */
const daemonApart: Plugin = {
  name: 'daemon-apart',
  setup(builder) {
    builder.onResolve({ filter: /^\.\/daemon-side\.ts$/ }, () => ({ path: join(root, 'agent/carried-side.ts') }));
  },
};
const startedAt = performance.now();
const runtimeSource = join(root, `node_modules/node-linux-${options.arch}/bin/node`);
if (!existsSync(runtimeSource)) {
  console.error(`no Node binary for ${options.arch}: ${runtimeSource} is missing; run npm install, or pass --arch`);
  process.exit(1);
}
if (!existsSync(options.entry)) {
  console.error(`no program to bundle: ${options.entry} is missing`);
  process.exit(1);
}
const runtimeHash = await buildRuntime();
const programHash = await buildProgram(runtimeHash);
await replaceLink(`program/${programHash}`, join(options.out, 'current'));
await mkdir(join(options.out, 'bin'), { recursive: true });
await writeWhole(join(options.out, 'bin/meshd'), wrapperText, 0o755);
if (!options.quiet) {
  const size = async (path: string) => `${((await stat(join(options.out, path))).size / 1e6).toFixed(1)} MB`;
  const runtime = `runtime/${runtimeHash}/${runtimeFile}`;
  const program = `program/${programHash}/${programFile}`;
  console.log(
    `${options.out}: program ${programHash} ${await size(program)} (${await size(`${program}.gz`)} gzip), ` +
      `runtime ${runtimeHash} ${await size(runtime)} (${await size(`${runtime}.zst`)} zstd, ${await size(`${runtime}.gz`)} gzip), ` +
      `${((performance.now() - startedAt) / 1000).toFixed(1)} s`,
  );
}

/** Copies Node's binary under its hash. Hashing 120 MB takes a third of a second, so the hash is kept beside size and time. */
async function buildRuntime(): Promise<string> {
  const { size, mtimeMs } = await stat(runtimeSource);
  const notePath = join(options.out, `runtime/${options.arch}.json`);
  const note = await readNote(notePath);
  let hash = note?.size === size && note.mtimeMs === mtimeMs ? note.hash : null;
  if (hash === null) {
    const digest = createHash('sha256');
    await pipeline(createReadStream(runtimeSource, { highWaterMark: 1 << 20 }), digest);
    hash = digest.digest('hex').slice(0, hashDigits);
  }
  const folder = join(options.out, 'runtime', hash);
  await mkdir(folder, { recursive: true });
  const target = join(folder, runtimeFile);
  if (!existsSync(target)) {
    await copyFile(runtimeSource, `${target}.tmp`);
    await chmod(`${target}.tmp`, 0o755);
    await rename(`${target}.tmp`, target);
  }
  await ensurePacked(target);
  await writeWhole(notePath, JSON.stringify({ size, mtimeMs, hash }), 0o644);
  return hash;
}

async function readNote(path: string): Promise<{ size: number; mtimeMs: number; hash: string } | null> {
  if (!existsSync(path)) return null;
  return JSON.parse(await readFile(path, 'utf8')) as { size: number; mtimeMs: number; hash: string };
}

/** The clients, and the daemon's side in a comment behind them: V8 need not parse it for a client. */
async function buildProgram(runtimeHash: string): Promise<string> {
  const clients = await bundle({
    entryPoints: [options.entry],
    format: 'esm',
    // CommonJS packages in the bundle ask for built-in modules by require, and one for its folder.
    banner: {
      js:
        `${programBanner(packageJson.version, runtimeHash)}\n` +
        "import { createRequire as __meshdRequire } from 'node:module';\n" +
        'const require = __meshdRequire(import.meta.url), __dirname = import.meta.dirname;',
    },
    plugins: [lazyBuiltins, englishOnly, daemonApart, carriedScripts],
  });
  const daemon = await bundle({
    entryPoints: [join(root, 'agent/daemon-side.ts')],
    format: 'cjs',
    plugins: [lazySsh, englishOnly, carriedScripts],
  });
  const packed = zstdCompressSync(daemon, { params: { [constants.ZSTD_c_compressionLevel]: 19 } });
  const text = `${clients}${carriedMark}${packed.toString('base64')}\n`;
  const hash = createHash('sha256').update(text).digest('hex').slice(0, hashDigits);
  const folder = join(options.out, 'program', hash);
  const target = join(folder, programFile);
  await mkdir(folder, { recursive: true });
  if (!existsSync(target)) await writeWhole(target, text, 0o644);
  await ensurePacked(target);
  await replaceLink(`../../runtime/${runtimeHash}`, join(folder, 'runtime'));
  return hash;
}

async function bundle(parts: BuildOptions): Promise<string> {
  const { outputFiles } = await build({ ...common, ...parts, write: false });
  const [file] = outputFiles;
  if (!file) throw new Error('esbuild gave no output');
  return file.text;
}

async function writeWhole(path: string, content: string | Uint8Array, mode: number): Promise<void> {
  await writeFile(`${path}.tmp`, content, { mode });
  await rename(`${path}.tmp`, path);
}

async function replaceLink(target: string, path: string): Promise<void> {
  if ((await readlink(path).catch(() => null)) === target) return;
  await rm(`${path}.tmp`, { force: true });
  await symlink(target, `${path}.tmp`);
  await rename(`${path}.tmp`, path);
}
