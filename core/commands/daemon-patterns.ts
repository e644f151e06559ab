// The commands about this meshd itself, and about named pipes: minimega's patterns [facts, appendix A]. Rows of the one table (table.ts).
//
// Role and reach: what starts programs (`plumb`, `pipe … via`) or names a file is an admin's or an operator's of the node where it is typed.
import type { CommandPattern } from './types.ts';

const viewer = { role: 'viewer', reach: 'mesh', scope: 'local' } as const;
const operator = { role: 'operator', reach: 'mesh', scope: 'local' } as const;
const operatorHere = { role: 'operator', reach: 'socket', scope: 'local' } as const;
const adminHere = { role: 'admin', reach: 'socket', scope: 'local' } as const;
const clearsHere = { ...adminHere, destructive: true } as const;

export const daemonPatterns: readonly CommandPattern[] = [
  { ...viewer, pattern: 'args', help: 'the flags that this meshd was started with' },
  { ...viewer, pattern: 'check', help: 'what this node lacks for VMs; nothing when all is there' },
  { ...viewer, pattern: 'debug', help: 'version of the runtime, and for how many things it waits' },
  {
    ...adminHere,
    pattern: 'debug <cpu,> <start,> <file>',
    help: 'begin a CPU profile of this meshd, for ten minutes at most; it goes to a file below -filepath',
  },
  { ...adminHere, pattern: 'debug <cpu,> <stop,>', help: 'end it and write the file' },
  { ...adminHere, pattern: 'debug <goroutine,> <file>', help: 'write what this meshd waits for, as JSON' },
  { ...adminHere, pattern: 'debug <memory,> <file>', help: 'write how much memory it uses for what, as JSON' },

  {
    ...viewer,
    pattern: 'log level [debug,info,warn,error,fatal]',
    whenGiven: { role: 'admin' },
    help: 'show or set from which level on this meshd logs',
  },
  {
    ...viewer,
    pattern: 'log stderr [true,false]',
    whenGiven: { role: 'admin' },
    help: 'show or set whether the log goes to standard error, which the journal has',
  },
  {
    ...operatorHere,
    pattern: 'log file [file]',
    whenGiven: { role: 'admin' },
    help: 'show or set a file below -filepath that the log goes to as well',
  },
  {
    ...operator,
    pattern: 'log filter [filter]',
    whenGiven: { role: 'admin' },
    help: 'show the texts whose lines are not logged, or add one',
  },
  {
    ...operator,
    pattern: 'log ring [size]',
    whenGiven: { role: 'admin' },
    help: 'show the newest lines of the log, or set how many are kept for this',
  },
  { ...clearsHere, pattern: 'clear log', help: 'log as at the start: level, standard error, no file, filter or ring' },
  { ...clearsHere, pattern: 'clear log <file,>', help: 'log to no file' },
  { ...clearsHere, pattern: 'clear log <filter,>', help: 'leave no lines out' },
  { ...clearsHere, pattern: 'clear log <level,>', help: 'log from the level on that meshd was started with' },
  { ...clearsHere, pattern: 'clear log <ring,>', help: 'keep no lines' },
  { ...clearsHere, pattern: 'clear log <stderr,>', help: 'log to standard error as at the start' },

  { ...operatorHere, pattern: 'plumb', help: 'plumbs of the namespace on this node' },
  {
    ...adminHere,
    pattern: 'plumb <src> <dst>...',
    help: 'pass lines from a program or a named pipe to the next one: plumb words "grep -v bar" clean',
  },
  {
    ...clearsHere,
    pattern: 'clear plumb [pipeline]...',
    help: 'end a plumb, named as it was typed, or all of the namespace',
  },
  { ...operator, pattern: 'pipe', help: 'named pipes of the namespace that this node knows' },
  { ...operator, pattern: 'pipe <pipe> <data>', help: 'write a message to a named pipe, for its readers on all nodes' },
  {
    ...operator,
    pattern: 'pipe <pipe> <mode,> <all,round-robin,random>',
    help: 'which readers get what is written here: all of them, one after the other, or any one',
  },
  { ...operator, pattern: 'pipe <pipe> <log,> <true,false>', help: 'log what is written here' },
  {
    ...adminHere,
    pattern: 'pipe <pipe> <via,> <command>...',
    help: 'run a program over each message that is written here, once for each reader, who gets what it prints',
  },
  {
    ...operator,
    destructive: true,
    pattern: 'clear pipe [pipe]',
    help: 'forget a named pipe, or all of the namespace here; readers end',
  },
  { ...operator, destructive: true, pattern: 'clear pipe <pipe> <log,>', help: 'log nothing of it' },
  { ...operator, destructive: true, pattern: 'clear pipe <pipe> <mode,>', help: 'write to all readers' },
  { ...operator, destructive: true, pattern: 'clear pipe <pipe> <via,>', help: 'write messages as they are' },

  { ...operatorHere, pattern: 'write <file>', help: 'write the history to a file below -filepath, for `read`' },
];
