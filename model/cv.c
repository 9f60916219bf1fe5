/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "brainalign/cv.h"
#include "core/alloc.h"
#include "core/rng.h"
#include "model/cv_groups.h"
#include "model/numeral.h"

#include <string.h>

#define DEFAULT_FOLDS 5
#define DEFAULT_RUNS 3 /* as many runs are folds of their own */

static int
bad_text(const char *text)
{
    return ba_fail(BA_VALUE,
        "cv: found \"%s\", wanted runs, kfold:K, chunks:LEN,K, rows:SPEC, "
        "bootstrap:N,LEN,CHUNKS, sets:SPEC, subjects, crossed or none",
        text);
}

/* The number of folds at the end of the text. */
static int
parse_folds(const char *text, const char *at, size_t *n_folds)
{
    if (!ba_numeral_size(&at, INT32_MAX, n_folds) || *at) {
        return bad_text(text);
    }
    if (*n_folds < 2) {
        return ba_fail(
            BA_VALUE, "cv: %s: found %zu folds, wanted 2 or more", text, *n_folds);
    }
    return BA_OK;
}

static int
parse_chunks(const char *text, const char *at, ba_cv_opts_t *out)
{
    if (!ba_numeral_size(&at, INT32_MAX, &out->chunk_len) || *at++ != ',') {
        return bad_text(text);
    }
    if (out->chunk_len == 0) {
        return ba_fail(
            BA_VALUE, "cv: %s: found chunks of 0 samples, wanted 1 or more", text);
    }
    return parse_folds(text, at, &out->n_folds);
}

static int
parse_bootstrap(const char *text, const char *at, ba_cv_opts_t *out)
{
    if (!ba_numeral_size(&at, INT32_MAX, &out->n_folds) || *at++ != ',' ||
        !ba_numeral_size(&at, INT32_MAX, &out->chunk_len) || *at++ != ',' ||
        !ba_numeral_size(&at, INT32_MAX, &out->n_chunks) || *at) {
        return bad_text(text);
    }
    if (out->n_folds == 0 || out->chunk_len == 0 || out->n_chunks == 0) {
        return ba_fail(BA_VALUE, "cv: %s: found 0, wanted 1 or more of each", text);
    }
    return BA_OK;
}

/* What follows `head` in `text`, NULL where the text does not begin so. */
static const char *
after(const char *text, const char *head)
{
    size_t length = strlen(head);

    return strncmp(text, head, length) == 0 ? text + length : NULL;
}

int
ba_cv_parse(const char *text, ba_cv_opts_t *out)
{
    ba_cv_opts_t opts = {0};
    const char *rest;
    int status = BA_OK;

    if (strcmp(text, "runs") == 0) {
        opts.kind = BA_CV_RUNS;
    } else if (strcmp(text, "none") == 0) {
        opts.kind = BA_CV_NONE;
    } else if (strcmp(text, "subjects") == 0) {
        opts.kind = BA_CV_SUBJECTS;
    } else if (strcmp(text, "crossed") == 0) {
        opts.kind = BA_CV_CROSSED;
    } else if ((rest = after(text, "kfold:"))) {
        opts.kind = BA_CV_KFOLD;
        BA_TRY(parse_folds(text, rest, &opts.n_folds));
    } else if ((rest = after(text, "chunks:"))) {
        opts.kind = BA_CV_CHUNKS;
        BA_TRY(parse_chunks(text, rest, &opts));
    } else if ((rest = after(text, "rows:")) && *rest) {
        opts.kind = BA_CV_ROWS;
        opts.spec = rest;
    } else if ((rest = after(text, "bootstrap:"))) {
        opts.kind = BA_CV_BOOTSTRAP;
        BA_TRY(parse_bootstrap(text, rest, &opts));
    } else if ((rest = after(text, "sets:")) && *rest) {
        opts.kind = BA_CV_SETS;
        opts.spec = rest;
    } else {
        return bad_text(text);
    }
    *out = opts;
out:
    return status;
}

