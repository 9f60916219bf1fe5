/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testnifti.h"

#include "core/alloc.h"
#include "io/image_impl.h"

static char folder[TEST_PATH_SIZE];

static int
make_folder(void **state)
{
    (void) state;
    test_make_folder(folder);
    return 0;
}

static int
remove_folder(void **state)
{
    (void) state;
    test_remove_folder(folder);
    return 0;
}

/* The image of every voxel of a file. */
static ba_image_t *
open_whole(const char *path)
{
    ba_nifti_t *nifti;
    ba_image_t *image;

    assert_int_equal(ba_nifti_open(path, &nifti), BA_OK);
    assert_int_equal(ba_image_from_nifti(nifti, &image), BA_OK);
    ba_nifti_close(nifti);
    return image;
}

/* All values of a file. */
static double *
read_values(const char *path, size_t *n)
{
    ba_nifti_t *nifti;
    double *values;

    assert_int_equal(ba_nifti_open(path, &nifti), BA_OK);
    *n = ba_nifti_header(nifti)->shape[0] * ba_nifti_header(nifti)->shape[1] *
         ba_nifti_header(nifti)->shape[2];
    values = ba_malloc(*n, sizeof(*values));
    assert_non_null(values);
    assert_int_equal(ba_nifti_read(nifti, 0, NULL, *n, values, 1), BA_OK);
    assert_int_equal(ba_nifti_finish(nifti), BA_OK);
    ba_nifti_close(nifti);
    return values;
}

static void
mask_voxels_come_x_fastest(void **state)
{
    /* 3 x 2 x 2: what is not 0, of the first volume only. */
    static const double VALUES[24] = {
        0, 1, 0, 0, 0, 2, -0.5, 0, 0, 0, 0, 9, [12] = 1, [13] = 1};
    static const int32_t WANTED[4][3] = {{1, 0, 0}, {2, 1, 0}, {0, 0, 1}, {2, 1, 1}};
    static const char *const NAMES[2] = {"mask.nii", "mask.nii.gz"};
    char path[TEST_PATH_SIZE];

    (void) state;
    for (size_t k = 0; k < 2; k++) {
        test_nifti_t nifti = test_nifti_default(1, 16, 3, 2, 2, 2);
        ba_image_t *image;
        size_t shape[3];

        test_write_nifti(test_join(path, folder, NAMES[k]), &nifti, VALUES, 24);
        assert_int_equal(ba_image_open_mask(NULL, path, &image), BA_OK);
        assert_int_equal(ba_image_n_voxels(image), 4);
        ba_image_shape(image, shape);
        assert_true(shape[0] == 3 && shape[1] == 2 && shape[2] == 2);
        for (size_t i = 0; i < 4; i++) {
            int32_t at[3];

            ba_image_voxel(image, i, at);
            assert_memory_equal(at, WANTED[i], sizeof(at));
            assert_int_equal(ba_image_voxels(image)[i], at[0] + 3 * (at[1] + 2 * at[2]));
        }
        ba_image_free(image);
    }
}

static void
whole_grid_and_kept_voxels(void **state)
{
    static const double VALUES[24] = {0};
    test_nifti_t nifti = test_nifti_default(1, 2, 4, 3, 2, 1);
    char path[TEST_PATH_SIZE];
    ba_image_t *image;
    int32_t at[3];

    (void) state;
    test_write_nifti(test_join(path, folder, "whole.nii"), &nifti, VALUES, 24);
    image = open_whole(path);
    assert_int_equal(ba_image_n_voxels(image), 24);
    ba_image_voxel(image, 17, at);
    assert_true(at[0] == 1 && at[1] == 1 && at[2] == 1);
    assert_int_equal(ba_image_keep(image, 5, 20), BA_OK);
    assert_int_equal(ba_image_keep(image, 12, 14), BA_OK);
    assert_int_equal(ba_image_n_voxels(image), 2);
    ba_image_voxel(image, 0, at);
    assert_true(at[0] == 1 && at[1] == 1 && at[2] == 1);
    ba_image_free(image);
}

static void
masks_that_are_none(void **state)
{
    double values[12] = {0};
    test_nifti_t nifti = test_nifti_default(1, 16, 3, 2, 2, 1);
    char path[TEST_PATH_SIZE];
    ba_image_t *image;

    (void) state;
    test_join(path, folder, "none.nii");
    test_write_nifti(path, &nifti, values, 12);
    assert_int_equal(ba_image_open_mask(NULL, path, &image), BA_FORMAT);
    assert_null(image);
    assert_contains(ba_error_message(), "all 12 voxels are 0");
    for (size_t i = 0; i < 2; i++) {
        values[10] = i == 0 ? (double) NAN : (double) INFINITY;
        test_write_nifti(path, &nifti, values, 12);
        assert_int_equal(ba_image_open_mask(NULL, path, &image), BA_NONFINITE);
        assert_contains(ba_error_message(), "(1, 1, 1)");
    }
    assert_int_equal(ba_image_open_mask(NULL, folder, &image), BA_IO);
}

