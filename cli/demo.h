/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The study behind the demo: what its files say of the truth. */
#ifndef BA_CLI_DEMO_H
#define BA_CLI_DEMO_H

#include "cli/command.h"

#include "brainalign/ctx.h"

enum { DEMO_PATH = 4096 };

typedef struct {
    size_t n_layers, n_regions, n_voxels;
    double tr;
    char **region_names;   /* n_regions */
    int32_t *region_layer; /* n_regions: 1.. the layer that drives it, 0 word rate, -1
                              nothing */
    double *expected_r;    /* n_regions: mean r of a perfect model */
    int32_t *region;       /* n_voxels */
} demo_study_t;

int demo_make_folder(const char *folder);

/* Reads DIR/study/truth.h5. */
int demo_study_load(const char *folder, demo_study_t *study);
void demo_study_free(demo_study_t *study);

/* Writes DIR/control.h5: every run's samples get the responses of the next run. */
int demo_write_control(const ba_ctx_t *ctx, const char *folder, int force);

/* ---- demo_decode.c ---- */

/* SPECs of a study. */
typedef struct {
    const char *responses, *features, *runs;
    double tr;
} demo_decoding_t;

typedef struct {
    size_t n_items;
    double rank_accuracy, pairs, top1;
} demo_decoded_t;

/* Decodes features from responses, every run by models of the others, to the file
 * `output`, and identifies segments among one another. */
int demo_decode(const cli_call_t *call, const ba_ctx_t *ctx, const demo_decoding_t *what,
    const char *output, demo_decoded_t *out);

double demo_segment_seconds(double tr);

/* ---- demo_neurons.c ---- */

/* Ranks the neurons of the layer in the middle by concepts, works out what they add to the
 * region that it drives, prints and judges it. SPECs of responses. */
int demo_neurons(const cli_call_t *call, const demo_study_t *study, const char *folder,
    const char *responses, const char *control);

/* ---- demo_study.c ---- */

/* Mean /scores/r of an encoder file in every region, over scored voxels. */
int demo_region_means(const demo_study_t *study, const char *encoder, double *means);

#endif
