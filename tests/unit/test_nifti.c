/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/testnifti.h"

#include <jansson.h>

#include "core/alloc.h"
#include "io/nifti.h"

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

static size_t
n_values(const ba_nifti_header_t *header)
{
    return header->shape[0] * header->shape[1] * header->shape[2] * header->shape[3];
}

/* Opens, reads everything and finishes; the first failure. */
static int
read_all(const char *path, ba_nifti_header_t *header, double **values)
{
    ba_nifti_t *nifti = NULL;
    int status;

    *values = NULL;
    BA_TRY(ba_nifti_open(path, &nifti));
    *header = *ba_nifti_header(nifti);
    BA_TRY_ALLOC(*values, ba_malloc(n_values(header), sizeof(double)));
    BA_TRY(ba_nifti_read(nifti, 0, NULL, n_values(header), *values, 1));
    BA_TRY(ba_nifti_finish(nifti));
out:
    ba_nifti_close(nifti);
    if (status != BA_OK) {
        ba_free(*values);
        *values = NULL;
    }
    return status;
}

static int
read_status(const char *path)
{
    ba_nifti_header_t header;
    double *values;
    int status = read_all(path, &header, &values);

    ba_free(values);
    return status;
}

/* ---- real files against what nibabel reads ---- */

static int
type_code(const char *name)
{
    static const struct {
        const char *name;
        int code;
    } NAMES[] = {{"int16", 4}, {">i2", 4}, {"uint8", 2}, {">f4", 16}, {"float32", 16}};

    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        if (strcmp(NAMES[i].name, name) == 0) {
            return NAMES[i].code;
        }
    }
    fail_msg("type %s is not known to this test", name);
    return 0;
}

static double
number(json_t *entry, const char *key)
{
    json_t *value = json_object_get(entry, key);

    assert_true(json_is_number(value));
    return json_number_value(value);
}

static void
check_header(const ba_nifti_header_t *header, json_t *entry)
{
    json_t *shape = json_object_get(entry, "shape");
    json_t *zooms = json_object_get(entry, "zooms");
    json_t *units = json_object_get(entry, "units");
    const char *order = json_string_value(json_object_get(entry, "byte_order"));
    const char *format = json_string_value(json_object_get(entry, "format"));
    const char *type = json_string_value(json_object_get(entry, "stored_dtype"));
    const char *space = json_string_value(json_array_get(units, 0));

    assert_int_equal(header->rank, json_array_size(shape));
    for (size_t i = 0; i < json_array_size(shape); i++) {
        assert_int_equal(header->shape[i], json_integer_value(json_array_get(shape, i)));
        assert_close(
            header->pixdim[i + 1], json_number_value(json_array_get(zooms, i)), 0);
    }
    assert_int_equal(header->big_endian, strcmp(order, "big") == 0);
    assert_int_equal(header->version, strcmp(format, "Nifti2Image") == 0 ? 2 : 1);
    assert_int_equal(header->type, type_code(type));
    assert_int_equal(header->q_code, number(entry, "qform_code"));
    assert_int_equal(header->s_code, number(entry, "sform_code"));
    assert_int_equal(header->units & 7, strcmp(space, "mm") == 0 ? 2 : 0);
}

typedef struct {
    double least, most, mean, sd, first_sum;
    size_t n_nan, n_nonzero;
} summary_t;

static summary_t
summarize(const double *values, size_t n, size_t n_first)
{
    summary_t s = {HUGE_VAL, -HUGE_VAL, 0, 0, 0, 0, 0};

    for (size_t i = 0; i < n; i++) {
        if (isnan(values[i])) {
            s.n_nan++;
            continue;
        }
        s.least = fmin(s.least, values[i]);
        s.most = fmax(s.most, values[i]);
        s.mean += values[i];
        s.first_sum += i < n_first ? values[i] : 0;
    }
    s.mean /= (double) (n - s.n_nan);
    for (size_t i = 0; i < n; i++) {
        s.sd += isnan(values[i]) ? 0 : (values[i] - s.mean) * (values[i] - s.mean);
        /* numpy counts NaN as nonzero; the reference left NaN out, as it says. */
        s.n_nonzero += !isnan(values[i]) && values[i] != 0;
    }
    s.sd = sqrt(s.sd / (double) (n - s.n_nan));
    return s;
}