/* The rotation by 90 degrees about z and one by 120 about the diagonal, in both hands;
 * quaternions of length slightly over 1; and which form wins. */
static void
affines(void **state)
{
    static const struct {
        int q_code, s_code;
        double pixdim[4], quaternion[3], wanted[12];
    } CASES[] = {
        {0, 0, {1, 2, 3, 4}, {0, 0, 0}, {2, 0, 0, 0, 0, 3, 0, 0, 0, 0, 4, 0}},
        {0, 0, {1, -2, 0, 4}, {0, 0, 0}, {2, 0, 0, 0, 0, 1, 0, 0, 0, 0, 4, 0}},
        {1, 0, {1, 2, 3, 4}, {0, 0, 0}, {2, 0, 0, 7, 0, 3, 0, 8, 0, 0, 4, 9}},
        {1, 0, {-1, 2, 3, 4}, {0, 0, 0}, {2, 0, 0, 7, 0, 3, 0, 8, 0, 0, -4, 9}},
        {1, 0, {0, 2, 3, 4}, {0, 0, 0.70710678118654752},
            {0, -3, 0, 7, 2, 0, 0, 8, 0, 0, 4, 9}},
        {1, 0, {1, 2, 3, 4}, {.5, .5, .5}, {0, 0, 4, 7, 2, 0, 0, 8, 0, 3, 0, 9}},
        {1, 0, {1, 2, 3, 4}, {0, 1.00001, 0}, {-2, 0, 0, 7, 0, 3, 0, 8, 0, 0, -4, 9}},
        {1, 1, {1, 2, 3, 4}, {0, 0, 0}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}},
        {0, 4, {1, 2, 3, 4}, {0, 0, 0}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}},
    };
    static const double VALUES[1] = {1};
    char path[TEST_PATH_SIZE];

    (void) state;
    test_join(path, folder, "affine.nii");
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        test_nifti_t nifti = test_nifti_default(1, 2, 1, 1, 1, 1);
        double affine[16];
        ba_image_t *image;

        nifti.q_code = CASES[i].q_code;
        nifti.s_code = CASES[i].s_code;
        memcpy(nifti.pixdim, CASES[i].pixdim, sizeof(CASES[i].pixdim));
        memcpy(nifti.quaternion, CASES[i].quaternion, sizeof(nifti.quaternion));
        for (size_t k = 0; k < 12; k++) {
            nifti.s_rows[k] = (double) k + 1;
            nifti.q_offset[k / 4] = (double) (7 + k / 4);
        }
        test_write_nifti(path, &nifti, VALUES, 1);
        assert_int_equal(ba_image_open_mask(NULL, path, &image), BA_OK);
        ba_image_affine(image, affine);
        assert_all_close(affine, CASES[i].wanted, 12, 1e-6); /* stored as float32 */
        assert_true(
            affine[12] == 0 && affine[13] == 0 && affine[14] == 0 && affine[15] == 1);
        ba_image_free(image);
    }
}

static void
affine_that_is_not_finite(void **state)
{
    static const double VALUES[1] = {1};
    test_nifti_t nifti = test_nifti_default(2, 2, 1, 1, 1, 1);
    char path[TEST_PATH_SIZE];
    ba_image_t *image;

    (void) state;
    nifti.s_rows[6] = (double) NAN;
    test_write_nifti(test_join(path, folder, "nan.nii"), &nifti, VALUES, 1);
    assert_int_equal(ba_image_open_mask(NULL, path, &image), BA_FORMAT);
    assert_contains(ba_error_message(), "row 1, column 2");
}

static void
sampling_interval(void **state)
{
    static const struct {
        int units;
        size_t n_t;
        double pixdim, wanted;
    } CASES[] = {{10, 2, 2.5, 2.5}, {18, 2, 2500, 2.5}, {26, 2, 2500000, 2.5},
        {2, 2, 2.5, 0}, {0, 2, 1, 0}, {34, 2, 2.5, 0}, {10, 2, 0, 0}, {10, 2, -2, 0},
        {10, 2, (double) NAN, 0}, {10, 1, 2.5, 0}};
    static const double VALUES[2] = {1, 1};
    char path[TEST_PATH_SIZE];

    (void) state;
    test_join(path, folder, "tr.nii");
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        test_nifti_t nifti = test_nifti_default(1, 2, 1, 1, 1, CASES[i].n_t);
        ba_image_t *image;

        nifti.units = CASES[i].units;
        nifti.pixdim[4] = CASES[i].pixdim;
        test_write_nifti(path, &nifti, VALUES, CASES[i].n_t);
        image = open_whole(path);
        assert_close(ba_image_tr(image), CASES[i].wanted, 0);
        ba_image_free(image);
    }
}

