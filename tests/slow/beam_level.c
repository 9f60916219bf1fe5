/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How often decoded words are better than those of the null at 5 % where responses say
 * nothing of them:
 *
 *     beam_level [SIMULATIONS [ROW]]     (400 for each number by default)
 *
 * 5 runs of 40 volumes with 1 to 3 of 8 words each, features their mean vector of 4 numbers,
 * 20 voxels of autoregressive noise that starts anew in each run. ba_encode_fit() leaving one
 * run out, ba_decode_beam() with 39 nulls by shifts of the responses and by the model:
 * p of word error rate and of similarity. Words are known to lie where they were said, or
 * their number is predicted. Rows: nothing drives; the number of words drives, but not
 * which; words drive. Prints the table of docs/methods.md (Decoding words). Status 1 where
 * words do not drive and more than 6.5 % are found. */
#include "tests/slow/level.h"

#include "brainalign.h"
#include "brainalign/beam.h"
#include "brainalign/ngram.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { RUNS = 5, LENGTH = 40, N = RUNS * LENGTH, Q = 4, V = 20, WORDS = 8, N_NULLS = 39 };

typedef struct {
    const char *name;
    double phi, rate, words; /* of the noise; what drives */
    int predict_rate;
} setting_t;

static const setting_t settings[] = {
    {"noise AR 0, times given", 0.0, 0.0, 0.0, 0},
    {"noise AR .8, times given", 0.8, 0.0, 0.0, 0},
    {"noise AR .8, times predicted", 0.8, 0.0, 0.0, 1},
    {"AR .8, word rate drives, times given", 0.8, 1.0, 0.0, 0},
    {"AR .8, word rate drives, times predicted", 0.8, 1.0, 0.0, 1},
    {"AR .8, words drive, times given", 0.8, 0.0, 0.3, 0},
};

/* Columns of the table: shift, model; each word error rate and similarity. */
enum { N_COLUMNS = 4 };
static const ba_beam_null_t nulls[] = {BA_BEAM_NULL_SHIFT, BA_BEAM_NULL_MODEL};

typedef struct {
    size_t n_words[N], words[N][3];
    double vectors[Q * WORDS], x[N * Q], y[N * V];
    char files[5][64]; /* encoder, words, vectors, language model, output */
} study_t;

enum { ENCODER, TABLE, VECTORS, MODEL, OUTPUT, N_FILES };

static void
draw(study_t *study, const setting_t *setting, ba_rng_t *rng)
{
    double w[Q * V], rate[V];

    for (size_t i = 0; i < Q * WORDS; i++) {
        study->vectors[i] = ba_rng_normal(rng);
    }
    for (size_t i = 0; i < Q * V; i++) {
        w[i] = ba_rng_normal(rng);
        rate[i % V] = ba_rng_normal(rng);
    }
    level_noise_runs(rng, setting->phi, study->y, N, V, RUNS);
    memset(study->x, 0, sizeof study->x);
    for (size_t t = 0; t < N; t++) {
        study->n_words[t] = 1 + ba_rng_below(rng, 3);
        for (size_t i = 0; i < study->n_words[t]; i++) {
            study->words[t][i] = ba_rng_below(rng, WORDS);
            for (size_t f = 0; f < Q; f++) {
                study->x[t + f * N] += study->vectors[f + study->words[t][i] * Q] /
                                       (double) study->n_words[t];
            }
        }
    }
    for (size_t i = 0; i < N * V; i++) {
        size_t t = i % N, v = i / N;

        for (size_t f = 0; f < Q && t % LENGTH > 0; f++) {
            study->y[i] += setting->words * study->x[t - 1 + f * N] * w[f + v * Q];
        }
        study->y[i] += t % LENGTH > 0
                           ? setting->rate * rate[v] * (double) study->n_words[t - 1]
                           : 0.0;
    }
}

