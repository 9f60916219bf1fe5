/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Language, vectors and words of a decoding. */
#include "decode/beam_job.h"

#include "core/alloc.h"
#include "datasets/corpus_read.h"

#include <math.h>
#include <string.h>

/* Words of the language model without a vector that are named. */
enum { NAMED = 5 };

/* The features that are decoded may differ from the vectors' by rounding, not by more. */
static const double MOST_DIFFERENCE = 1e-3;

/* ---- times ---- */

static void
set_prepare(ba_beam_job_t *job)
{
    const ba_beam_opts_t *opts = job->opts;

    job->prepare = ba_prepare_opts_default();
    job->prepare.words = opts->words;
    job->prepare.scan = opts->scan;
    job->prepare.scan.volumes = job->volumes;
    job->prepare.scan.n_volumes =
        opts->scan.n_times > 0 ? 0 : job->decoding.borders.n_runs;
    job->prepare.resample = opts->resample;
    job->prepare.window = opts->lanczos_window;
    job->prepare.cutoff_mult = opts->cutoff_mult;
    job->prepare.word_time = opts->word_time;
    job->prepare.allow_overlap = opts->allow_overlap;
    job->prepare.allow_outside = opts->allow_outside;
}

static int
read_words(ba_beam_job_t *job)
{
    int status = BA_OK;
    const ba_runs_t *runs = &job->decoding.borders;
    ba_timeline_t *timeline = &job->timeline;

    BA_TRY_ALLOC(job->volumes, ba_malloc(runs->n_runs, sizeof *job->volumes));
    for (size_t k = 0; k < runs->n_runs; k++) {
        job->volumes[k] = runs->onset[k + 1] - runs->onset[k];
    }
    set_prepare(job);
    timeline->ctx = job->ctx;
    timeline->opts = &job->prepare;
    BA_TRY(ba_words_read(&job->opts->words, &timeline->words));
    if (timeline->words.n_runs != runs->n_runs) {
        BA_TRY(ba_fail(BA_SHAPE, "words: %zu runs, but the data have %zu",
            timeline->words.n_runs, runs->n_runs));
    }
    BA_TRY(ba_scan_read(job->ctx, &job->prepare.scan, runs->n_runs, "the data",
        job->decoding.n_samples, &timeline->scan));
    for (size_t k = 0; k <= runs->n_runs; k++) {
        if (timeline->scan.runs.onset[k] != runs->onset[k]) {
            BA_TRY(ba_fail(BA_SHAPE,
                "times: run %zu begins at sample %zu, but at %zu in "
                "the data",
                k + 1, timeline->scan.runs.onset[k], runs->onset[k]));
        }
    }
    BA_TRY(ba_timeline_place(timeline));
    for (size_t i = 0; timeline->words.has_text && i < timeline->words.n_words; i++) {
        char *word = ba_text_word(timeline->words.text[i], &job->opts->text);
        size_t number;

        memmove(timeline->words.text[i], word, strlen(word) + 1);
        BA_TRY(ba_text_set_add(&job->words, timeline->words.text[i], &number));
    }
out:
    return status;
}

static int
find_samples(ba_beam_job_t *job)
{
    int status = BA_OK;
    const ba_decoding_t *decoding = &job->decoding;
    size_t n = decoding->n_samples, n_runs = decoding->borders.n_runs;

    BA_TRY_ALLOC(job->fold_of, ba_malloc(n, sizeof *job->fold_of));
    BA_TRY_ALLOC(job->counts, ba_calloc(n, sizeof *job->counts));
    BA_TRY_ALLOC(job->predicted, ba_malloc(n, sizeof *job->predicted));
    BA_TRY_ALLOC(job->given, ba_calloc(n_runs, sizeof *job->given));
    for (size_t s = 0; s < n; s++) {
        job->fold_of[s] = -1;
        job->predicted[s] = NAN;
    }
    for (size_t i = 0; i < decoding->n_kept; i++) {
        job->fold_of[decoding->kept[i]] = decoding->fold[i];
    }
    for (size_t k = 0; k < n_runs; k++) {
        BA_TRY(ba_run_words_given(job, k, &job->given[k]));
        for (size_t i = 0; i < job->given[k].n; i++) {
            if (job->given[k].sample[i] != SIZE_MAX) {
                job->counts[job->given[k].sample[i]] += 1.0;
            }
        }
    }
out:
    return status;
}