/* Whether rows[i] is the first of its run. */
static int
begins_run(const ba_runs_t *runs, const size_t *rows, size_t i)
{
    return i == 0 || ba_runs_of(runs, rows[i]) != ba_runs_of(runs, rows[i - 1]);
}

static size_t
count_runs(const ba_runs_t *runs, const size_t *rows, size_t n_rows)
{
    size_t n_runs = 0;

    for (size_t i = 0; i < n_rows; i++) {
        n_runs += (size_t) begins_run(runs, rows, i);
    }
    return n_runs;
}

static int
fold_runs(const ba_runs_t *runs, const size_t *rows, size_t n_rows, int32_t *fold,
    size_t *n_folds)
{
    int32_t k = -1;

    for (size_t i = 0; i < n_rows; i++) {
        k += begins_run(runs, rows, i);
        fold[i] = k;
    }
    *n_folds = (size_t) (k + 1);
    if (*n_folds < 2) {
        return ba_fail(BA_SHAPE, "cv: runs over %zu run%s: fewer than two folds",
            *n_folds, *n_folds == 1 ? "" : "s");
    }
    return BA_OK;
}

static int
fold_contiguous(size_t n_wanted, size_t n_rows, int32_t *fold, size_t *n_folds)
{
    size_t i = 0;

    if (n_wanted < 2) {
        return ba_fail(BA_SHAPE, "cv: kfold:%zu: fewer than two folds", n_wanted);
    }
    if (n_wanted > n_rows) {
        return ba_fail(BA_SHAPE,
            "cv: kfold:%zu over %zu sample%s: fewer samples than folds", n_wanted, n_rows,
            n_rows == 1 ? "" : "s");
    }
    for (size_t k = 0; k < n_wanted; k++) {
        size_t stop = i + n_rows / n_wanted + (k < n_rows % n_wanted);

        while (i < stop) {
            fold[i++] = (int32_t) k;
        }
    }
    *n_folds = n_wanted;
    return BA_OK;
}

/* fold[i] becomes the chunk of row i. Returns the number of chunks. */
static size_t
number_chunks(const ba_runs_t *runs, const size_t *rows, size_t n_rows, size_t chunk_len,
    int32_t *fold)
{
    size_t n_chunks = 0, filled = 0;

    for (size_t i = 0; i < n_rows; i++) {
        if (filled == chunk_len || begins_run(runs, rows, i)) {
            n_chunks++;
            filled = 0;
        }
        fold[i] = (int32_t) (n_chunks - 1);
        filled++;
    }
    return n_chunks;
}

/* The chunks are shuffled, then dealt one to each fold in turn. */
static int
fold_chunks(const ba_cv_opts_t *opts, const ba_runs_t *runs, const size_t *rows,
    size_t n_rows, int32_t *fold, size_t *n_folds)
{
    size_t *order = NULL, n_chunks;
    int32_t *fold_of = NULL;
    ba_rng_t *rng = NULL;
    int status = BA_OK;

    if (opts->n_folds < 2 || opts->chunk_len == 0) {
        return ba_fail(BA_SHAPE, "cv: chunks:%zu,%zu: %s", opts->chunk_len, opts->n_folds,
            opts->chunk_len == 0 ? "chunks of no samples" : "fewer than two folds");
    }
    n_chunks = number_chunks(runs, rows, n_rows, opts->chunk_len, fold);
    if (n_chunks < opts->n_folds) {
        return ba_fail(BA_SHAPE,
            "cv: chunks:%zu,%zu over %zu samples: %zu chunk%s, fewer than folds",
            opts->chunk_len, opts->n_folds, n_rows, n_chunks, n_chunks == 1 ? "" : "s");
    }
    BA_TRY_ALLOC(order, ba_malloc(n_chunks, sizeof *order));
    BA_TRY_ALLOC(fold_of, ba_malloc(n_chunks, sizeof *fold_of));
    BA_TRY_ALLOC(rng, ba_rng_new(opts->seed, 0));
    for (size_t c = 0; c < n_chunks; c++) {
        order[c] = c;
    }
    ba_rng_shuffle(rng, order, n_chunks);
    for (size_t c = 0; c < n_chunks; c++) {
        fold_of[order[c]] = (int32_t) (c % opts->n_folds);
    }
    for (size_t i = 0; i < n_rows; i++) {
        fold[i] = fold_of[fold[i]];
    }
    *n_folds = opts->n_folds;
out:
    ba_rng_free(rng);
    ba_free(fold_of);
    ba_free(order);
    return status;
}

