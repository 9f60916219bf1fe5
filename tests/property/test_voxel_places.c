/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where response columns of images are: neighbourhoods of voxels and millimetres are those
 * of the same coordinates given, and regions of another grid are refused. */
#include "tests/testlib.h"

#include "brainalign/bundle.h"
#include "brainalign/decode.h"
#include "brainalign/error.h"

enum { N = 121, V = 800, D = 2 };

static char folder[TEST_PATH_SIZE], image[TEST_PATH_SIZE], features[TEST_PATH_SIZE];
static char places[TEST_PATH_SIZE], result[TEST_PATH_SIZE];
static ba_dataset_t *dataset;

static int
open_study(void **state)
{
    const char *spaces[] = {features};
    ba_dataset_opts_t opts = {.features = spaces, .n_features = 1, .responses = image};
    double x[N * D];
    FILE *stream;

    (void) state;
    test_make_folder(folder);
    test_join(places, folder, "places.csv");
    test_join(result, folder, "dec.h5");
    stream = fopen(test_join(features, folder, "x.csv"), "w");
    assert_non_null(stream);
    test_fill_normal(x, N * D, 3);
    for (size_t i = 0; i < N * D; i++) {
        fprintf(stream, "%.17g%c", x[i], i % D == D - 1 ? '\n' : ',');
    }
    fclose(stream);
    if (!test_data_path(
            image, sizeof image, "data/haxby_nifti/run01_bold_1slice.nii.gz")) {
        return 0;
    }
    return ba_dataset_open(NULL, &opts, &dataset);
}

static int
close_study(void **state)
{
    (void) state;
    ba_dataset_free(dataset);
    test_remove_folder(folder);
    return 0;
}

static int
fit(const char *radius, const char *positions, const char *roi)
{
    static double alpha[] = {100};
    ba_decode_fit_opts_t opts = ba_decode_fit_opts_default();
    ba_ctx_t ctx = ba_ctx_default();

    ctx.n_threads = 1;
    opts.fit.alphas = opts.voxel_alphas = (ba_alphas_t){alpha, 1};
    opts.fit.outer_cv = (ba_cv_opts_t){.kind = BA_CV_KFOLD, .n_folds = 2};
    opts.response_delays = "0";
    opts.voxel_score = BA_VOXELS_SEARCHLIGHT;
    opts.n_voxels = 10;
    opts.radius = radius;
    opts.voxel_positions = positions;
    opts.rois = &roi;
    opts.n_rois = roi != NULL;
    opts.output = result;
    opts.force = 1;
    return ba_decode_fit(&ctx, dataset, &opts, NULL);
}

static void
read_scores(double *scores)
{
    ba_bundle_t *bundle;

    assert_int_equal(ba_bundle_open(result, NULL, &bundle), BA_OK);
    assert_int_equal(
        ba_bundle_read(bundle, "/voxels/score", BA_F64, NULL, NULL, scores), BA_OK);
    ba_bundle_free(bundle);
}

static void
write_places(void)
{
    FILE *stream = fopen(places, "w");
    int32_t ijk[3];

    assert_non_null(stream);
    for (size_t j = 0; j < V; j++) {
        ba_image_voxel(dataset->image, j, ijk);
        fprintf(stream, "%d,%d,%d\n", (int) ijk[0], (int) ijk[1], (int) ijk[2]);
    }
    fclose(stream);
}

/* Voxels of 3.1 by 3.75 mm: the cube is what is nearer than 1.5 in their numbers, 4 mm
 * are the four beside a voxel, 3.2 mm two of them. */
static void
test_places(void **state)
{
    static const char *const radius[][2] = {{NULL, "1.5"}, {"4mm", "1"}, {"1", "1.2"}};
    double voxels[V], given[V], few[V];

    (void) state;
    test_need_data(image, "data/haxby_nifti/run01_bold_1slice.nii.gz");
    write_places();
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(fit(radius[i][0], NULL, NULL), BA_OK);
        read_scores(voxels);
        assert_int_equal(fit(radius[i][1], places, NULL), BA_OK);
        read_scores(given);
        assert_memory_equal(voxels, given, sizeof voxels);
    }
    assert_int_equal(fit("3.2mm", NULL, NULL), BA_OK);
    read_scores(few);
    assert_memory_not_equal(few, given, sizeof few);
}

static void
test_grid(void **state)
{
    char mask[TEST_PATH_SIZE], roi[TEST_PATH_SIZE + 8];

    (void) state;
    test_need_data(mask, "data/haxby_nifti/mask25mm_vt.nii.gz");
    snprintf(roi, sizeof roi, "vt=%s", mask);
    assert_int_equal(fit(NULL, NULL, roi), BA_SHAPE);
    assert_contains(ba_error_message(), "another grid");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_grid),
    };

    return cmocka_run_group_tests(tests, open_study, close_study);
}
