/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The study behind the demo: what its files say of the truth. */
#ifndef BA_CLI_DEMO_H
#define BA_CLI_DEMO_H

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

/* Mean /scores/r of an encoder file in every region, over scored voxels. */
int demo_region_means(const demo_study_t *study, const char *encoder, double *means);

#endif
