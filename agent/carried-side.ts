// Stands for daemon-side.ts in the built program, which carries it in a comment behind the clients: its source as zstd in base64. So
// the program is one file under one hash, and a client reads past 0.4 MB that V8 need not parse, in place of 1.3.
import { readFileSync } from 'node:fs';
import { Module } from 'node:module';
import { zstdDecompressSync } from 'node:zlib';
import { carriedMark } from '../core/deploy/tree.ts';
import type * as DaemonSide from './daemon-side.ts';

/** Undocumented, and what loaders of other languages have always used. It uses the compile cache, which `node:vm` does not. */
type Compilable = Module & { _compile(source: string, filename: string): void };

const path = import.meta.filename;
const program = readFileSync(path, 'latin1');
const start = program.lastIndexOf(carriedMark) + carriedMark.length;
const packed = Buffer.from(program.slice(start, program.indexOf('\n', start)), 'base64');
// In one piece: eighty of 16 kB take three times as long. The build writes ASCII alone, which needs no decoding.
const source = zstdDecompressSync(packed, { chunkSize: 1 << 21 }).toString('latin1');
const side = new Module(path) as Compilable;
// Not the name of the file: both would have one entry in the cache.
side._compile(source, `${path}#daemon`);
export const { commandsJson, runDaemon, runTakeCa } = side.exports as typeof DaemonSide;
