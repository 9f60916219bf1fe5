/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testlib.h"

#include "brainalign/source.h"
#include "core/alloc.h"
#include "io/nifti_write.h"

enum { N_X = 3, N_Y = 2, N_Z = 4, N_GRID = N_X * N_Y * N_Z, N_VOLUMES = 5 };

static char folder[TEST_PATH_SIZE];

static ba_nifti_series_t
series_of(ba_nifti_type_t type, size_t n_volumes)
{
    return (ba_nifti_series_t){.shape = {N_X, N_Y, N_Z},
        .n_volumes = n_volumes,
        .type = type,
        .affine = {0, -2, 0, 10, 3, 0, 0, -20, 0, 0, 4, 30},
        .tr = 1.5,
        .description = "a test"};
}

static float
value_at(size_t t, size_t v)
{
    return (float) (1000 * t + v) - 100;
}

static int
fill(void *payload, size_t t, float *values)
{
    const float *factor = payload;

    for (size_t v = 0; v < N_GRID; v++) {
        values[v] = *factor * value_at(t, v);
    }
    return BA_OK;
}

static int
fail_late(void *payload, size_t t, float *values)
{
    float factor = 1;

    (void) payload;
    return t < 3 ? fill(&factor, t, values) : ba_fail(BA_CANCELLED, "enough");
}

static int
set_up(void **state)
{
    (void) state;
    test_make_folder(folder);
    return 0;
}

static int
tear_down(void **state)
{
    (void) state;
    test_remove_folder(folder);
    return 0;
}

/* Writes, reads back, compares every value and the geometry. */
static void
check_round_trip(const char *name, ba_nifti_type_t type, size_t n_volumes, float factor)
{
    const double affine[16] = {0, -2, 0, 10, 3, 0, 0, -20, 0, 0, 4, 30, 0, 0, 0, 1};
    ba_nifti_series_t series = series_of(type, n_volumes);
    char path[TEST_PATH_SIZE];
    const ba_image_t *image;
    ba_source_t *source;
    double found[N_GRID * N_VOLUMES], found_affine[16];
    size_t shape[3];

    test_join(path, folder, name);
    assert_int_equal(ba_nifti_write_series(&series, fill, &factor, path, 1), BA_OK);
    if (ba_source_open(NULL, path, NULL, &source) != BA_OK) {
        fail_msg("%s", ba_error_message());
    }
    image = ba_source_image(source);
    ba_image_shape(image, shape);
    assert_memory_equal(shape, series.shape, sizeof shape);
    ba_image_affine(image, found_affine);
    assert_all_close(found_affine, affine, 16, 0);
    assert_close(ba_image_tr(image), n_volumes > 1 ? 1.5 : 0, 0);
    assert_int_equal(ba_source_n_rows(source), n_volumes);
    assert_int_equal(ba_source_n_cols(source), N_GRID);
    assert_int_equal(
        ba_source_read(source, 0, 0, n_volumes, 0, N_GRID, found, n_volumes), BA_OK);
    for (size_t i = 0; i < n_volumes * N_GRID; i++) {
        float wanted = factor * value_at(i % n_volumes, i / n_volumes);

        assert_close(found[i], (double) wanted, 0);
    }
    ba_source_close(source);
}

static void
test_round_trips(void **state)
{
    (void) state;
    check_round_trip("series.nii", BA_NIFTI_I16, N_VOLUMES, 1);
    check_round_trip("series.nii.gz", BA_NIFTI_I16, N_VOLUMES, -1);
    check_round_trip("series.nii", BA_NIFTI_F32, N_VOLUMES, 0.1f);
    check_round_trip("series.nii.gz", BA_NIFTI_F32, N_VOLUMES, 1e30f);
    check_round_trip("map.nii", BA_NIFTI_I16, 1, 1);
    check_round_trip("map.nii.gz", BA_NIFTI_F32, 1, 0.3f);
}