static void
check_values(const ba_nifti_header_t *header, const double *values, json_t *entry)
{
    const size_t *shape = header->shape;
    size_t n_first = shape[0] * shape[1] * shape[2];
    summary_t s = summarize(values, n_values(header), n_first);
    const char *key;
    json_t *value;

    assert_int_equal(s.n_nan, number(entry, "nan"));
    assert_close(s.least, number(entry, "min"), 0);
    assert_close(s.most, number(entry, "max"), 0);
    /* Only the order of summation differs from numpy's. */
    assert_close(s.mean, number(entry, "mean"), 1e-10 * fabs(s.mean));
    assert_close(s.sd, number(entry, "std"), 1e-10 * s.sd);
    assert_close(s.first_sum, number(entry, "first_volume_sum"), 1e-9 * s.first_sum);
    assert_int_equal(s.n_nonzero, number(entry, "nonzero"));
    json_object_foreach(json_object_get(entry, "voxels"), key, value)
    {
        size_t at[4] = {0, 0, 0, 0};

        assert_true(
            sscanf(key, "[%zu, %zu, %zu, %zu]", &at[0], &at[1], &at[2], &at[3]) >= 3);
        assert_close(
            values[at[0] + shape[0] * (at[1] + shape[1] * (at[2] + shape[2] * at[3]))],
            json_is_number(value) ? json_number_value(value) : (double) NAN, 0);
    }
}

static void
real_files_read_as_nibabel_reads_them(void **state)
{
    char path[TEST_PATH_SIZE], relative[300];
    json_error_t error;
    json_t *all, *entry;
    const char *name;
    size_t n_files = 0;

    (void) state;
    test_need_data(path, "data/nifti_samples/reference.json");
    all = json_load_file(path, 0, &error);
    assert_non_null(all);
    json_object_foreach(all, name, entry)
    {
        ba_nifti_header_t header;
        double *values;

        snprintf(relative, sizeof(relative), "data/nifti_samples/%s", name);
        test_need_data(path, relative);
        assert_int_equal(read_all(path, &header, &values), BA_OK);
        check_header(&header, entry);
        check_values(&header, values, entry);
        ba_free(values);
        n_files++;
    }
    assert_int_equal(n_files, 7);
    json_decref(all);
}

/* ---- files made on the spot ---- */

static void
every_type_in_both_orders_and_versions(void **state)
{
    static const struct {
        int type, is_double;
        double values[4];
    } CASES[] = {
        {2, 0, {0, 1, 128, 255}},
        {256, 0, {0, -1, -128, 127}},
        {4, 0, {0, -2, -32768, 32767}},
        {512, 0, {0, 258, 32768, 65535}},
        {8, 1, {0, -3, -2147483648.0, 2147483647.0}},
        {768, 1, {0, 16909060, 2147483648.0, 4294967295.0}},
        {1024, 1, {0, -5, -9223372036854775808.0, 4503599627370497.0}},
        {1280, 1, {0, 72623859790382856.0, 9223372036854775808.0, 1152921504606846976.0}},
        {16, 0, {0, -1.5, 3.4028234663852886e38, (double) NAN}},
        {64, 1, {0, -1e300, 0.1, HUGE_VAL}},
    };
    char path[TEST_PATH_SIZE];

    (void) state;
    for (size_t i = 0; i < 4 * sizeof(CASES) / sizeof(CASES[0]); i++) {
        test_nifti_t nifti =
            test_nifti_default(1 + (int) (i & 1), CASES[i / 4].type, 2, 1, 2, 1);
        ba_nifti_header_t header;
        ba_nifti_t *opened;
        double *values;

        nifti.big_endian = (int) (i >> 1 & 1);
        test_join(path, folder, i & 2 ? "type.nii" : "type.nii.gz");
        test_write_nifti(path, &nifti, CASES[i / 4].values, 4);
        assert_int_equal(read_all(path, &header, &values), BA_OK);
        assert_int_equal(header.version, nifti.version);
        assert_int_equal(header.big_endian, nifti.big_endian);
        assert_all_close(values, CASES[i / 4].values, 4, 0);
        ba_free(values);
        assert_int_equal(ba_nifti_open(path, &opened), BA_OK);
        assert_int_equal(ba_nifti_is_double(opened), CASES[i / 4].is_double);
        ba_nifti_close(opened);
    }
}

