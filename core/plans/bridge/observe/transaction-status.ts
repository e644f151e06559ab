// The answer of `tx status`, read: `key=value` lines, those that may repeat in order. Lines that a newer script adds are ignored.
import { transactionStates, type TransactionState } from './facts.ts';
import {
  insideChecks,
  isPhase,
  type BridgeTransaction,
  type InsideCheck,
  type PhaseId,
  type TransactionStatus,
} from '../plan/transaction.ts';

export type TransactionStatusResult =
  { readonly ok: true; readonly status: TransactionStatus } | { readonly ok: false; readonly message: string };

const kinds: readonly string[] = ['ensure', 'remove', 'persist'];

export function parseTransactionStatus(text: string): TransactionStatusResult {
  const values = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const at = line.indexOf('=');
    if (at < 1) continue;
    const key = line.slice(0, at);
    values.set(key, [...(values.get(key) ?? []), line.slice(at + 1)]);
  }
  const all = (key: string) => values.get(key) ?? [];
  const one = (key: string) => all(key)[0] ?? '';
  const number = (key: string) => (/^\d+$/.test(one(key)) ? Number(one(key)) : null);
  const state = one('state');
  const kind = one('kind');
  const nowMs = number('nowMs');
  if (!isState(state) || !kinds.includes(kind) || nowMs === null) {
    return { ok: false, message: `no status of a transaction: ${text.trim().slice(0, 200) || 'nothing'}` };
  }
  return {
    ok: true,
    status: {
      id: one('id'),
      // One of the three, as was just asked.
      kind: kind as BridgeTransaction['kind'],
      state,
      nowMs,
      phase: isPhase(one('phase')) ? (one('phase') as PhaseId) : null,
      sinceMs: number('sinceMs') ?? nowMs,
      leftMs: number('leftMs'),
      capLeftMs: number('capLeftMs') ?? 0,
      checks: all('check').flatMap((line) => {
        const match = /^(\S+) (ok|bad) ?(.*)$/.exec(line);
        const name = match?.[1] ?? '';
        return isCheck(name) ? [{ name, isOk: match?.[2] === 'ok', text: match?.[3] ?? '' }] : [];
      }),
      witnesses: all('witness'),
      outageMs: number('outageMs'),
      reason: one('reason'),
      dhcp: one('dhcp'),
      rebootDoubts: one('proved') === 'yes' ? all('doubt') : null,
      journal: all('journal').flatMap((line) => {
        const match = /^(\d+) (\S+) ?(.*)$/.exec(line);
        return match === null ? [] : [{ atMs: Number(match[1]), state: match[2] ?? '', text: match[3] ?? '' }];
      }),
    },
  };
}

function isState(text: string): text is TransactionState {
  return (transactionStates as readonly string[]).includes(text);
}

function isCheck(text: string): text is InsideCheck {
  return (insideChecks as readonly string[]).includes(text);
}