static int
write_tables(const study_t *study)
{
    FILE *vectors = fopen(study->files[VECTORS], "w");
    FILE *table = fopen(study->files[TABLE], "w");
    int is_good = vectors && table;

    for (size_t w = 0; is_good && w < WORDS; w++) {
        fprintf(vectors, "w%zu", w);
        for (size_t f = 0; f < Q; f++) {
            fprintf(vectors, " %.17g", study->vectors[f + w * Q]);
        }
        fprintf(vectors, "\n");
    }
    is_good = is_good && fprintf(table, "run\tonset\toffset\tword\n") > 0;
    for (size_t t = 0; is_good && t < N; t++) {
        for (size_t i = 0; i < study->n_words[t]; i++) {
            double onset = 2.0 * (double) (t % LENGTH) + 0.6 * (double) i;

            fprintf(table, "%zu\t%g\t%g\tw%zu\n", t / LENGTH, onset, onset + 0.6,
                study->words[t][i]);
        }
    }
    is_good &= vectors && fclose(vectors) == 0;
    is_good &= table && fclose(table) == 0;
    return is_good ? BA_OK : ba_fail(BA_IO, "%s: cannot write", study->files[TABLE]);
}

/* All words follow all, as in the study. */
static int
write_model(const study_t *study)
{
    int status;
    ba_rng_t *rng = ba_rng_new(3, 1);
    ba_corpus_t *corpus = NULL;
    ba_ngram_t *ngram = NULL;
    ba_ngram_opts_t opts = ba_ngram_opts_default();
    char text[10][8];
    const char *words[10];

    opts.order = 2;
    BA_TRY(ba_corpus_new(&corpus));
    for (size_t s = 0; rng && s < 300; s++) {
        for (size_t i = 0; i < 10; i++) {
            snprintf(text[i], sizeof text[i], "w%d", (int) ba_rng_below(rng, WORDS));
            words[i] = text[i];
        }
        BA_TRY(ba_corpus_add(corpus, words, 10));
    }
    BA_TRY(ba_ngram_train(NULL, corpus, &opts, &ngram, NULL));
    BA_TRY(ba_ngram_write(ngram, study->files[MODEL], 1));
out:
    ba_ngram_free(ngram);
    ba_corpus_free(corpus);
    ba_rng_free(rng);
    return status;
}

static int
fit(const ba_ctx_t *ctx, const study_t *study, const ba_dataset_t *dataset)
{
    double grid[] = {1.0, 10.0, 100.0};
    ba_encode_fit_opts_t opts = ba_encode_fit_opts_default();

    opts.fit.alphas = (ba_alphas_t){grid, 3};
    opts.fit.outer_cv.kind = BA_CV_RUNS;
    opts.fit.want_weights = opts.fit.want_fold_weights = 1;
    opts.delays = "1";
    opts.output = study->files[ENCODER];
    opts.force = 1;
    return ba_encode_fit(ctx, dataset, &opts, NULL);
}

static int
decode(const ba_ctx_t *ctx, const study_t *study, const ba_dataset_t *dataset,
    int predict_rate, size_t n_rejected[N_COLUMNS])
{
    int status = BA_OK;
    const char *words[] = {study->files[TABLE]};
    ba_beam_opts_t opts = ba_beam_opts_default();
    ba_beam_info_t info;

    opts.model.encoder = study->files[ENCODER];
    opts.model.share = 0.5;
    opts.vectors = study->files[VECTORS];
    opts.arpa = study->files[MODEL];
    opts.words.files = words;
    opts.words.n_files = 1;
    opts.scan.tr = 2.0;
    opts.resample = BA_PREPARE_MEAN;
    opts.width = 20;
    opts.nucleus = 1.0;
    opts.predict_rate = predict_rate;
    opts.n_nulls = N_NULLS;
    opts.output = study->files[OUTPUT];
    opts.force = 1;
    for (size_t k = 0; k < 2; k++) {
        opts.null = nulls[k];
        BA_TRY(ba_decode_beam(ctx, dataset, &opts, &info));
        level_count(&info.scores.p_wer, 1, &n_rejected[2 * k]);
        level_count(&info.scores.p_similarity, 1, &n_rejected[2 * k + 1]);
    }
out:
    return status;
}