static void
scaling_follows_the_slope(void **state)
{
    static const struct {
        double slope, inter, expected[2]; /* for the stored values 3 and -4 */
        int status, is_double;
    } CASES[] = {
        {2, 0.5, {6.5, -7.5}, BA_OK, 1},
        {-1, 0, {-3, 4}, BA_OK, 1},
        {1, 0, {3, -4}, BA_OK, 0},
        {0, 7, {3, -4}, BA_OK, 0},
        {(double) NAN, 7, {3, -4}, BA_OK, 0},
        {HUGE_VAL, 7, {3, -4}, BA_OK, 0},
        {0, (double) NAN, {3, -4}, BA_OK, 0},
        {2, (double) NAN, {0, 0}, BA_FORMAT, 0},
        {2, HUGE_VAL, {0, 0}, BA_FORMAT, 0},
    };
    static const double STORED[2] = {3, -4};
    char path[TEST_PATH_SIZE];

    (void) state;
    test_join(path, folder, "slope.nii");
    for (size_t i = 0; i < 2 * sizeof(CASES) / sizeof(CASES[0]); i++) {
        test_nifti_t nifti = test_nifti_default(1 + (int) (i & 1), 4, 2, 1, 1, 1);
        ba_nifti_header_t header;
        double *values;
        ba_nifti_t *opened;

        nifti.slope = CASES[i / 2].slope;
        nifti.inter = CASES[i / 2].inter;
        test_write_nifti(path, &nifti, STORED, 2);
        assert_int_equal(read_all(path, &header, &values), CASES[i / 2].status);
        if (CASES[i / 2].status != BA_OK) {
            assert_contains(ba_error_message(), "scl_inter");
            continue;
        }
        assert_all_close(values, CASES[i / 2].expected, 2, 0);
        ba_free(values);
        assert_int_equal(ba_nifti_open(path, &opened), BA_OK);
        assert_int_equal(ba_nifti_is_double(opened), CASES[i / 2].is_double);
        ba_nifti_close(opened);
    }
}

/* Any ascending list of voxels gives what reading everything gives, across blocks and
 * gaps; a stride leaves the places between alone. */
static void
lists_of_voxels(void **state)
{
    enum { N_X = 100, N_Y = 90, N_Z = 3, N_T = 3, N_GRID = N_X * N_Y * N_Z };
    static double stored[N_GRID * N_T], got[2 * N_GRID];
    static size_t voxels[N_GRID];
    static const char *const NAMES[2] = {"list.nii", "list.nii.gz"};
    test_nifti_t nifti = test_nifti_default(1, 4, N_X, N_Y, N_Z, N_T);
    char path[TEST_PATH_SIZE];
    uint64_t seed = 1;

    (void) state;
    for (size_t i = 0; i < N_GRID * N_T; i++) {
        stored[i] = (double) test_below(&seed, 60000) - 30000;
    }
    for (size_t round = 0; round < 40; round++) {
        double density = round % 4 == 0 ? 0.0002 : test_uniform(&seed);
        size_t n = 0;
        ba_nifti_t *opened;

        for (size_t i = 0; i < N_GRID; i++) {
            if (test_uniform(&seed) < density) {
                voxels[n++] = i;
            }
        }
        test_join(path, folder, NAMES[round % 2]);
        test_write_nifti(path, &nifti, stored, N_GRID * N_T);
        assert_int_equal(ba_nifti_open(path, &opened), BA_OK);
        for (size_t t = 0; t < N_T; t++) {
            memset(got, 0x55, sizeof(got));
            assert_int_equal(ba_nifti_read(opened, t * N_GRID, voxels, n, got, 2), BA_OK);
            for (size_t i = 0; i < n; i++) {
                assert_close(got[2 * i], stored[t * N_GRID + voxels[i]], 0);
                assert_int_equal(((unsigned char *) &got[2 * i + 1])[3], 0x55);
            }
        }
        assert_int_equal(ba_nifti_finish(opened), BA_OK);
        if (n > 0) {
            assert_int_equal(ba_nifti_read(opened, 0, voxels, n, got, 1),
                round % 2 ? BA_VALUE : BA_OK);
        }
        ba_nifti_close(opened);
    }
}

/* ---- damage ---- */

