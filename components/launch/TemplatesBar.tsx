'use client';
// Launches that are kept by name: taken, saved and removed. They are of this browser.
import { BookmarkPlus, Trash2 } from 'lucide-react';
import { useEffect, useState, type ReactElement } from 'react';
import { compareNames } from '../../core/ranges/natural-order.ts';
import { Button } from '../ui/Button.tsx';
import { controlLook } from '../ui/control-look.ts';
import { cx } from '../ui/cx.ts';
import { IconButton } from '../ui/IconButton.tsx';
import { Select } from '../ui/Select.tsx';
import type { PageProps } from '../wizard/wizard.ts';
import { templateOf, type LaunchValues, type Template } from './launch-values.ts';
import { loadTemplates, maxNameLength, maxTemplates, saveTemplates, type Templates } from './templates.ts';

const none = '';

export function TemplatesBar({ page }: { page: PageProps<LaunchValues> }): ReactElement {
  const [templates, setTemplates] = useState<Templates>(new Map());
  const [said, setSaid] = useState('');
  const [isBad, setIsBad] = useState(false);
  const now = JSON.stringify(templateOf(page.form));
  const chosen = [...templates].find(([, template]) => JSON.stringify(template) === now)?.[0] ?? none;

  // Only in the browser: the server renders the page without its storage.
  useEffect(() => {
    setTemplates(loadTemplates(window.localStorage));
  }, []);

  const put = (next: Templates, text: string) => {
    try {
      saveTemplates(next, window.localStorage);
      setTemplates(next);
      setSaid(text);
      setIsBad(false);
    } catch {
      setSaid('This browser keeps nothing: it has no room, or the window is private.');
      setIsBad(true);
    }
  };
  const take = (template: Template | undefined) => {
    if (!template) return;
    for (const field of Object.keys(template) as (keyof Template)[]) page.set(field, template[field]);
  };
  const save = (name: string): boolean => {
    if (!templates.has(name) && templates.size >= maxTemplates) {
      setSaid(`${maxTemplates} templates are kept: remove one first.`);
      setIsBad(true);
      return false;
    }
    put(new Map(templates).set(name, templateOf(page.form)), `Saved as ${name}.`);
    return true;
  };
  const remove = () => {
    put(new Map([...templates].filter(([known]) => known !== chosen)), `Removed ${chosen}.`);
  };
  const names = [...templates.keys()].sort(compareNames);
  return (
    <div className="flex flex-wrap items-center gap-2 rounded-md border bg-surface-1 px-3 py-2">
      <span className="text-sm font-medium text-fg-2">Template</span>
      {names.length === 0 ? (
        <span className="min-w-0 flex-1 text-sm text-fg-3">None yet. Save this launch by a name to use it again.</span>
      ) : (
        <Select
          aria-label="Template"
          value={chosen}
          onValueChange={(next) => {
            take(templates.get(next));
            setSaid('');
          }}
          options={[{ value: none, label: 'None' }, ...names.map((each) => ({ value: each, label: each }))]}
          className="max-w-56"
        />
      )}
      {names.length === 0 ? null : <span className="flex-1" />}
      {chosen === none ? null : (
        <IconButton label={`Remove the template ${chosen}`} icon={<Trash2 />} onClick={remove} />
      )}
      <SaveAs proposed={chosen} known={templates} onOpen={() => setSaid('')} onSave={save} />
      <span role="status" className={cx('basis-full text-sm empty:hidden', isBad ? 'text-bad' : 'text-fg-3')}>
        {said}
      </span>
    </div>
  );
}

interface SaveAsProps {
  proposed: string;
  known: Templates;
  onOpen: () => void;
  /** Whether it was taken; otherwise the name stays in the field. */
  onSave: (name: string) => boolean;
}

function SaveAs({ proposed, known, onOpen, onSave }: SaveAsProps): ReactElement {
  const [name, setName] = useState<string | null>(null);
  const wanted = name?.trim() ?? '';
  const save = () => {
    if (wanted !== '' && onSave(wanted)) setName(null);
  };
  return name === null ? (
    <Button
      size="sm"
      variant="ghost"
      icon={<BookmarkPlus aria-hidden="true" className="size-4" />}
      onClick={() => {
        setName(proposed);
        onOpen();
      }}
    >
      Save as…
    </Button>
  ) : (
    <>
      <input
        autoFocus
        aria-label="Name of the template"
        placeholder="Name"
        maxLength={maxNameLength}
        value={name}
        onChange={(event) => {
          setName(event.target.value);
        }}
        onKeyDown={(event) => {
          if (event.key === 'Enter') {
            event.preventDefault();
            save();
          }
          if (event.key === 'Escape') setName(null);
        }}
        className={cx(controlLook, 'h-7 max-w-48 px-2 text-sm max-md:h-9')}
      />
      <Button size="sm" variant="primary" disabledReason={wanted === '' ? 'Give it a name.' : ''} onClick={save}>
        {known.has(wanted) ? 'Replace' : 'Save'}
      </Button>
      <Button
        size="sm"
        variant="ghost"
        onClick={() => {
          setName(null);
        }}
      >
        Cancel
      </Button>
    </>
  );
}
