/* SPDX-License-Identifier: GPL-3.0-or-later */
/* encode fit --each: every feature space by itself. */
#ifndef BA_CLI_EACH_H
#define BA_CLI_EACH_H

#include "cli/data.h"

#include "brainalign/encode.h"

/* --layers --layer-size --each --stack. */
extern const cli_option_t cli_each_rows[];

/* BA_VALUE where they contradict one another. */
int cli_each_check(const cli_data_t *data);

/* Fits and reports. `emits`: a script was asked for, which there is none. */
int cli_each_run(const cli_call_t *call, const ba_dataset_t *dataset,
    const ba_encode_fit_opts_t *opts, int emits);

#endif
