/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A small study of two feature spaces for inversions of banded encoders. */
#ifndef BA_BAND_STUDY_H
#define BA_BAND_STUDY_H

#include "tests/testlib.h"

#include "brainalign/bundle.h"
#include "brainalign/encode.h"
#include "brainalign/error.h"
#include "brainalign/invert.h"
#include "linalg/blas.h"
#include "tests/bundlelib.h"

enum { RUNS = 5, RUN = 12, N = RUNS * RUN, A = 3, B = 2, F = A + B, V = 8 };

#define SHARE 0.4

static char folder[TEST_PATH_SIZE];

static inline void
must(int status)
{
    if (status != BA_OK) {
        fail_msg("%s", ba_error_message());
    }
}

static inline int
make_folder(void **state)
{
    (void) state;
    test_make_folder(folder);
    return 0;
}

static inline int
remove_folder(void **state)
{
    (void) state;
    test_remove_folder(folder);
    return 0;
}

static inline const char *
in_folder(const char *name)
{
    static char paths[4][TEST_PATH_SIZE];
    static size_t next = 0;

    next = (next + 1) % 4;
    return test_join(paths[next], folder, name);
}

static inline const ba_ctx_t *
alone(void)
{
    static ba_ctx_t ctx;

    ctx = ba_ctx_default();
    ctx.n_threads = 1;
    return &ctx;
}

typedef struct {
    double x[N * F], y[N * V]; /* column-major; y z-scored in each run */
    ba_source_t *features[2], *responses;
    ba_dataset_t dataset;
    char names[2][4], *name[2];
} study_t;

static inline double
feature(const study_t *s, size_t sample, long delay, size_t f)
{
    long time = (long) (sample % RUN) - delay;

    return time >= 0 ? s->x[(size_t) ((long) sample - delay) + f * N] : 0.0;
}

/* Some voxels by the first space alone, some by the second, some by both. */
static inline void
make_study(study_t *s)
{
    double w[F * V];
    size_t onsets[RUNS];

    test_fill_normal(s->x, N * F, 1);
    test_fill_normal(s->y, N * V, 2);
    test_fill_normal(w, F * V, 3);
    for (size_t i = 0; i < N * F; i++) {
        s->x[i] = 3.0 + (double) (1 + i / N) * s->x[i];
    }
    for (size_t j = 0; j < V; j++) {
        for (size_t i = 0; i < N; i++) {
            s->y[i + j * N] += 0.7 * s->y[i + j / 2 * 2 * N];
            for (size_t f = 0; f < F; f++) {
                int is_used = f < A ? j % 3 != 1 : j % 3 != 0;

                s->y[i + j * N] +=
                    is_used ? 0.5 * w[f + j * F] * feature(s, i, 1, f) : 0.0;
            }
        }
        for (size_t r = 0; r < RUNS; r++) {
            double *y = s->y + r * RUN + j * N, mean = 0, square = 0;

            for (size_t i = 0; i < RUN; i++) {
                mean += y[i] / RUN;
            }
            for (size_t i = 0; i < RUN; i++) {
                square += (y[i] - mean) * (y[i] - mean) / RUN;
            }
            for (size_t i = 0; i < RUN; i++) {
                y[i] = (y[i] - mean) / sqrt(square);
            }
        }
    }
    for (size_t r = 0; r < RUNS; r++) {
        onsets[r] = r * RUN;
    }
    memset(&s->dataset, 0, sizeof s->dataset);
    must(ba_source_from_memory(s->x, N, A, N, "a", &s->features[0]));
    must(ba_source_from_memory(s->x + N * A, N, B, N, "b", &s->features[1]));
    must(ba_source_from_memory(s->y, N, V, N, "y", &s->responses));
    for (size_t k = 0; k < 2; k++) {
        snprintf(s->names[k], sizeof s->names[k], "%c", k == 0 ? 'a' : 'b');
        s->name[k] = s->names[k];
    }
    s->dataset.n_spaces = 2;
    s->dataset.space_names = s->name;
    s->dataset.train.features = s->features;
    s->dataset.train.responses = s->responses;
    s->dataset.train.n_samples = N;
    s->dataset.train.n_repeats = 1;
    must(ba_runs_from_onsets(onsets, RUNS, N, &s->dataset.train.runs));
}

static inline void
free_study(study_t *s)
{
    ba_source_close(s->features[0]);
    ba_source_close(s->features[1]);
    ba_source_close(s->responses);
    ba_runs_free(&s->dataset.train.runs);
}

/* bands: rows of a file, NULL = none; the same penalties in all where `alphas` are a times
 * as large. */
static inline void
fit(study_t *s, const char *bands, double times, const char *delays_of_b)
{
    double grid[] = {1.0 * times, 10.0 * times, 100.0 * times};
    static char text[TEST_PATH_SIZE + 8];
    ba_encode_fit_opts_t opts = ba_encode_fit_opts_default();

    if (bands) {
        test_write_file(in_folder("gammas.csv"), bands, strlen(bands));
        snprintf(text, sizeof text, "file:%s", in_folder("gammas.csv"));
        opts.bands = text;
    }
    opts.fit.precision = BA_DOUBLE;
    opts.fit.alphas = (ba_alphas_t){grid, 3};
    opts.fit.outer_cv.kind = BA_CV_RUNS;
    opts.fit.want_weights = opts.fit.want_fold_weights = 1;
    opts.delays = "1,2";
    opts.space_delays = &delays_of_b;
    opts.n_space_delays = 1;
    opts.output = in_folder("enc.h5");
    opts.force = 1;
    must(ba_encode_fit(alone(), &s->dataset, &opts, NULL));
}

static inline void
read_numbers(const char *file, const char *path, size_t n, double *out)
{
    test_read_numbers(in_folder(file), NULL, path, n, out);
}

/* A share that is NaN is chosen, any other is SHARE. */
static inline void
invert(study_t *s, const ba_decode_invert_opts_t *given, const char *output)
{
    ba_decode_invert_opts_t opts = *given;
    ba_decode_invert_info_t info;

    opts.model = (ba_decode_model_opts_t){.encoder = in_folder("enc.h5"),
        .share = isnan(given->model.share) ? (double) NAN : SHARE,
        .precision = BA_DOUBLE};
    opts.output = in_folder(output);
    opts.force = 1;
    must(ba_decode_invert(alone(), &s->dataset, &opts, &info));
}

#endif
