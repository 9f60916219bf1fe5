/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testnifti.h"

#include "brainalign/source.h"
#include "core/alloc.h"
#include "brainalign/error.h"

enum { N_X = 5, N_Y = 4, N_Z = 3, N_GRID = N_X * N_Y * N_Z, N_T = 7, N_MASKED = 20 };

static char folder[TEST_PATH_SIZE], mask_path[TEST_PATH_SIZE];
static double stored[N_T * N_GRID];
static size_t masked[N_MASKED];

static int
make_files(void **state)
{
    static double mask[N_GRID];
    test_nifti_t nifti = test_nifti_default(1, 4, N_X, N_Y, N_Z, N_T);
    char path[TEST_PATH_SIZE];

    (void) state;
    test_make_folder(folder);
    for (size_t i = 0; i < N_T * N_GRID; i++) {
        stored[i] = (double) i - 100;
    }
    test_write_nifti(test_join(path, folder, "bold.nii"), &nifti, stored, N_T * N_GRID);
    test_write_nifti(
        test_join(path, folder, "bold.nii.gz"), &nifti, stored, N_T * N_GRID);
    nifti = test_nifti_default(2, 2, N_X, N_Y, N_Z, 1);
    for (size_t i = 0; i < N_MASKED; i++) {
        masked[i] = 3 * i + 1;
        mask[masked[i]] = 1;
    }
    test_write_nifti(test_join(mask_path, folder, "mask.nii.gz"), &nifti, mask, N_GRID);
    return 0;
}

static int
remove_files(void **state)
{
    (void) state;
    test_remove_folder(folder);
    return 0;
}

/* Every block of a source against what was stored; columns are `voxels` of the grid. */
static void
check_blocks(ba_source_t *source, size_t row0, size_t n_rows, const size_t *voxels,
    size_t n_voxels)
{
    double block[(N_T + 2) * N_GRID];
    size_t ld = n_rows + 2;

    assert_int_equal(ba_source_n_rows(source), n_rows);
    assert_int_equal(ba_source_n_cols(source), n_voxels);
    for (size_t r = 0; r < n_rows; r += 2) {
        for (size_t c = 0; c < n_voxels; c += 3) {
            size_t rows = n_rows - r, cols = n_voxels - c < 8 ? n_voxels - c : 8;

            assert_int_equal(
                ba_source_read(source, 0, r, rows, c, cols, block, ld), BA_OK);
            for (size_t i = 0; i < rows * cols; i++) {
                size_t row = row0 + r + i % rows, voxel = voxels[c + i / rows];

                assert_close(
                    block[i % rows + i / rows * ld], stored[row * N_GRID + voxel], 0);
            }
        }
    }
}

/* Opens below the folder; `mask` NULL = none. */
static int
open_source(const ba_ctx_t *ctx, const char *spec, const char *mask, ba_source_t **out)
{
    char path[TEST_PATH_SIZE];
    ba_source_opts_t opts = {mask, 0};

    return ba_source_open(ctx, test_join(path, folder, spec), &opts, out);
}

static void
masked_series(void **state)
{
    static const char *const SPECS[2] = {"bold.nii", "bold.nii.gz"};
    ba_ctx_t small = ba_ctx_default();

    (void) state;
    small.memory = 64; /* the spool goes to a file */
    for (size_t k = 0; k < 4; k++) {
        const ba_image_t *image;
        ba_source_t *source;
        int32_t at[3];

        assert_int_equal(
            open_source(k < 2 ? NULL : &small, SPECS[k % 2], mask_path, &source), BA_OK);
        check_blocks(source, 0, N_T, masked, N_MASKED);
        assert_string_equal(ba_source_format(source), "nifti");
        assert_int_equal(ba_source_rank(source), 4);
        assert_int_equal(ba_source_n_slabs(source), 1);
        assert_int_equal(ba_source_is_double(source), 0);
        image = ba_source_image(source);
        assert_int_equal(ba_image_n_voxels(image), N_MASKED);
        assert_close(ba_image_tr(image), 2.5, 0); /* of the series, not of the mask */
        ba_image_voxel(image, 13, at);
        assert_int_equal(at[0] + N_X * (at[1] + N_Y * at[2]), masked[13]);
        ba_source_close(source);
    }
}

