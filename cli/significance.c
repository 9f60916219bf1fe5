/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/significance.h"
#include "cli/info.h"
#include "cli/message.h"
#include "cli/text.h"

#include "brainalign/error.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>

/* Words of --ceiling; the values beside them are in the same order. */
static const char ceilings[] = "ev|split-half|ccnorm|isc|none";
static const ba_ceiling_kind_t ceiling_of[] = {
    BA_CEILING_EV, BA_CEILING_SPLIT_HALF, BA_CEILING_CCNORM, BA_CEILING_ISC};
enum { NO_CEILING = sizeof ceiling_of / sizeof *ceiling_of };
_Static_assert(NO_CEILING == CLI_CEILING_NONE, "the last word");

#define AT(member) offsetof(cli_significance_args_t, significance.member)
#define AT_NULL(member) AT(null.member)

const cli_option_t cli_significance_rows[] = {
    CLI_NULL_ROWS(AT_NULL, "auto|cosine|circular|phase|blocks:L|refit[:KIND]", "auto",
        " refit: responses are permuted that way instead, and everything is chosen and "
        "fitted anew for each permutation, which has more power in a cross-validation. "
        "auto: refit:cosine where it takes a minute or two at most, else cosine."),
    {.name = "control",
        .kind = CLI_STRINGS,
        .metavar = "NAME",
        .help = "A feature space that is a control, such as word rate. The controls are "
                "fitted alone as well, with the same splits; what all spaces predict "
                "beyond them is the increment, with a test of its own under "
                "--permutations.",
        .offset = AT(control)},
    {.name = "ceiling",
        .kind = CLI_CHOICE,
        .metavar = ceilings,
        .value = "none",
        .help = "Noise ceiling of r from the repeats of the test responses: explainable "
                "variance, split halves, signal power, or correlation between subjects, "
                "the repeats being subjects.",
        .offset = AT(ceiling)},
    {.name = "ceiling-floor",
        .kind = CLI_REAL,
        .metavar = "SHARE",
        .otherwise = "0.05",
        .help = "Least share of the variance that must be explainable (the ceiling of "
                "r2, the square of that of r) for r to be divided by its ceiling.",
        .offset = AT(ceiling_floor)},
    {0},
};

int
cli_null_set(const cli_null_t *args, uint64_t seed, ba_null_opts_t *null)
{
    int status = BA_OK;

    if (args->permutations == CLI_NOT_GIVEN) {
        if (args->kind || args->min_shift != CLI_NOT_GIVEN) {
            return ba_fail(BA_VALUE, "--%s: given without --permutations",
                args->kind ? "null" : "null-min-shift");
        }
        return BA_OK;
    }
    if (args->permutations == 0 || args->permutations > UINT32_MAX) {
        return ba_fail(BA_VALUE, "--permutations: found %llu, wanted 1 to %llu",
            (unsigned long long) args->permutations, (unsigned long long) UINT32_MAX);
    }
    null->n_permutations = (size_t) args->permutations;
    null->seed = seed;
    if (args->kind) {
        BA_TRY(ba_null_parse(args->kind, null));
    }
    if (args->min_shift != CLI_NOT_GIVEN) {
        if (null->kind != BA_NULL_CIRCULAR) {
            BA_TRY(ba_fail(BA_VALUE, "--null-min-shift: given without --null circular"));
        }
        null->min_shift = (size_t) args->min_shift;
    }
out:
    return status;
}

int
cli_significance_set(
    const cli_significance_t *args, uint64_t seed, ba_inference_opts_t *opts)
{
    int status = BA_OK;
    cli_null_t null = args->null;

    if (null.permutations != CLI_NOT_GIVEN) {
        null.kind = ba_refit_parse(null.kind, &opts->refit);
    }
    BA_TRY(cli_null_set(&null, seed, &opts->null));
    opts->controls = args->control.items;
    opts->n_controls = args->control.n;
    opts->has_ceiling = args->ceiling != NO_CEILING;
    if (opts->has_ceiling) {
        opts->ceiling = ceiling_of[args->ceiling];
        opts->ceiling_seed = seed;
    }
    if (!isnan(args->ceiling_floor)) {
        if (!opts->has_ceiling) {
            return ba_fail(BA_VALUE, "--ceiling-floor: given without --ceiling");
        }
        opts->ceiling_floor = args->ceiling_floor;
    }
out:
    return status;
}

/* "1,000,000 distinct orders": as many as can be told apart. */
static const char *
orders_text(double n, char text[32])
{
    if (isinf(n) || n > 1e15) {
        return "more than can be counted";
    }
    snprintf(text, 32, "%.0f", n);
    return text;
}

void
cli_significance_plan(const ba_inference_opts_t *opts, const ba_inference_info_t *info)
{
    char text[32];

    if (opts->null.n_permutations > 0) {
        cli_info_key("tests");
        printf("%zu permutations, distinct orders: %s; smallest p %.3g\n",
            info->r.null.n_permutations, orders_text(info->r.null.n_distinct, text),
            info->r.null.smallest_p);
    }
}

static void
note_test(const char *what, const char *words, const ba_test_info_t *test)
{
    char text[32];

    cli_message_note("%s: %zu permutations (%s), distinct orders: %s, smallest p %.3g; "
                     "of %zu targets %zu have q < .05, %zu family-wise p < .05",
        what, test->null.n_permutations, words, orders_text(test->null.n_distinct, text),
        test->null.smallest_p, test->n_tested, test->n_q, test->n_fwe);
}

static void
note_ceiling(const ba_inference_info_t *info)
{
    cli_text_t without = {0};

    for (int k = 1; k <= BA_CEILING_NO_SIGNAL; k++) {
        if (info->n_no_ceiling[k] > 0) {
            cli_text_addf(&without, "; %zu without: %s", info->n_no_ceiling[k],
                ba_ceiling_reason_words((ba_ceiling_reason_t) k));
        }
    }
    cli_message_note("ceiling by %s; median %.3f of %zu targets%s", info->ceiling_words,
        info->median_ceiling, info->n_ceiling, without.length > 0 ? without.data : "");
    cli_message_note("r / ceiling: mean %.4f of %zu targets whose ceiling reaches the "
                     "floor",
        info->mean_normalized, info->n_normalized);
    cli_text_free(&without);
}

void
cli_significance_note(const ba_inference_info_t *info)
{
    if (info->r.null.n_permutations > 0) {
        note_test("test of r", info->null_words, &info->r);
    }
    if (info->control_words[0]) {
        cli_message_note("controls (%s) alone: r mean %.4f, r2 mean %.4f; increment of "
                         "r2 over them: mean %.4f",
            info->control_words, info->mean_control_r, info->mean_control_r2,
            info->mean_increment_r2);
    }
    if (info->increment.null.n_permutations > 0) {
        note_test("test of the increment", info->null_words, &info->increment);
    }
    if (info->ceiling_words[0]) {
        note_ceiling(info);
    }
}
