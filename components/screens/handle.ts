// What the buttons around a console do with what is drawn in it.
import type { ConsoleAddress, ConsoleStream } from '../../lib/console-stream.ts';
import type { Key } from './chords.ts';

interface Handle {
  readonly focus: () => void;
  /** Saves what is shown as a file; `name` without its suffix. */
  readonly save: (name: string) => void;
}
export interface VncHandle extends Handle {
  readonly kind: 'vnc';
  /** Presses keys in their order, and lets go of them in the reverse. */
  readonly press: (keys: readonly Key[]) => void;
  /** By what it means, not by its position: for keyboards that have none. */
  readonly pressSign: (keysym: number) => void;
  /** Hands a text to the guest's clipboard, where an agent in it takes it. */
  readonly cut: (text: string) => void;
}
export interface SerialHandle extends Handle {
  readonly kind: 'serial';
  /** Sends it as it is. */
  readonly type: (text: string) => void;
  readonly paste: (text: string) => void;
  /** Columns and rows. */
  readonly size: () => readonly [number, number];
}
export type ScreenHandle = VncHandle | SerialHandle;

export interface ScreenProps<H extends ScreenHandle> {
  readonly address: ConsoleAddress;
  /** What is typed reaches the guest. */
  readonly hasKeyboard: boolean;
  /** What a screen reader calls it. */
  readonly label: string;
  /** It is connected, and shows what is now; otherwise what was last. */
  readonly isLive: boolean;
  readonly onStream: (stream: ConsoleStream | null) => void;
  readonly onHandle: (handle: H | null) => void;
  /** What draws it did not arrive. */
  readonly onFailure: (text: string) => void;
}
