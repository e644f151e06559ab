// What a user logs in with: an email address, or one like it on a network without mail, such as root@node1. Nothing is sent there.
import { z } from 'zod';

/** No spaces and control characters, and nothing that lists, quotes or `Ann <ann@example.org>` give a meaning to. */
const addressPattern = /^[^\s@<>"`,;()\\\p{C}]+@[^\s@<>"`,;()\\\p{C}]+$/u;

export const UserAddress = z
  .string()
  .max(254)
  .regex(addressPattern, 'must be an address with an @, such as ann@example.org or root@node1');