/* ---- language and vectors ---- */

static int
read_language(ba_beam_job_t *job)
{
    int status = BA_OK;
    size_t number;

    BA_TRY(ba_ngram_read(job->opts->arpa, &job->ngram));
    job->language = ba_ngram_language(job->ngram);
    for (size_t w = 0; w < job->language.n_words; w++) {
        BA_TRY(ba_text_set_add(
            &job->words, job->language.word(job->language.model, w), &number));
    }
    BA_TRY(ba_word_vectors_read(job->opts->vectors,
        ba_ctx_memory(job->ctx) - job->decoding.bytes_held, &job->vectors));
    if (job->vectors.n_features != job->decoding.n_features) {
        BA_TRY(ba_fail(BA_SHAPE, "%s: vectors of %zu numbers, but %s has %zu features",
            job->opts->vectors, job->vectors.n_features, job->decoding.encoder->path,
            job->decoding.n_features));
    }
out:
    return status;
}

static int
name_missing(ba_beam_job_t *job)
{
    int status = BA_OK;
    size_t n = 0;
    char *text = NULL, *more;

    BA_TRY_ALLOC(text, ba_strdup(""));
    for (size_t w = BA_WORD_FIRST; w < job->language.n_words && n < NAMED; w++) {
        if (!job->said.allowed[w]) {
            BA_TRY_ALLOC(more, ba_asprintf("%s%s%s", text, n++ > 0 ? ", " : "",
                                   ba_texts_get(&job->words.texts, w)));
            ba_free(text);
            text = more;
        }
    }
    ba_ctx_log(job->ctx, BA_LOG_WARNING,
        "%s: no vector for %zu of %zu words of %s, which are never said: %s%s",
        job->opts->vectors, job->info.n_without_vector,
        job->language.n_words - BA_WORD_FIRST, job->opts->arpa, text,
        job->info.n_without_vector > NAMED ? ", ..." : "");
out:
    ba_free(text);
    return status;
}

/* Probability of each word of the language whatever came before: n_words. */
static int
find_frequencies(const ba_beam_job_t *job, double **out)
{
    int status = BA_OK;
    const ba_language_t *language = &job->language;
    size_t *nothing = NULL;

    BA_TRY_ALLOC(nothing, ba_malloc(language->n_context, sizeof *nothing));
    memset(nothing, 0xff, language->n_context * sizeof *nothing);
    BA_TRY_ALLOC(*out, ba_malloc(language->n_words, sizeof **out));
    BA_TRY(language->next(language->model, job->ctx, nothing, 1, *out));
out:
    ba_free(nothing);
    return status;
}

/* The vector of a word that is not known is the mean over the language. */
static int
set_said(ba_beam_job_t *job, const double *frequency)
{
    int status = BA_OK;
    size_t q = job->vectors.n_features, n = job->language.n_words;
    double total = 0.0;

    job->said = (ba_said_t){.n_features = q, .n_words = n};
    BA_TRY_ALLOC(job->said.blank, ba_calloc(q, sizeof(double)));
    BA_TRY_ALLOC(job->said.delta, ba_calloc(n, q * sizeof(double)));
    BA_TRY_ALLOC(job->said.allowed, ba_calloc(n, 1));
    for (size_t w = BA_WORD_FIRST; w < n; w++) {
        size_t at =
            ba_text_set_find(&job->vectors.words, ba_texts_get(&job->words.texts, w));

        job->said.allowed[w] = at != SIZE_MAX;
        total += at != SIZE_MAX ? frequency[w] : 0.0;
        for (size_t f = 0; at != SIZE_MAX && f < q; f++) {
            job->said.delta[w * q + f] = job->vectors.values[at * q + f];
            job->said.blank[f] += frequency[w] * job->vectors.values[at * q + f];
        }
        job->info.n_candidates += at != SIZE_MAX;
        job->info.n_without_vector += at == SIZE_MAX;
    }
    if (!(total > 0.0)) {
        BA_TRY(ba_fail(BA_MISSING, "%s: a vector for none of the words of %s",
            job->opts->vectors, job->opts->arpa));
    }
    for (size_t f = 0; f < q; f++) {
        job->said.blank[f] /= total;
    }
    for (size_t w = BA_WORD_FIRST; w < n; w++) {
        for (size_t f = 0; job->said.allowed[w] && f < q; f++) {
            job->said.delta[w * q + f] -= job->said.blank[f];
        }
    }
    if (job->info.n_without_vector > 0) {
        BA_TRY(name_missing(job));
    }
out:
    return status;
}

