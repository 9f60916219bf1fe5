/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Decoded words against those said, in windows of a passage that do not overlap; a word
 * belongs to the window of its middle. Windows without a word said have no score. A null
 * counts against a score where it is as good or better. */
#include "decode/beam_job.h"

#include "core/alloc.h"

#include <math.h>

enum { WER, BLEU1, SIMILARITY, N_SCORES };

typedef struct {
    size_t *said, *decoded;
} window_words_t;

/* Words of a list in a window of a passage; words NULL = those of the list. */
static size_t
take_words(const ba_timed_word_t *list, size_t n, const size_t *words, double from,
    double to, size_t *out)
{
    size_t found = 0;

    for (size_t i = 0; i < n; i++) {
        double middle = 0.5 * (list[i].onset + list[i].offset);

        if (middle >= from && middle < to) {
            out[found++] = words ? words[i] : list[i].word;
        }
    }
    return found;
}

/* Scores of one window, NaN without words said. words: of all decoded places. */
static int
score_window(const ba_beam_job_t *job, size_t w, const size_t *words,
    const window_words_t *work, double scores[N_SCORES])
{
    int status = BA_OK;
    const ba_beam_passage_t *passage = &job->passages[job->window_passage[w]];
    double from = job->window_start[w], to = from + job->opts->window_seconds;
    size_t distance, n, m;

    scores[WER] = scores[BLEU1] = scores[SIMILARITY] = NAN;
    n = take_words(job->reference + passage->first_said, passage->n_said, NULL, from, to,
        work->said);
    m = take_words(job->decoded + passage->first, passage->n,
        words ? words + passage->first : NULL, from, to, work->decoded);
    if (n == 0) {
        return BA_OK;
    }
    BA_TRY(ba_edit_distance(work->said, n, work->decoded, m, &distance));
    scores[WER] = (double) distance / (double) n;
    scores[BLEU1] = ba_bleu1(work->said, n, work->decoded, m);
    scores[SIMILARITY] = ba_word_similarity(&job->space, work->said, n, work->decoded, m);
out:
    return status;
}

/* Means over windows; each to its place where windows are kept. */
static int
score_words(const ba_beam_job_t *job, const size_t *words, const window_words_t *work,
    double (*windows)[3], double means[N_SCORES])
{
    int status = BA_OK;
    double one[N_SCORES], sum[N_SCORES] = {0.0}, n[N_SCORES] = {0.0};

    for (size_t w = 0; w < job->n_windows; w++) {
        BA_TRY(score_window(job, w, words, work, one));
        for (size_t k = 0; k < N_SCORES; k++) {
            sum[k] += isnan(one[k]) ? 0.0 : one[k];
            n[k] += isnan(one[k]) ? 0.0 : 1.0;
            if (windows) {
                windows[w][k] = one[k];
            }
        }
    }
    for (size_t k = 0; k < N_SCORES; k++) {
        means[k] = n[k] > 0.0 ? sum[k] / n[k] : (double) NAN;
    }
out:
    return status;
}

static int
list_windows(ba_beam_job_t *job)
{
    int status = BA_OK;
    double length = job->opts->window_seconds;
    size_t n = 0;

    for (int fill = 0; fill < 2; fill++) {
        n = 0;
        for (size_t p = 0; p < job->n_passages; p++) {
            const ba_beam_passage_t *passage = &job->passages[p];

            for (size_t i = 0; passage->start + (double) i * length < passage->stop;
                 i++) {
                if (fill) {
                    job->window_start[n] = passage->start + (double) i * length;
                    job->window_passage[n] = p;
                }
                n++;
            }
        }
        if (!fill) {
            BA_TRY_ALLOC(job->window_start, ba_malloc(n, sizeof *job->window_start));
            BA_TRY_ALLOC(job->window_passage, ba_malloc(n, sizeof *job->window_passage));
            BA_TRY_ALLOC(job->window_scores, ba_malloc(n, sizeof *job->window_scores));
        }
    }
    job->n_windows = n;
out:
    return status;
}

/* Scores of folds depend on one another: each fold's model knows the words and responses of
 * the others. Shifts of one fold's responses do not imitate that, so that their deviations
 * from the mean are widened by sqrt(2), the most that it takes (model/null.h, is_crossed). */
static double
p_value(const ba_beam_job_t *job, size_t k, double score, double *mean)
{
    double as_good = 1.0, sum = 0.0;
    size_t n = job->opts->n_nulls;
    double widening =
        job->info.n_folds > 1 && job->opts->null == BA_BEAM_NULL_SHIFT ? sqrt(2.0) : 1.0;

    for (size_t i = 0; i < n; i++) {
        sum += job->null_scores[i][k] / (double) n;
    }
    for (size_t i = 0; i < n; i++) {
        double null = sum + widening * (job->null_scores[i][k] - sum);

        as_good += k == WER ? null <= score : null >= score;
    }
    *mean = n > 0 ? sum : (double) NAN;
    return n > 0 && !isnan(score) ? as_good / (1.0 + (double) n) : (double) NAN;
}

/* Share of slots with the very word; places are the same where times are given. */
static double
word_accuracy(const ba_beam_job_t *job)
{
    double right = 0.0;

    if (job->opts->predict_rate || job->n_decoded != job->n_reference ||
        job->n_decoded == 0) {
        return NAN;
    }
    for (size_t i = 0; i < job->n_decoded; i++) {
        right += job->decoded[i].word == job->reference[i].word;
    }
    return right / (double) job->n_decoded;
}

int
ba_beam_score(ba_beam_job_t *job)
{
    int status = BA_OK;
    window_words_t work = {.said = NULL};
    double means[N_SCORES];
    ba_beam_scores_t *out = &job->info.scores;

    BA_TRY(list_windows(job));
    BA_TRY_ALLOC(work.said, ba_malloc(job->n_reference, sizeof *work.said));
    BA_TRY_ALLOC(work.decoded, ba_malloc(job->n_decoded, sizeof *work.decoded));
    BA_TRY_ALLOC(
        job->null_scores, ba_malloc(job->opts->n_nulls, sizeof *job->null_scores));
    BA_TRY(score_words(job, NULL, &work, job->window_scores, means));
    for (size_t i = 0; i < job->opts->n_nulls; i++) {
        BA_TRY(score_words(job, job->nulls[i], &work, NULL, job->null_scores[i]));
    }
    out->wer = means[WER];
    out->bleu1 = means[BLEU1];
    out->similarity = means[SIMILARITY];
    out->p_wer = p_value(job, WER, means[WER], &out->null_wer);
    out->p_bleu1 = p_value(job, BLEU1, means[BLEU1], &out->null_bleu1);
    out->p_similarity =
        p_value(job, SIMILARITY, means[SIMILARITY], &out->null_similarity);
    job->info.n_windows = job->n_windows;
    job->info.word_accuracy = word_accuracy(job);
out:
    ba_free(work.said);
    ba_free(work.decoded);
    return status;
}
