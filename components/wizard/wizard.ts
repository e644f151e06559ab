// A wizard as a value: the pages of its form, and how what was typed becomes the form that its planner parses.
import type { ReactNode } from 'react';
import type { Plan } from '../../contract/plans.ts';
import type { PlanKindFacts } from '../../core/plans/plan-kind.ts';
import type { FieldsProps } from './wizard-fields.ts';
import type { FormValues, Issue, SecretValues } from './wizard-state.ts';

export interface PageProps<Form extends FormValues = FormValues> extends FieldsProps<Form> {
  readonly secrets: SecretValues;
  readonly setSecret: (name: string, value: string) => void;
  /** What the planner told beside its last refusal; null: nothing. */
  readonly refusal: Readonly<Record<string, unknown>> | null;
}

export interface WizardPage<Form extends FormValues = FormValues> {
  /** In the URL. */
  readonly key: string;
  readonly title: string;
  /** Fields of this page, by name; `disks[].size` is that field of each entry. An issue of one of them leads back here. */
  readonly fields: readonly string[];
  readonly render: (props: PageProps<Form>) => ReactNode;
}

export interface Wizard<Form extends FormValues = FormValues> {
  /** With its title. */
  readonly kind: PlanKindFacts;
  readonly pages: readonly WizardPage<Form>[];
  readonly initial: Form;
  /** Issues of the form as typed; the planner on the server has the last word. */
  readonly check: (form: Form, secrets: SecretValues) => readonly Issue[];
  /** The planner's own form. */
  readonly toForm: (form: Form) => Record<string, unknown>;
  /** Secrets by the names that the planner uses; those not typed are left out. */
  readonly toSecrets: (form: Form, secrets: SecretValues) => Record<string, string>;
  /** What will happen, before there is a plan. */
  readonly outlook: (form: Form) => ReactNode;
  /** Beside the plan: what must be looked at first. What is changed there asks for a new plan before it can run. */
  readonly besidePlan?: (plan: Plan, page: Pick<PageProps<Form>, 'form' | 'set'>) => ReactNode;
  /** What must be agreed to before it runs, and what is said beside the box; null: nothing. */
  readonly consent?: (plan: Plan) => string | null;
  /** Said while the nodes are looked at: `Reaching 4 nodes and reading their host keys`. */
  readonly planning: (form: Form) => string;
}