static int
compare_ids(const void *a, const void *b)
{
    const int32_t *left = a, *right = b;

    return (*left > *right) - (*left < *right);
}

static int
fold_given(
    const int32_t *ids, const size_t *rows, size_t n_rows, int32_t *fold, size_t *n_folds)
{
    size_t n_held = 0, n_ids = 0;
    int32_t *present = ba_malloc(n_rows, sizeof *present);

    if (!present) {
        return BA_NOMEM;
    }
    for (size_t i = 0; i < n_rows; i++) {
        if (ids[rows[i]] >= 0) {
            present[n_held++] = ids[rows[i]];
        }
    }
    qsort(present, n_held, sizeof *present, compare_ids);
    for (size_t i = 0; i < n_held; i++) {
        if (n_ids == 0 || present[i] != present[n_ids - 1]) {
            present[n_ids++] = present[i];
        }
    }
    for (size_t i = 0; i < n_rows; i++) {
        const int32_t *id =
            bsearch(&ids[rows[i]], present, n_ids, sizeof *present, compare_ids);

        fold[i] = id ? (int32_t) (id - present) : -1;
    }
    ba_free(present);
    *n_folds = n_ids;
    if (n_ids < 2) {
        return ba_fail(BA_SHAPE,
            "cv: rows: %zu fold%s over %zu samples: fewer than two folds", n_ids,
            n_ids == 1 ? "" : "s", n_rows);
    }
    return BA_OK;
}

/* By a rule over samples alone. */
static int
fold_samples(const ba_cv_opts_t *opts, const ba_runs_t *runs, const size_t *rows,
    size_t n_rows, int32_t *fold, size_t *n_folds)
{
    switch (opts->kind) {
    case BA_CV_DEFAULT:
        return count_runs(runs, rows, n_rows) >= DEFAULT_RUNS
                   ? fold_runs(runs, rows, n_rows, fold, n_folds)
                   : fold_contiguous(DEFAULT_FOLDS, n_rows, fold, n_folds);
    case BA_CV_RUNS:
        return fold_runs(runs, rows, n_rows, fold, n_folds);
    case BA_CV_KFOLD:
        return fold_contiguous(opts->n_folds, n_rows, fold, n_folds);
    case BA_CV_CHUNKS:
        return fold_chunks(opts, runs, rows, n_rows, fold, n_folds);
    case BA_CV_ROWS:
        return fold_given(opts->ids, rows, n_rows, fold, n_folds);
    case BA_CV_BOOTSTRAP:
    case BA_CV_SETS:
        return ba_fail(BA_VALUE,
            "cv: bootstrap and sets hold out samples more than once, wanted folds here: "
            "runs, kfold, chunks or rows");
    case BA_CV_SUBJECTS:
    case BA_CV_CROSSED:
        return ba_fail(BA_VALUE,
            "cv: %s: found no subjects, wanted a decoder of a run table with 2 or more",
            opts->kind == BA_CV_SUBJECTS ? "subjects" : "crossed");
    case BA_CV_NONE:
        break;
    }
    for (size_t i = 0; i < n_rows; i++) {
        fold[i] = -1;
    }
    *n_folds = 0;
    return BA_OK;
}

int
ba_cv_folds(const ba_cv_opts_t *opts, const ba_runs_t *runs, const size_t *rows,
    size_t n_rows, int32_t *fold, size_t *n_folds)
{
    if (opts->groups && opts->kind != BA_CV_NONE && !ba_cv_is_overlapping(opts)) {
        return ba_cv_fold_groups(opts, rows, n_rows, fold, n_folds);
    }
    return fold_samples(opts, runs, rows, n_rows, fold, n_folds);
}

