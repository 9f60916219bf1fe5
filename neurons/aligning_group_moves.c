/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a set adds where the stimulus has nothing to do with what the model without it
 * leaves: the residuals of that model, held out, are moved for all subjects alike (random
 * signs of cosine coefficients within runs), put back on its predictions, and both models
 * fitted anew (Freedman & Lane 1983). Features stay, their correlations included; what
 * subjects have in common stays. */
#include "neurons/aligning_group.h"

#include "brainalign/null.h"
#include "core/alloc.h"
#include "core/error_keep.h"
#include "linalg/blas.h"
#include "neurons/aligning_split.h"

#include <math.h>
#include <string.h>

/* Surrogates of a target that are done together, from a multiple on; the last ones are filled
 * up to a multiple of BA_ALIGN_BLOCK columns. So they are the same columns of a block wherever
 * the target stands. */
enum { CHUNK = 4 * BA_ALIGN_BLOCK };

/* Sets and targets between two looks at whether to stop. */
enum { BATCH = 64 };

/* Targets first .. first + n - 1. */
typedef struct {
    ba_align_group_t *group;
    const ba_null_t *null;
    size_t first, n;
    double *residual; /* set after set, target after target: n_used */
    double *drop;     /* the same: 1 + n_moves, the first of the responses as they are */
    double *share;    /* n: 1 over the folds with a score */
} window_t;

static double *
residual_of(const window_t *window, size_t set, size_t target)
{
    size_t n_used = window->group->aligning->n_used;

    return window->residual + (set * window->n + target - window->first) * n_used;
}

static double *
drop_of(const window_t *window, size_t set, size_t target)
{
    size_t each = 1 + window->group->n_moves;

    return window->drop + (set * window->n + target - window->first) * each;
}

/* Held-out sums of squares of some columns with and without a set; residual as in
 * ba_contribution_set(), NULL = not wanted. drop: n_columns, added to. */
static int
add_drops(const ba_contribution_t *contribution, const ba_align_set_t *set, ba_cdmat_t y,
    ba_cdmat_t y_test, double share, size_t n_columns, double *residual, double *drop)
{
    int status = BA_OK;
    size_t v = y.n_cols;
    double *sse = NULL;
    ba_set_scores_t whole, without, none = {NULL, NULL, NULL};

    BA_TRY_ALLOC(sse, ba_malloc(2 * v, sizeof *sse));
    whole = (ba_set_scores_t){.sse = sse};
    without = (ba_set_scores_t){.sse = sse + v, .residual = residual};
    BA_TRY(ba_contribution_set(
        contribution, y, y_test, set->neurons, set->n, &whole, &without, &none, &none));
    for (size_t b = 0; b < n_columns; b++) {
        double total = ba_align_total(y_test.data + b * y_test.ld, y_test.n_rows);

        drop[b] += (sse[v + b] - sse[b]) / total * share;
    }
out:
    ba_free(sse);
    return status;
}

/* ---- responses as they are ---- */

static int
observe(const window_t *window, const ba_align_fold_t *fold,
    const ba_contribution_t *contribution, size_t set, size_t target)
{
    int status = BA_OK;
    const ba_align_split_t *split = ba_align_fold_split(fold);
    size_t n = split->n_train, m = split->n_test;
    double *y = NULL, *left, *kept = residual_of(window, set, target);

    BA_TRY_ALLOC(y, ba_malloc(n + 2 * m, sizeof *y));
    left = y + n + m;
    ba_align_split_gather(split, target, y, y + n);
    BA_TRY(add_drops(contribution, &window->group->sets[set], ba_cdmat(y, n, 1, n),
        ba_cdmat(y + n, m, 1, m), window->share[target - window->first], 1, left,
        drop_of(window, set, target)));
    for (size_t i = 0; i < m; i++) {
        kept[split->test[i]] = left[i];
    }
out:
    ba_free(y);
    return status;
}

/* ---- responses moved ---- */

/* Room for a chunk of surrogates, as a fold trains on them and holds them out. */
typedef struct {
    ba_null_series_t *series;
    double *moved, *y, *y_test;
} surrogates_t;

static void
free_surrogates(surrogates_t *surrogates)
{
    ba_null_series_free(surrogates->series);
    ba_free(surrogates->moved);
    ba_free(surrogates->y);
    ba_free(surrogates->y_test);
}

