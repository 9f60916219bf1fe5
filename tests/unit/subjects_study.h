/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Three subjects in files, of other numbers of columns, who met the same runs: a and b to
 * align by, c, d and e to decode. */
#ifndef BA_SUBJECTS_STUDY_H
#define BA_SUBJECTS_STUDY_H

#include "tests/testlib.h"

#include "brainalign/bundle.h"
#include "brainalign/decode.h"
#include "tests/bundlelib.h"

enum { SUBJECTS = 3, RUNS = 5, D = 2, MOMENTS = 12 + 10 + 14 + 16 + 15, WIDEST = 6 };

/* Samples that are decoded: runs c, d and e of each subject; common features. */
enum {
    TO_ALIGN = 22,
    OF_SUBJECT = MOMENTS - TO_ALIGN,
    ALL = SUBJECTS * OF_SUBJECT,
    K = 3
};

static const size_t width_of[SUBJECTS] = {4, 6, 5};
static const size_t length_of[RUNS] = {12, 10, 14, 16, 15};
static const size_t onset_of[RUNS + 1] = {0, 12, 22, 36, 52, 67};
static const char *const run_names[RUNS] = {"a", "b", "c", "d", "e"};

typedef struct {
    char folder[TEST_PATH_SIZE], table[TEST_PATH_SIZE], result[TEST_PATH_SIZE];
    double y[SUBJECTS][MOMENTS * WIDEST]; /* moments x own columns, C order */
    double nuisance[SUBJECTS][MOMENTS];
    double x[MOMENTS * D];
} subjects_study_t;

static inline void
write_numbers(const char *folder, const char *name, const double *x, size_t n_cols)
{
    char path[TEST_PATH_SIZE];
    FILE *stream = fopen(test_join(path, folder, name), "w");

    assert_non_null(stream);
    for (size_t i = 0; i < MOMENTS * n_cols; i++) {
        fprintf(stream, "%.17g%c", x[i], i % n_cols == n_cols - 1 ? '\n' : ',');
    }
    assert_int_equal(fclose(stream), 0);
}

static inline void
write_study(const subjects_study_t *study)
{
    char name[32];

    for (size_t s = 0; s < SUBJECTS; s++) {
        snprintf(name, sizeof name, "y%zu.csv", s);
        write_numbers(study->folder, name, study->y[s], width_of[s]);
        snprintf(name, sizeof name, "z%zu.csv", s);
        write_numbers(study->folder, name, study->nuisance[s], 1);
    }
    write_numbers(study->folder, "x.csv", study->x, D);
}

/* Rows of the table, run by run or subject by subject, all runs of all subjects. */
static inline void
write_table(const subjects_study_t *study, int by_run)
{
    FILE *stream = fopen(study->table, "w");

    assert_non_null(stream);
    fprintf(stream, "run\tsubject\tresponses\tfeatures\tnuisance\n");
    for (size_t at = 0; at < SUBJECTS * RUNS; at++) {
        size_t s = by_run ? at % SUBJECTS : at / RUNS;
        size_t r = by_run ? at / SUBJECTS : at % RUNS;

        fprintf(stream,
            "%s\ts%zu\ty%zu.csv[%zu:%zu,]\tx.csv[%zu:%zu,]\tz%zu.csv[%zu:%zu,]\n",
            run_names[r], s, s, onset_of[r], onset_of[r + 1], onset_of[r],
            onset_of[r + 1], s, onset_of[r], onset_of[r + 1]);
    }
    assert_int_equal(fclose(stream), 0);
}

/* Responses of a moment later hold three mixtures of features and noise of the stimulus. */
static inline void
start_subjects(subjects_study_t *study)
{
    double shared[MOMENTS * 3], mixing[WIDEST * 3];

    test_make_folder(study->folder);
    test_join(study->table, study->folder, "runs.tsv");
    test_join(study->result, study->folder, "dec.h5");
    test_fill_normal(study->x, MOMENTS * D, 1);
    test_fill_normal(shared, MOMENTS * 3, 2);
    for (size_t t = 1; t < MOMENTS; t++) {
        shared[t * 3] += 2.0 * study->x[(t - 1) * D];
        shared[t * 3 + 1] += 2.0 * study->x[(t - 1) * D + 1];
    }
    for (size_t s = 0; s < SUBJECTS; s++) {
        size_t v = width_of[s];

        test_fill_normal(mixing, v * 3, 10 + s);
        test_fill_normal(study->y[s], MOMENTS * v, 20 + s);
        test_fill_normal(study->nuisance[s], MOMENTS, 30 + s);
        for (size_t at = 0; at < MOMENTS * v; at++) {
            for (size_t k = 0; k < 3; k++) {
                study->y[s][at] += shared[at / v * 3 + k] * mixing[at % v * 3 + k];
            }
            study->y[s][at] += 100.0 + (double) (at / v) * 0.1;
        }
    }
    write_study(study);
    write_table(study, 0);
}

static inline ba_decode_fit_opts_t
subjects_options(const subjects_study_t *study, ba_alphas_t *alphas)
{
    ba_decode_fit_opts_t opts = ba_decode_fit_opts_default();

    assert_int_equal(ba_alphas_parse("3", alphas), BA_OK);
    opts.fit.alphas = *alphas;
    opts.fit.precision = BA_DOUBLE;
    opts.fit.want_weights = opts.fit.want_fold_weights = 1;
    opts.fit.outer_cv.kind = BA_CV_CROSSED;
    opts.response_delays = "1";
    opts.detrend = "poly:1";
    opts.align = BA_ALIGNMENT_SRM;
    opts.align_runs = "b,a";
    opts.align_features = K;
    opts.output = study->result;
    opts.force = 1;
    return opts;
}

static inline int
run_subjects(const ba_ctx_t *ctx, const subjects_study_t *study,
    const ba_decode_fit_opts_t *opts, ba_decode_fit_info_t *info)
{
    ba_dataset_t *dataset;
    ba_dataset_opts_t data = {
        .run_table = study->table, .by_run = opts->align != BA_ALIGNMENT_NONE};
    int status = ba_dataset_open(NULL, &data, &dataset);

    if (status == BA_OK) {
        status = ba_decode_fit(ctx, dataset, opts, info);
    }
    ba_dataset_free(dataset);
    return status;
}

/* An array of the result; the caller frees. */
static inline double *
found_in(const subjects_study_t *study, const char *path, size_t n)
{
    return test_read_array(study->result, "brainalign-decoder", path, n);
}

#endif
