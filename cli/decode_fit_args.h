/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Options of decode fit. */
#ifndef BA_CLI_DECODE_FIT_ARGS_H
#define BA_CLI_DECODE_FIT_ARGS_H

#include "cli/data.h"
#include "cli/fit_args.h"
#include "cli/list.h"

typedef struct {
    cli_fit_args_t fit;
    const char *response_delays, *labels, *blocks;
    int scale_responses, scale_features;
    uint64_t n_voxels;
    int voxel_score, multinomial;
    const char *voxel_alphas, *voxel_items, *radius, *voxel_positions;
    cli_list_t rois, roi_names;
    uint64_t n_rois;
    int align;
    const char *align_runs;
    uint64_t align_features;
} cli_decode_fit_args_t;

extern const cli_option_t cli_decode_response_rows[], cli_decode_delay_rows[],
    cli_decode_scale_rows[], cli_decode_voxel_rows[], cli_decode_align_rows[],
    cli_decode_result_rows[];

#endif
