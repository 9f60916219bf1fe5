/* SPDX-License-Identifier: GPL-3.0-or-later */
/* decode beam over whole files: words are found where they are, and of the decoded fold
 * nothing has a part but its responses and, with given times, the onsets of its words. */
#include "tests/testlib.h"

#include "brainalign/beam.h"
#include "brainalign/bundle.h"
#include "brainalign/encode.h"
#include "core/alloc.h"
#include "tests/lmlib.h"

enum { RUNS = 5, LENGTH = 40, N = RUNS * LENGTH, Q = 4, V = 30, WORDS = 8, TEST_RUN = 2 };

static char folder[TEST_PATH_SIZE];

static const ba_ctx_t *
alone(void)
{
    static ba_ctx_t ctx;

    ctx = ba_ctx_default();
    ctx.n_threads = 1;
    return &ctx;
}

static void
must(int status)
{
    if (status != BA_OK) {
        fail_msg("%s", ba_error_message());
    }
}

static const char *
in_folder(const char *name)
{
    static char paths[8][TEST_PATH_SIZE];
    static size_t next = 0;

    next = (next + 1) % 8;
    return test_join(paths[next], folder, name);
}

/* One to three words in each volume of 2 s, features their mean vector; responses follow
 * features and number of words one volume later. */
typedef struct {
    size_t n_words[N], words[N][3];
    double x[N * Q], y[N * V];
    ba_source_t *features, *responses;
    ba_dataset_t dataset;
    char name[16], *names[1];
} study_t;

static void
draw_words(study_t *s, size_t first, size_t n, uint64_t seed)
{
    for (size_t t = first; t < first + n; t++) {
        s->n_words[t] = 1 + test_below(&seed, 3);
        for (size_t i = 0; i < s->n_words[t]; i++) {
            s->words[t][i] = test_below(&seed, WORDS);
        }
    }
}

static void
set_features(study_t *s, const double *vectors)
{
    for (size_t t = 0; t < N; t++) {
        for (size_t f = 0; f < Q; f++) {
            s->x[t + f * N] = 0.0;
            for (size_t i = 0; i < s->n_words[t]; i++) {
                s->x[t + f * N] +=
                    vectors[f + s->words[t][i] * Q] / (double) s->n_words[t];
            }
        }
    }
}

static void
set_responses(study_t *s)
{
    double w[Q * V], rate[V];

    test_fill_normal(w, Q * V, 11);
    test_fill_normal(rate, V, 12);
    test_fill_normal(s->y, N * V, 13);
    for (size_t v = 0; v < V; v++) {
        for (size_t t = 0; t < N; t++) {
            for (size_t f = 0; f < Q && t % LENGTH > 0; f++) {
                s->y[t + v * N] += s->x[t - 1 + f * N] * w[f + v * Q];
            }
            s->y[t + v * N] +=
                t % LENGTH > 0 ? 0.5 * rate[v] * (double) s->n_words[t - 1] : 0.0;
        }
    }
}

/* Vectors, a language model in which all follows all, and the words with their times. */
static void
write_files(const study_t *s, const double *vectors)
{
    FILE *file = fopen(in_folder("vectors.txt"), "w");
    ba_corpus_t *corpus;
    ba_ngram_t *ngram;
    ba_ngram_opts_t opts = ba_ngram_opts_default();

    for (size_t w = 0; w < WORDS; w++) {
        fprintf(file, "w%zu", w);
        for (size_t f = 0; f < Q; f++) {
            fprintf(file, " %.17g", vectors[f + w * Q]);
        }
        fprintf(file, "\n");
    }
    fclose(file);
    file = fopen(in_folder("words.tsv"), "w");
    fprintf(file, "run\tonset\toffset\tword\n");
    for (size_t t = 0; t < N; t++) {
        for (size_t i = 0; i < s->n_words[t]; i++) {
            double onset = 2.0 * (double) (t % LENGTH) + 0.6 * (double) i;

            fprintf(file, "%zu\t%g\t%g\tw%zu\n", t / LENGTH, onset, onset + 0.6,
                s->words[t][i]);
        }
    }
    fclose(file);
    must(ba_corpus_new(&corpus));
    test_random_sentences(corpus, 200, WORDS, 3);
    opts.order = 2;
    must(ba_ngram_train(alone(), corpus, &opts, &ngram, NULL));
    must(ba_ngram_write(ngram, in_folder("lm.arpa"), 1));
    ba_ngram_free(ngram);
    ba_corpus_free(corpus);
}