/* The file that the standard's readers expect: sizes, types, places. */
static void
test_header_bytes(void **state)
{
    static const unsigned char dims[16] = {
        4, 0, N_X, 0, N_Y, 0, N_Z, 0, N_VOLUMES, 0, 1, 0, 1, 0, 1, 0};
    ba_nifti_series_t series = series_of(BA_NIFTI_I16, N_VOLUMES);
    unsigned char bytes[352];
    char path[TEST_PATH_SIZE];
    float factor = 1, number;
    struct stat info;
    FILE *file;

    (void) state;
    test_join(path, folder, "header.nii");
    assert_int_equal(ba_nifti_write_series(&series, fill, &factor, path, 0), BA_OK);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_size, 352 + 2 * N_GRID * N_VOLUMES);
    file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fread(bytes, 1, sizeof bytes, file), sizeof bytes);
    fclose(file);
    assert_memory_equal(bytes, "\x5c\x01\0\0", 4);
    assert_memory_equal(bytes + 40, dims, sizeof dims);
    assert_int_equal(bytes[70], 4);
    assert_int_equal(bytes[72], 16);
    assert_int_equal(bytes[123], 10);
    memcpy(&number, bytes + 92, 4);
    assert_close((double) number, 1.5, 0);
    memcpy(&number, bytes + 80, 4);
    assert_close((double) number, 3, 0);
    assert_string_equal((const char *) bytes + 148, "a test");
    assert_memory_equal(bytes + 344, "n+1", 4);
}

static void
expect_failure(
    const ba_nifti_series_t *series, float factor, int wanted, const char *words)
{
    char path[TEST_PATH_SIZE];

    test_join(path, folder, "refused.nii.gz");
    assert_int_equal(ba_nifti_write_series(series, fill, &factor, path, 0), wanted);
    assert_contains(ba_error_message(), words);
    assert_int_not_equal(access(path, F_OK), 0);
}

static void
test_refusals(void **state)
{
    ba_nifti_series_t series = series_of(BA_NIFTI_I16, N_VOLUMES);
    char path[TEST_PATH_SIZE], long_text[81] = "";
    float factor = 1;

    (void) state;
    expect_failure(&series, 0.5f, BA_VALUE, "-49.5, wanted whole numbers of 16 bits");
    expect_failure(&series, 10, BA_VALUE, "39000, wanted whole numbers");
    expect_failure(&series, NAN, BA_VALUE, "wanted whole numbers");
    series.n_volumes = 32768;
    expect_failure(&series, 1, BA_VALUE, "dimension 4 is 32768");
    series = series_of(BA_NIFTI_F32, N_VOLUMES);
    series.shape[1] = 0;
    expect_failure(&series, 1, BA_VALUE, "dimension 2 is 0");
    series = series_of(BA_NIFTI_F32, N_VOLUMES);
    memset(long_text, 'x', 80);
    series.description = long_text;
    expect_failure(&series, 1, BA_VALUE, "80 characters, at most 79");
    series = series_of(BA_NIFTI_F32, N_VOLUMES);
    test_join(path, folder, "twice.nii");
    assert_int_equal(ba_nifti_write_series(&series, fill, &factor, path, 0), BA_OK);
    assert_int_equal(ba_nifti_write_series(&series, fill, &factor, path, 0), BA_EXISTS);
    test_join(path, folder, "late.nii");
    assert_int_equal(
        ba_nifti_write_series(&series, fail_late, NULL, path, 0), BA_CANCELLED);
    assert_string_equal(ba_error_message(), "enough");
    assert_int_not_equal(access(path, F_OK), 0);
}

static void
test_no_memory(void **state)
{
    ba_nifti_series_t series = series_of(BA_NIFTI_F32, N_VOLUMES);
    char path[TEST_PATH_SIZE];
    float factor = 1;
    int status = BA_NOMEM;

    (void) state;
    test_join(path, folder, "starved.nii.gz");
    for (size_t n = 1; status != BA_OK && n < 50; n++) {
        ba_alloc_fail_at(n);
        status = ba_nifti_write_series(&series, fill, &factor, path, 1);
        ba_alloc_fail_at(0);
        assert_true(status == BA_OK || status == BA_NOMEM);
    }
    assert_int_equal(status, BA_OK);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_header_bytes),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