static void
series_without_a_mask(void **state)
{
    static const char *const SPECS[2] = {"bold.nii", "bold.nii.gz"};
    size_t all[N_GRID];

    (void) state;
    for (size_t i = 0; i < N_GRID; i++) {
        all[i] = i;
    }
    for (size_t k = 0; k < 2; k++) {
        ba_source_t *source;

        assert_int_equal(open_source(NULL, SPECS[k], NULL, &source), BA_OK);
        check_blocks(source, 0, N_T, all, N_GRID);
        assert_int_equal(ba_image_n_voxels(ba_source_image(source)), N_GRID);
        ba_source_close(source);
    }
}

/* The ranges of a SPEC count voxels of the mask; the image lists what is left. */
static void
ranges(void **state)
{
    static const char *const SPECS[2] = {"bold.nii[2:6,4:15]", "bold.nii.gz[2:6,4:15]"};

    (void) state;
    for (size_t k = 0; k < 4; k++) {
        ba_source_t *source;
        size_t wanted[11];
        int32_t at[3];

        assert_int_equal(
            open_source(NULL, SPECS[k % 2], k < 2 ? mask_path : NULL, &source), BA_OK);
        for (size_t i = 0; i < 11; i++) {
            wanted[i] = k < 2 ? masked[4 + i] : 4 + i;
        }
        check_blocks(source, 2, 4, wanted, 11);
        assert_int_equal(ba_image_n_voxels(ba_source_image(source)), 11);
        ba_image_voxel(ba_source_image(source), 3, at);
        assert_int_equal(at[0] + N_X * (at[1] + N_Y * at[2]), wanted[3]);
        ba_source_close(source);
    }
}

static void
one_volume_is_one_row(void **state)
{
    test_nifti_t nifti = test_nifti_default(1, 64, N_X, N_Y, N_Z, 1);
    char path[TEST_PATH_SIZE];
    ba_source_t *source;

    (void) state;
    test_write_nifti(test_join(path, folder, "one.nii"), &nifti, stored, N_GRID);
    assert_int_equal(open_source(NULL, "one.nii", mask_path, &source), BA_OK);
    check_blocks(source, 0, 1, masked, N_MASKED);
    assert_int_equal(ba_source_rank(source), 3);
    assert_int_equal(ba_source_is_double(source), 1);
    ba_source_close(source);
}

static void
masks_that_do_not_fit(void **state)
{
    static double ones[200];
    test_nifti_t nifti = test_nifti_default(1, 2, N_Y, N_X, N_Z, 1);
    char path[TEST_PATH_SIZE];
    ba_source_t *source;

    (void) state;
    for (size_t i = 0; i < 200; i++) {
        ones[i] = 1;
    }
    test_write_nifti(test_join(path, folder, "turned.nii"), &nifti, ones, N_GRID);
    assert_int_equal(open_source(NULL, "bold.nii", path, &source), BA_SHAPE);
    assert_null(source);
    assert_contains(ba_error_message(), "4 x 5 x 3");
    assert_contains(ba_error_message(), "5 x 4 x 3");
    nifti = test_nifti_default(1, 2, N_X, N_Y, N_Z, 1);
    nifti.s_rows[5] = 3.1;
    test_write_nifti(path, &nifti, ones, N_GRID);
    assert_int_equal(open_source(NULL, "bold.nii.gz", path, &source), BA_SHAPE);
    assert_contains(ba_error_message(), "affine");
    snprintf(path, sizeof(path), "%.900s[0:1]", mask_path);
    assert_int_equal(open_source(NULL, "bold.nii", path, &source), BA_VALUE);
    test_join(path, folder, "no_such_mask.nii");
    assert_int_equal(open_source(NULL, "bold.nii", path, &source), BA_IO);
}

