/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What encode predict and encode score share: an encoder applied to a data set. */
#ifndef BA_CLI_APPLY_H
#define BA_CLI_APPLY_H

#include "cli/data.h"

#include "brainalign/encode.h"

/* Argument structs of both start with this one. */
typedef struct {
    cli_data_t data;
    const char *encoder;
} cli_apply_t;

/* --encoder */
extern const cli_option_t cli_encoder_rows[];

/* Fills what both commands say the same way. */
void cli_apply_options(const cli_call_t *call, ba_encode_apply_opts_t *opts);

/* Checks that encoder and data set fit together and prints what would be done. */
int cli_apply_dry_run(const cli_call_t *call, const ba_dataset_t *dataset);

#endif