static void
truncated_or_padded_plain_files(void **state)
{
    static const double VALUES[6] = {1, 2, 3, 4, 5, 6};
    char path[TEST_PATH_SIZE];

    (void) state;
    test_join(path, folder, "cut.nii");
    for (int version = 1; version <= 2; version++) {
        test_nifti_t nifti = test_nifti_default(version, 4, 3, 2, 1, 1);
        test_bytes_t file = test_nifti_bytes(&nifti, VALUES, 6);
        unsigned char longer[1000] = {0};

        for (size_t n = 0; n < file.n; n++) {
            test_write_file(path, file.bytes, n);
            assert_int_equal(read_status(path), BA_FORMAT);
        }
        assert_contains(ba_error_message(), "truncated");
        memcpy(longer, file.bytes, file.n);
        test_write_file(path, longer, file.n);
        assert_int_equal(read_status(path), BA_OK);
        test_write_file(path, longer, file.n + 1);
        assert_int_equal(read_status(path), BA_FORMAT);
        assert_contains(ba_error_message(), "after the last value");
        free(file.bytes);
    }
}

/* What crafted headers say, and what must come of it before anything is allocated. */
static void
crafted_headers(void **state)
{
    static const struct {
        int version;
        int64_t dim[8];
        int type;
        double offset;
        const char *magic;
        int status;
        const char *words;
    } CASES[] = {
        {1, {0, 3, 2, 1, 1, 1, 1, 1}, 4, 352, NULL, BA_FORMAT, "dim[0] is 0"},
        {1, {8, 3, 2, 1, 1, 1, 1, 1}, 4, 352, NULL, BA_FORMAT, "dim[0] is 8"},
        {1, {-1, 3, 2, 1, 1, 1, 1, 1}, 4, 352, NULL, BA_FORMAT, "dim[0] is -1"},
        {1, {3, 0, 2, 1, 1, 1, 1, 1}, 4, 352, NULL, BA_FORMAT, "dim[1] is 0"},
        {1, {3, 3, -2, 1, 1, 1, 1, 1}, 4, 352, NULL, BA_FORMAT, "dim[2] is -2"},
        {1, {5, 3, 2, 1, 1, 2, 1, 1}, 4, 352, NULL, BA_UNSUPPORTED, "dim[5] is 2"},
        {1, {7, 3, 2, 1, 1, 1, 1, 0}, 4, 352, NULL, BA_FORMAT, "dim[7] is 0"},
        {1, {4, 32767, 32767, 32767, 32767, 1, 1, 1}, 4, 352, NULL, BA_FORMAT, "trunc"},
        {2, {4, 1 << 30, 1 << 30, 1 << 30, 2, 1, 1, 1}, 4, 544, NULL, BA_FORMAT, "overf"},
        {2, {2, 2147483647, 2147483647, 1, 1, 1, 1, 1}, 64, 544, NULL, BA_FORMAT,
            "overf"},
        {2, {1, (int64_t) 1 << 60, 1, 1, 1, 1, 1, 1}, 4, 544, NULL, BA_FORMAT, "dim[1]"},
        {2, {2, INT64_MIN, 1, 1, 1, 1, 1, 1}, 4, 544, NULL, BA_FORMAT, "dim[1]"},
        {2, {INT64_MAX, 1, 1, 1, 1, 1, 1, 1}, 4, 544, NULL, BA_FORMAT, "dim[0]"},
        {1, {3, 3, 2, 1, 1, 1, 1, 1}, 32, 352, NULL, BA_UNSUPPORTED, "complex64"},
        {1, {3, 3, 2, 1, 1, 1, 1, 1}, 128, 352, NULL, BA_UNSUPPORTED, "RGB"},
        {1, {3, 3, 2, 1, 1, 1, 1, 1}, 1536, 352, NULL, BA_UNSUPPORTED, "float128"},
        {1, {3, 3, 2, 1, 1, 1, 1, 1}, 0, 352, NULL, BA_FORMAT, "datatype is 0"},
        {1, {3, 3, 2, 1, 1, 1, 1, 1}, 4, 351, NULL, BA_FORMAT, "vox_offset is 351"},
        {1, {3, 3, 2, 1, 1, 1, 1, 1}, 4, 0, NULL, BA_FORMAT, "vox_offset is 0"},
        {1, {3, 3, 2, 1, 1, 1, 1, 1}, 4, 352.5, NULL, BA_FORMAT, "vox_offset"},
        {1, {3, 3, 2, 1, 1, 1, 1, 1}, 4, -352, NULL, BA_FORMAT, "vox_offset"},
        {1, {3, 3, 2, 1, 1, 1, 1, 1}, 4, (double) NAN, NULL, BA_FORMAT,
            "vox_offset is nan"},
        {1, {3, 3, 2, 1, 1, 1, 1, 1}, 4, 1e30, NULL, BA_FORMAT, "vox_offset"},
        {1, {3, 3, 2, 1, 1, 1, 1, 1}, 4, 1e9, NULL, BA_FORMAT, "truncated"},
        {2, {3, 3, 2, 1, 1, 1, 1, 1}, 4, 543, NULL, BA_FORMAT, "vox_offset is 543"},
        {2, {3, 3, 2, 1, 1, 1, 1, 1}, 4, 9e18, NULL, BA_FORMAT, "vox_offset"},
        {1, {3, 3, 2, 1, 1, 1, 1, 1}, 4, 352, "ni1", BA_UNSUPPORTED, ".hdr/.img"},
        {1, {3, 3, 2, 1, 1, 1, 1, 1}, 4, 352, "\0\0\0", BA_FORMAT, "magic"},
        {1, {3, 3, 2, 1, 1, 1, 1, 1}, 4, 352, "n+2", BA_FORMAT, "magic"},
        {2, {3, 3, 2, 1, 1, 1, 1, 1}, 4, 544, "n+2\0\n\n\x1a\n", BA_FORMAT, "magic"},
        {1, {7, 3, 2, 1, 1, 1, 1, 1}, 4, 352, NULL, BA_OK, ""},
        {1, {2, 3, 2, 9, 9, 9, 9, 9}, 4, 352, NULL, BA_OK, ""},
        {1, {3, 3, 2, 1, 1, 1, 1, 1}, 4, 400, NULL, BA_OK, ""},
    };
    static const double VALUES[6] = {1, 2, 3, 4, 5, 6};
    static const char *const NAMES[2] = {"crafted.nii", "crafted.nii.gz"};
    char path[TEST_PATH_SIZE];

    (void) state;
    for (size_t i = 0; i < 4 * sizeof(CASES) / sizeof(CASES[0]); i++) {
        test_nifti_t nifti = test_nifti_default(CASES[i / 4].version, 4, 3, 2, 1, 1);

        memcpy(nifti.dim, CASES[i / 4].dim, sizeof(nifti.dim));
        nifti.type = CASES[i / 4].type;
        nifti.offset = CASES[i / 4].offset;
        nifti.magic = CASES[i / 4].magic;
        nifti.big_endian = i & 1;
        test_write_nifti(test_join(path, folder, NAMES[i >> 1 & 1]), &nifti, VALUES, 6);
        assert_int_equal(read_status(path), CASES[i / 4].status);
        if (CASES[i / 4].status != BA_OK) {
            assert_contains(ba_error_message(), CASES[i / 4].words);
            assert_contains(ba_error_message(), NAMES[i >> 1 & 1]);
        }
    }
}

