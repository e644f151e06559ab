// Where a wizard stands: the form as typed, the secrets, the plan made of them, the run. Going back loses nothing; a plan
// that was made from another form is made again. Secrets live only here, and are dropped once the run has them.
import type { Plan } from '../../contract/plans.ts';

/** A value as the fields hold it; the planner's schema parses it. Values nest: a list of disks is a list of forms. */
export type FormValue =
  string | number | boolean | null | readonly FormValue[] | { readonly [field: string]: FormValue };
export type FormValues = Readonly<Record<string, FormValue>>;
export type SecretValues = Readonly<Record<string, string>>;

/** `form`: page `page` of the form. `plan`: what will happen. `run`: it happens, or happened. */
export type Place =
  | { readonly at: 'form'; readonly page: number }
  | { readonly at: 'plan' }
  | { readonly at: 'run'; readonly run: string };

export interface Issue {
  /** Name of the field; empty: the form as a whole. */
  readonly field: string;
  readonly message: string;
}

export interface WizardState<Form extends FormValues = FormValues> {
  readonly place: Place;
  readonly pages: number;
  readonly form: Form;
  readonly secrets: SecretValues;
  /** Passwords that the plan wants beside those of the form, by the plan's names. */
  readonly planSecrets: SecretValues;
  readonly plan: Plan | null;
  /** The form that `plan` was made of, as text; null without a plan. */
  readonly plannedForm: string | null;
  /** Id of the plan that the reader agreed to; empty: of none. */
  readonly agreedTo: string;
  /** What is being waited for. */
  readonly busy: 'none' | 'planning' | 'starting';
  readonly issues: readonly Issue[];
  /** What the planner told beside its last refusal, for the form to offer a way out; null once there is a plan. */
  readonly refusal: Readonly<Record<string, unknown>> | null;
}

export type WizardEvent =
  | {
      readonly do: 'set';
      readonly field: string;
      readonly value: FormValue;
      /** What of the field was edited, where it is a list; else all of it. */
      readonly part?: string;
    }
  | { readonly do: 'secret'; readonly name: string; readonly value: string }
  | { readonly do: 'plan-secret'; readonly name: string; readonly value: string }
  | { readonly do: 'go'; readonly to: { readonly at: 'form'; readonly page: number } | { readonly at: 'plan' } }
  | { readonly do: 'agree'; readonly plan: string }
  | { readonly do: 'issues'; readonly issues: readonly Issue[] }
  | { readonly do: 'planning' }
  | { readonly do: 'planned'; readonly plan: Plan; readonly form: string }
  | { readonly do: 'starting' }
  | { readonly do: 'started'; readonly run: string }
  /** Away from the run, by the browser's back button or a link: the run continues, and the form opens again. */
  | { readonly do: 'left' }
  | { readonly do: 'failed'; readonly issues: readonly Issue[]; readonly refusal?: WizardState['refusal'] };

export function openWizard<Form extends FormValues>(form: Form, pages: number): WizardState<Form> {
  return {
    place: { at: 'form', page: 0 },
    pages,
    form,
    secrets: {},
    planSecrets: {},
    plan: null,
    plannedForm: null,
    agreedTo: '',
    busy: 'none',
    issues: [],
    refusal: null,
  };
}

export function stepWizard<Form extends FormValues>(state: WizardState<Form>, event: WizardEvent): WizardState<Form> {
  switch (event.do) {
    case 'set': {
      const edited = event.part === undefined ? event.field : `${event.field}.${event.part}`;
      const issues = state.issues.filter(
        ({ field }) => field !== '' && !isPartOf(field, edited) && !isPartOf(edited, field),
      );
      return { ...state, form: { ...state.form, [event.field]: event.value }, issues };
    }
    case 'secret': {
      const issues = state.issues.filter(({ field }) => field !== event.name && field !== '');
      return { ...state, secrets: { ...state.secrets, [event.name]: event.value }, issues };
    }
    case 'plan-secret':
      return { ...state, planSecrets: { ...state.planSecrets, [event.name]: event.value }, issues: [] };
    case 'go':
      return go(state, event.to);
    case 'agree':
      return { ...state, agreedTo: event.plan };
    case 'issues':
      return { ...state, issues: event.issues };
    case 'planning':
      return { ...state, busy: 'planning', issues: [] };
    case 'planned':
      // A person who kept typing meanwhile gets a plan of what the form holds now.
      if (event.form !== formText(state)) return { ...state, busy: 'none' };
      return {
        ...state,
        busy: 'none',
        plan: event.plan,
        plannedForm: event.form,
        place: { at: 'plan' },
        issues: [],
        refusal: null,
      };
    case 'starting':
      return { ...state, busy: 'starting', issues: [] };
    case 'started':
      return { ...state, busy: 'none', secrets: {}, planSecrets: {}, place: { at: 'run', run: event.run }, issues: [] };
    case 'left':
      // A plan runs once.
      return { ...state, place: { at: 'form', page: 0 }, plan: null, plannedForm: null, agreedTo: '' };
    case 'failed':
      return { ...state, busy: 'none', issues: event.issues, refusal: event.refusal ?? null };
  }
}

/** `disks.0.size` is a part of itself, of `disks.0` and of `disks`. */
function isPartOf(path: string, of: string): boolean {
  return path === of || path.startsWith(`${of}.`);
}

function go<Form extends FormValues>(
  state: WizardState<Form>,
  to: { at: 'form'; page: number } | { at: 'plan' },
): WizardState<Form> {
  // The run has started and its page shows it: the form does not open again.
  if (state.place.at === 'run') return state;
  if (to.at === 'plan') return hasPlan(state) ? { ...state, place: to, issues: [] } : state;
  if (to.page < 0 || to.page >= state.pages) return state;
  return { ...state, place: to, issues: [] };
}

/** What the plan depends on. Of secrets only which are given: their values stay out of any text. */
export function formText(state: Pick<WizardState, 'form' | 'secrets'>): string {
  const given = Object.keys(state.secrets).filter((name) => state.secrets[name] !== '');
  return JSON.stringify([Object.entries(state.form).sort(), given.sort()]);
}

/** Whether there is a plan of the form as it stands now. */
export function hasPlan(state: WizardState): boolean {
  return state.plan !== null && state.plannedForm === formText(state);
}

export function issueOf(state: Pick<WizardState, 'issues'>, field: string): string | null {
  return state.issues.find((issue) => issue.field === field)?.message ?? null;
}
