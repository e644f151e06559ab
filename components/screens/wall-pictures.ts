// The pictures of a wall as a page has them: an address of each for an <img>, and who draws it. Only of what the page shows.
import type { WallPicture } from '../../contract/streams.ts';

/** Which screen a picture is of. */
export function pictureKey({ node, vm }: Pick<WallPicture, 'node' | 'vm'>): string {
  return `${node} ${vm}`;
}

export class WallPictures {
  private readonly urls = new Map<string, string>();
  private readonly listeners = new Map<string, Set<() => void>>();

  put(picture: WallPicture): void {
    const key = pictureKey(picture);
    this.drop(key);
    this.urls.set(key, URL.createObjectURL(new Blob([picture.png], { type: 'image/png' })));
    this.tell(key);
  }

  /** Null until there is one. */
  urlOf(key: string): string | null {
    return this.urls.get(key) ?? null;
  }

  /** Calls `listener` when there is another one. */
  subscribe(key: string, listener: () => void): () => void {
    const own = this.listeners.get(key) ?? new Set();
    this.listeners.set(key, own);
    own.add(listener);
    return () => {
      own.delete(listener);
      if (own.size === 0 && this.listeners.get(key) === own) this.listeners.delete(key);
    };
  }

  /** Forgets all others. */
  keep(keys: ReadonlySet<string>): void {
    for (const key of [...this.urls.keys()]) if (!keys.has(key)) this.drop(key);
  }

  private drop(key: string): void {
    const url = this.urls.get(key);
    if (url === undefined) return;
    this.urls.delete(key);
    URL.revokeObjectURL(url);
  }

  private tell(key: string): void {
    for (const listener of this.listeners.get(key) ?? []) listener();
  }
}
