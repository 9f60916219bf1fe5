/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The responses of a result file, found again through its provenance or given anew. */
#ifndef BA_CLI_FITTED_DATA_H
#define BA_CLI_FITTED_DATA_H

#include "cli/data.h"

/* --responses --mask --runs --run-table --nuisance --nuisance-columns. */
extern const cli_option_t cli_fitted_rows[];

/* The data set that `call`'s options name, its features not needed; without such options
 * the one that the arguments stored in the result file `file` name, features as well. The
 * message of a failure says how to give it. */
int cli_fitted_data_open(const cli_call_t *call, const char *file, ba_dataset_t **dataset);

#endif
