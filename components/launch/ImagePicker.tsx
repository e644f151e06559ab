'use client';
// A file of the cluster, or several: every node's files as one list, with what each is, how large, and where it lies.
import { Check, HardDrive } from 'lucide-react';
import { useId, useMemo, useState, type ReactElement } from 'react';
import type { FleetFile } from '../../contract/fleet.ts';
import type { ImageUse } from '../../contract/uploads.ts';
import { describeBytes } from '../../core/plans/vms/bytes.ts';
import { describeRange } from '../../core/ranges/describe-range.ts';
import { countOf } from '../../lib/format.ts';
import { Badge } from '../ui/Badge.tsx';
import { controlLook } from '../ui/control-look.ts';
import { cx } from '../ui/cx.ts';
import { AddImage } from './AddImage.tsx';
import { fits, type Image, type Images } from './cluster-facts.ts';

export interface ImagePickerProps {
  readonly label: string;
  readonly use: ImageUse;
  readonly images: Images;
  /** Files of the attached node, by name: what is brought in arrives there. */
  readonly here: ReadonlyMap<string, FleetFile>;
  readonly chosen: readonly string[];
  /** Several, in the order of their choice; otherwise one. */
  readonly isMany?: boolean;
  readonly onChange: (names: string[]) => void;
  readonly error: string;
}

/** Rows that a list draws: a reader searches for more. */
const maxRows = 100;
const words: Readonly<Record<ImageUse, string>> = {
  disk: 'disk image',
  kernel: 'kernel',
  initrd: 'initrd',
  cdrom: 'CD image',
};

export function ImagePicker({
  label,
  use,
  images,
  here,
  chosen,
  isMany = false,
  onChange,
  error,
}: ImagePickerProps): ReactElement {
  const [text, setText] = useState('');
  const id = useId();
  const usable = useMemo(() => images.images.filter((image) => fits(image, use)), [images, use]);
  const typed = text.trim();
  const found = usable.filter(({ name }) => name.toLowerCase().includes(typed.toLowerCase()));
  // What nodes have no row for, or nobody has now: it stays chosen, and can be named.
  const untold = chosen.filter((name) => !usable.some((image) => image.name === name));
  const offers = images.untold > 0 && typed !== '' && !usable.some(({ name }) => name === typed);
  const choose = (name: string) => {
    const isChosen = chosen.includes(name);
    if (!isMany) onChange(isChosen ? [] : [name]);
    else onChange(isChosen ? chosen.filter((other) => other !== name) : [...chosen, name]);
  };
  const row = (name: string, image: Image | undefined) => (
    <ImageRow
      key={name}
      name={name}
      image={image}
      place={isMany && chosen.length > 1 ? chosen.indexOf(name) + 1 : 0}
      isChosen={chosen.includes(name)}
      isMany={isMany}
      onChoose={() => {
        choose(name);
      }}
    />
  );
  return (
    <section aria-labelledby={id} className="flex min-w-0 flex-col gap-1">
      <div className="flex flex-wrap items-center gap-2">
        <h4 id={id} className="flex-1 text-sm font-medium text-fg-2">
          {label}
        </h4>
        {usable.length > 6 || images.untold > 0 ? (
          <input
            type="search"
            aria-label={`Search: ${label}`}
            placeholder="Search"
            spellCheck={false}
            value={text}
            onChange={(event) => {
              setText(event.target.value);
            }}
            onKeyDown={(event) => {
              // A choice, and not the next step of the wizard.
              if (event.key === 'Enter') event.preventDefault();
            }}
            className={cx(controlLook, 'h-7 w-48 px-2 font-mono text-sm max-md:h-9')}
          />
        ) : null}
      </div>
      <div
        role={isMany ? 'group' : 'radiogroup'}
        aria-labelledby={id}
        className={cx(
          'max-h-76 scroller overflow-y-auto rounded-md border bg-surface-1',
          error === '' ? 'border-line-strong' : 'border-bad',
        )}
      >
        {untold.map((name) => row(name, undefined))}
        {found.slice(0, maxRows).map((image) => row(image.name, image))}
        {offers ? row(typed, undefined) : null}
        {usable.length === 0 && untold.length === 0 ? (
          <p className="flex items-center gap-2 px-3 py-4 text-fg-2">
            <HardDrive aria-hidden="true" className="size-4 shrink-0 text-fg-3" />
            No node has a {words[use]} below its -filepath.
          </p>
        ) : found.length === 0 && !offers ? (
          <p className="px-3 py-4 text-fg-2">No {words[use]} has this in its name.</p>
        ) : null}
        {found.length > maxRows ? (
          <p className="px-3 py-2 text-sm text-fg-3">{countOf(found.length - maxRows, 'more file')}: search for it.</p>
        ) : null}
      </div>
      {error === '' ? null : (
        <p role="alert" className="text-sm break-words text-bad">
          {error}
        </p>
      )}
      {images.untold > 0 ? (
        <p className="text-sm text-fg-3">
          {countOf(images.untold, 'small file')} of the nodes {images.untold === 1 ? 'is' : 'are'} not listed: type the
          whole name.
        </p>
      ) : null}
      <AddImage
        use={use}
        here={here}
        onArrived={(name) => {
          if (!chosen.includes(name)) onChange(isMany ? [...chosen, name] : [name]);
        }}
      />
    </section>
  );
}

interface ImageRowProps {
  readonly name: string;
  /** Undefined: it has no row. */
  readonly image: Image | undefined;
  /** Which disk it is; 0: it is the only one. */
  readonly place: number;
  readonly isChosen: boolean;
  readonly isMany: boolean;
  readonly onChoose: () => void;
}

function ImageRow({ name, image, place, isChosen, isMany, onChoose }: ImageRowProps): ReactElement {
  return (
    <button
      type="button"
      role={isMany ? 'checkbox' : 'radio'}
      aria-checked={isChosen}
      onClick={onChoose}
      className={cx(
        'flex min-h-10 w-full items-center gap-3 border-b px-3 py-1.5 text-left transition-colors last:border-b-0',
        isChosen ? 'bg-accent-soft' : 'hover:bg-surface-2',
      )}
    >
      <span
        aria-hidden="true"
        className={cx(
          'flex size-4 shrink-0 items-center justify-center border',
          isMany ? 'rounded-sm' : 'rounded-full',
          isChosen ? 'border-accent bg-accent text-on-accent' : 'border-line-strong bg-surface-1',
        )}
      >
        {isChosen ? <Check className="size-3" strokeWidth={3} /> : null}
      </span>
      <span className="min-w-0 flex-1">
        <span className="block font-mono text-sm break-all text-fg-1">{name}</span>
        <span className="block text-xs text-fg-3">
          {image === undefined
            ? 'no node shows it'
            : `on ${image.nodes.length > 8 ? countOf(image.nodes.length, 'node') : describeRange(image.nodes)}`}
          {image?.differs === true ? ' · nodes have different files of this name' : ''}
        </span>
      </span>
      {place > 0 ? <Badge>disk {place}</Badge> : null}
      {image === undefined ? null : (
        <>
          <Badge>{image.format}</Badge>
          <span className="w-20 shrink-0 text-right text-sm text-fg-2 numbers">{describeBytes(image.bytes)}</span>
        </>
      )}
    </button>
  );
}
