// A page of a wizard's form: its fields, back, and on to the next page or the plan.
import type { ReactElement } from 'react';
import { Button } from '../ui/Button.tsx';
import type { WizardAtWork } from './use-wizard.ts';
import { WaitingFor } from './WaitingFor.tsx';
import type { FieldsProps } from './wizard-fields.ts';
import { type FormValues, hasPlan } from './wizard-state.ts';
import type { Wizard } from './wizard.ts';

interface WizardFormProps<Form extends FormValues> {
  wizard: Wizard<Form>;
  page: Wizard<Form>['pages'][number];
  fields: FieldsProps<Form>;
  atWork: WizardAtWork<Form>;
}

export function WizardForm<Form extends FormValues>(props: WizardFormProps<Form>): ReactElement {
  const { wizard, page, fields, atWork } = props;
  const { state, dispatch, steps, at, goTo, goOn } = atWork;
  const { form, secrets, busy } = state;
  return (
    <form
      className="flex max-w-160 flex-col gap-4"
      autoComplete="off"
      onSubmit={(event) => {
        event.preventDefault();
        goOn();
      }}
    >
      {page.render({
        ...fields,
        secrets,
        setSecret: (name, value) => {
          dispatch({ do: 'secret', name, value });
        },
        refusal: state.refusal,
      })}
      {busy === 'planning' ? <WaitingFor text={wizard.planning(form)} /> : null}
      <div className="flex flex-wrap gap-2 pt-2">
        {at > 0 ? (
          <Button
            onClick={() => {
              goTo(steps[at - 1]?.key ?? '');
            }}
          >
            Back
          </Button>
        ) : null}
        <Button variant="primary" type="submit" isBusy={busy === 'planning'} disabledReason={atWork.refusal}>
          {at < wizard.pages.length - 1 ? 'Next' : hasPlan(state) ? 'To the plan' : 'Make the plan'}
        </Button>
      </div>
    </form>
  );
}
