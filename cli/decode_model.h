/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What decode invert and decode identify share: an encoder with its data, and the noise
 * model. */
#ifndef BA_CLI_DECODE_MODEL_H
#define BA_CLI_DECODE_MODEL_H

#include "cli/data.h"

#include "brainalign/invert.h"

/* Argument structs of both start with this one. */
typedef struct {
    cli_data_t data;
    const char *encoder, *share;
    int noise, shrink_to, normalise_folds, prewhiten, in_sample;
    uint64_t noise_rank, n_voxels;
} cli_decode_t;

/* --encoder and the data of the fit; --noise and the like; --in-sample. */
extern const cli_option_t cli_decode_data_rows[];
extern const cli_option_t cli_decode_noise_rows[];

/* BA_VALUE: options that contradict one another. */
int cli_decode_options(const cli_call_t *call, ba_decode_model_opts_t *opts);

/* Features and responses of the fit: by the options, else by the arguments that the
 * encoder file stores. */
int cli_decode_data_open(const cli_call_t *call, ba_dataset_t **dataset);

/* What a dry run says of memory, and that nothing was written. */
void cli_decode_dry_note(size_t bytes);

/* "share of the target" of a run in words. */
void cli_decode_share_note(
    const ba_decode_model_opts_t *opts, double least, double largest);

#endif