static void
what_is_no_file(void **state)
{
    char path[TEST_PATH_SIZE];

    (void) state;
    assert_int_equal(read_status(test_join(path, folder, "missing.nii")), BA_IO);
    assert_contains(ba_error_message(), "missing.nii");
    assert_int_equal(read_status(folder), BA_IO);
    assert_int_equal(mkfifo(test_join(path, folder, "pipe.nii"), 0600), 0);
    assert_int_equal(read_status(path), BA_IO);
    test_write_file(test_join(path, folder, "text.nii"), "not an image at all", 19);
    assert_int_equal(read_status(path), BA_FORMAT);
    assert_contains(ba_error_message(), "not NIfTI");
}

/* Every allocation may fail: BA_NOMEM, and nothing leaks (the sanitizer looks). */
static void
memory_runs_out(void **state)
{
    static const double VALUES[6] = {1, 2, 3, 4, 5, 6};
    test_nifti_t nifti = test_nifti_default(1, 4, 3, 2, 1, 1);
    char path[TEST_PATH_SIZE];
    size_t n = 0;
    int status;

    (void) state;
    test_write_nifti(test_join(path, folder, "memory.nii.gz"), &nifti, VALUES, 6);
    do {
        ba_alloc_fail_at(++n);
        status = read_status(path);
        ba_alloc_fail_at(0);
        assert_true(status == BA_OK || status == BA_NOMEM);
    } while (status != BA_OK);
    assert_true(n > 4);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_files_read_as_nibabel_reads_them),
        cmocka_unit_test(every_type_in_both_orders_and_versions),
        cmocka_unit_test(scaling_follows_the_slope),
        cmocka_unit_test(lists_of_voxels),
        cmocka_unit_test(truncated_or_padded_plain_files),
        cmocka_unit_test(crafted_headers),
        cmocka_unit_test(what_is_no_file),
        cmocka_unit_test(memory_runs_out),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