/* For scores: unit vectors of all words, weighted by how little they are expected. */
static int
set_space(ba_beam_job_t *job, const double *frequency)
{
    int status = BA_OK;
    size_t q = job->vectors.n_features, n = job->words.texts.n;

    BA_TRY_ALLOC(job->unit, ba_calloc(n, q * sizeof *job->unit));
    BA_TRY_ALLOC(job->weight, ba_calloc(n, sizeof *job->weight));
    BA_TRY_ALLOC(job->has_vector, ba_calloc(n, 1));
    for (size_t w = 0; w < n; w++) {
        size_t at =
            ba_text_set_find(&job->vectors.words, ba_texts_get(&job->words.texts, w));
        double norm = 0.0;

        for (size_t f = 0; at != SIZE_MAX && f < q; f++) {
            norm += job->vectors.values[at * q + f] * job->vectors.values[at * q + f];
        }
        for (size_t f = 0; norm > 0.0 && f < q; f++) {
            job->unit[w * q + f] = job->vectors.values[at * q + f] / sqrt(norm);
        }
        job->has_vector[w] = norm > 0.0;
        job->weight[w] =
            w < job->language.n_words && frequency[w] > 0.0 ? -log(frequency[w]) : 0.0;
    }
    job->space = (ba_word_space_t){q, n, job->unit, job->weight, job->has_vector};
out:
    return status;
}

/* Vectors of the file, of the language and of all words, products of the language's; the
 * rest is for the search. */
static int
hold_vectors(ba_beam_job_t *job)
{
    int status = BA_OK;
    size_t q = job->vectors.n_features, n = job->language.n_words, numbers;

    BA_TRY(ba_multiply(job->vectors.words.texts.n + n + job->words.texts.n,
        q * sizeof(double), &numbers));
    BA_TRY(ba_decoding_hold(&job->decoding,
        numbers + ba_word_products_bytes(job->decoding.n_delays, q, n, job->opts->width),
        "word vectors, responses and models"));
    job->search = job->ctx ? *job->ctx : ba_ctx_default();
    job->search.memory = ba_ctx_memory(job->ctx) - job->decoding.bytes_held;
out:
    return status;
}

/* ---- features ---- */

/* Square norms of the encoder's features of a run and of what they differ by from its
 * words' vectors, those without counting as 0. */
static int
compare_run(const ba_beam_job_t *job, size_t run, double *norm, double *difference)
{
    int status = BA_OK;
    const ba_runs_t *runs = &job->decoding.borders;
    const ba_run_words_t *words = &job->given[run];
    size_t q = job->vectors.n_features, n = runs->onset[run + 1] - runs->onset[run];
    double *x = NULL, *y = NULL;

    BA_TRY_ALLOC(x, ba_calloc(words->n, q * sizeof *x));
    BA_TRY_ALLOC(y, ba_malloc(n, q * sizeof *y));
    for (size_t i = 0; i < words->n; i++) {
        size_t at = ba_text_set_find(
            &job->vectors.words, ba_texts_get(&job->words.texts, words->word[i]));

        for (size_t f = 0; at != SIZE_MAX && f < q; f++) {
            x[i + f * words->n] = job->vectors.values[at * q + f];
        }
    }
    ba_resampler_apply(job->ctx, &words->resampler,
        (ba_cdmat_t){x, words->n, q, words->n}, (ba_dmat_t){y, n, q, n});
    for (size_t f = 0; f < q; f++) {
        const double *features =
            job->decoding.features + f * job->decoding.n_samples + runs->onset[run];

        for (size_t t = 0; t < n; t++) {
            *norm += features[t] * features[t];
            *difference += (features[t] - y[t + f * n]) * (features[t] - y[t + f * n]);
        }
    }
out:
    ba_free(x);
    ba_free(y);
    return status;
}

