'use client';
// Images on their way into the cluster, by upload or by URL. They belong to the wizard as a whole: one may open the next step meanwhile.
import {
  createContext,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useState,
  type ReactElement,
  type ReactNode,
} from 'react';
import { AppError, describeError } from '../../contract/errors.ts';
import type { ImageUse } from '../../contract/uploads.ts';
import { lineOf } from '../../core/plans/vms/settings.ts';
import { uploadFile, type UploadProgress } from '../../lib/upload.ts';
import { browserUploads } from '../../lib/upload-socket.ts';
import { useConsole } from '../../lib/use-console.ts';

export interface Transfer {
  readonly id: number;
  readonly name: string;
  readonly use: ImageUse;
  /** Null: from a URL. */
  readonly file: File | null;
  readonly url: string;
  readonly progress: UploadProgress | null;
  readonly state: 'running' | 'done' | 'failed' | 'exists';
  /** The form has it. */
  readonly isTaken: boolean;
  /** SHA-256 once it is done. */
  readonly hash: string;
  readonly node: string;
  /** The node had the same file. */
  readonly wasThere: boolean;
  readonly error: string;
}

export interface Transfers {
  readonly list: readonly Transfer[];
  readonly upload: (file: File, name: string, use: ImageUse, options?: { readonly mayReplace: boolean }) => void;
  /** The attached node gets it from there, also when this page is closed. */
  readonly download: (url: string, name: string, use: ImageUse, options?: { readonly mayReplace: boolean }) => void;
  readonly cancel: (id: number) => void;
  /** What the rows of files say of a download. */
  readonly ended: (id: number, part: Pick<Transfer, 'state' | 'hash' | 'node' | 'error'>) => void;
  readonly take: (id: number) => void;
  readonly dismiss: (id: number) => void;
}

const none: Transfers = {
  list: [],
  upload: () => undefined,
  download: () => undefined,
  cancel: () => undefined,
  ended: () => undefined,
  take: () => undefined,
  dismiss: () => undefined,
};
const TransfersContext = createContext<Transfers>(none);

export function useTransfers(): Transfers {
  return useContext(TransfersContext);
}

export interface TransfersProviderProps {
  readonly cluster: string;
  readonly children: ReactNode;
}

export function TransfersProvider({ cluster, children }: TransfersProviderProps): ReactElement {
  const [list, setList] = useState<readonly Transfer[]>([]);
  const aborts = useRef(new Map<number, AbortController>());
  const nextId = useRef(1);
  const commands = useConsole()?.commands ?? null;
  const isBusy = list.some(({ state, file }) => state === 'running' && file !== null);

  // An upload ends with its page.
  useEffect(() => {
    if (!isBusy) return;
    const warn = (event: BeforeUnloadEvent) => {
      event.preventDefault();
    };
    window.addEventListener('beforeunload', warn);
    return () => window.removeEventListener('beforeunload', warn);
  }, [isBusy]);
  useEffect(() => {
    const running = aborts.current;
    return () => {
      for (const abort of running.values()) abort.abort();
    };
  }, []);

  const transfers = useMemo((): Transfers => {
    const change = (id: number, part: Partial<Transfer>) => {
      setList((known) => known.map((each) => (each.id === id ? { ...each, ...part } : each)));
    };
    const add = (part: Pick<Transfer, 'name' | 'use' | 'file' | 'url'>): { id: number; signal: AbortSignal } => {
      const id = nextId.current;
      nextId.current += 1;
      const abort = new AbortController();
      aborts.current.set(id, abort);
      const rest = { progress: null, isTaken: false, hash: '', node: '', wasThere: false, error: '' };
      const fresh: Transfer = { ...part, ...rest, id, state: 'running' };
      // A new try takes the place of one that did not end well.
      setList((known) => [...known.filter((each) => each.name !== part.name || each.state === 'running'), fresh]);
      return { id, signal: abort.signal };
    };
    const failed = (id: number, error: unknown) => {
      if (error instanceof AppError && error.code === 'cancelled') {
        setList((known) => known.filter((each) => each.id !== id));
        return;
      }
      const exists = error instanceof AppError && error.code === 'conflict' && error.message.includes('replace it');
      change(id, { state: exists ? 'exists' : 'failed', error: describeError(error) });
    };
    return {
      list,
      upload: (file, name, use, { mayReplace } = { mayReplace: false }) => {
        const { id, signal } = add({ name, use, file, url: '' });
        const onProgress = (progress: UploadProgress) => {
          change(id, { progress });
        };
        // What the browser lacks is an error like any other.
        Promise.resolve()
          .then(() => uploadFile(file, { name, mayReplace, use }, { signal, onProgress }, browserUploads(cluster)))
          .then(
            ({ hash, node, name: taken, wasThere = false }) => {
              change(id, { state: 'done', hash, node, name: taken, wasThere });
            },
            (error: unknown) => {
              failed(id, error);
            },
          );
      },
      download: (url, name, use, { mayReplace } = { mayReplace: false }) => {
        const { id, signal } = add({ name, use, file: null, url });
        const options = ['background', ...(mayReplace ? ['replace'] : [])];
        const line = lineOf('file', 'download', url, name, ...options);
        const run = async () => {
          if (!commands) throw new AppError('unreachable', 'no connection to the console');
          let error = '';
          await commands.run({ cluster, node: '' }, line, {
            timeoutMs: 60_000,
            signal,
            onAnswer: ({ Resp }) => {
              error ||= (Resp ?? []).map((entry) => entry.Error).find((text) => text !== '') ?? '';
            },
          });
          if (error !== '') throw new AppError(error.includes('replace it') ? 'conflict' : 'failed', error);
          // From here on the rows of files say how far it is.
          change(id, { progress: { state: 'sending', doneBytes: 0, reason: '' } });
        };
        run().catch((error: unknown) => {
          failed(id, error);
        });
      },
      cancel: (id) => {
        aborts.current.get(id)?.abort();
      },
      ended: (id, part) => {
        change(id, part);
      },
      take: (id) => {
        change(id, { isTaken: true });
      },
      dismiss: (id) => {
        setList((known) => known.filter((each) => each.id !== id));
      },
    };
  }, [list, cluster, commands]);
  return <TransfersContext value={transfers}>{children}</TransfersContext>;
}