static void
same_grid(void **state)
{
    static const double VALUES[12] = {1};
    test_nifti_t nifti = test_nifti_default(1, 2, 3, 2, 2, 1);
    char path[4][TEST_PATH_SIZE];
    ba_image_t *images[4];

    (void) state;
    test_write_nifti(test_join(path[0], folder, "grid0.nii"), &nifti, VALUES, 12);
    nifti.s_rows[3] += 0.0009;
    test_write_nifti(test_join(path[1], folder, "grid1.nii"), &nifti, VALUES, 12);
    nifti.s_rows[3] += 0.0009;
    test_write_nifti(test_join(path[2], folder, "grid2.nii"), &nifti, VALUES, 12);
    nifti.dim[1] = 2;
    nifti.dim[2] = 3;
    test_write_nifti(test_join(path[3], folder, "grid3.nii"), &nifti, VALUES, 12);
    for (size_t i = 0; i < 4; i++) {
        images[i] = open_whole(path[i]);
    }
    assert_int_equal(ba_image_same_grid(images[0], images[1]), BA_OK);
    assert_int_equal(ba_image_same_grid(images[1], images[2]), BA_OK);
    assert_int_equal(ba_image_same_grid(images[0], images[2]), BA_SHAPE);
    assert_contains(ba_error_message(), "grid0.nii");
    assert_contains(ba_error_message(), "row 0, column 3");
    assert_contains(ba_error_message(), "grid2.nii");
    assert_int_equal(ba_image_same_grid(images[0], images[3]), BA_SHAPE);
    assert_contains(ba_error_message(), "3 x 2 x 2");
    assert_contains(ba_error_message(), "2 x 3 x 2");
    for (size_t i = 0; i < 4; i++) {
        ba_image_free(images[i]);
    }
}

/* Maps in both versions, from input of either byte order, plain and gzipped. */
static void
maps_read_back(void **state)
{
    static const double MASK[12] = {0, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 1};
    static const double SCORES[4] = {0.25, -1.5, (double) NAN, 1e-3};
    char path[TEST_PATH_SIZE], map[TEST_PATH_SIZE];

    (void) state;
    for (int k = 0; k < 8; k++) {
        test_nifti_t nifti = test_nifti_default(1 + (k & 1), 2, 3, 2, 2, 1);
        ba_image_t *image, *again;
        ba_nifti_t *opened;
        const ba_nifti_header_t *header;
        double *values;
        size_t n, next = 0;

        nifti.big_endian = k >> 1 & 1;
        nifti.q_code = 1;
        nifti.s_code = 4;
        nifti.pixdim[0] = -1;
        nifti.quaternion[1] = 0.25;
        nifti.q_offset[2] = 3.5;
        test_write_nifti(test_join(path, folder, "in.nii"), &nifti, MASK, 12);
        assert_int_equal(ba_image_open_mask(NULL, path, &image), BA_OK);
        test_join(map, folder, k & 4 ? "map.nii" : "map.nii.gz");
        assert_int_equal(ba_image_write_map(image, SCORES, "correlation", map, 1), BA_OK);

        values = read_values(map, &n);
        assert_int_equal(n, 12);
        for (size_t i = 0; i < n; i++) {
            double wanted = MASK[i] != 0 ? (double) (float) SCORES[next++] : (double) NAN;

            assert_close(values[i], wanted, 0);
        }
        ba_free(values);
        again = open_whole(map);
        assert_int_equal(ba_image_same_grid(image, again), BA_OK);
        assert_int_equal(ba_nifti_open(map, &opened), BA_OK);
        header = ba_nifti_header(opened);
        assert_int_equal(header->version, nifti.version);
        assert_int_equal(header->big_endian, 0);
        assert_int_equal(header->type, 16);
        assert_int_equal(header->rank, 3);
        assert_int_equal(header->units, nifti.units);
        assert_int_equal(header->q_code, 1);
        assert_int_equal(header->s_code, 4);
        assert_all_close(header->pixdim, nifti.pixdim, 4, 0);
        assert_all_close(header->quaternion, nifti.quaternion, 3, 0);
        assert_all_close(header->q_offset, nifti.q_offset, 3, 0);
        assert_all_close(header->s_rows, nifti.s_rows, 12, 0);
        ba_nifti_close(opened);
        ba_image_free(again);
        ba_image_free(image);
    }
}

