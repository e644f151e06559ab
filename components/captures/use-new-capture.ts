'use client';
// A capture that somebody describes: what was typed, what is wrong with it, and the line that starts it.
import { useState } from 'react';
import { useCluster } from '../frame/use-cluster.ts';
import { useRefusal, useSession } from '../frame/use-session.tsx';
import { describeTarget, newFileName, startLine, type CaptureTarget } from './capture-line.ts';
import { useFilterCheck, type FilterCheck } from './use-filter-check.ts';

/** As it stands in the fields. */
export interface TypedCapture {
  readonly target: string;
  /** Index of a NIC, or `allNics`. */
  readonly nic: string;
  readonly file: string;
  readonly filter: string;
  readonly megabytes: string;
  readonly seconds: string;
}

export interface NewCapture {
  readonly typed: TypedCapture;
  readonly change: (part: Partial<TypedCapture>) => void;
  /** Undefined: nothing can be captured. */
  readonly target: CaptureTarget | undefined;
  /** Of the file: typed, or else proposed. */
  readonly name: string;
  readonly proposed: string;
  /** What is wrong with a field; empty: nothing. */
  readonly issues: { readonly megabytes: string; readonly seconds: string; readonly file: string };
  readonly check: FilterCheck;
  /** Why it cannot start; empty: it can. */
  readonly blocked: string;
  /** Empty while a field is wrong. */
  readonly line: string;
}

export const allNics = 'all';
const most = { megabytes: 1_000_000, seconds: 30 * 24 * 3_600 } as const;

/** Empty: it is a number from 1 to `last`. */
function wholeIssue(text: string, last: number): string {
  const value = Number(text);
  return /^[0-9]+$/.test(text) && value >= 1 && value <= last ? '' : `A number from 1 to ${last}.`;
}

/** @param isOpen the file is named by the time at which this became true */
export function useNewCapture(isOpen: boolean, targets: readonly CaptureTarget[], nic: number): NewCapture {
  const cluster = useCluster();
  const session = useSession();
  const refusals = { operator: useRefusal('operator'), admin: useRefusal('admin') };
  const [typed, setTyped] = useState<TypedCapture>({
    ...{ target: '', nic: String(nic), file: '', filter: '' },
    ...{ megabytes: '100', seconds: '600' },
  });
  const [openedAt, setOpenedAt] = useState<Date | null>(null);
  if (isOpen && openedAt === null) setOpenedAt(new Date());
  if (!isOpen && openedAt !== null) setOpenedAt(null);

  const target = targets.find((each) => describeTarget(each) === typed.target) ?? targets[0];
  const filter = typed.filter.trim();
  const check = useFilterCheck(isOpen ? (target?.node ?? '') : '', filter);
  const proposed = target ? newFileName(target, openedAt ?? new Date(0)) : '';
  const name = typed.file.trim() === '' ? proposed : typed.file.trim();
  const issues = {
    megabytes: wholeIssue(typed.megabytes.trim(), most.megabytes),
    seconds: wholeIssue(typed.seconds.trim(), most.seconds),
    file:
      name.startsWith('/') || name.split('/').includes('..')
        ? 'Name it from the folder of files on, such as web.pcap.'
        : '',
  };
  const isValid = Object.values(issues).every((issue) => issue === '');
  const whyNot = (): string => {
    const refusal = target?.kind === 'bridge' ? refusals.admin : refusals.operator;
    if (refusal !== '') return refusal;
    if (target === undefined) return 'There is nothing to capture.';
    if (!isValid) return 'Correct the fields first.';
    return check.error === '' ? '' : 'The filter does not compile.';
  };
  const lineOf = (of: CaptureTarget): string =>
    startLine(
      {
        ...{ target: of, file: name, filter, by: session?.user.name ?? '' },
        nic: typed.nic === allNics ? null : Number(typed.nic),
        megabytes: Number(typed.megabytes),
        seconds: Number(typed.seconds),
      },
      cluster?.AttachedTo ?? '',
    );
  return {
    ...{ typed, target, name, proposed, issues, check },
    change: (part) => setTyped((before) => ({ ...before, ...part })),
    blocked: whyNot(),
    line: target && isValid ? lineOf(target) : '',
  };
}