static void
images_count_as_two_dimensions(void **state)
{
    char path[TEST_PATH_SIZE];
    ba_source_opts_t opts = {NULL, 1};
    ba_source_t *source;

    (void) state;
    test_join(path, folder, "bold.nii");
    assert_int_equal(ba_source_open(NULL, path, &opts, &source), BA_SHAPE);
    opts.max_rank = 3;
    assert_int_equal(ba_source_open(NULL, path, &opts, &source), BA_OK);
    ba_source_close(source);
}

static int
always(void *payload)
{
    (void) payload;
    return 1;
}

static void
damage_interrupts_and_lack_of_memory(void **state)
{
    char path[TEST_PATH_SIZE];
    test_nifti_t nifti = test_nifti_default(1, 4, N_X, N_Y, N_Z, N_T);
    test_bytes_t plain = test_nifti_bytes(&nifti, stored, N_T * N_GRID);
    test_bytes_t packed = test_gzip(plain);
    ba_ctx_t ctx = ba_ctx_default();
    ba_source_t *source;
    size_t n = 0;
    int status;

    (void) state;
    packed.bytes[packed.n - 5] ^= 1;
    test_write_file(test_join(path, folder, "bad.nii.gz"), packed.bytes, packed.n);
    assert_int_equal(open_source(NULL, "bad.nii.gz", mask_path, &source), BA_FORMAT);
    test_write_file(path, packed.bytes, packed.n / 2);
    assert_int_equal(open_source(NULL, "bad.nii.gz", mask_path, &source), BA_FORMAT);
    test_write_file(test_join(path, folder, "bad.nii"), plain.bytes, plain.n - 2);
    assert_int_equal(open_source(NULL, "bad.nii", mask_path, &source), BA_FORMAT);
    free(plain.bytes);
    free(packed.bytes);
    ctx.cancelled = always;
    assert_int_equal(open_source(&ctx, "bold.nii.gz", NULL, &source), BA_CANCELLED);
    do {
        ba_alloc_fail_at(++n);
        status = open_source(NULL, "bold.nii.gz", mask_path, &source);
        ba_alloc_fail_at(0);
        assert_true(status == BA_OK || status == BA_NOMEM);
        ba_source_close(source);
    } while (status != BA_OK);
    assert_true(n > 10);
}

/* One run of real data: the mean over time of two voxels as numpy has it. */
static void
real_series(void **state)
{
    char path[TEST_PATH_SIZE], mask[TEST_PATH_SIZE];
    ba_source_opts_t opts = {mask, 0};
    double series[121], sum[2] = {0, 0};
    ba_source_t *source;

    (void) state;
    test_need_data(path, "data/haxby_nifti/run01_bold_25mm.nii.gz");
    test_need_data(mask, "data/haxby_nifti/mask25mm_brain.nii.gz");
    assert_int_equal(ba_source_open(NULL, path, &opts, &source), BA_OK);
    assert_int_equal(ba_source_n_rows(source), 121);
    assert_int_equal(ba_source_n_cols(source), 129);
    assert_close(ba_image_tr(ba_source_image(source)), 2.5, 0);
    for (size_t k = 0; k < 2; k++) {
        assert_int_equal(
            ba_source_read(source, 0, 0, 121, k == 0 ? 0 : 64, 1, series, 121), BA_OK);
        for (size_t i = 0; i < 121; i++) {
            sum[k] += series[i];
        }
    }
    assert_close(sum[0], 34124, 0);
    assert_close(sum[1], 17314, 0);
    ba_source_close(source);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(masked_series),
        cmocka_unit_test(series_without_a_mask),
        cmocka_unit_test(ranges),
        cmocka_unit_test(one_volume_is_one_row),
        cmocka_unit_test(masks_that_do_not_fit),
        cmocka_unit_test(images_count_as_two_dimensions),
        cmocka_unit_test(damage_interrupts_and_lack_of_memory),
        cmocka_unit_test(real_series),
    };

    return cmocka_run_group_tests(tests, make_files, remove_files);
}
