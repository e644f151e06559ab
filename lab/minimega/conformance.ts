// What any command socket answers, minimega's and meshd's: one table of commands and the shapes of their answers. It changes nothing, so it may be run
// on a cluster that is in use.
import { CommandResponse, type ResponseEntry } from '../../contract/command-socket.ts';

export interface ConformanceCase {
  readonly line: string;
  /** Columns at the beginning of the table; there may be more behind them. */
  readonly header?: readonly string[];
  /** All of the text. */
  readonly text?: RegExp;
  readonly error?: RegExp;
  readonly data?: 'names' | 'object' | 'objects';
  readonly rendered?: RegExp;
}

const host = 'cpus load memused memtotal rx tx vms vmlimit androidvms cpucommit memcommit netcommit uptime'.split(' ');
const summary = 'id name state type uuid cc_active vlan'.split(' ');

export const conformanceCases: readonly ConformanceCase[] = [
  { line: 'version', text: /^\w+ \d+\.\d+/ },
  { line: 'mesh status', header: ['size', 'degree', 'peers', 'context', 'port'] },
  { line: 'mesh list', text: /^\S+\n( \|--\S+\n|\S+\n)*$/ },
  { line: 'mesh list peers', text: /^\S*$/, data: 'names' },
  { line: 'mesh degree', text: /^\d+$/ },
  { line: 'mesh timeout', text: /^(unlimited|[\dhms.]+)$/ },
  { line: 'host', header: host, data: 'object' },
  { line: 'host name', text: /^\S+$/ },
  {
    line: 'vm info',
    header: ['id', 'name', 'state', 'uptime', 'type', 'uuid', 'cc_active', 'pid', 'vlan'],
    data: 'objects',
  },
  { line: 'vm info summary', header: summary, data: 'objects' },
  { line: '.columns name,state,vlan vm info', header: ['name', 'state', 'vlan'] },
  { line: '.json true mesh status', header: ['size', 'degree'], rendered: /^\[\{"Host":/ },
  { line: 'vlans', header: ['alias', 'vlan'] },
  { line: 'vlans range', header: ['min', 'max'] },
  { line: 'namespace', header: ['namespace', 'vlans', 'active'] },
  { line: 'ns hosts', text: /^\S*$/ },
  { line: 'ns load', text: /^(cpu|mem|net)commit$/ },
  { line: 'vm config memory', text: /^\d+$/ },
  { line: 'vm config networks', text: /^\[.*\]$/ },
  { line: 'file list', header: ['dir', 'name', 'size', 'modified'] },
  { line: 'bogus', error: /^invalid command: `bogus`/ },
  { line: 'mesh bogus', error: /^invalid command: `mesh bogus`/ },
  { line: 'vm kill nope', error: /^vm not found: nope/ },
  { line: 'vm launch bogus x', error: /^invalid command: `vm launch bogus x`/ },
];

/** Starts of lines, and whole lines that are among their completions. */
export const conformanceSuggestions: readonly { readonly text: string; readonly among: readonly string[] }[] = [
  { text: 'mesh ', among: ['mesh degree ', 'mesh list ', 'mesh send ', 'mesh status '] },
  { text: 'vm con', among: ['vm config '] },
];

/** What is wrong with an answer; empty when it has the shape. All keys must be there, whatever they hold. */
export function conformanceIssues(expected: ConformanceCase, answers: readonly unknown[]): string[] {
  const last = CommandResponse.safeParse(answers.at(-1));
  if (!last.success) return ['the answer has not the keys of an answer'];
  const issues: string[] = [];
  const entries = last.data.Resp ?? [];
  if (last.data.More || last.data.Status) issues.push('the last object does not end the answer');
  if (entries.length === 0) issues.push('no host answered');
  if (expected.rendered && !expected.rendered.test(last.data.Rendered))
    issues.push(`rendered as ${last.data.Rendered.slice(0, 80)}`);
  for (const entry of entries) issues.push(...entryIssues(expected, entry));
  return issues;
}

function entryIssues(expected: ConformanceCase, entry: ResponseEntry): string[] {
  const issues: string[] = [];
  if (expected.error) return expected.error.test(entry.Error) ? [] : [`error: ${entry.Error || 'none'}`];
  if (entry.Error !== '') return [`error: ${entry.Error}`];
  if (expected.text && !expected.text.test(entry.Response)) issues.push(`text: ${JSON.stringify(entry.Response)}`);
  const header = entry.Header ?? [];
  if (expected.header?.some((column, at) => header[at] !== column) ?? false)
    issues.push(`columns: ${header.join(' ')}`);
  const width = (entry.Tabular ?? []).find((row) => row.length !== header.length);
  if (width) issues.push(`a row with ${width.length} cells under ${header.length} columns`);
  const isShaped = { names: isNames, object: isObject, objects: isObjects }[expected.data ?? 'object'];
  // Data may be null after a hop through the mesh.
  if (expected.data && entry.Data !== null && !isShaped(entry.Data))
    issues.push(`Data: ${JSON.stringify(entry.Data).slice(0, 80)}`);
  return issues;
}

const isObject = (data: unknown) => typeof data === 'object' && data !== null && !Array.isArray(data);
const isObjects = (data: unknown) => Array.isArray(data) && data.every(isObject);
const isNames = (data: unknown) => Array.isArray(data) && data.every((item) => typeof item === 'string');
