'use client';
// One image on its way: how far it is, and what to do when its name is taken or it failed.
import { X } from 'lucide-react';
import { useEffect, useRef, useState, type ReactElement } from 'react';
import type { FleetFile } from '../../contract/fleet.ts';
import { describeBytes } from '../../core/plans/vms/bytes.ts';
import { Button } from '../ui/Button.tsx';
import { controlLook } from '../ui/control-look.ts';
import { CopyButton } from '../ui/CopyButton.tsx';
import { cx } from '../ui/cx.ts';
import { IconButton } from '../ui/IconButton.tsx';
import { StateMark } from '../ui/StateMark.tsx';
import { useTransfers, type Transfer } from './uploads.tsx';

export interface TransferRowProps {
  readonly transfer: Transfer;
  /** What the attached node says of a file of this name. */
  readonly row: FleetFile | undefined;
}

export function TransferRow({ transfer, row }: TransferRowProps): ReactElement {
  const { cancel, dismiss } = useTransfers();
  const { id, name, state, error, hash, node, file } = transfer;
  useDownloadEnd(transfer, row);
  const { text, share } = progressOf(transfer, row);
  return (
    <li className="flex flex-col gap-2 rounded-md border bg-surface-1 px-3 py-2">
      <div className="flex items-center gap-2">
        <span className="min-w-0 flex-1 font-mono text-sm break-all">{name}</span>
        {state === 'running' ? (
          file === null && transfer.progress !== null ? null : (
            <Button
              size="sm"
              variant="ghost"
              onClick={() => {
                cancel(id);
              }}
            >
              Cancel
            </Button>
          )
        ) : (
          <IconButton
            label="Close"
            icon={<X />}
            onClick={() => {
              dismiss(id);
            }}
          />
        )}
      </div>
      {state === 'running' ? (
        <>
          <div
            role="progressbar"
            aria-label={`${name}: ${text}`}
            aria-valuemin={0}
            aria-valuemax={100}
            aria-valuenow={Math.round(share * 100)}
            className="h-2 w-full overflow-hidden rounded-full bg-surface-3"
          >
            <div className="h-full bg-accent transition-[width] duration-200" style={{ width: `${share * 100}%` }} />
          </div>
          <p className="text-sm text-fg-2 numbers">{text}</p>
        </>
      ) : state === 'done' ? (
        <div role="status" className="flex flex-wrap items-center gap-x-3 text-sm text-fg-2">
          <StateMark state="ok">
            {transfer.wasThere ? 'The same file is there already' : 'Complete'}
            {node === '' ? '' : `${transfer.wasThere ? ',' : ''} on ${node}`}
          </StateMark>
          {hash === '' ? null : (
            <span className="flex min-w-0 items-center gap-1">
              SHA-256 <span className="truncate font-mono">{hash.slice(0, 16)}…</span>
              <CopyButton text={hash} label="Copy SHA-256" />
            </span>
          )}
        </div>
      ) : (
        <>
          <p role="alert" className="text-sm break-words text-bad">
            {error}
          </p>
          <Again transfer={transfer} />
        </>
      )}
    </li>
  );
}

/** Another try: in place of what is there, under another name, or as it was. */
function Again({ transfer }: { transfer: Transfer }): ReactElement {
  const transfers = useTransfers();
  const [name, setName] = useState(transfer.name);
  const again = (options: { readonly mayReplace: boolean }) => {
    const { file, url, use } = transfer;
    transfers.dismiss(transfer.id);
    if (file) transfers.upload(file, name.trim(), use, options);
    else transfers.download(url, name.trim(), use, options);
  };
  const isSame = name.trim() === transfer.name;
  return (
    <div className="flex flex-wrap items-center gap-2">
      <input
        aria-label="Name of the file"
        value={name}
        onChange={(event) => {
          setName(event.target.value);
        }}
        onKeyDown={(event) => {
          if (event.key === 'Enter') event.preventDefault();
        }}
        className={cx(controlLook, 'h-7 max-w-64 px-2 font-mono text-sm max-md:h-9')}
      />
      {transfer.state === 'exists' && isSame ? (
        <Button
          size="sm"
          onClick={() => {
            again({ mayReplace: true });
          }}
        >
          Replace it
        </Button>
      ) : (
        <Button
          size="sm"
          disabledReason={name.trim() === '' ? 'Give it a name.' : ''}
          onClick={() => {
            again({ mayReplace: false });
          }}
        >
          {isSame ? 'Try again' : 'Take this name'}
        </Button>
      )}
    </div>
  );
}

/** A download continues at the node: its row says when it is over. */
function useDownloadEnd({ id, file, state, progress }: Transfer, row: FleetFile | undefined): void {
  const { ended } = useTransfers();
  // A file of this name from before is not what is awaited.
  const [before] = useState(row?.State === 'here' ? row.Modified : null);
  const isOver = useRef(false);
  useEffect(() => {
    if (file !== null || state !== 'running' || progress === null || isOver.current || !row) return;
    if (row.State === 'failed') {
      isOver.current = true;
      ended(id, { state: 'failed', hash: '', node: '', error: row.Error });
    } else if (row.State === 'here' && row.Modified !== before) {
      isOver.current = true;
      ended(id, { state: 'done', hash: row.Hash, node: '', error: '' });
    }
  }, [id, file, state, progress, row, before, ended]);
}

function progressOf({ file, progress }: Transfer, row: FleetFile | undefined): { text: string; share: number } {
  if (file === null) {
    if (progress === null || !row || row.State === 'queued' || row.Size === 0) {
      return { text: 'Asking the web server', share: 0 };
    }
    const text =
      row.State === 'checking' ? 'The node checks it' : `${describeBytes(row.Done)} of ${describeBytes(row.Size)}`;
    return { text, share: row.Done / row.Size };
  }
  const done = progress?.doneBytes ?? 0;
  const share = file.size === 0 ? 0 : done / file.size;
  const parts = `${describeBytes(done)} of ${describeBytes(file.size)}`;
  switch (progress?.state) {
    case 'hashing':
      return { text: `Reading it: ${parts}`, share };
    case 'sending':
      return { text: `Sent ${parts}`, share };
    case 'checking':
      return { text: 'The node checks it', share: 1 };
    case 'waiting':
      return { text: `Waiting for the connection; ${parts} are there. ${progress.reason}`, share };
    default:
      return { text: 'Connecting', share };
  }
}