static int
check_features(const ba_beam_job_t *job)
{
    int status = BA_OK;
    double norm = 0.0, difference = 0.0;

    for (size_t k = 0; job->timeline.words.has_text && k < job->timeline.words.n_runs;
         k++) {
        BA_TRY(compare_run(job, k, &norm, &difference));
    }
    if (difference > MOST_DIFFERENCE * MOST_DIFFERENCE * norm) {
        BA_TRY(ba_fail(BA_SHAPE,
            "features: they differ by %.3g of their size from the vectors of these words "
            "put on volumes this way, wanted an encoder of those (the words, vectors and "
            "resampling of datasets prepare)",
            sqrt(difference / norm)));
    }
out:
    return status;
}

static int
check_encoder(const ba_beam_job_t *job)
{
    const ba_encoder_t *encoder = job->decoding.encoder;

    if (encoder->n_spaces != 1) {
        return ba_fail(BA_UNSUPPORTED,
            "%s: %zu feature spaces, wanted one, of word vectors", encoder->path,
            encoder->n_spaces);
    }
    if (encoder->zscore_features || encoder->pca[0].n_components > 0) {
        return ba_fail(BA_UNSUPPORTED, "%s: %s, wanted the vectors of words as they are",
            encoder->path,
            encoder->zscore_features ? "features z-scored by run"
                                     : "principal components");
    }
    if (encoder->delay_across_runs && job->decoding.dataset->train.runs.n_runs > 1) {
        return ba_fail(
            BA_UNSUPPORTED, "%s: delays across runs, wanted within them", encoder->path);
    }
    return BA_OK;
}

/* Words that were said have to be known to tune by them, and to compare nulls with. */
static int
check_text(const ba_beam_job_t *job)
{
    const char *file = job->opts->words.files[0];

    if (!job->timeline.words.has_text && isnan(job->opts->lm_weight)) {
        return ba_fail(BA_MISSING,
            "%s: no column of words, wanted one to choose the weight of the language "
            "model by, or a given weight",
            file);
    }
    if (!job->timeline.words.has_text && job->opts->n_nulls > 0) {
        return ba_fail(BA_MISSING,
            "%s: no column of words, wanted one to score, without which nulls say "
            "nothing",
            file);
    }
    return BA_OK;
}

static int
note_files(ba_beam_job_t *job)
{
    int status = BA_OK;
    const ba_beam_opts_t *opts = job->opts;
    ba_input_files_t *files = &job->decoding.files;

    BA_TRY(ba_input_files_add(files, opts->arpa));
    BA_TRY(ba_input_files_add(files, opts->vectors));
    for (size_t i = 0; i < opts->words.n_files; i++) {
        BA_TRY(ba_input_files_add(files, opts->words.files[i]));
    }
    for (size_t i = 0; i < opts->scan.n_times; i++) {
        BA_TRY(ba_input_files_add_spec(files, opts->scan.times[i]));
    }
out:
    return status;
}

int
ba_beam_inputs(ba_beam_job_t *job)
{
    int status = BA_OK;
    double *frequency = NULL;

    BA_TRY(check_encoder(job));
    BA_TRY(read_language(job));
    BA_TRY(read_words(job));
    BA_TRY(hold_vectors(job));
    BA_TRY(find_frequencies(job, &frequency));
    BA_TRY(set_said(job, frequency));
    BA_TRY(set_space(job, frequency));
    BA_TRY(find_samples(job));
    BA_TRY(check_features(job));
    BA_TRY(note_files(job));
    BA_TRY(check_text(job));
out:
    ba_free(frequency);
    return status;
}

void
ba_beam_inputs_free(ba_beam_job_t *job)
{
    for (size_t k = 0; job->given && k < job->decoding.borders.n_runs; k++) {
        ba_run_words_free(&job->given[k]);
    }
    ba_free(job->given);
    ba_free(job->fold_of);
    ba_free(job->counts);
    ba_free(job->predicted);
    ba_free(job->volumes);
    ba_free(job->said.blank);
    ba_free(job->said.delta);
    ba_free(job->said.allowed);
    ba_free(job->unit);
    ba_free(job->weight);
    ba_free(job->has_vector);
    ba_word_vectors_free(&job->vectors);
    ba_text_set_free(&job->words);
    ba_ngram_free(job->ngram);
    ba_words_free(&job->timeline.words);
    ba_scan_free(&job->timeline.scan);
    ba_free(job->timeline.items);
    ba_free(job->timeline.first_item);
    ba_free(job->timeline.onset);
    ba_free(job->timeline.offset);
}
