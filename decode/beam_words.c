/* SPDX-License-Identifier: GPL-3.0-or-later */
/* When the words of a run were said: by the tables, or as many in each volume as its
 * responses tell. Put on volumes by the code of datasets prepare. */
#include "decode/beam_job.h"

#include "core/alloc.h"
#include "datasets/corpus_read.h"

#include <math.h>
#include <string.h>

static int
allocate(ba_run_words_t *out, size_t n)
{
    int status = BA_OK;

    *out = (ba_run_words_t){.n = n};
    BA_TRY_ALLOC(out->onset, ba_malloc(n, sizeof *out->onset));
    BA_TRY_ALLOC(out->offset, ba_malloc(n, sizeof *out->offset));
    BA_TRY_ALLOC(out->word, ba_malloc(n, sizeof *out->word));
    BA_TRY_ALLOC(out->sample, ba_malloc(n, sizeof *out->sample));
out:
    return status;
}

void
ba_run_words_free(ba_run_words_t *words)
{
    ba_free(words->onset);
    ba_free(words->offset);
    ba_free(words->word);
    ba_free(words->sample);
    ba_resampler_free(&words->resampler);
    *words = (ba_run_words_t){.n = 0};
}

int
ba_run_words_given(const ba_beam_job_t *job, size_t run, ba_run_words_t *out)
{
    int status = BA_OK;
    const ba_timeline_t *timeline = &job->timeline;
    size_t first = timeline->first_item[run];
    ba_timeline_map_t map;

    BA_TRY(allocate(out, timeline->first_item[run + 1] - first));
    for (size_t i = 0; i < out->n; i++) {
        char *text = timeline->words.text[timeline->items[first + i]];

        out->onset[i] = timeline->onset[first + i];
        out->offset[i] = timeline->offset[first + i];
        out->sample[i] = ba_timeline_volume(timeline, run, first + i);
        out->word[i] =
            timeline->words.has_text ? ba_text_set_find(&job->words, text) : SIZE_MAX;
    }
    BA_TRY(ba_timeline_map_make(timeline, run, job->opts->resample, &map));
    out->resampler = map.base;
out:
    return status;
}

/* ---- predicted ---- */

/* Words in a fold's samples from `sample` on: running sums rounded, so that no words are
 * lost where less than half a word a volume is said. */
static size_t
words_up_to(double sum)
{
    return sum > 0.0 ? (size_t) floor(sum + 0.5) : 0;
}

static int
is_predicted(const ba_beam_job_t *job, size_t fold, size_t sample)
{
    return sample != SIZE_MAX && job->fold_of[sample] == (int32_t) fold;
}

/* Number of words: those of the tables outside of the fold, those predicted inside. */
static size_t
count_words(const ba_beam_job_t *job, size_t fold, size_t run)
{
    const ba_runs_t *runs = &job->timeline.scan.runs;
    const ba_run_words_t *given = &job->given[run];
    double sum = 0.0;
    size_t n = 0;

    for (size_t i = 0; i < given->n; i++) {
        n += !is_predicted(job, fold, given->sample[i]);
    }
    for (size_t s = runs->onset[run]; s < runs->onset[run + 1]; s++) {
        sum += is_predicted(job, fold, s) ? job->predicted[s] : 0.0;
    }
    return n + words_up_to(sum);
}

static void
put_word(ba_run_words_t *out, size_t at, double onset, double offset, size_t sample)
{
    out->onset[at] = onset;
    out->offset[at] = offset;
    out->word[at] = SIZE_MAX;
    out->sample[at] = sample;
}

static void
place_words(const ba_beam_job_t *job, size_t fold, size_t run, ba_run_words_t *out)
{
    const ba_runs_t *runs = &job->timeline.scan.runs;
    const ba_run_words_t *given = &job->given[run];
    const double *edges = job->timeline.scan.edges + run;
    size_t at = 0, next = 0, said = 0;
    double sum = 0.0;

    for (size_t s = runs->onset[run]; s < runs->onset[run + 1]; s++) {
        double start = edges[s], length = edges[s + 1] - start;
        size_t n;

        for (; next < given->n && given->onset[next] < edges[s + 1]; next++) {
            if (!is_predicted(job, fold, given->sample[next])) {
                put_word(out, at, given->onset[next], given->offset[next],
                    given->sample[next]);
                out->word[at++] = given->word[next];
            }
        }
        if (!is_predicted(job, fold, s)) {
            continue;
        }
        sum += job->predicted[s];
        n = words_up_to(sum) - said;
        for (size_t i = 0; i < n; i++) {
            put_word(out, at++, start + length * (double) i / (double) n,
                start + length * ((double) i + 1.0) / (double) n, s);
        }
        said += n;
    }
    for (; next < given->n; next++) {
        put_word(out, at, given->onset[next], given->offset[next], given->sample[next]);
        out->word[at++] = given->word[next];
    }
}

int
ba_run_words_predicted(
    const ba_beam_job_t *job, size_t fold, size_t run, ba_run_words_t *out)
{
    int status = BA_OK;
    size_t n = count_words(job, fold, run), n_runs = job->timeline.words.n_runs;
    size_t *first_item = NULL;
    ba_timeline_t timeline = job->timeline;
    ba_timeline_map_t map;

    BA_TRY(allocate(out, n));
    place_words(job, fold, run, out);
    /* The same recording, with these words in this run and none in others. */
    BA_TRY_ALLOC(first_item, ba_calloc(n_runs + 1, sizeof *first_item));
    for (size_t k = run + 1; k <= n_runs; k++) {
        first_item[k] = n;
    }
    timeline.first_item = first_item;
    timeline.onset = out->onset;
    timeline.offset = out->offset;
    BA_TRY(ba_timeline_map_make(&timeline, run, job->opts->resample, &map));
    out->resampler = map.base;
out:
    ba_free(first_item);
    return status;
}
