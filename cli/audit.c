/* SPDX-License-Identifier: GPL-3.0-or-later */
/* --audit of the commands that fit. */
#include "cli/fit_args.h"
#include "cli/message.h"

#include <stddef.h>

const cli_option_t cli_audit_rows[] = {
    {.section = "Splits",
        .name = "audit",
        .kind = CLI_FLAG,
        .help =
            "Checks the pipeline on these data first: every outer fold is fitted again "
            "with other numbers in the rows that it holds out, which must not change a "
            "bit of what it learns, and 20 times with the targets exchanged at random, "
            "which must leave chance. Ends with status 1, and writes nothing, where "
            "that is not so. Takes some 22 times as long as the fit.",
        .offset = offsetof(cli_fit_args_t, audit)},
    {0},
};

void
cli_audit_note(const ba_audit_t *audit)
{
    cli_message_note(
        "audit: other numbers in %zu held-out rows of %zu folds: none of %zu fitted "
        "numbers changed",
        audit->n_poisoned, audit->n_folds, audit->n_numbers);
    cli_message_note(
        "audit: mean r %.4f; with targets exchanged %zu times %.4f, sd %.4f (chance, at "
        "most %.4f)",
        audit->mean_r, audit->n_permutations, audit->null_mean, audit->null_sd,
        audit->null_limit);
}
