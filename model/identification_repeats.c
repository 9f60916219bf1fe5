/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Identification of items in repeats of a measurement: each repeat takes the place of the
 * predictions, another one, or the mean of the others, that of the targets. */
#include "model/identification_impl.h"

#include "core/alloc.h"

#include <string.h>

/* Buffers of one comparison, and the sums over all. */
typedef struct {
    const ba_ctx_t *ctx;
    ba_similarity_t kind;
    const ba_identify_opts_t *opts;
    const ba_cdmat_t *repeats;
    size_t n_repeats, n_items, n_dims;
    double *similarity; /* n_items x n_items */
    double *others;     /* n_items x n_dims */
    ba_repeat_identification_t *out;
} work_t;

static int
compare(work_t *work, ba_cdmat_t predicted, ba_cdmat_t targets)
{
    size_t n = work->n_items;
    ba_dmat_t s = {work->similarity, n, n, n};
    ba_identification_t problem = {{work->similarity, n, n, n}, NULL, 0};
    ba_identify_opts_t opts = *work->opts;
    ba_repeat_identification_t *out = work->out;
    ba_identified_t found = {0};
    int status;

    opts.exchange = NULL;
    opts.n_gallery = opts.n_traces = 0;
    BA_TRY(ba_similarity(work->ctx, work->kind, predicted, targets, s));
    problem.tie = ba_similarity_tie(work->kind, problem.similarity);
    BA_TRY(ba_identify(work->ctx, &problem, &opts, &found));
    out->n_comparisons++;
    out->sum += found.sum.value;
    out->single += found.single.value;
    out->strict += found.strict.value;
    out->rank_accuracy += found.rank_accuracy.value;
    out->mrr += found.mrr.value;
    for (size_t k = 0; k < opts.n_top; k++) {
        out->top[k] += found.top[k].value;
    }
out:
    ba_identified_free(&found);
    return status;
}

/* The mean of all repeats but one. */
static ba_cdmat_t
mean_of_others(work_t *work, size_t left_out)
{
    size_t n = work->n_items;

    memset(work->others, 0, n * work->n_dims * sizeof *work->others);
    for (size_t r = 0; r < work->n_repeats; r++) {
        for (size_t j = 0; r != left_out && j < work->n_dims; j++) {
            for (size_t i = 0; i < n; i++) {
                work->others[i + j * n] +=
                    work->repeats[r].data[i + j * work->repeats[r].ld] /
                    (double) (work->n_repeats - 1);
            }
        }
    }
    return (ba_cdmat_t){work->others, n, work->n_dims, n};
}

static int
compare_all(work_t *work, ba_against_t against)
{
    int status = BA_OK;

    for (size_t a = 0; a < work->n_repeats; a++) {
        if (against == BA_AGAINST_OTHERS) {
            BA_TRY(compare(work, work->repeats[a], mean_of_others(work, a)));
            continue;
        }
        for (size_t b = 0; b < work->n_repeats; b++) {
            if (b != a) {
                BA_TRY(compare(work, work->repeats[a], work->repeats[b]));
            }
        }
    }
out:
    return status;
}

static int
check_repeats(const ba_cdmat_t *repeats, size_t n_repeats)
{
    if (n_repeats < 2) {
        return ba_fail(BA_SHAPE, "repeats: found %zu, wanted at least 2", n_repeats);
    }
    for (size_t r = 1; r < n_repeats; r++) {
        if (repeats[r].n_rows != repeats[0].n_rows ||
            repeats[r].n_cols != repeats[0].n_cols) {
            return ba_fail(BA_SHAPE, "repeat %zu: found %zu x %zu, wanted %zu x %zu", r,
                repeats[r].n_rows, repeats[r].n_cols, repeats[0].n_rows,
                repeats[0].n_cols);
        }
    }
    return BA_OK;
}

static void
divide(ba_repeat_identification_t *out, size_t n_top)
{
    double n = (double) out->n_comparisons;

    out->sum /= n;
    out->single /= n;
    out->strict /= n;
    out->rank_accuracy /= n;
    out->mrr /= n;
    for (size_t k = 0; k < n_top; k++) {
        out->top[k] /= n;
    }
    out->d_prime = ba_dprime_of_rank(out->rank_accuracy);
}

int
ba_repeat_identification(const ba_ctx_t *ctx, ba_similarity_t kind,
    const ba_cdmat_t *repeats, size_t n_repeats, ba_against_t against,
    const ba_identify_opts_t *opts, ba_repeat_identification_t *out)
{
    work_t work = {.ctx = ctx,
        .kind = kind,
        .opts = opts,
        .repeats = repeats,
        .n_repeats = n_repeats,
        .out = out};
    int status;

    *out = (ba_repeat_identification_t){0};
    BA_TRY(check_repeats(repeats, n_repeats));
    work.n_items = repeats[0].n_rows;
    work.n_dims = repeats[0].n_cols;
    BA_TRY_ALLOC(out->top, ba_calloc(opts->n_top, sizeof *out->top));
    BA_TRY_ALLOC(work.similarity, ba_malloc(work.n_items, work.n_items * sizeof(double)));
    BA_TRY_ALLOC(work.others, ba_malloc(work.n_items, work.n_dims * sizeof(double)));
    BA_TRY(compare_all(&work, against));
    divide(out, opts->n_top);
out:
    ba_free(work.similarity);
    ba_free(work.others);
    if (status != BA_OK) {
        ba_repeat_identification_free(out);
    }
    return status;
}

void
ba_repeat_identification_free(ba_repeat_identification_t *out)
{
    ba_free(out->top);
    out->top = NULL;
}
