'use client';
// What can be done with a node, each as a verb, with the command that does the same.
import { ArrowUpRight, Network, Replace, SquareTerminal, Trash2, UserPlus } from 'lucide-react';
import Link from 'next/link';
import type { ReactElement } from 'react';
import { bridgeKind, deployKind, removeNodeKind, replaceNodeKind } from '../../core/plans/kinds.ts';
import { useClusterPath } from '../frame/use-cluster.ts';
import { usePlanRefusal } from '../frame/use-session.tsx';
import { Button } from '../ui/Button.tsx';
import { Menu, MenuItem } from '../ui/Menu.tsx';
import type { MeshNode } from './mesh-view.ts';
import { useLack } from './use-lack.ts';

export function NodeActions({ node, isOnPage = false }: { node: MeshNode; isOnPage?: boolean }): ReactElement {
  const withCluster = useClusterPath();
  const noMembers = useLack('members');
  const mayDeploy = usePlanRefusal(deployKind);
  const deploying = node.added || noMembers === '' ? mayDeploy : noMembers;
  const bridging = usePlanRefusal(bridgeKind);
  const mayReplace = usePlanRefusal(replaceNodeKind);
  const replacing = node.added || noMembers === '' ? mayReplace : noMembers;
  const removing = usePlanRefusal(removeNodeKind);
  const name = encodeURIComponent(node.name);
  const isIn = node.facts.State === 'member';
  return (
    <div className="flex flex-wrap gap-2">
      {isOnPage ? null : (
        <Button
          size="sm"
          icon={<ArrowUpRight className="size-4" />}
          render={<Link href={withCluster(`/nodes/${name}`)} />}
        >
          Open
        </Button>
      )}
      {node.added ? null : (
        <Button
          size="sm"
          icon={<SquareTerminal className="size-4" />}
          disabledReason={isIn ? '' : `${node.name} is not in the mesh: it takes no commands.`}
          render={<Link href={withCluster(`/terminal?node=${name}`)} />}
        >
          Terminal
        </Button>
      )}
      {isIn ? null : (
        <Button
          size="sm"
          variant="primary"
          icon={<UserPlus className="size-4" />}
          disabledReason={deploying}
          render={<Link href={withCluster(`/deploy?nodes=${name}`)} />}
        >
          {node.added ? 'Deploy' : 'Deploy again'}
        </Button>
      )}
      {node.added ? (
        <Button
          size="sm"
          icon={<Network className="size-4" />}
          disabledReason={bridging}
          render={<Link href={withCluster(`/bridge?nodes=${name}`)} />}
        >
          Bridge
        </Button>
      ) : null}
      <Menu
        align="start"
        trigger={
          <Button size="sm" variant="ghost" aria-label={`More actions on ${node.name}`}>
            More
          </Button>
        }
      >
        {node.added ? null : (
          <MenuItem
            icon={<Network />}
            disabledReason={bridging}
            {...(bridging === '' ? { render: <Link href={withCluster(`/bridge?nodes=${name}`)} /> } : {})}
          >
            Put its NIC into the bridge…
          </MenuItem>
        )}
        <MenuItem
          icon={<Replace />}
          disabledReason={replacing}
          {...(replacing === '' ? { render: <Link href={withCluster(`/replace-node?node=${name}`)} /> } : {})}
        >
          Replace a reinstalled machine…
        </MenuItem>
        <MenuItem
          icon={<Trash2 />}
          isDanger
          disabledReason={removing}
          {...(removing === '' ? { render: <Link href={withCluster(`/remove-node?nodes=${name}`)} /> } : {})}
        >
          {node.added ? 'Remove from the console…' : 'Remove from the cluster…'}
        </MenuItem>
      </Menu>
    </div>
  );
}
