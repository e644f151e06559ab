// What is done to disk images. Owns the interface alone: qemu-img does it on a Linux host (qemu-img.ts), and the memory store has headers without
// contents (memory-disk-tool.ts). Callers have looked at the images before: whether their backing files lie below -filepath, and who uses them.
//
// Paths are absolute. Formats are always stated: a guest chooses what the first bytes of its raw disk look like.

export type DiskFormat = 'qcow2' | 'raw';

/** A backing file as the header names it: relative to the folder of the image. */
export interface DiskBacking {
  readonly file: string;
  readonly format: DiskFormat;
}

export interface DiskOptions {
  readonly signal?: AbortSignal;
}

/** All @throws AppError `failed` with the tool's words, `cancelled` */
export interface DiskTool {
  /** Makes the file an empty disk with so many bytes, or an overlay. Its backing file is not opened. */
  create(
    path: string,
    disk: { readonly format: DiskFormat; readonly bytes: number; readonly backing: DiskBacking | null },
    options?: DiskOptions,
  ): Promise<void>;
  /**
   * Gives a qcow2 image another backing file, or none. `isSafe`: what a guest reads stays the same, since what differs is copied into the image;
   * otherwise only the name changes. Interrupted, the image is as before for its guest.
   */
  rebase(path: string, backing: DiskBacking | null, options: DiskOptions & { readonly isSafe: boolean }): Promise<void>;
  /** Writes what a qcow2 image holds into its backing file, and empties it. Interrupted, doing it again finishes it. */
  commit(path: string, options?: DiskOptions): Promise<void>;
  /** More bytes than it has: a disk is not made smaller. */
  resize(
    path: string,
    disk: { readonly format: DiskFormat; readonly bytes: number },
    options?: DiskOptions,
  ): Promise<void>;
}
