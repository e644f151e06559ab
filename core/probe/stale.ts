/** How long what was measured counts; ms. Switches are changed by people, and an experiment is set up within an hour. */
export const staleAfterMs = 3_600_000;
