// A kind of plan as pages, shell and server all know it: who may have it, its page, and its words in a shell. Data alone, since
// every page loads it; the form's schema lies beside the planner, and server/plans has what the kind observes and does.
import type { Role } from '../../contract/roles.ts';

export interface PlanKindFacts {
  /** On the wire and in the journal: `add-nodes`. */
  readonly kind: string;
  /** Of its page. */
  readonly title: string;
  /**
   * The least role that may make such a plan, and start, cancel, retry or undo its run, answer its questions, give it secrets, or
   * tell a step what to do. Operators act, admins change the cluster itself: to act as root on a machine that the caller names
   * needs an admin.
   */
  readonly role: Role;
  readonly page: {
    /** Not below /nodes: there it could be a node's name. */
    readonly path: string;
    /** The entry of the sidebar that it belongs to. */
    readonly below: '/nodes' | '/vms' | '/settings';
  };
  /** In the palette, under its title unless another label is given; `hint` has other words that find it. */
  readonly offer: { readonly label?: string; readonly hint: string };
  /** Its words in a shell; plans name the first of them. */
  readonly commands: readonly PlanCommand[];
  /** What a person may tell its steps while they wait; none unless given. */
  readonly signals?: readonly string[];
}

export interface PlanCommand {
  /** Behind `meshdeck`: `nodes add`. Kinds may share words, each but one of them with a flag that chooses it. */
  readonly words: string;
  /** `--undo`: chooses this kind. */
  readonly choice?: { readonly flag: string; readonly about: string; readonly why: string };
  readonly about: string;
  /** Its one argument: `<nodes>`, or `[nodes]` where it may be left out. */
  readonly argument: { readonly usage: string; readonly field: string; readonly about: string };
  readonly options: readonly PlanOption[];
  /** Takes who logs in the first time, and by what. */
  readonly hasLogin?: boolean;
  /** It changes nothing where all is right: it runs without `--run`. */
  readonly runsAtOnce?: boolean;
}

export interface PlanOption {
  /** `--degree <count>`; without a value it is a yes. */
  readonly flag: string;
  /** Field of the form. */
  readonly field: string;
  readonly about: string;
  /** What it is when it is left out; a plan's command leaves it out too. */
  readonly default?: string;
  readonly isRequired?: boolean;
  /** A plan's command has it also when it is the default: a later version may have another one. */
  readonly isPinned?: boolean;
  /**
   * `list`, `pairs` and `numbers`: may be given several times; the field is a list, or a record of `name=value` or `name=number`.
   * `by-node`: as `node=value` for one node, which goes to the record `fieldByNode`, and once for all others.
   */
  readonly as?: 'list' | 'pairs' | 'numbers' | 'by-node';
  readonly fieldByNode?: string;
}

/** The kind of that name among these; undefined for one of another version. */
export function findKind<Facts extends Pick<PlanKindFacts, 'kind'>>(
  kinds: readonly Facts[],
  kind: string,
): Facts | undefined {
  return kinds.find((each) => each.kind === kind);
}

/** Who may act on a run of this kind. One of another version is an admin's: nobody knows what it does. */
export function roleOfKind(kinds: readonly Pick<PlanKindFacts, 'kind' | 'role'>[], kind: string): Role {
  return findKind(kinds, kind)?.role ?? 'admin';
}
