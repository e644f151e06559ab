'use client';
// The reader: name and role, how the page looks, settings and what else a phone's bottom bar has no place for, and the way out.
import { CircleUserRound, LogOut } from 'lucide-react';
import Link from 'next/link';
import { useState } from 'react';
import type { ReactElement } from 'react';
import { httpPaths } from '../../contract/http-paths.ts';
import { Menu, MenuChoice, MenuItem, MenuSeparator } from '../ui/Menu.tsx';
import { postForm } from '../auth/post-form.ts';
import { currentTheme, setTheme } from './theme.ts';
import type { Theme } from './theme.ts';
import { bottomBarEntries, pages } from './pages.ts';
import { useClusterPath } from './use-cluster.ts';
import { phoneScreen, useMedia } from './use-media.ts';
import { useSession } from './use-session.tsx';

const themes: readonly { value: Theme; label: string }[] = [
  { value: 'system', label: 'As the system' },
  { value: 'light', label: 'Light' },
  { value: 'dark', label: 'Dark' },
];

export function UserMenu(): ReactElement {
  const session = useSession();
  const withCluster = useClusterPath();
  const isPhone = useMedia(phoneScreen);
  const [theme, setShown] = useState<Theme>('system');
  // On a phone, what has no place in the bottom bar; elsewhere Settings, where people look for them.
  const inMenu = isPhone ? pages.slice(bottomBarEntries) : pages.filter(({ path }) => path === '/settings');
  return (
    <Menu
      trigger={
        <button
          type="button"
          aria-label={session === null ? 'You' : `You: ${session.user.name}`}
          // The cookie is the browser's: read when the menu is used, not while the server renders.
          onFocus={() => setShown(currentTheme())}
          onPointerEnter={() => setShown(currentTheme())}
          className="inline-flex h-8 items-center gap-2 rounded-md px-2 text-fg-2 hover:bg-surface-2 hover:text-fg-1 data-popup-open:bg-surface-2 max-md:h-10"
        >
          <CircleUserRound aria-hidden="true" className="size-4.5" />
          <span className="max-w-40 truncate max-sm:hidden">{session?.user.name ?? ''}</span>
        </button>
      }
    >
      {session === null ? null : (
        <div className="border-b px-2 pt-1 pb-2 -mx-1 mb-1">
          <p className="truncate px-1 font-medium">{session.user.name}</p>
          <p className="truncate px-1 text-sm text-fg-3">
            {session.user.email} · {session.user.role}
          </p>
        </div>
      )}
      <MenuChoice
        label="Appearance"
        value={theme}
        onValueChange={(next) => {
          setTheme(next);
          setShown(next);
        }}
        options={themes}
      />
      <MenuSeparator />
      {inMenu.map(({ path, label, icon: Icon }) => (
        <MenuItem key={path} icon={<Icon aria-hidden="true" />} render={<Link href={withCluster(path)} />}>
          {label}
        </MenuItem>
      ))}
      <MenuItem
        icon={<LogOut />}
        onSelect={() => {
          void postForm(httpPaths.signOut, {}).then(() => window.location.assign(httpPaths.login));
        }}
      >
        Sign out
      </MenuItem>
      {session === null ? null : <p className="px-2 pt-2 pb-1 text-xs text-fg-3">Meshdeck {session.version}</p>}
    </Menu>
  );
}
