'use client';
// Views of the table by name: choose one, keep what is shown now, remove one.
import { Bookmark, Trash2 } from 'lucide-react';
import { useState, type ReactElement } from 'react';
import { Button } from '../ui/Button.tsx';
import { Dialog } from '../ui/Dialog.tsx';
import { Field } from '../ui/Field.tsx';
import { IconButton } from '../ui/IconButton.tsx';
import { Input } from '../ui/Input.tsx';
import { Menu, MenuItem, MenuSeparator } from '../ui/Menu.tsx';
import { readViews, viewNameIssue, withView, writeViews, type SavedView } from './saved-views.ts';

export interface SavedViewsProps {
  /** What is shown now. */
  readonly current: Omit<SavedView, 'name'>;
  readonly onChoose: (view: SavedView) => void;
}

export function SavedViews({ current, onChoose }: SavedViewsProps): ReactElement {
  const [views, setViews] = useState<readonly SavedView[]>([]);
  const [isEditing, setIsEditing] = useState(false);
  // The browser's: read when the menu is used, not while the server renders.
  const read = (): void => setViews(readViews(window.localStorage));
  return (
    <>
      <Menu
        align="start"
        trigger={
          <Button
            icon={<Bookmark aria-hidden="true" className="size-4" />}
            onFocus={read}
            onPointerEnter={read}
            aria-label="Saved views"
          >
            Views
          </Button>
        }
      >
        {views.map((view) => (
          <MenuItem key={view.name} onSelect={() => onChoose(view)}>
            {view.name}
            <span className="block truncate font-mono text-sm text-fg-3">{describeView(view)}</span>
          </MenuItem>
        ))}
        {views.length === 0 ? null : <MenuSeparator />}
        <MenuItem onSelect={() => setIsEditing(true)}>
          {views.length === 0 ? 'Save this view…' : 'Save this view, or remove one…'}
        </MenuItem>
      </Menu>
      <ViewsDialog open={isEditing} onOpenChange={setIsEditing} views={views} onViews={setViews} current={current} />
    </>
  );
}

function describeView({ filter, sort, by }: Omit<SavedView, 'name'>): string {
  const parts = [filter, sort === '' ? '' : `by ${sort}`, by === '' ? '' : `segments: ${by}`];
  return parts.filter((part) => part !== '').join(' · ') || 'all VMs';
}

interface ViewsDialogProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  views: readonly SavedView[];
  onViews: (views: readonly SavedView[]) => void;
  current: Omit<SavedView, 'name'>;
}

function ViewsDialog({ open, onOpenChange, views, onViews, current }: ViewsDialogProps): ReactElement {
  const [name, setName] = useState('');
  const [error, setError] = useState('');
  const keep = (next: readonly SavedView[]): boolean => {
    onViews(next);
    const isKept = writeViews(window.localStorage, next);
    setError(isKept ? '' : 'This browser keeps nothing for this page: the view is there until you leave it.');
    return isKept;
  };
  const save = (): void => {
    const issue = viewNameIssue(name, views);
    setError(issue);
    if (issue !== '' || !keep(withView(views, { ...current, name: name.trim() }))) return;
    setName('');
    onOpenChange(false);
  };
  return (
    <Dialog
      open={open}
      onOpenChange={onOpenChange}
      title="Saved views"
      size="sm"
      description="Filter, order and segments, kept in this browser."
      footer={
        <>
          <Button onClick={() => onOpenChange(false)}>Close</Button>
          <Button variant="primary" onClick={save}>
            Save this view
          </Button>
        </>
      }
    >
      <form
        className="flex flex-col gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          save();
        }}
      >
        <Field
          label="Name of this view"
          error={error}
          hint={<span className="font-mono">{describeView(current)}</span>}
        >
          <Input autoComplete="off" value={name} onChange={(event) => setName(event.target.value)} />
        </Field>
        {views.length === 0 ? null : (
          <ul aria-label="Saved views">
            {views.map((view) => (
              <li key={view.name} className="flex items-center gap-2 border-t py-1">
                <span className="min-w-0 flex-1">
                  <span className="block truncate">{view.name}</span>
                  <span className="block truncate font-mono text-sm text-fg-3">{describeView(view)}</span>
                </span>
                <IconButton
                  label={`Remove the view ${view.name}`}
                  icon={<Trash2 />}
                  onClick={() => keep(views.filter((other) => other !== view))}
                />
              </li>
            ))}
          </ul>
        )}
      </form>
    </Dialog>
  );
}
