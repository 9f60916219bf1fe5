/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Features that a language model has to beat: what the timing of the words and the
 * passing of time say by themselves. */
#include "datasets/timeline.h"

#include "core/alloc.h"

/* Columns of the autocorrelation control written at a time. */
enum { OASM_COLUMNS = 256 };

typedef struct {
    unsigned bit;
    const char *path;
    double (*value)(const ba_words_t *words, size_t word);
} control_t;

static double
rate(const ba_words_t *words, size_t word)
{
    (void) words;
    (void) word;
    return 1;
}

static double
length(const ba_words_t *words, size_t word)
{
    return ba_word_length(words->text[word]);
}

static double
surprisal(const ba_words_t *words, size_t word)
{
    return words->surprisal[word];
}

static double
sentence_position(const ba_words_t *words, size_t word)
{
    return words->sentence_position[word];
}

static const control_t CONTROLS[] = {
    {BA_CONTROL_WORD_RATE, "/control/word_rate", rate},
    {BA_CONTROL_WORD_LENGTH, "/control/word_length", length},
    {BA_CONTROL_SURPRISAL, "/control/surprisal", surprisal},
    {BA_CONTROL_POSITION, "/control/sentence_position", sentence_position},
};

unsigned
ba_timeline_controls(const ba_timeline_t *timeline)
{
    unsigned controls = timeline->opts->controls;

    if (!timeline->words.has_text) {
        controls &= ~(unsigned) BA_CONTROL_WORD_LENGTH;
    }
    if (!timeline->words.surprisal) {
        controls &= ~(unsigned) BA_CONTROL_SURPRISAL;
    }
    return controls;
}

/* A constant has no mean or last value worth having: its sum counts the words. */
static ba_prepare_resample_t
method_of(const ba_prepare_opts_t *opts, const control_t *control)
{
    ba_prepare_resample_t how = opts->control_resample < 0
                                    ? opts->resample
                                    : (ba_prepare_resample_t) opts->control_resample;
    int is_constant = how == BA_PREPARE_MEAN || how == BA_PREPARE_LAST;

    return control->bit == BA_CONTROL_WORD_RATE && is_constant ? BA_PREPARE_SUM : how;
}

static int
write_run(
    const ba_timeline_t *timeline, const control_t *control, size_t run, ba_sink_t *sink)
{
    const ba_runs_t *runs = &timeline->scan.runs;
    size_t first = timeline->first_item[run];
    size_t n_items = timeline->first_item[run + 1] - first;
    size_t row0 = runs->onset[run], n = runs->onset[run + 1] - row0;
    ba_timeline_map_t map = {0};
    double *x = NULL, *y = NULL;
    int status;

    BA_TRY(ba_timeline_map_make(timeline, run, method_of(timeline->opts, control), &map));
    BA_TRY_ALLOC(x, ba_malloc(n_items, sizeof *x));
    BA_TRY_ALLOC(y, ba_malloc(2 * n, sizeof *y));
    for (size_t i = 0; i < n_items; i++) {
        x[i] = control->value(&timeline->words, timeline->items[first + i]);
    }
    for (size_t b = 0; b < ba_timeline_n_bases(timeline->opts); b++) {
        ba_timeline_map_apply(timeline->ctx, &map, b,
            (ba_cdmat_t){x, n_items, 1, n_items}, (ba_dmat_t){y + n, n, 1, n},
            (ba_dmat_t){y, n, 1, n});
        BA_TRY(
            ba_timeline_write_block(timeline, sink, row0, b, (ba_cdmat_t){y, n, 1, n}));
    }
out:
    ba_timeline_map_free(&map);
    ba_free(x);
    ba_free(y);
    return status;
}

static int
write_control(ba_timeline_t *timeline, const control_t *control, ba_bundle_t *bundle)
{
    ba_sink_t *sink;
    int status;

    BA_TRY(ba_timeline_reserve(
        timeline, bundle, control->path, ba_timeline_n_bases(timeline->opts), &sink));
    for (size_t k = 0; k < timeline->words.n_runs; k++) {
        BA_TRY(write_run(timeline, control, k, sink));
    }
out:
    return status;
}

/* The middle of each volume as a share of its run: a linear trend. */
static int
write_run_position(ba_timeline_t *timeline, ba_bundle_t *bundle)
{
    const ba_runs_t *runs = &timeline->scan.runs;
    size_t n = runs->n_samples;
    double *position = NULL;
    ba_sink_t *sink;
    int status;

    BA_TRY(ba_timeline_reserve(timeline, bundle, "/control/run_position", 1, &sink));
    BA_TRY_ALLOC(position, ba_malloc(n, sizeof *position));
    for (size_t k = 0; k < runs->n_runs; k++) {
        size_t first = runs->onset[k], stop = runs->onset[k + 1];

        for (size_t i = first; i < stop; i++) {
            position[i] = ((double) (i - first) + 0.5) / (double) (stop - first);
        }
    }
    BA_TRY(
        ba_timeline_write_block(timeline, sink, 0, 0, (ba_cdmat_t){position, n, 1, n}));
out:
    ba_free(position);
    return status;
}

static int
write_oasm(ba_timeline_t *timeline, ba_bundle_t *bundle)
{
    size_t n = timeline->scan.runs.n_samples;
    size_t step = n < OASM_COLUMNS ? n : OASM_COLUMNS;
    double *block = NULL;
    ba_sink_t *sink;
    int status;

    BA_TRY(ba_timeline_reserve(timeline, bundle, "/control/oasm", n, &sink));
    BA_TRY(ba_bundle_attr_f64(
        bundle, "/control/oasm", "sigma", 1, &timeline->opts->oasm_sigma));
    BA_TRY_ALLOC(block, ba_malloc(n, step * sizeof *block));
    for (size_t col0 = 0; col0 < n; col0 += step) {
        size_t n_cols = n - col0 < step ? n - col0 : step;

        BA_TRY(ba_ctx_check(timeline->ctx));
        ba_oasm_columns(&timeline->scan.runs, timeline->opts->oasm_sigma, col0,
            (ba_dmat_t){block, n, n_cols, n});
        BA_TRY(ba_timeline_write_block(
            timeline, sink, 0, col0, (ba_cdmat_t){block, n, n_cols, n}));
    }
out:
    ba_free(block);
    return status;
}

int
ba_timeline_write_controls(ba_timeline_t *timeline, ba_bundle_t *bundle)
{
    unsigned controls = ba_timeline_controls(timeline);
    int status = BA_OK;

    for (size_t i = 0; i < sizeof CONTROLS / sizeof CONTROLS[0]; i++) {
        const control_t *control = &CONTROLS[i];
        int is_known =
            control->value != sentence_position || timeline->words.has_sentences;

        if ((controls & control->bit) && is_known) {
            BA_TRY(write_control(timeline, control, bundle));
        }
    }
    if (controls & BA_CONTROL_POSITION) {
        BA_TRY(write_run_position(timeline, bundle));
    }
    if (controls & BA_CONTROL_OASM) {
        BA_TRY(write_oasm(timeline, bundle));
    }
out:
    return status;
}
