/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Real word tables through ba_prepare(): the features at the rate of the volumes that
 * others made of them (the READMEs of the data say how), and the Huth lab's Lanczos. */
#include "tests/golden/golden.h"

#include "brainalign/prepare.h"

#define NARRATIVES "data/narratives_black/narratives_black.h5"
#define ALICE "data/alice_rois/alice_6mm.h5"
#define E5 "golden/encode/e5_lanczos_huth.h5"

static char folder[TEST_PATH_SIZE], words_path[TEST_PATH_SIZE], output[TEST_PATH_SIZE];
static const char *word_files[1] = {words_path};
static char spec[TEST_PATH_SIZE + 20];
static const char *activations[1] = {spec};

static int
make(void **state)
{
    (void) state;
    test_make_folder(folder);
    test_join(words_path, folder, "words.csv");
    test_join(output, folder, "prep.h5");
    return 0;
}

static int
drop(void **state)
{
    (void) state;
    test_remove_folder(folder);
    return 0;
}

/* The word table of a recording as a CSV file. */
static void
put_words(const char *data)
{
    golden_t onset = golden_read(data, "/word/onset");
    golden_t offset = golden_read(data, "/word/offset");
    FILE *file = fopen(words_path, "w");

    assert_non_null(file);
    fprintf(file, "onset,offset\n");
    for (size_t i = 0; i < onset.n; i++) {
        fprintf(file, "%.17g,%.17g\n", onset.data[i], offset.data[i]);
    }
    assert_int_equal(fclose(file), 0);
    golden_free(&onset);
    golden_free(&offset);
}

static ba_prepare_opts_t
options(const char *data, double tr, const size_t *volumes)
{
    ba_prepare_opts_t opts = ba_prepare_opts_default();

    put_words(data);
    snprintf(spec, sizeof spec, "tinylm=%s:/word/tinylm", data);
    opts.words.files = word_files;
    opts.words.n_files = 1;
    opts.scan.tr = tr;
    opts.scan.volumes = volumes;
    opts.scan.n_volumes = 1;
    opts.activations = activations;
    opts.n_activations = 1;
    opts.precision = BA_DOUBLE;
    opts.output = output;
    opts.force = 1;
    return opts;
}

static void
prepare(const ba_prepare_opts_t *opts)
{
    if (ba_prepare(NULL, opts, NULL) != BA_OK) {
        fail_msg("%s", ba_error_message());
    }
}

static void
compare(const char *what, const char *data, const char *wanted_path, const char *path,
    double tolerance)
{
    golden_t wanted = golden_read(data, wanted_path), found = golden_read(output, path);
    golden_check_t check = {.what = what};

    assert_int_equal(found.n, wanted.n);
    for (size_t i = 0; i < wanted.n; i++) {
        golden_close(&check, i, found.data[i], wanted.data[i], tolerance);
    }
    golden_report("prepare", &check);
    golden_free(&wanted);
    golden_free(&found);
}

/* Activations of words and of volumes were rounded to half precision one by one: up to
 * 11.4, half a unit is 2^-8 in each. */
static const double TWO_HALVES = 0.0078125;

static void
test_narratives(void **state)
{
    char data[TEST_PATH_SIZE];
    ba_prepare_opts_t opts;

    (void) state;
    test_need_data(data, NARRATIVES);
    opts = options(data, 1.5, &(size_t){538});
    opts.resample = BA_PREPARE_MEAN;
    assert_int_equal(ba_prepare(NULL, &opts, NULL), BA_FORMAT);
    assert_contains(ba_error_message(), "row 1134: begins at 576.57 s");
    opts.allow_overlap = 1; /* one word of 1,544 begins 0.22 s before the last one ends */
    prepare(&opts);
    compare(
        "narratives, tinylm", data, "/features/tinylm", "/features/tinylm", TWO_HALVES);
    compare("narratives, rate", data, "/features/word_rate", "/control/word_rate", 0);
    compare("narratives, rows", data, "/word/row", "/words/volume", 0);
}

