/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A synthetic study on the disk for tests. Include it before anything else. */
#ifndef BA_SYNTHLIB_H
#define BA_SYNTHLIB_H

#include "tests/testlib.h"

#include "brainalign/bundle.h"
#include "brainalign/dataset.h"
#include "brainalign/error.h"
#include "brainalign/hash.h"
#include "brainalign/synth.h"
#include "brainalign/table.h"
#include "core/alloc.h"
#include "datasets/synth_impl.h"

/* One study with the default options but fewer volumes, read by most tests. */
static char folder[TEST_PATH_SIZE], study_folder[TEST_PATH_SIZE];

static ba_synth_opts_t opts;

static inline int
write_study(uint64_t seed, const ba_synth_opts_t *wanted, const char *name, int force)
{
    ba_ctx_t ctx = ba_ctx_default();
    char path[TEST_PATH_SIZE];

    ctx.seed = seed;
    return ba_synth_write(&ctx, wanted, test_join(path, folder, name), force);
}

static inline int
set_up(void **state)
{
    (void) state;
    test_make_folder(folder);
    test_join(study_folder, folder, "study");
    opts = ba_synth_opts_default();
    opts.n_runs = 4;
    opts.run_length = 300;
    opts.n_test_repeats = 3;
    if (write_study(0, &opts, "study", 0) != BA_OK) {
        print_error("%s\n", ba_error_message());
        return 1;
    }
    return 0;
}

static inline int
tear_down(void **state)
{
    (void) state;
    test_remove_folder(folder);
    return 0;
}

/* Reads a whole array of a file of the study; the caller frees. */
static inline double *
read_array(const char *file, const char *path, size_t dims[BA_MAX_RANK])
{
    char name[TEST_PATH_SIZE];
    ba_bundle_t *bundle;
    double *values;
    size_t n = 1;
    int rank;

    assert_int_equal(
        ba_bundle_open(test_join(name, study_folder, file), NULL, &bundle), BA_OK);
    if (ba_bundle_shape(bundle, path, &rank, dims) != BA_OK) {
        fail_msg("%s", ba_error_message());
    }
    for (int i = 0; i < rank; i++) {
        n *= dims[i];
    }
    values = malloc(n * sizeof *values);
    assert_non_null(values);
    assert_int_equal(ba_bundle_read(bundle, path, BA_F64, NULL, NULL, values), BA_OK);
    ba_bundle_free(bundle);
    return values;
}

/* Pearson correlation of two strided series, within one run. */
static inline double
correlate(const double *a, size_t a_step, const double *b, size_t b_step, size_t n)
{
    double mean_a = 0, mean_b = 0, aa = 0, bb = 0, ab = 0;

    for (size_t t = 0; t < n; t++) {
        mean_a += a[t * a_step] / (double) n;
        mean_b += b[t * b_step] / (double) n;
    }
    for (size_t t = 0; t < n; t++) {
        double x = a[t * a_step] - mean_a, y = b[t * b_step] - mean_b;

        aa += x * x;
        bb += y * y;
        ab += x * y;
    }
    return ab / sqrt(aa * bb);
}

/* Words of each concept by volume of the training runs, n_train x n_concepts. */
static inline double *
count_concepts(void)
{
    size_t n_rows = opts.n_runs * opts.run_length;
    double *counts = calloc(n_rows * opts.n_concepts, sizeof *counts);
    char path[TEST_PATH_SIZE], **names;
    ba_bundle_t *truth;
    ba_table_t *words;
    size_t n;

    assert_non_null(counts);
    assert_int_equal(
        ba_bundle_open(test_join(path, study_folder, "truth.h5"), NULL, &truth), BA_OK);
    assert_int_equal(
        ba_bundle_read_strings(truth, "/layers/concepts", &n, &names), BA_OK);
    assert_int_equal(n, opts.n_concepts);
    assert_int_equal(ba_table_read(test_join(path, study_folder, "words.tsv"),
                         BA_TABLE_HEADER, &words),
        BA_OK);
    for (size_t i = 0; i < ba_table_n_rows(words); i++) {
        double run, onset;

        assert_int_equal(ba_table_number(words, i, 0, &run), BA_OK);
        assert_int_equal(ba_table_number(words, i, 1, &onset), BA_OK);
        for (size_t c = 0; c < n && (size_t) run <= opts.n_runs; c++) {
            if (strcmp(ba_table_cell(words, i, 4), names[c]) == 0) {
                counts[(((size_t) run - 1) * opts.run_length +
                           (size_t) (onset / opts.tr)) *
                           n +
                       c]++;
            }
        }
    }
    free(names);
    ba_table_free(words);
    ba_bundle_free(truth);
    return counts;
}

#endif
