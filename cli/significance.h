/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests, noise ceilings and controls of a fit, and what is said of them. */
#ifndef BA_CLI_SIGNIFICANCE_H
#define BA_CLI_SIGNIFICANCE_H

#include "cli/shards.h"

/* Value of --ceiling none. */
#define CLI_CEILING_NONE 4

/* Tests against permuted predictions. */
typedef struct {
    uint64_t permutations, min_shift;
    const char *kind;
} cli_null_t;

typedef struct {
    cli_null_t null;
    int ceiling;
    double ceiling_floor;
    cli_list_t control;
} cli_significance_t;

/* How an argument struct with these options begins. */
typedef struct {
    cli_shards_t shards;
    cli_significance_t significance;
} cli_significance_args_t;

/* Rows of --permutations --null --null-min-shift; AT(member) is where a member of a
 * cli_null_t stands, WORDS, OTHERWISE and MORE what --null takes beyond the ways to permute
 * predictions. */
#define CLI_NULL_ROWS(AT, WORDS, OTHERWISE, MORE)                                        \
    {.section = "Significance and ceilings",                                             \
        .name = "permutations",                                                          \
        .kind = CLI_UNSIGNED,                                                            \
        .metavar = "N",                                                                  \
        .otherwise = "no tests",                                                         \
        .help = "Test every target against N permutations of its held-out predictions: " \
                "p with (1 + b) / (1 + N), q (Benjamini-Hochberg), and family-wise p "   \
                "from the largest r of each permutation.",                               \
        .offset = AT(permutations)},                                                     \
        {.name = "null",                                                                 \
            .kind = CLI_STRING,                                                          \
            .metavar = WORDS,                                                            \
            .otherwise = OTHERWISE,                                                      \
            .help = "How predictions are permuted within the runs of a fold: random "    \
                    "signs of their cosine transform (holds its level at any "           \
                    "autocorrelation that was tried), shifts in a circle, random "       \
                    "phases, or blocks of L samples that change places (too liberal "    \
                    "unless L is many times the autocorrelation)." MORE,                 \
            .offset = AT(kind)},                                                         \
    {                                                                                    \
        .name = "null-min-shift", .kind = CLI_UNSIGNED, .metavar = "N",                  \
        .otherwise = "all shifts",                                                       \
        .help = "The smallest circular shift, in samples. Without the small shifts the " \
                "test is too liberal.",                                                  \
        .offset = AT(min_shift)                                                          \
    }

/* BA_VALUE. n_permutations 0 where no test is asked for. */
int cli_null_set(const cli_null_t *args, uint64_t seed, ba_null_opts_t *null);

/* --permutations --null --null-min-shift --ceiling --ceiling-floor; --control. */
extern const cli_option_t cli_significance_rows[];

/* BA_VALUE. */
int cli_significance_set(
    const cli_significance_t *args, uint64_t seed, ba_inference_opts_t *opts);

/* How fine the tests of a plan are, to stdout. */
void cli_significance_plan(
    const ba_inference_opts_t *opts, const ba_inference_info_t *info);

/* What came of them, to stderr. */
void cli_significance_note(const ba_inference_info_t *info);

#endif