/* Moves first .. first + n_columns - 1; beyond the last it stands again. */
static int
fill_chunk(const window_t *window, const ba_align_split_t *split, size_t set,
    size_t target, size_t first, size_t n_columns, surrogates_t *surrogates)
{
    int status = BA_OK;
    const ba_align_group_t *group = window->group;
    size_t n_used = group->aligning->n_used;
    const double *response = group->aligning->responses + target * n_used;
    const double *residual = residual_of(window, set, target);
    double *moved = surrogates->moved;

    for (size_t k = 0; k < n_columns; k++) {
        if (first + k < group->n_moves) {
            BA_TRY(ba_null_series_permute(
                surrogates->series, first + k, ba_dmat(moved, n_used, 1, n_used)));
            for (size_t i = 0; i < n_used; i++) {
                moved[i] += response[i] - residual[i];
            }
        }
        ba_align_split_take(split, moved, surrogates->y + k * split->n_train,
            surrogates->y_test + k * split->n_test);
    }
out:
    return status;
}

static int
move(const window_t *window, const ba_align_fold_t *fold,
    const ba_contribution_t *contribution, size_t set, size_t target)
{
    int status = BA_OK;
    const ba_align_group_t *group = window->group;
    const ba_align_split_t *split = ba_align_fold_split(fold);
    size_t n = split->n_train, m = split->n_test, n_used = group->aligning->n_used;
    double share = window->share[target - window->first];
    double *drop = drop_of(window, set, target) + 1;
    surrogates_t surrogates = {.series = NULL};

    BA_TRY_ALLOC(surrogates.moved, ba_malloc(n_used, sizeof *surrogates.moved));
    BA_TRY_ALLOC(surrogates.y, ba_malloc(n, CHUNK * sizeof *surrogates.y));
    BA_TRY_ALLOC(surrogates.y_test, ba_malloc(m, CHUNK * sizeof *surrogates.y_test));
    BA_TRY(ba_null_series_new(window->null, 0,
        ba_cdmat(residual_of(window, set, target), n_used, 1, n_used),
        &surrogates.series));
    for (size_t b = 0; b < group->n_moves; b += CHUNK) {
        size_t left = group->n_moves - b, n_moves = left < CHUNK ? left : CHUNK;
        size_t v = (n_moves + BA_ALIGN_BLOCK - 1) / BA_ALIGN_BLOCK * BA_ALIGN_BLOCK;

        BA_TRY(fill_chunk(window, split, set, target, b, v, &surrogates));
        BA_TRY(add_drops(contribution, &group->sets[set], ba_cdmat(surrogates.y, n, v, n),
            ba_cdmat(surrogates.y_test, m, v, m), share, n_moves, NULL, drop + b));
    }
out:
    free_surrogates(&surrogates);
    return status;
}

/* ---- a window ---- */

typedef int (*do_one_t)(const window_t *window, const ba_align_fold_t *fold,
    const ba_contribution_t *contribution, size_t set, size_t target);

/* Every set and target writes to places of its own. */
static int
do_all(const window_t *window, const ba_align_fold_t *fold,
    const ba_contribution_t *contribution, size_t first, size_t stop, do_one_t do_one)
{
    int status = BA_OK;
    const ba_align_group_t *group = window->group;
    size_t n = (stop - first) * group->n;
    ba_error_keep_t keep = {0};

    for (size_t begin = 0; begin < n; begin += BATCH) {
        size_t end = n - begin < BATCH ? n : begin + BATCH;

        BA_TRY(ba_ctx_check(group->ctx));
#pragma omp parallel for schedule(dynamic) num_threads(ba_ctx_threads(group->ctx))
        for (size_t i = begin; i < end; i++) {
            size_t target = ba_align_fold_target(fold, first + i / group->n);

            ba_error_keep(
                &keep, do_one(window, fold, contribution, i % group->n, target));
        }
        BA_TRY(ba_error_raise(&keep));
    }
out:
    return status;
}

static int
visit_as_they_are(const ba_ctx_t *ctx, const ba_align_fold_t *fold,
    const ba_contribution_t *contribution, size_t first, size_t stop, void *data)
{
    (void) ctx;
    return do_all(data, fold, contribution, first, stop, observe);
}

static int
visit_moved(const ba_ctx_t *ctx, const ba_align_fold_t *fold,
    const ba_contribution_t *contribution, size_t first, size_t stop, void *data)
{
    (void) ctx;
    return do_all(data, fold, contribution, first, stop, move);
}

/* Rows of no fold have no prediction: what is left of them is what the mean leaves. */
static void
start_window(window_t *window)
{
    const ba_align_group_t *group = window->group;
    const ba_aligning_t *a = group->aligning;

    memset(window->drop, 0,
        group->n * window->n * (1 + group->n_moves) * sizeof *window->drop);
    for (size_t t = window->first; t < window->first + window->n; t++) {
        const double *response = a->responses + t * a->n_used;
        size_t n_folds = ba_align_folds_of(a, t);
        double mean = 0.0;

        window->share[t - window->first] = n_folds > 0 ? 1.0 / (double) n_folds : 0.0;
        for (size_t i = 0; i < a->n_used; i++) {
            mean += response[i] / (double) a->n_used;
        }
        for (size_t s = 0; s < group->n; s++) {
            for (size_t i = 0; i < a->n_used; i++) {
                residual_of(window, s, t)[i] = response[i] - mean;
            }
        }
    }
}

