// The steps of deploying one node, named for the end state that each reaches, and what remains to be done on a node given
// what a probe found there. No I/O: agent/deploy carries it out.
import type { NodeProbe } from './probe.ts';

/** In order. A node's row in the table names the last one that it came to. */
export const deploySteps = [
  'reach',
  'hostkey',
  'login',
  'preflight',
  'runtime',
  'program',
  'identity',
  'service',
  'hello',
  'mesh',
] as const;
export type DeployStep = (typeof deploySteps)[number];

/**
 * How meshd's error begins while another deploy has one of the nodes: by it, the console knows that it has to wait. An answer of
 * the command socket has no place for a code, so older and newer meshds keep these words.
 */
export const deployAtWork = 'another deploy is at work on';

/** What deploy wants on a node. */
export interface DeployTarget {
  readonly runtimeHash: string;
  readonly runtimeBytes: number;
  readonly programHash: string;
  readonly programBytes: number;
  /** SHA-256 of the unit's text, hex. */
  readonly unitHash: string;
}

export interface NodeWork {
  readonly runtime: boolean;
  readonly program: boolean;
  /**
   * `none`: the service runs as wanted. `start`: (re)start it. `upgrade`: another program runs there, so that the new one
   * has to prove itself or make way.
   */
  readonly service: 'none' | 'start' | 'upgrade';
}

/** What remains to be done. A file counts as there when its hash names it and its size is right: a crash may cut it short. */
export function planNodeWork(probe: NodeProbe, target: DeployTarget, identity: 'keep' | 'new'): NodeWork {
  const runtime = probe.runtimes.get(target.runtimeHash) !== target.runtimeBytes;
  const program = probe.programs.get(target.programHash) !== target.programBytes;
  const isCurrent = probe.current === target.programHash && !runtime && !program;
  const isRunning = probe.service.activeState === 'active';
  if (isRunning && identity === 'keep' && probe.current !== null && probe.current !== target.programHash) {
    return { runtime, program, service: 'upgrade' };
  }
  const isRight =
    isRunning &&
    isCurrent &&
    identity === 'keep' &&
    probe.unitHash === target.unitHash &&
    probe.service.unitFileState === 'enabled';
  return { runtime, program, service: isRight ? 'none' : 'start' };
}

/** Upgrades go in waves: one canary, then 2, 4, 8, … at once, so that a bad program meets few nodes. */
export function planWaves<T>(nodes: readonly T[]): T[][] {
  const waves: T[][] = [];
  let at = 0;
  for (let size = 1; at < nodes.length; size *= 2) {
    waves.push(nodes.slice(at, at + size));
    at += size;
  }
  return waves;
}
