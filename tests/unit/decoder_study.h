/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A small study in files for decode fit: responses of two samples later hold the features. */
#ifndef BA_DECODER_STUDY_H
#define BA_DECODER_STUDY_H

#include "tests/testlib.h"

#include "brainalign/bundle.h"
#include "brainalign/decode.h"
#include "brainalign/error.h"
#include "tests/bundlelib.h"

enum { N = 48, V = 7, D = 3, RUNS = 3, RUN = 16, LAGS = 2, COLUMNS = V * LAGS };

#define ALPHA 3.0

typedef struct {
    char folder[TEST_PATH_SIZE], x[TEST_PATH_SIZE], y[TEST_PATH_SIZE];
    char other[TEST_PATH_SIZE], labels[TEST_PATH_SIZE], blocks[TEST_PATH_SIZE];
    char result[TEST_PATH_SIZE];
    double responses[N * V], features[N * D]; /* C order */
} study_t;

static inline void
write_csv(const char *file, const double *x, size_t n_cols)
{
    FILE *stream = fopen(file, "w");

    assert_non_null(stream);
    for (size_t i = 0; i < N * n_cols; i++) {
        fprintf(stream, "%.17g%c", x[i], i % n_cols == n_cols - 1 ? '\n' : ',');
    }
    assert_int_equal(fclose(stream), 0);
}

/* Responses of two samples later hold what the features are. */
static inline void
start_study(study_t *study)
{
    test_make_folder(study->folder);
    test_fill_normal(study->responses, N * V, 1);
    test_fill_normal(study->features, N * D, 2);
    for (size_t t = 2; t < N; t++) {
        for (size_t j = 0; j < V; j++) {
            study->responses[t * V + j] += study->features[(t - 2) * D + j % D];
        }
    }
    write_csv(test_join(study->y, study->folder, "y.csv"), study->responses, V);
    write_csv(test_join(study->x, study->folder, "x.csv"), study->features, D);
    test_join(study->other, study->folder, "other.csv");
    test_join(study->labels, study->folder, "labels.txt");
    test_join(study->blocks, study->folder, "blocks.csv");
    test_join(study->result, study->folder, "dec.h5");
}

static inline ba_decode_fit_opts_t
options(const study_t *study, ba_alphas_t *alphas)
{
    ba_decode_fit_opts_t opts = ba_decode_fit_opts_default();

    assert_int_equal(ba_alphas_parse("3", alphas), BA_OK);
    opts.fit.alphas = *alphas;
    opts.fit.precision = BA_DOUBLE;
    opts.fit.outer_cv.kind = BA_CV_RUNS;
    opts.fit.want_fold_weights = 1;
    opts.scale_responses = BA_SCALE_ZSCORE;
    opts.response_delays = "1,2";
    opts.output = study->result;
    opts.force = 1;
    return opts;
}

static inline int
run(const ba_ctx_t *ctx, const study_t *study, const char *responses,
    const ba_decode_fit_opts_t *opts, ba_decode_fit_info_t *info)
{
    ba_dataset_t *dataset;
    const char *features[] = {study->x};
    ba_dataset_opts_t data = {.features = features,
        .n_features = opts->labels ? 0 : 1,
        .no_features = opts->labels != NULL,
        .responses = responses,
        .runs = "onsets:0,16,32"};
    int status = ba_dataset_open(NULL, &data, &dataset);

    assert_int_equal(status, BA_OK);
    status = ba_decode_fit(ctx, dataset, opts, info);
    ba_dataset_free(dataset);
    return status;
}

/* An array of the result; the caller frees. */
static inline double *
found(const study_t *study, const char *path, size_t n)
{
    return test_read_array(study->result, "brainalign-decoder", path, n);
}

static inline void
moments(const double *x, size_t n, double *mean, double *scale)
{
    double sum = 0, square = 0;

    for (size_t i = 0; i < n; i++) {
        sum += x[i];
    }
    *mean = sum / (double) n;
    for (size_t i = 0; i < n; i++) {
        square += (x[i] - *mean) * (x[i] - *mean);
    }
    *scale = sqrt(square / (double) n);
}

#endif
