// The scripts that run on nodes: POSIX sh, static, with everything that varies as arguments ($1, $2, …) and what is secret on
// standard input. Each is sent as `/bin/sh -c <script> sh <arguments>`, and host/ssh/frame.ts tells its answer from what the
// login shell prints. From source they are files beside this one; in meshd's bundle scripts/build-agent.ts puts their texts here.
import { readFileSync } from 'node:fs';

// Inside of `new URL`, Vite would take the files for those of a page.
const folder = import.meta.url;

/** The text of these scripts, joined in this order: `deploy/point` is deploy/point.sh. */
export function scriptText(...names: readonly string[]): string {
  return names.map((name) => readFileSync(new URL(`./${name}.sh`, folder), 'utf8')).join('\n');
}