/* Targets in ascending order, so that windows change no bit. */
static void
add_window(const window_t *window)
{
    const ba_align_group_t *group = window->group;
    size_t n_regions = group->regions->n, n_subjects = group->n_subjects;

    for (size_t t = window->first; t < window->first + window->n; t++) {
        size_t list[] = {0, group->regions->region[t]};
        size_t subject = group->subjects.region[t];

        if (subject == 0 || !(window->share[t - window->first] > 0.0)) {
            continue;
        }
        for (size_t k = 0; k < (list[1] > 0 ? 2 : 1); k++) {
            size_t r = list[k];
            double share = 1.0 / (double) group->n_targets[r * n_subjects + subject - 1];

            for (size_t s = 0; s < group->n; s++) {
                const double *drop = drop_of(window, s, t);
                size_t at = s * n_regions + r;
                double *moved = group->moved + at * group->n_moves;

                group->scores[at * n_subjects + subject - 1] += drop[0] * share;
                for (size_t b = 0; b < group->n_moves; b++) {
                    moved[b] += drop[1 + b] * share / (double) group->n_used[r];
                }
            }
        }
    }
}

static int
run_window(window_t *window)
{
    int status = BA_OK;
    const ba_align_group_t *group = window->group;
    const ba_aligning_t *a = group->aligning;
    double n_all = 2.0 * (double) (a->n_targets * a->n_folds);

    start_window(window);
    for (size_t pass = 0; pass < 2; pass++) {
        for (size_t f = 0; f < a->n_folds; f++) {
            double done = (double) (2 * window->first * a->n_folds +
                                    window->n * (pass * a->n_folds + f + 1));

            BA_TRY(ba_align_visit_window(group->ctx, a, f, window->first, window->n,
                pass == 0 ? visit_as_they_are : visit_moved, window));
            ba_ctx_progress(group->ctx, "moves of the group", done, n_all);
        }
    }
    add_window(window);
out:
    return status;
}

static int
make_null(const ba_align_group_t *group, ba_null_t **null)
{
    ba_null_opts_t opts = ba_null_opts_default();

    opts.n_permutations = group->n_moves;
    opts.seed = group->ctx ? group->ctx->seed : 0;
    return ba_null_new(&opts, &group->aligning->runs, 1, null);
}

/* Targets whose residuals and drops fit, beside what threads work with. */
static int
choose_window(const ba_align_group_t *group, size_t *n)
{
    const ba_aligning_t *a = group->aligning;
    double samples = (double) a->n_used,
           columns = (double) ba_design_n_columns(a->design);
    double each = (double) group->n * (samples + 1.0 + (double) group->n_moves);
    double work = (double) ba_ctx_threads(group->ctx) *
                  (8.0 * CHUNK * samples + 3.0 * samples * columns);
    double budget = (double) ba_ctx_memory(group->ctx) / sizeof(double);
    double fit = (budget / 2.0 - work) / each;

    if (!(fit >= 1.0)) {
        return ba_fail(BA_TOO_LARGE,
            "%zu sets, %zu moves of %zu samples need %.3g GiB for a target, wanted at "
            "most %.3g: fewer moves, sets or threads",
            group->n, group->n_moves, a->n_used, (each + work) * sizeof(double) * 0x1p-30,
            budget / 2.0 * sizeof(double) * 0x1p-30);
    }
    *n = fit < (double) a->n_targets ? (size_t) fit : a->n_targets;
    return BA_OK;
}

int
ba_align_group_move(ba_align_group_t *group)
{
    int status = BA_OK;
    const ba_aligning_t *a = group->aligning;
    size_t most = 0;
    ba_null_t *null = NULL;
    window_t window = {.group = group};

    BA_TRY(choose_window(group, &most));
    BA_TRY(make_null(group, &null));
    window.null = null;
    BA_TRY_ALLOC(
        window.residual, ba_malloc(most * group->n, a->n_used * sizeof *window.residual));
    BA_TRY_ALLOC(window.drop,
        ba_malloc(most * group->n, (1 + group->n_moves) * sizeof *window.drop));
    BA_TRY_ALLOC(window.share, ba_malloc(most, sizeof *window.share));
    for (; window.first < a->n_targets; window.first += window.n) {
        size_t left = a->n_targets - window.first;

        window.n = left < most ? left : most;
        BA_TRY(run_window(&window));
    }
out:
    ba_null_free(null);
    ba_free(window.residual);
    ba_free(window.drop);
    ba_free(window.share);
    return status;
}
