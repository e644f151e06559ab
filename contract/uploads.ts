// An upload of an image to a node, between a page and the node itself: a stream to the service `file-put` that carries frames of a type, a length and a body.
// agent/files/put.ts has who says what. No schema: pages load this.
import type { ErrorCode } from './errors.ts';

/** Name of the service, and of the console's stream. */
export const uploadService = 'file-put';

export const uploadFrame = { alive: 0, manifest: 1, have: 2, got: 3, chunk: 4, done: 7, refused: 8 } as const;
/** Bytes of a frame before its body: its type, and the length of its body, big-endian as all numbers are. */
export const uploadHeadBytes = 5;
/** SHA-256. */
export const uploadHashBytes = 32;

/** What an image can be good for. */
export const imageUses = ['disk', 'cdrom', 'kernel', 'initrd'] as const;
export type ImageUse = (typeof imageUses)[number];

/** What a stream is opened with. */
export interface UploadArgs {
  /** From -filepath on. */
  readonly name: string;
  readonly bytes: number;
  /** A file of this name that is there goes. */
  readonly mayReplace: boolean;
  /** What it must be good for; null: for anything that a VM wants. */
  readonly use: ImageUse | null;
}

/** Why it ends, as `refused` says it in JSON. */
export interface UploadRefusal {
  readonly code: ErrorCode;
  readonly message: string;
  /** It may be over in a moment. */
  readonly again: boolean;
}

/** What has arrived, as `done` says it in JSON. */
export interface Uploaded {
  readonly name: string;
  readonly bytes: number;
  /** SHA-256 of the whole, in hex. */
  readonly hash: string;
  readonly format: string;
  /** Name of the node. */
  readonly node: string;
  /** The same file had this name already, so nothing was sent. A version before asks whether to replace it. */
  readonly wasThere?: boolean;
}
