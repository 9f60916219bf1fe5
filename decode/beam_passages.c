/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The responses of a decoder in one run as what words of its fold are decoded from. */
#include "decode/beam_job.h"

#include "core/alloc.h"

#include <string.h>

/* Place of each time's response among the decoder's, SIZE_MAX = none; returns their
 * number. Runs are those that delays stop at. */
static size_t
place_responses(const ba_beam_job_t *job, const ba_fold_decoder_t *decoder, size_t run,
    size_t *response)
{
    const ba_runs_t *runs = &job->decoding.borders;
    size_t n = 0, start = runs->onset[run], length = runs->onset[run + 1] - start;

    for (size_t t = 0; response && t < length; t++) {
        response[t] = SIZE_MAX;
    }
    for (size_t i = 0; i < decoder->n_rows; i++) {
        size_t sample = job->decoding.kept[decoder->rows[i]];

        if (sample >= start && sample < start + length) {
            n++;
            if (response) {
                response[sample - start] = i;
            }
        }
    }
    return n;
}

size_t
ba_beam_n_responses(
    const ba_beam_job_t *job, const ba_fold_decoder_t *decoder, size_t run)
{
    return place_responses(job, decoder, run, NULL);
}

/* The k-th time with a response gets the response of the (k + shift)-th. */
static int
shift_responses(size_t *response, size_t n_times, size_t n, size_t shift)
{
    int status = BA_OK;
    size_t *places = NULL, k = 0;

    BA_TRY_ALLOC(places, ba_malloc(n, sizeof *places));
    for (size_t t = 0; t < n_times; t++) {
        if (response[t] != SIZE_MAX) {
            places[k++] = response[t];
        }
    }
    k = 0;
    for (size_t t = 0; t < n_times; t++) {
        if (response[t] != SIZE_MAX) {
            response[t] = places[(k++ + shift) % n];
        }
    }
out:
    ba_free(places);
    return status;
}

int
ba_beam_passage(const ba_beam_job_t *job, const ba_fold_decoder_t *decoder, size_t fold,
    size_t run, const ba_run_words_t *words, size_t shift, size_t **items,
    size_t *n_items, ba_passage_t *out)
{
    int status = BA_OK;
    const ba_runs_t *runs = &job->decoding.borders;
    size_t *response = NULL, n, length = runs->onset[run + 1] - runs->onset[run];

    *items = NULL;
    *n_items = 0;
    BA_TRY_ALLOC(response, ba_malloc(length, sizeof *response));
    BA_TRY_ALLOC(*items, ba_malloc(words->n, sizeof **items));
    for (size_t i = 0; i < words->n; i++) {
        size_t sample = words->sample[i];

        if (sample != SIZE_MAX && job->fold_of[sample] == (int32_t) fold) {
            (*items)[(*n_items)++] = i;
        }
    }
    n = place_responses(job, decoder, run, response);
    if (shift > 0) {
        BA_TRY(shift_responses(response, length, n, shift));
    }
    BA_TRY(ba_passage_make(job->ctx, &decoder->inversion, decoder->model.delays,
        decoder->model.n_delays, response, length, &words->resampler, *items, *n_items,
        job->said.blank, out));
out:
    ba_free(response);
    return status;
}