static void
test_alice(void **state)
{
    char data[TEST_PATH_SIZE];
    ba_prepare_opts_t opts;

    (void) state;
    test_need_data(data, ALICE);
    opts = options(data, 2, &(size_t){362});
    opts.resample = BA_PREPARE_MEAN;
    opts.scan.stimulus_start = &(double){-20};
    opts.scan.n_starts = 1;
    prepare(&opts);
    compare("alice, tinylm", data, "/features/tinylm", "/features/tinylm", TWO_HALVES);
    compare("alice, rate", data, "/features/word_count", "/control/word_rate", 0);
    compare("alice, rows", data, "/word/row", "/words/volume", 0);
}

static double
correlation(const double *a, size_t step_a, const double *b, size_t step_b, size_t n)
{
    double ma = 0, mb = 0, ab = 0, aa = 0, bb = 0;

    for (size_t i = 0; i < n; i++) {
        ma += a[i * step_a] / (double) n;
        mb += b[i * step_b] / (double) n;
    }
    for (size_t i = 0; i < n; i++) {
        double da = a[i * step_a] - ma, db = b[i * step_b] - mb;

        ab += da * db;
        aa += da * da;
        bb += db * db;
    }
    return ab / sqrt(aa * bb);
}

/* The word rate that Brennan et al. published, convolved with SPM's canonical response:
 * events at the ends of words, sampled at the start of a volume (r 0.990 and 0.982; the
 * two published versions of it have 0.98 with one another). */
static void
test_alice_response(void **state)
{
    char data[TEST_PATH_SIZE];
    golden_t published, rate, found;
    ba_prepare_opts_t opts;
    double r_published, r_rate;

    (void) state;
    test_need_data(data, ALICE);
    opts = options(data, 2, &(size_t){362});
    opts.n_activations = 0;
    opts.resample = BA_PREPARE_EVENTS;
    opts.hrf = BA_PREPARE_HRF_SPM;
    opts.word_time = BA_WORD_OFFSET;
    opts.scan.slice_time = 0;
    opts.scan.stimulus_start = &(double){-20};
    opts.scan.n_starts = 1;
    prepare(&opts);
    published = golden_read(data, "/features/published12");
    rate = golden_read(data, "/nuisance/rate");
    found = golden_read(output, "/control/word_rate");
    r_published = correlation(found.data, 1, published.data, published.dims[1], found.n);
    r_rate = correlation(found.data, 1, rate.data, rate.dims[1], found.n);
    print_message("convolved word rate: r = %.4f and %.4f with the published ones\n",
        r_rate, r_published);
    assert_true(r_rate > 0.989);
    assert_true(r_published > 0.981);
    golden_free(&published);
    golden_free(&rate);
    golden_free(&found);
}

/* From the table to the file, not only the weights (test_lanczos.c). */
static void
test_lanczos(void **state)
{
    char data[TEST_PATH_SIZE], e5[TEST_PATH_SIZE];
    golden_t wanted, found;
    golden_check_t check = {.what = "Lanczos"};
    ba_prepare_opts_t opts;

    (void) state;
    test_need_data(data, NARRATIVES);
    test_need_data(e5, E5);
    opts = options(data, 1.5, &(size_t){538});
    opts.allow_overlap = 1;
    prepare(&opts);
    wanted = golden_read(e5, "/lanczos/result");
    found = golden_read(output, "/features/tinylm");
    for (size_t i = 0; i < wanted.n; i++) {
        size_t row = i / wanted.dims[1], column = 192 + i % wanted.dims[1];

        golden_close(
            &check, i, found.data[row * found.dims[1] + column], wanted.data[i], 1e-12);
    }
    golden_report("prepare", &check);
    golden_free(&wanted);
    golden_free(&found);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_narratives, make, drop),
        cmocka_unit_test_setup_teardown(test_alice, make, drop),
        cmocka_unit_test_setup_teardown(test_alice_response, make, drop),
        cmocka_unit_test_setup_teardown(test_lanczos, make, drop)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