/* other_words: the test run has other words at other times. The responses are always
 * those of the first words. other_responses: noise is added in the test run. */
static void
make_study(study_t *s, int other_words, int other_responses)
{
    double vectors[Q * WORDS];
    size_t onsets[RUNS];
    uint64_t seed = 5;

    memset(s, 0, sizeof *s);
    test_fill_normal(vectors, Q * WORDS, 2);
    draw_words(s, 0, N, 1);
    set_features(s, vectors);
    set_responses(s);
    if (other_words) {
        draw_words(s, TEST_RUN * LENGTH, LENGTH, 99);
        set_features(s, vectors);
    }
    for (size_t v = 0; other_responses && v < V; v++) {
        for (size_t t = TEST_RUN * LENGTH; t < (TEST_RUN + 1) * LENGTH; t++) {
            s->y[t + v * N] += 3.0 * test_normal(&seed);
        }
    }
    write_files(s, vectors);
    for (size_t i = 0; i < RUNS; i++) {
        onsets[i] = i * LENGTH;
    }
    must(ba_source_from_memory(s->x, N, Q, N, "x", &s->features));
    must(ba_source_from_memory(s->y, N, V, N, "y", &s->responses));
    snprintf(s->name, sizeof s->name, "features");
    s->names[0] = s->name;
    s->dataset.n_spaces = 1;
    s->dataset.space_names = s->names;
    s->dataset.train.features = &s->features;
    s->dataset.train.responses = s->responses;
    s->dataset.train.n_samples = N;
    s->dataset.train.n_repeats = 1;
    must(ba_runs_from_onsets(onsets, RUNS, N, &s->dataset.train.runs));
}

static void
free_study(study_t *s)
{
    ba_source_close(s->features);
    ba_source_close(s->responses);
    ba_runs_free(&s->dataset.train.runs);
}

static ba_beam_info_t
decode(study_t *s, int predict_rate, size_t n_nulls, const char *output)
{
    double grid[] = {1.0, 10.0, 100.0};
    const char *words[] = {in_folder("words.tsv")};
    ba_encode_fit_opts_t fit = ba_encode_fit_opts_default();
    ba_beam_opts_t opts = ba_beam_opts_default();
    ba_beam_info_t info;

    fit.fit.precision = BA_DOUBLE;
    fit.fit.alphas = (ba_alphas_t){grid, 3};
    fit.fit.outer_cv.kind = BA_CV_RUNS;
    fit.fit.want_weights = fit.fit.want_fold_weights = 1;
    fit.delays = "1";
    fit.output = in_folder("enc.h5");
    fit.force = 1;
    must(ba_encode_fit(alone(), &s->dataset, &fit, NULL));
    opts.model.encoder = fit.output;
    opts.model.share = 0.5;
    opts.vectors = in_folder("vectors.txt");
    opts.arpa = in_folder("lm.arpa");
    opts.words.files = words;
    opts.words.n_files = 1;
    opts.scan.tr = 2.0;
    opts.resample = BA_PREPARE_MEAN;
    opts.width = 30;
    opts.nucleus = 1.0;
    opts.predict_rate = predict_rate;
    opts.n_nulls = n_nulls;
    opts.output = in_folder(output);
    opts.force = 1;
    must(ba_decode_beam(alone(), &s->dataset, &opts, &info));
    return info;
}

/* What a result says of the test run: its words with their numbers, and the weights. */
typedef struct {
    size_t n;
    char **words;
    double *likelihood, weight[2];
    size_t first;
} decoded_t;

