/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The responses of a result file, found again through its provenance or given anew. */
#ifndef BA_CLI_FITTED_DATA_H
#define BA_CLI_FITTED_DATA_H

#include "cli/data.h"

#include "brainalign/encode.h"

/* --responses --mask --runs --run-table --nuisance --nuisance-columns. */
extern const cli_option_t cli_fitted_rows[];

/* The data set that `call`'s options name, its features not needed; without such options
 * the one that the arguments stored in the result file `file` name, features as well. The
 * message of a failure says how to give it. */
int cli_fitted_data_open(
    const cli_call_t *call, const char *file, ba_dataset_t **dataset);

/* The data set that the arguments stored in a result file name; how: what gives them anew,
 * "--responses gives" (NULL = nothing). */
int cli_fit_data_open(
    const cli_call_t *call, const char *file, const char *how, ba_dataset_t **dataset);

/* The same fit once more: data set and settings by the arguments stored in a result file,
 * which stay with it; how: see cli_fit_data_open(). */
typedef struct {
    ba_dataset_t *dataset;
    ba_encode_fit_opts_t opts;
    char **arguments;
    cli_rows_t rows;
    void *args; /* of encode fit */
    const char **named;
    ba_ctx_t ctx; /* with the seed of the fit */
} cli_refit_t;

/* Call cli_refit_close() afterwards in any case. */
int cli_refit_open(
    const cli_call_t *call, const char *file, const char *how, cli_refit_t *refit);
void cli_refit_close(cli_refit_t *refit);

/* encode fit by the options in a file of arguments (argfile.h), written to `encoder`, on the
 * threads and memory of `call`. BA_EXISTS without --force. */
int cli_fit_first(const cli_call_t *call, const char *file, const char *encoder);

/* encode_fit.c: settings from parsed arguments; *named is freed with free() in any case. */
int cli_fit_settings(
    const cli_call_t *call, const char ***named, ba_encode_fit_opts_t *opts);

#endif
