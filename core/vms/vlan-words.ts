// What the VLAN of a NIC is called. Apart from `vm info`, since pages load it and none of the fields of a configuration.

/** `alpha (101)`, `250`, `disconnected` [facts 5.3, obs]. `vlan`: -1 for none. */
export function describeVlan({ alias, vlan }: { readonly alias: string; readonly vlan: number }): string {
  if (vlan < 0) return 'disconnected';
  return alias === '' ? String(vlan) : `${alias} (${vlan})`;
}
