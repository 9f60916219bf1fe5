/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Transcripts that know nothing of the words said: the same search on responses of other
 * times, or draws from the candidates of the language model. */
#include "decode/beam_job.h"

#include "core/alloc.h"
#include "core/rng.h"

#include <string.h>

/* Fewest responses of a stretch, which are its different shifts: among few, nulls are too much
 * alike. All shifts are drawn, small ones and none among them: a null that lacks those lacks
 * what is like the observed one. */
enum { LEAST_RESPONSES = 20 };

static int
grow_nulls(ba_beam_job_t *job, size_t n)
{
    int status = BA_OK;

    if (n <= job->nulls_size) {
        return BA_OK;
    }
    for (size_t i = 0; i < job->opts->n_nulls; i++) {
        size_t *grown;

        BA_TRY_ALLOC(grown, ba_realloc(job->nulls[i], 2 * n, sizeof *grown));
        job->nulls[i] = grown;
    }
    job->nulls_size = 2 * n;
out:
    return status;
}

static int
null_shift(ba_beam_job_t *job, const ba_beam_task_t *task, ba_rng_t *rng, size_t *out)
{
    int status = BA_OK;
    size_t n = ba_beam_n_responses(job, task->decoder, task->run), *items = NULL, n_items;
    ba_passage_t passage = {.n_slots = 0};
    ba_found_t found = {.n = 0};

    if (n < LEAST_RESPONSES) {
        BA_TRY(ba_fail(BA_SHAPE,
            "nulls: %zu responses of fold %zu in run %zu, wanted %d or more to move (or "
            "draws from the language model)",
            n, task->decoder->left_out.fold[0], task->run + 1, LEAST_RESPONSES));
    }
    BA_TRY(ba_beam_passage(job, task->decoder, task->decoder->left_out.fold[0], task->run,
        task->words, ba_rng_below(rng, n), &items, &n_items, &passage));
    BA_TRY(ba_beam_search(&job->search, &passage, task->products, &job->language,
        &task->search, 1, &found));
    memcpy(out, found.words, found.n_slots * sizeof *out);
out:
    ba_found_free(&found);
    ba_passage_free(&passage);
    ba_free(items);
    return status;
}

/* Word by word from the candidates that the search would have. */
static int
null_model(ba_beam_job_t *job, size_t n, ba_rng_t *rng, size_t *out)
{
    int status = BA_OK;
    const ba_language_t *language = &job->language;
    size_t context = language->n_context, *history = NULL, *words = NULL;
    double *p = NULL;

    BA_TRY_ALLOC(history, ba_malloc(context, sizeof *history));
    BA_TRY_ALLOC(words, ba_malloc(job->opts->n_extensions, sizeof *words));
    BA_TRY_ALLOC(p, ba_malloc(language->n_words, sizeof *p));
    for (size_t i = 0; i < n; i++) {
        size_t n_words, at = 0;
        double sum = 0.0, drawn;

        for (size_t k = 0; k < context; k++) {
            history[k] = context - k <= i ? out[i + k - context] : SIZE_MAX;
        }
        BA_TRY(language->next(language->model, job->ctx, history, 1, p));
        n_words = ba_language_nucleus(p, language->n_words, job->said.allowed,
            job->opts->nucleus, job->opts->n_extensions, words);
        for (size_t k = 0; k < n_words; k++) {
            sum += p[words[k]];
        }
        if (n_words == 0 || !(sum > 0.0)) {
            BA_TRY(ba_fail(BA_NUMERIC,
                "language model: no word with a vector can follow at word %zu of a null",
                i + 1));
        }
        drawn = sum * ba_rng_uniform(rng);
        while (at + 1 < n_words && drawn >= p[words[at]]) {
            drawn -= p[words[at++]];
        }
        out[i] = words[at];
    }
out:
    ba_free(history);
    ba_free(words);
    ba_free(p);
    return status;
}

int
ba_beam_nulls(
    ba_beam_job_t *job, const ba_beam_task_t *task, const ba_beam_passage_t *passage)
{
    int status = BA_OK;
    uint64_t seed = job->ctx ? job->ctx->seed : 0;
    ba_rng_t *rng = NULL;

    BA_TRY(grow_nulls(job, passage->first + passage->n));
    for (size_t i = 0; i < job->opts->n_nulls; i++) {
        size_t *out = job->nulls[i] + passage->first;

        BA_TRY(ba_ctx_check(job->ctx));
        ba_rng_free(rng);
        BA_TRY_ALLOC(rng, ba_rng_new(seed, job->n_passages * job->opts->n_nulls + i));
        BA_TRY(job->opts->null == BA_BEAM_NULL_SHIFT
                   ? null_shift(job, task, rng, out)
                   : null_model(job, passage->n, rng, out));
    }
out:
    ba_rng_free(rng);
    return status;
}
