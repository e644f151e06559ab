// The processes of one node as this machine sees them in /proc.
import { readFile, readdir, readlink } from 'node:fs/promises';
import { basename } from 'node:path';

export interface NodeProcess {
  /** On this machine. */
  pid: number;
  /** The kernel's name for it, 15 characters at most. */
  comm: string;
  argv: string[];
}

/** A process's pid in each namespace from /proc's own to its innermost, from /proc/<pid>/status. */
export function parseNamespacePids(status: string): number[] {
  const line = /^NSpid:\s*(.*)$/m.exec(status)?.[1];
  return line === undefined ? [] : line.trim().split(/\s+/).map(Number);
}

/** All processes in the PID namespace of a node's leader (not those of containers inside the node). */
export async function observeNode(leader: number): Promise<NodeProcess[]> {
  const namespace = await readlink(`/proc/${leader}/ns/pid`);
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const found: NodeProcess[] = [];
  for (const pid of pids) {
    try {
      if ((await readlink(`/proc/${pid}/ns/pid`)) !== namespace) continue;
      const comm = (await readFile(`/proc/${pid}/comm`, 'utf8')).trim();
      const argv = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0').slice(0, -1);
      found.push({ pid, comm, argv });
    } catch {
      // It ended meanwhile.
    }
  }
  return found;
}

/** True when a process has this name: its kernel name, its program, or the script that a runtime runs. */
export function isNamed(process: NodeProcess, name: string): boolean {
  if (process.comm === name.slice(0, 15)) return true;
  const [program, ...args] = process.argv;
  if (program === undefined) return false;
  if (basename(program) === name) return true;
  const script = args.find((argument) => !argument.startsWith('-'));
  return /^(node|sh|bash|python3?)$/.test(basename(program)) && script !== undefined
    ? basename(script).replace(/\.[cm]?[jt]s$|\.sh$|\.py$/, '') === name
    : false;
}
