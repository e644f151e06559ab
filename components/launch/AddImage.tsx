'use client';
// Brings an image into the cluster that no node has: from this computer, or from a web server.
import { Globe, Upload } from 'lucide-react';
import { useEffect, useRef, useState, type ReactElement } from 'react';
import type { FleetFile } from '../../contract/fleet.ts';
import type { ImageUse } from '../../contract/uploads.ts';
import { parseFileName } from '../../core/files/file-name.ts';
import { launchKind } from '../../core/plans/kinds.ts';
import { useLack } from '../fleet/use-lack.ts';
import { usePlanRefusal } from '../frame/use-session.tsx';
import { Button } from '../ui/Button.tsx';
import { Field } from '../ui/Field.tsx';
import { Input } from '../ui/Input.tsx';
import { TransferRow } from './TransferRow.tsx';
import { useTransfers } from './uploads.tsx';

export interface AddImageProps {
  readonly use: ImageUse;
  /** Files that the attached node has, by name. */
  readonly here: ReadonlyMap<string, FleetFile>;
  readonly onArrived: (name: string) => void;
}

export function AddImage({ use, here, onArrived }: AddImageProps): ReactElement {
  const transfers = useTransfers();
  const lack = useLack('uploads');
  const mayLaunch = usePlanRefusal(launchKind);
  const refusal = lack === '' ? mayLaunch : lack;
  const input = useRef<HTMLInputElement>(null);
  const [isOpen, setIsOpen] = useState(false);
  const [url, setUrl] = useState('');
  const [name, setName] = useState('');
  const own = transfers.list.filter((each) => each.use === use);
  const arrived = own.find(({ state, isTaken }) => state === 'done' && !isTaken);
  useEffect(() => {
    if (!arrived) return;
    transfers.take(arrived.id);
    onArrived(arrived.name);
  }, [arrived, transfers, onArrived]);
  const wanted = name.trim() === '' ? nameInUrl(url) : name.trim();
  const parsed = parseFileName(wanted);
  const issue = !/^https?:\/\/[^/]/i.test(url.trim())
    ? 'A URL that begins with http:// or https://'
    : wanted === ''
      ? 'Say under which name it is kept'
      : parsed.ok
        ? ''
        : parsed.message;
  const download = () => {
    if (issue !== '') return;
    transfers.download(url.trim(), wanted, use);
    setIsOpen(false);
    setUrl('');
    setName('');
  };
  const onEnter = (event: { key: string; preventDefault: () => void }) => {
    if (event.key !== 'Enter') return;
    event.preventDefault();
    download();
  };
  return (
    <div className="flex flex-col gap-2">
      <div className="flex flex-wrap gap-2">
        <input
          ref={input}
          type="file"
          className="hidden"
          aria-label="File to upload"
          tabIndex={-1}
          onChange={(event) => {
            const [file] = event.target.files ?? [];
            if (file) transfers.upload(file, file.name, use);
            // The same file may be chosen again.
            event.target.value = '';
          }}
        />
        <Button
          size="sm"
          icon={<Upload aria-hidden="true" className="size-4" />}
          disabledReason={refusal}
          onClick={() => {
            input.current?.click();
          }}
        >
          Upload…
        </Button>
        <Button
          size="sm"
          icon={<Globe aria-hidden="true" className="size-4" />}
          aria-expanded={isOpen}
          disabledReason={refusal}
          onClick={() => {
            setIsOpen(!isOpen);
          }}
        >
          From a URL…
        </Button>
      </div>
      {isOpen ? (
        <div className="grid items-start gap-2 rounded-md border bg-surface-1 p-3 sm:grid-cols-[minmax(0,1fr)_12rem_auto]">
          <Field label="URL" hint="The node that the console is attached to fetches it.">
            <Input
              isMono
              type="url"
              placeholder="https://…/debian-12.qcow2"
              value={url}
              onKeyDown={onEnter}
              onChange={(event) => {
                setUrl(event.target.value);
              }}
            />
          </Field>
          <Field label="Kept as" hint="Below -filepath">
            <Input
              isMono
              placeholder={nameInUrl(url)}
              value={name}
              onKeyDown={onEnter}
              onChange={(event) => {
                setName(event.target.value);
              }}
            />
          </Field>
          <Button className="sm:mt-6" disabledReason={issue} onClick={download}>
            Fetch
          </Button>
        </div>
      ) : null}
      {own.length === 0 ? null : (
        <ul className="flex flex-col gap-2">
          {own.map((transfer) => (
            <TransferRow key={transfer.id} transfer={transfer} row={here.get(transfer.name)} />
          ))}
        </ul>
      )}
    </div>
  );
}

/** The last part of a URL, as a file name. */
function nameInUrl(text: string): string {
  const path = URL.parse(text.trim())?.pathname ?? '';
  const last = path.slice(path.lastIndexOf('/') + 1);
  try {
    return decodeURIComponent(last);
  } catch {
    return last;
  }
}
