/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests, noise ceilings and controls of a fit, and what is said of them. */
#ifndef BA_CLI_SIGNIFICANCE_H
#define BA_CLI_SIGNIFICANCE_H

#include "cli/shards.h"

/* Value of --ceiling none. */
#define CLI_CEILING_NONE 4

typedef struct {
    uint64_t permutations, null_min_shift;
    const char *null;
    int ceiling;
    double ceiling_floor;
    cli_list_t control;
} cli_significance_t;

/* How an argument struct with these options begins. */
typedef struct {
    cli_shards_t shards;
    cli_significance_t significance;
} cli_significance_args_t;

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
