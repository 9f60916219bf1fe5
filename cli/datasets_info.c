/* SPDX-License-Identifier: GPL-3.0-or-later */
/* datasets info: what stands in a matrix, an image or a result file. */
#include "cli/info.h"
#include "cli/text.h"
#include "cli/verbs.h"

#include "brainalign/bundle.h"
#include "brainalign/error.h"

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef struct {
    cli_common_t common;
    cli_list_t specs;
    const char *mask;
} info_args_t;

static const cli_option_t rows[] = {
    {.section = "Data",
        .kind = CLI_STRINGS,
        .required = 1,
        .metavar = "SPEC",
        .help = "A matrix, an image or a result file of brainalign.",
        .offset = offsetof(info_args_t, specs)},
    {.name = "mask",
        .kind = CLI_STRING,
        .metavar = "FILE",
        .otherwise = "every voxel",
        .help =
            "NIfTI image whose voxels other than 0 are the columns of image arguments.",
        .offset = offsetof(info_args_t, mask)},
    {0},
};

static void
print_shape(const ba_source_t *source)
{
    size_t n_slabs = ba_source_n_slabs(source);
    size_t n_rows = ba_source_n_rows(source), n_cols = ba_source_n_cols(source);

    cli_info_key("shape");
    if (n_slabs > 1) {
        printf("%zu repeats x ", n_slabs);
    }
    printf("%zu row%s x %zu column%s\n", n_rows, cli_plural(n_rows), n_cols,
        cli_plural(n_cols));
}

static void
print_columns(const ba_source_t *source)
{
    enum { SHOWN = 6 };
    size_t n_cols = ba_source_n_cols(source);

    if (n_cols == 0 || !ba_source_column_name(source, 0)) {
        return;
    }
    cli_info_key("column names");
    for (size_t i = 0; i < n_cols && i < SHOWN; i++) {
        printf("%s%s", i > 0 ? ", " : "", ba_source_column_name(source, i));
    }
    puts(n_cols > SHOWN ? ", ..." : "");
}

/* Length of column `axis` of a row-major 4 x 4 affine: the voxel's edge in millimetres.
 */
static double
edge(const double affine[16], size_t axis)
{
    return sqrt(affine[axis] * affine[axis] + affine[4 + axis] * affine[4 + axis] +
                affine[8 + axis] * affine[8 + axis]);
}

static void
print_image(const ba_image_t *image)
{
    size_t shape[3];
    double affine[16];
    double tr = ba_image_tr(image);

    ba_image_shape(image, shape);
    ba_image_affine(image, affine);
    cli_info_key("grid");
    printf("%zu x %zu x %zu voxels of %.4g x %.4g x %.4g mm\n", shape[0], shape[1],
        shape[2], edge(affine, 0), edge(affine, 1), edge(affine, 2));
    cli_info_key("voxels used");
    printf("%zu\n", ba_image_n_voxels(image));
    cli_info_key("TR");
    if (tr > 0) {
        printf("%.6g s (as the header says)\n", tr);
    } else {
        puts("not in the header");
    }
}

static int
print_matrix(const ba_ctx_t *ctx, const char *spec, const char *mask)
{
    ba_source_opts_t opts = {.mask = mask, .max_rank = 3};
    cli_statistics_t statistics;
    ba_source_t *source = NULL;
    int status;

    BA_TRY(ba_source_open(ctx, spec, &opts, &source));
    BA_TRY(cli_statistics_read(ctx, source, &statistics));
    printf("%s\n", spec);
    cli_info_key("format");
    puts(ba_source_format(source));
    print_shape(source);
    cli_info_key("values");
    puts(ba_source_is_double(source) ? "may need float64" : "exact in float32");
    cli_statistics_print(&statistics);
    print_columns(source);
    if (ba_source_image(source)) {
        print_image(ba_source_image(source));
    }
out:
    ba_source_close(source);
    return status;
}

/* A whole file that opens as one of our bundles is shown as such; anything else is a
 * matrix. */
static ba_bundle_t *
open_bundle(const char *name)
{
    ba_bundle_t *bundle = NULL;
    ba_spec_t spec = {0};

    if (ba_spec_parse(name, &spec) == BA_OK && !spec.path && spec.row_start == 0 &&
        spec.col_start == 0 && spec.row_stop == SIZE_MAX && spec.col_stop == SIZE_MAX) {
        if (ba_bundle_open(spec.file, NULL, &bundle) != BA_OK) {
            bundle = NULL;
        }
    }
    ba_spec_free(&spec);
    return bundle;
}

static const cli_option_t *const tables[] = {rows, NULL};

static int
run(const cli_call_t *call)
{
    const info_args_t *args = call->args;
    int status = BA_OK;

    for (size_t i = 0; i < args->specs.n; i++) {
        const char *spec = args->specs.items[i];
        ba_bundle_t *bundle = open_bundle(spec);

        if (i > 0) {
            putchar('\n');
        }
        if (bundle) {
            status = cli_info_bundle(spec, bundle);
            ba_bundle_free(bundle);
        } else {
            status = print_matrix(call->ctx, spec, args->mask);
        }
        BA_TRY(status);
    }
out:
    return status;
}

static const char *const description[] = {
    "Prints what stands in each argument: format, shape, whether float32 holds the "
    "values exactly, range, mean, missing values and constant columns. Of images also "
    "grid, voxels and sampling interval; of result files the arrays and where they "
    "came from. Everything is read once, a block of columns at a time.",
    NULL,
};

static const cli_example_t examples[] = {
    {"datasets info feats.h5:/layer_12 bold.nii.gz --mask mask.nii.gz",
        "features of one layer, and the voxels of a mask"},
    {"datasets info enc.h5", "a fitted encoder"},
    {0},
};

const cli_command_t cli_datasets_info = {
    .group = "datasets",
    .verb = "info",
    .summary = "print shape, range and defects of matrices, images and result files",
    .description = description,
    .examples = examples,
    .tables = tables,
    .share = CLI_SHARE_MEMORY | CLI_SHARE_MESSAGES,
    .args_size = sizeof(info_args_t),
    .run = run,
};
