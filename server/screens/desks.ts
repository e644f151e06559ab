// Who looks at the consoles of VMs, and who has the keyboard of each: a desk for each VM, with seats. Owns the rule alone; what a page sends, and what it
// hears, is consoles.ts's business.
//
// INVARIANTS: one seat of a console has its keyboard, as long as one may have it. Who loses it hears so before the next one hears that it has it.
import type { ConsoleWatcher } from '../../contract/streams.ts';

export interface Sitter {
  /** As in the audit log. */
  readonly name: string;
  /** `vnc`, `serial0`: each has its own keyboard. */
  readonly console: string;
  readonly mayInput: boolean;
  /** Who is there; called when somebody comes, goes or takes a keyboard. */
  readonly onChange: (watchers: readonly ConsoleWatcher[]) => void;
  /** The keyboard is somebody else's from now on. */
  readonly onLost: () => void;
}

export interface Seat {
  readonly hasKeyboard: boolean;
  /** Takes the keyboard from who has it; false when nothing changed. */
  take(): boolean;
  /** Once. */
  leave(): void;
}

interface Desk {
  /** In the order in which they came. */
  readonly sitters: Set<Sitter>;
  readonly keyboards: Map<string, Sitter>;
}

export class Desks {
  private readonly desks = new Map<string, Desk>();

  /** `vm`: names one VM of one node. The first who may input has the keyboard. */
  sit(vm: string, sitter: Sitter): Seat {
    const desk: Desk = this.desks.get(vm) ?? { sitters: new Set(), keyboards: new Map() };
    this.desks.set(vm, desk);
    const { sitters, keyboards } = desk;
    sitters.add(sitter);
    if (sitter.mayInput && !keyboards.has(sitter.console)) keyboards.set(sitter.console, sitter);
    tellAll(desk);
    const has = () => keyboards.get(sitter.console) === sitter;
    return {
      get hasKeyboard() {
        return has();
      },
      take() {
        if (!sitter.mayInput || !sitters.has(sitter) || has()) return false;
        const before = keyboards.get(sitter.console);
        keyboards.set(sitter.console, sitter);
        before?.onLost();
        tellAll(desk);
        return true;
      },
      leave: () => {
        if (!sitters.delete(sitter)) return;
        if (has()) {
          const next = [...sitters].find((each) => each.console === sitter.console && each.mayInput);
          if (next) keyboards.set(sitter.console, next);
          else keyboards.delete(sitter.console);
        }
        if (sitters.size === 0) this.desks.delete(vm);
        else tellAll(desk);
      },
    };
  }
}

function tellAll({ sitters, keyboards }: Desk): void {
  const watchers = [...sitters].map((sitter) => ({ sitter, hasKeyboard: keyboards.get(sitter.console) === sitter }));
  for (const you of sitters) {
    you.onChange(
      watchers.map(({ sitter: { name, console, mayInput }, hasKeyboard }, at) => ({
        ...{ name, console, mayInput, hasKeyboard },
        isYou: watchers[at]?.sitter === you,
      })),
    );
  }
}