static void
read_decoded(const char *name, decoded_t *out)
{
    ba_bundle_t *bundle;
    size_t n_all;
    int64_t first[RUNS], n[RUNS];
    double weights[RUNS];

    must(ba_bundle_open(in_folder(name), "brainalign-words", &bundle));
    must(ba_bundle_read(bundle, "/passages/first", BA_I64, NULL, NULL, first));
    must(ba_bundle_read(bundle, "/passages/n", BA_I64, NULL, NULL, n));
    must(ba_bundle_read(bundle, "/search/evidence_weight", BA_F64, NULL, NULL, weights));
    out->weight[0] = weights[TEST_RUN];
    must(ba_bundle_read(bundle, "/search/lm_weight", BA_F64, NULL, NULL, weights));
    out->weight[1] = weights[TEST_RUN];
    must(ba_bundle_read_strings(bundle, "/words/word", &n_all, &out->words));
    out->likelihood = ba_malloc(n_all, sizeof *out->likelihood);
    must(ba_bundle_read(
        bundle, "/words/log_likelihood", BA_F64, NULL, NULL, out->likelihood));
    out->first = (size_t) first[TEST_RUN];
    out->n = (size_t) n[TEST_RUN];
    ba_bundle_free(bundle);
}

static void
free_decoded(decoded_t *decoded)
{
    free(decoded->words);
    ba_free(decoded->likelihood);
}

static void
assert_same(const decoded_t *a, const decoded_t *b)
{
    assert_memory_equal(a->weight, b->weight, sizeof a->weight);
    assert_int_equal(a->n, b->n);
    for (size_t i = 0; i < a->n; i++) {
        assert_string_equal(a->words[a->first + i], b->words[b->first + i]);
    }
    assert_memory_equal(
        a->likelihood + a->first, b->likelihood + b->first, a->n * sizeof *a->likelihood);
}

static study_t study;

static void
test_finds_words(void **state)
{
    ba_beam_info_t info;

    (void) state;
    make_study(&study, 0, 0);
    info = decode(&study, 0, 9, "a.h5");
    /* Chance is 1 in 8; the order of the words of a volume is not told by their mean. */
    assert_true(info.word_accuracy > 0.25);
    assert_true(info.scores.p_wer == 0.1 && info.scores.p_bleu1 == 0.1);
    assert_true(info.scores.wer < info.scores.null_wer - 0.1);
    assert_true(info.least_evidence_weight > 0.1);
    free_study(&study);
    make_study(&study, 0, 0);
    info = decode(&study, 1, 0, "a.h5");
    assert_true(info.rate_r > 0.5);
    assert_true(isnan(info.word_accuracy) && isnan(info.scores.p_wer));
    free_study(&study);
}

/* With the rate predicted, other words at other times in the decoded run change no bit of
 * what is decoded there. */
static void
test_words_said_have_no_part(void **state)
{
    decoded_t one, other;

    (void) state;
    make_study(&study, 0, 0);
    decode(&study, 1, 0, "a.h5");
    free_study(&study);
    make_study(&study, 1, 0);
    decode(&study, 1, 0, "b.h5");
    free_study(&study);
    read_decoded("a.h5", &one);
    read_decoded("b.h5", &other);
    assert_true(one.n > 50);
    assert_same(&one, &other);
    free_decoded(&one);
    free_decoded(&other);
}

/* Other responses in the decoded run change its words, not its weights. */
static void
test_weights_are_of_other_folds(void **state)
{
    decoded_t one, other;

    (void) state;
    make_study(&study, 0, 0);
    decode(&study, 0, 0, "a.h5");
    free_study(&study);
    make_study(&study, 0, 1);
    decode(&study, 0, 0, "b.h5");
    free_study(&study);
    read_decoded("a.h5", &one);
    read_decoded("b.h5", &other);
    assert_memory_equal(one.weight, other.weight, sizeof one.weight);
    assert_true(one.likelihood[one.first] != other.likelihood[other.first]);
    free_decoded(&one);
    free_decoded(&other);
}

/* ---- the whole likelihood ---- */

