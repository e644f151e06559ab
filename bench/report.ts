// What a bench found: samples become one line each and one JSON file. Owns medians, spreads, ratios and goals; it measures
// nothing itself. A figure that could not be measured is recorded with its reason, never left out.
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

export type Unit = 'ms' | 'per s' | 'MB' | 'kB' | 'kB/s' | '% of a core' | '';

export interface Goal {
  readonly at: 'most' | 'least';
  readonly value: number;
}

/** One measured thing, from one or more rounds. */
export interface Figure {
  readonly kind: 'figure';
  readonly id: string;
  readonly label: string;
  readonly unit: Unit;
  readonly samples: readonly number[];
  readonly median: number;
  readonly least: number;
  readonly most: number;
  readonly goal: Goal | null;
  readonly isMet: boolean | null;
}

/** One median divided by another. */
export interface Ratio {
  readonly kind: 'ratio';
  readonly id: string;
  readonly label: string;
  readonly value: number;
  readonly goal: Goal | null;
  readonly isMet: boolean | null;
}

/** A property of this machine or build, or the reason why a figure is missing. */
export interface Fact {
  readonly kind: 'fact' | 'missing';
  readonly id: string;
  readonly text: string;
}

export type Entry = Figure | Ratio | Fact;

/** The middle of the sorted samples; of an even number, the mean of the middle two. NaN of none. */
export function median(samples: readonly number[]): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? NaN;
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? NaN;
  return (lower + upper) / 2;
}

export function isGoalMet(value: number, goal: Goal): boolean {
  return goal.at === 'most' ? value <= goal.value : value >= goal.value;
}

/** Three significant digits from 1 on, thousands in full: 0.12, 1.26, 98.4, 12 500. */
export function describeNumber(value: number): string {
  if (!Number.isFinite(value)) return '?';
  if (Math.abs(value) >= 100) return Math.round(value).toString();
  return Math.abs(value) >= 10 ? value.toFixed(1) : value.toFixed(2);
}

function describeGoal(goal: Goal | null, isMet: boolean | null, unit: string): string {
  if (goal === null) return '';
  return `  goal at ${goal.at} ${describeNumber(goal.value)}${unit}: ${isMet ? 'met' : 'MISSED'}`;
}

/** One line, for a terminal and for a log. */
export function describeEntry(entry: Entry): string {
  switch (entry.kind) {
    case 'figure': {
      const unit = entry.unit === '' ? '' : ` ${entry.unit}`;
      const spread =
        entry.samples.length > 1
          ? `  (${describeNumber(entry.least)} to ${describeNumber(entry.most)}, ${entry.samples.length} rounds)`
          : '';
      return `${entry.label}: ${describeNumber(entry.median)}${unit}${spread}${describeGoal(entry.goal, entry.isMet, unit)}`;
    }
    case 'ratio':
      return `${entry.label}: ${describeNumber(entry.value)} x${describeGoal(entry.goal, entry.isMet, ' x')}`;
    case 'fact':
      return `${entry.id}: ${entry.text}`;
    case 'missing':
      return `${entry.id}: NOT MEASURED: ${entry.text}`;
  }
}

/** Collects entries in the order in which they come, and prints each as it comes. */
export class Report {
  readonly entries: Entry[] = [];
  private readonly print: (line: string) => void;

  constructor(print: (line: string) => void) {
    this.print = print;
  }

  heading(text: string): void {
    this.print(`\n${text}`);
  }

  /** Prints a remark that is not a result. */
  note(text: string): void {
    this.print(`  ${text}`);
  }

  figure(id: string, label: string, values: { unit: Unit; samples: readonly number[]; goal?: Goal }): Figure {
    const { unit, samples, goal = null } = values;
    const middle = median(samples);
    return this.add({
      kind: 'figure',
      id,
      label,
      unit,
      samples,
      median: middle,
      least: Math.min(...samples),
      most: Math.max(...samples),
      goal,
      isMet: goal && isGoalMet(middle, goal),
    });
  }

  /** `of` divided by `by`, medians. Nothing when one side was not measured. */
  ratio(id: string, label: string, parts: { of: Figure | undefined; by: Figure | undefined; goal?: Goal }): void {
    const { of, by, goal = null } = parts;
    if (of === undefined || by === undefined) return;
    const value = of.median / by.median;
    this.add({ kind: 'ratio', id, label, value, goal, isMet: goal && isGoalMet(value, goal) });
  }

  fact(id: string, text: string): void {
    this.add({ kind: 'fact', id, text });
  }

  missing(id: string, reason: string): void {
    this.add({ kind: 'missing', id, text: reason });
  }

  /** The labels of the goals that were missed, and of what was not measured. */
  shortfalls(): string[] {
    return this.entries
      .filter((entry) => entry.kind === 'missing' || ('isMet' in entry && entry.isMet === false))
      .map(describeEntry);
  }

  async write(path: string, head: Record<string, unknown>): Promise<void> {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, `${JSON.stringify({ ...head, entries: this.entries }, null, 2)}\n`);
  }

  private add<T extends Entry>(entry: T): T {
    this.entries.push(entry);
    this.print(`  ${describeEntry(entry)}`);
    return entry;
  }
}