int
ba_cv_is_overlapping(const ba_cv_opts_t *opts)
{
    return opts->kind == BA_CV_BOOTSTRAP || opts->kind == BA_CV_SETS;
}

/* As the Huth laboratory's code draws them: chunks are shuffled, the first held out.
 * Every set has a stream of its own, so that more sets begin with the same ones. */
static int
draw_chunks(const ba_cv_opts_t *opts, size_t n_rows, int32_t *held)
{
    int status = BA_OK;
    size_t *order = NULL, n = n_rows / opts->chunk_len;
    ba_rng_t *rng = NULL;

    if (opts->n_chunks >= n) {
        return ba_fail(BA_SHAPE,
            "cv: bootstrap:%zu,%zu,%zu over %zu samples: %zu whole chunks, wanted more "
            "than are held out",
            opts->n_folds, opts->chunk_len, opts->n_chunks, n_rows, n);
    }
    BA_TRY_ALLOC(order, ba_malloc(n, sizeof *order));
    for (size_t s = 0; s < opts->n_folds; s++) {
        BA_TRY_ALLOC(rng, ba_rng_new(opts->seed, 1 + s));
        for (size_t c = 0; c < n; c++) {
            order[c] = c;
        }
        ba_rng_shuffle(rng, order, n);
        for (size_t c = 0; c < opts->n_chunks; c++) {
            for (size_t i = 0; i < opts->chunk_len; i++) {
                held[s * n_rows + order[c] * opts->chunk_len + i] = 0;
            }
        }
        ba_rng_free(rng);
        rng = NULL;
    }
out:
    ba_rng_free(rng);
    ba_free(order);
    return status;
}

int
ba_cv_sets(const ba_cv_opts_t *opts, const size_t *rows, size_t n_rows, size_t n_samples,
    int32_t *held)
{
    for (size_t i = 0; i < opts->n_folds * n_rows; i++) {
        held[i] = -1;
    }
    if (opts->kind == BA_CV_BOOTSTRAP) {
        return draw_chunks(opts, n_rows, held);
    }
    for (size_t s = 0; s < opts->n_folds; s++) {
        size_t n_held = 0;

        for (size_t i = 0; i < n_rows; i++) {
            if (opts->held[s * n_samples + rows[i]]) {
                held[s * n_rows + i] = 0;
                n_held++;
            }
        }
        if (n_held == 0) {
            return ba_fail(BA_SHAPE,
                "cv: sets: set %zu holds out none of the %zu training samples", s,
                n_rows);
        }
    }
    return BA_OK;
}

int
ba_cv_split(const ba_runs_t *runs, const size_t *rows, size_t n_rows, const int32_t *fold,
    int32_t k, size_t gap, size_t *train, size_t *n_train, size_t *test, size_t *n_test)
{
    size_t run = 0, next = 0; /* next: position of the first test sample not before i */
    size_t last = SIZE_MAX;   /* last test sample before i, as an index of samples */

    *n_train = *n_test = 0;
    for (size_t i = 0; i < n_rows; i++) {
        size_t t = rows[i];
        int near;

        while (t >= runs->onset[run + 1]) {
            run++;
        }
        if (fold[i] == k) {
            last = t;
            test[(*n_test)++] = i;
            continue;
        }
        next = next > i ? next : i;
        while (next < n_rows && fold[next] != k) {
            next++;
        }
        near = last != SIZE_MAX && last >= runs->onset[run] && t - last <= gap;
        near |=
            next < n_rows && rows[next] < runs->onset[run + 1] && rows[next] - t <= gap;
        if (!near) {
            train[(*n_train)++] = i;
        }
    }
    if (*n_train == 0) {
        return ba_fail(BA_SHAPE,
            "cv: fold %d: no training samples are left of %zu (%zu held out, gap of "
            "%zu), wanted a smaller gap or fewer held out",
            (int) k, n_rows, *n_test, gap);
    }
    return BA_OK;
}