static int
simulate(
    study_t *study, const setting_t *setting, uint64_t seed, size_t n_rejected[N_COLUMNS])
{
    int status = BA_OK;
    static char name[] = "features", *names[1] = {name};
    size_t onsets[RUNS];
    ba_ctx_t ctx = ba_ctx_default();
    ba_source_t *features = NULL;
    ba_dataset_t dataset = {.n_spaces = 1,
        .space_names = names,
        .train = {.features = &features, .n_samples = N, .n_repeats = 1}};
    ba_rng_t *rng = ba_rng_new(seed, 37);

    ctx.n_threads = 1; /* the fits are small */
    ctx.seed = seed;
    for (size_t k = 0; k < RUNS; k++) {
        onsets[k] = k * LENGTH;
    }
    if (!rng) {
        return BA_NOMEM;
    }
    draw(study, setting, rng);
    BA_TRY(write_tables(study));
    BA_TRY(ba_runs_from_onsets(onsets, RUNS, N, &dataset.train.runs));
    BA_TRY(ba_source_from_memory(study->x, N, Q, N, name, &features));
    BA_TRY(
        ba_source_from_memory(study->y, N, V, N, "responses", &dataset.train.responses));
    BA_TRY(fit(&ctx, study, &dataset));
    BA_TRY(decode(&ctx, study, &dataset, setting->predict_rate, n_rejected));
out:
    ba_rng_free(rng);
    ba_source_close(features);
    ba_source_close(dataset.train.responses);
    ba_runs_free(&dataset.train.runs);
    return status;
}

/* One line of the table; whether its rates are as they should be. */
static int
run_setting(study_t *study, const setting_t *setting, size_t n, int *is_good)
{
    int status = BA_OK, is_null = setting->words == 0.0;
    size_t n_rejected[N_COLUMNS] = {0};
    double rate[N_COLUMNS];

    for (size_t i = 0; i < n; i++) {
        BA_TRY(simulate(study, setting, i, n_rejected));
    }
    level_line(setting->name, n_rejected, N_COLUMNS, n, rate);
    *is_good = 1;
    for (size_t k = 0; is_null && k < N_COLUMNS; k++) {
        *is_good &= rate[k] <= highest;
    }
out:
    return status;
}

int
main(int argc, char **argv)
{
    int status = BA_OK, all_good = 1;
    size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 400;
    size_t row = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
    study_t *study = calloc(1, sizeof *study);
    const char *folder = getenv("TMPDIR");
    static const char *const ends[N_FILES] = {
        "enc.h5", "words.tsv", "vectors.txt", "lm.arpa", "beam.h5"};

    if (!study) {
        return 1;
    }
    for (size_t k = 0; k < N_FILES; k++) {
        snprintf(study->files[k], sizeof study->files[k], "%.20s/beam_level.%ld.%s",
            folder ? folder : "/tmp", (long) getpid(), ends[k]);
    }
    printf("| responses | shift: word error rate | shift: similarity | model: word error "
           "rate | model: similarity |\n| --- | ---: | ---: | ---: | ---: |\n");
    BA_TRY(write_model(study));
    for (size_t i = row; i < sizeof settings / sizeof *settings; i++) {
        int is_good = 0;

        BA_TRY(run_setting(study, &settings[i], n, &is_good));
        all_good &= is_good;
    }
out:
    if (status != BA_OK) {
        fprintf(stderr, "beam_level: %s\n", ba_error_message());
    } else if (!all_good) {
        fprintf(stderr, "beam_level: a rate is not where it should be\n");
    }
    for (size_t k = 0; k < N_FILES; k++) {
        remove(study->files[k]);
    }
    free(study);
    return status == BA_OK && all_good ? 0 : 1;
}