/* The vector of a word that is not known: the mean over the language. */
static void
find_blank(const double *vectors, double *blank)
{
    ba_ngram_t *ngram;
    ba_language_t language;
    size_t nothing = SIZE_MAX;
    double p[WORDS + BA_WORD_FIRST];

    must(ba_ngram_read(in_folder("lm.arpa"), &ngram));
    language = ba_ngram_language(ngram);
    assert_true(language.n_words <= WORDS + BA_WORD_FIRST);
    must(language.next(language.model, alone(), &nothing, 1, p));
    memset(blank, 0, Q * sizeof *blank);
    for (size_t w = BA_WORD_FIRST; w < language.n_words; w++) {
        size_t word = (size_t) atoi(ba_ngram_word(ngram, w) + 1);

        for (size_t f = 0; f < Q; f++) {
            blank[f] += p[w] * vectors[f + word * Q];
        }
    }
    ba_ngram_free(ngram);
}

/* Features of the test run with the words decoded, and with none. */
static void
write_gallery(const study_t *s, const decoded_t *decoded)
{
    static double features[2][LENGTH][Q];
    const size_t dims[3] = {2, LENGTH, Q};
    double vectors[Q * WORDS], blank[Q];
    size_t at = decoded->first;
    ba_bundle_t *bundle;

    test_fill_normal(vectors, Q * WORDS, 2);
    find_blank(vectors, blank);
    memset(features, 0, sizeof features);
    for (size_t t = 0; t < LENGTH; t++) {
        size_t n = s->n_words[TEST_RUN * LENGTH + t];

        for (size_t i = 0; i < n; i++) {
            size_t word = (size_t) atoi(decoded->words[at++] + 1);

            for (size_t f = 0; f < Q; f++) {
                features[0][t][f] += vectors[f + word * Q] / (double) n;
            }
        }
        memcpy(features[1][t], blank, sizeof blank);
    }
    assert_int_equal(at, decoded->first + decoded->n);
    must(ba_bundle_create(in_folder("gallery.h5"), 1, &bundle));
    must(ba_bundle_write(bundle, "/x", BA_F64, 3, dims, features));
    must(ba_bundle_commit(bundle));
    ba_bundle_free(bundle);
}

/* What the words of a passage add, one by one, is what decode identify finds between the
 * run with these words and without any, from scratch. */
static void
test_likelihood_is_that_of_identify(void **state)
{
    decoded_t decoded;
    ba_decode_identify_opts_t opts = {.segment = LENGTH, .n_top = 1, .force = 1};
    ba_decode_identify_info_t info;
    ba_bundle_t *bundle;
    double likelihood[RUNS], candidates[RUNS][2], sum = 0.0;
    char *gallery;

    (void) state;
    make_study(&study, 0, 0);
    decode(&study, 0, 0, "a.h5");
    read_decoded("a.h5", &decoded);
    write_gallery(&study, &decoded);
    opts.model = (ba_decode_model_opts_t){.encoder = in_folder("enc.h5"), .share = 0.5};
    gallery = ba_asprintf("%s:/x", in_folder("gallery.h5"));
    opts.gallery = gallery;
    opts.output = in_folder("id.h5");
    must(ba_decode_identify(alone(), &study.dataset, &opts, &info));
    must(ba_bundle_open(in_folder("id.h5"), NULL, &bundle));
    must(ba_bundle_read(bundle, "/log_likelihood", BA_F64, NULL, NULL, candidates));
    ba_bundle_free(bundle);
    must(ba_bundle_open(in_folder("a.h5"), NULL, &bundle));
    must(ba_bundle_read(
        bundle, "/passages/log_likelihood", BA_F64, NULL, NULL, likelihood));
    ba_bundle_free(bundle);
    assert_close(likelihood[TEST_RUN], candidates[TEST_RUN][0] - candidates[TEST_RUN][1],
        1e-10 * fabs(candidates[TEST_RUN][1]));
    for (size_t i = 0; i < decoded.n; i++) {
        sum += decoded.likelihood[decoded.first + i];
    }
    assert_close(sum, likelihood[TEST_RUN], 1e-10 * fabs(sum));
    ba_free(gallery);
    free_decoded(&decoded);
    free_study(&study);
}

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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_words),
        cmocka_unit_test(test_likelihood_is_that_of_identify),
        cmocka_unit_test(test_words_said_have_no_part),
        cmocka_unit_test(test_weights_are_of_other_folds),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
