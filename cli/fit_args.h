/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Options of a fit, which other commands that fit have as well (encode_fit.c). */
#ifndef BA_CLI_FIT_ARGS_H
#define BA_CLI_FIT_ARGS_H

#include "cli/shards.h"
#include "cli/significance.h"

typedef struct {
    cli_shards_t shards;
    cli_significance_t significance;
    cli_list_t delays, pca;
    int delay_across_runs;
    int scale_features, scale_responses, intercept;
    cli_preset_t preset;
    const char *alphas;
    int alpha_units;
    double singular_cutoff;
    int shared_alpha, select, inner_scaling;
    const char *bands;
    uint64_t band_rounds;
    int shared_bands;
    const char *cv, *outer_cv, *cv_gap;
    int solver;
    const char *save, *table, *map;
    int audit;
} cli_fit_args_t;

/* Rows that fill it: preparation; intercept and alphas; what is selected by, form and
 * splits. cli_fit_settings() (fitted_data.h) makes settings of it; what is not given stays
 * as the default of the library. */
extern const cli_option_t cli_delay_rows[], cli_scale_rows[];
extern const cli_option_t cli_model_rows[], cli_selection_rows[], cli_audit_rows[];

/* audit.c: what an audit found, on stderr. */
void cli_audit_note(const ba_audit_t *audit);

/* preparation.c: settings out of its rows; `named` has room for all lists of delays. */
int cli_preparation_set(
    const cli_fit_args_t *args, const char **named, ba_encode_fit_opts_t *opts);

#endif