static void
maps_that_cannot_be_written(void **state)
{
    static const double VALUES[1] = {1};
    test_nifti_t nifti = test_nifti_default(1, 2, 1, 1, 1, 1);
    char path[TEST_PATH_SIZE], map[TEST_PATH_SIZE], text[81];
    ba_image_t *image;

    (void) state;
    test_write_nifti(test_join(path, folder, "in.nii"), &nifti, VALUES, 1);
    assert_int_equal(ba_image_open_mask(NULL, path, &image), BA_OK);
    memset(text, 'x', 80);
    text[80] = 0;
    test_join(map, folder, "new.nii");
    assert_int_equal(ba_image_write_map(image, VALUES, text, map, 0), BA_VALUE);
    assert_int_equal(access(map, F_OK), -1);
    assert_int_equal(ba_image_write_map(image, VALUES, text + 1, map, 0), BA_OK);
    assert_int_equal(ba_image_write_map(image, VALUES, NULL, map, 0), BA_EXISTS);
    assert_int_equal(ba_image_write_map(image, VALUES, NULL, map, 1), BA_OK);
    test_join(map, folder, "nowhere/new.nii");
    assert_int_equal(ba_image_write_map(image, VALUES, NULL, map, 0), BA_IO);
    ba_image_free(image);
}

/* Every allocation may fail; then no map and no temporary file is left. */
static void
memory_runs_out(void **state)
{
    static const double VALUES[1] = {1};
    test_nifti_t nifti = test_nifti_default(1, 2, 1, 1, 1, 1);
    char path[TEST_PATH_SIZE], inner[TEST_PATH_SIZE], map[TEST_PATH_SIZE];
    size_t n = 0;
    int status;

    (void) state;
    test_write_nifti(test_join(path, folder, "in.nii.gz"), &nifti, VALUES, 1);
    assert_int_equal(mkdir(test_join(inner, folder, "inner"), 0700), 0);
    test_join(map, inner, "map.nii.gz");
    do {
        ba_image_t *image;

        ba_alloc_fail_at(++n);
        status = ba_image_open_mask(NULL, path, &image);
        if (status == BA_OK) {
            status = ba_image_write_map(image, VALUES, NULL, map, 0);
        }
        ba_alloc_fail_at(0);
        ba_image_free(image);
        assert_true(status == BA_OK || status == BA_NOMEM);
        if (status == BA_NOMEM) {
            assert_int_equal(rmdir(inner), 0); /* empty */
            assert_int_equal(mkdir(inner, 0700), 0);
        }
    } while (status != BA_OK);
    assert_true(n > 10);
    assert_int_equal(access(map, F_OK), 0);
}

static void
real_mask(void **state)
{
    char path[TEST_PATH_SIZE], run[TEST_PATH_SIZE];
    ba_image_t *mask, *bold;
    size_t shape[3];

    (void) state;
    test_need_data(path, "data/haxby_nifti/mask25mm_brain.nii.gz");
    test_need_data(run, "data/haxby_nifti/run01_bold_25mm.nii.gz");
    assert_int_equal(ba_image_open_mask(NULL, path, &mask), BA_OK);
    assert_int_equal(ba_image_n_voxels(mask), 129);
    ba_image_shape(mask, shape);
    assert_true(shape[0] == 6 && shape[1] == 10 && shape[2] == 10);
    bold = open_whole(run);
    assert_int_equal(ba_image_same_grid(mask, bold), BA_OK);
    ba_image_free(bold);
    test_need_data(run, "data/haxby_nifti/run01_bold_1slice.nii.gz");
    bold = open_whole(run);
    assert_int_equal(ba_image_same_grid(mask, bold), BA_SHAPE);
    ba_image_free(bold);
    ba_image_free(mask);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mask_voxels_come_x_fastest),
        cmocka_unit_test(whole_grid_and_kept_voxels),
        cmocka_unit_test(masks_that_are_none),
        cmocka_unit_test(affines),
        cmocka_unit_test(affine_that_is_not_finite),
        cmocka_unit_test(sampling_interval),
        cmocka_unit_test(same_grid),
        cmocka_unit_test(maps_read_back),
        cmocka_unit_test(maps_that_cannot_be_written),
        cmocka_unit_test(memory_runs_out),
        cmocka_unit_test(real_mask),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
