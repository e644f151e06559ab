// The VLANs of the cluster, as a launch asks for them.
import { describeAlias, parseVlanOrAlias } from '../../core/vlans/names.ts';
import type { Vlans } from '../vlans/vlans.ts';
import type { LaunchVlans } from './launcher.ts';

export function launchVlans(vlans: Pick<Vlans, 'resolve' | 'state'>): LaunchVlans {
  return {
    resolve: async (text, namespace, options) => {
      const { vlan, name, notes } = await vlans.resolve(text, namespace, options);
      return { vlan, alias: name === null ? '' : describeAlias(name, namespace), notes };
    },
    isKnown: (text, namespace) => {
      const name = parseVlanOrAlias(text, namespace);
      return name.ok && (typeof name.value === 'number' || vlans.state.table.held(name.value).length > 0);
    },
  };
}
