/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests, ceilings and increments as they stand in the result file, read back, summed up,
 * joined over shards. */
#include "encode/inference.h"

#include "core/alloc.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The data sets of a test, in the order of names below. */
enum { OBSERVED, P, Q, P_FWE, MAXIMA, N_TEST_SETS };

typedef struct {
    const char *paths[N_TEST_SETS];
    const char *statistic, *hypothesis;
} test_names_t;

static const test_names_t names_of[2] = {
    {{"/scores/r_tested", "/scores/p", "/scores/q", "/scores/p_fwe",
         "/scores/null_maxima"},
        "r", "the responses are unrelated to the predictions (r = 0)"},
    {{"/scores/increment_tested", "/scores/p_increment", "/scores/q_increment",
         "/scores/p_fwe_increment", "/scores/null_increment_maxima"},
        "difference of r2", "all spaces predict as well as the controls alone"},
};

void
ba_inference_null_words(
    const ba_null_opts_t *null, int refits, char words[BA_INFERENCE_WORDS])
{
    static const char *const kinds[] = {"cosine", "circular", "blocks", "phase"};
    size_t n = (size_t) snprintf(
        words, BA_INFERENCE_WORDS, "%s%s", refits ? "refit:" : "", kinds[null->kind]);

    if (null->kind == BA_NULL_BLOCKS) {
        snprintf(words + n, BA_INFERENCE_WORDS - n, ":%zu", null->block);
    } else if (null->kind == BA_NULL_CIRCULAR && null->min_shift > 0) {
        snprintf(words + n, BA_INFERENCE_WORDS - n, ", shifts of at least %zu samples",
            null->min_shift);
    }
}

/* ---- writing ---- */

static int
write_list(ba_bundle_t *bundle, const char *path, size_t n, const double *values)
{
    return values ? ba_bundle_write(bundle, path, BA_F64, 1, &n, values) : BA_OK;
}

static int
write_test(ba_bundle_t *bundle, const ba_null_opts_t *null, const char *words,
    const test_names_t *names, size_t v, const ba_test_t *test)
{
    int status = BA_OK;
    const char *p = names->paths[P];
    int64_t n = (int64_t) test->info.n_permutations;
    int64_t seed = (int64_t) null->seed;

    if (n == 0) {
        return BA_OK;
    }
    BA_TRY(write_list(bundle, names->paths[OBSERVED], v, test->observed));
    BA_TRY(write_list(bundle, p, v, test->p));
    BA_TRY(write_list(bundle, names->paths[Q], v, test->q));
    BA_TRY(write_list(bundle, names->paths[P_FWE], v, test->p_fwe));
    BA_TRY(write_list(bundle, names->paths[MAXIMA], (size_t) n, test->maxima));
    BA_TRY(ba_bundle_attr_string(bundle, p, "null", words));
    BA_TRY(ba_bundle_attr_string(bundle, p, "statistic", names->statistic));
    BA_TRY(ba_bundle_attr_string(bundle, p, "hypothesis", names->hypothesis));
    BA_TRY(ba_bundle_attr_string(bundle, p, "tail", "greater"));
    BA_TRY(ba_bundle_attr_i64(bundle, p, "n_permutations", 1, &n));
    BA_TRY(ba_bundle_attr_i64(bundle, p, "seed", 1, &seed));
    BA_TRY(ba_bundle_attr_f64(bundle, p, "n_distinct", 1, &test->info.n_distinct));
    BA_TRY(ba_bundle_attr_f64(bundle, p, "widening", 1, &test->widening));
    BA_TRY(ba_bundle_attr_f64(bundle, p, "smallest_p", 1, &test->info.smallest_p));
out:
    return status;
}

static int
write_ceiling(
    ba_bundle_t *bundle, const ba_encode_job_t *job, const ba_inference_t *inference)
{
    int status = BA_OK;
    const char *path = "/scores/ceiling", *reasons[BA_CEILING_NO_SIGNAL + 1];
    int is_isc = job->inference.ceiling == BA_CEILING_ISC;
    int64_t n_repeats = (int64_t) ba_source_n_slabs(job->data.test_targets);
    int64_t n_averaged = is_isc ? 1 : n_repeats;
    size_t v = inference->n_targets;

    for (int i = 0; i <= BA_CEILING_NO_SIGNAL; i++) {
        reasons[i] = ba_ceiling_reason_words((ba_ceiling_reason_t) i);
    }
    BA_TRY(write_list(bundle, path, v, inference->ceiling));
    BA_TRY(write_list(bundle, "/scores/r_normalized", v, inference->r_normalized));
    BA_TRY(write_list(bundle, "/scores/r_one_repeat", v, inference->r_one_repeat));
    BA_TRY(ba_bundle_write(
        bundle, "/scores/ceiling_reason", BA_U8, 1, &v, inference->reason));
    BA_TRY(ba_bundle_attr_strings(bundle, "/scores/ceiling_reason", "names",
        sizeof reasons / sizeof *reasons, reasons));
    BA_TRY(ba_bundle_attr_string(bundle, path, "what", inference->ceiling_words));
    BA_TRY(ba_bundle_attr_string(bundle, path, "bounds", "r"));
    BA_TRY(ba_bundle_attr_i64(bundle, path, "n_repeats", 1, &n_repeats));
    BA_TRY(ba_bundle_attr_i64(bundle, path, "n_averaged", 1, &n_averaged));
    BA_TRY(ba_bundle_attr_string(bundle, "/scores/r_normalized", "numerator",
        is_isc ? "/scores/r_one_repeat" : "/scores/r"));
    BA_TRY(ba_bundle_attr_f64(
        bundle, "/scores/r_normalized", "floor", 1, &job->inference.ceiling_floor));
out:
    return status;
}

static int
write_increment(ba_bundle_t *bundle, const ba_inference_t *inference)
{
    int status = BA_OK;
    size_t v = inference->n_targets;

    BA_TRY(write_list(bundle, "/scores/control_r", v, inference->control_r));
    BA_TRY(write_list(bundle, "/scores/control_r2", v, inference->control_r2));
    BA_TRY(write_list(bundle, "/scores/increment_r2", v, inference->increment_r2));
    BA_TRY(ba_bundle_attr_string(
        bundle, "/scores/increment_r2", "controls", inference->control_words));
out:
    return status;
}

int
ba_inference_write_r(
    const ba_null_opts_t *null, const ba_inference_t *inference, ba_bundle_t *bundle)
{
    return write_test(bundle, null, inference->null_words, &names_of[0],
        inference->n_targets, &inference->r);
}

int
ba_inference_write(
    const ba_encode_job_t *job, const ba_inference_t *inference, ba_bundle_t *bundle)
{
    int status;
    const ba_null_opts_t *null = &job->inference.null;
    size_t v = inference->n_targets;

    BA_TRY(ba_inference_write_r(null, inference, bundle));
    BA_TRY(write_test(
        bundle, null, inference->null_words, &names_of[1], v, &inference->increment));
    if (inference->increment_r2) {
        BA_TRY(write_increment(bundle, inference));
    }
    if (inference->ceiling) {
        BA_TRY(write_ceiling(bundle, job, inference));
    }
out:
    return status;
}

/* ---- reading ---- */

/* A list of n numbers, NULL where the file has none. */
static int
read_list(const ba_bundle_t *bundle, const char *path, size_t n, double **out)
{
    int status = BA_OK, rank;
    size_t dims[BA_MAX_RANK];

    if (!ba_bundle_has(bundle, path)) {
        return BA_OK;
    }
    BA_TRY(ba_bundle_shape(bundle, path, &rank, dims));
    if (rank != 1 || dims[0] != n) {
        BA_TRY(ba_fail(BA_FORMAT, "%s: not a list of %zu numbers", path, n));
    }
    BA_TRY_ALLOC(*out, ba_malloc(n, sizeof **out));
    BA_TRY(ba_bundle_read(bundle, path, BA_F64, NULL, NULL, *out));
out:
    return status;
}

static int
read_words(const ba_bundle_t *bundle, const char *object, const char *name,
    char words[BA_INFERENCE_WORDS])
{
    char *text = NULL;
    int status = ba_bundle_get_string(bundle, object, name, &text);

    if (status == BA_OK) {
        snprintf(words, BA_INFERENCE_WORDS, "%s", text);
    }
    ba_free(text);
    return status;
}

static int
read_test(const ba_bundle_t *bundle, const test_names_t *names, size_t v, ba_test_t *test)
{
    int status = BA_OK;
    const char *p = names->paths[P];
    int64_t n = 0;

    if (!ba_bundle_has(bundle, p)) {
        return BA_OK;
    }
    BA_TRY(ba_bundle_get_i64(bundle, p, "n_permutations", 1, &n, NULL));
    if (n <= 0) {
        BA_TRY(ba_fail(
            BA_FORMAT, "%s: %lld permutations, wanted 1 or more", p, (long long) n));
    }
    test->info.n_permutations = (size_t) n;
    BA_TRY(ba_bundle_get_f64(bundle, p, "n_distinct", 1, &test->info.n_distinct, NULL));
    BA_TRY(ba_bundle_get_f64(bundle, p, "smallest_p", 1, &test->info.smallest_p, NULL));
    BA_TRY(read_list(bundle, names->paths[OBSERVED], v, &test->observed));
    BA_TRY(read_list(bundle, p, v, &test->p));
    BA_TRY(read_list(bundle, names->paths[Q], v, &test->q));
    BA_TRY(read_list(bundle, names->paths[P_FWE], v, &test->p_fwe));
    BA_TRY(read_list(bundle, names->paths[MAXIMA], (size_t) n, &test->maxima));
    if (!test->observed || !test->q || !test->p_fwe || !test->maxima) {
        BA_TRY(ba_fail(BA_FORMAT, "%s: the other data sets of the test are missing", p));
    }
out:
    return status;
}

static int
read_ceiling(const ba_bundle_t *bundle, ba_inference_t *out)
{
    int status = BA_OK, rank;
    size_t v = out->n_targets, dims[BA_MAX_RANK];
    const char *reason = "/scores/ceiling_reason";

    BA_TRY(read_list(bundle, "/scores/ceiling", v, &out->ceiling));
    if (!out->ceiling) {
        return BA_OK;
    }
    BA_TRY(read_list(bundle, "/scores/r_normalized", v, &out->r_normalized));
    BA_TRY(read_list(bundle, "/scores/r_one_repeat", v, &out->r_one_repeat));
    BA_TRY(ba_bundle_shape(bundle, reason, &rank, dims));
    if (!out->r_normalized || rank != 1 || dims[0] != v) {
        BA_TRY(ba_fail(BA_FORMAT, "/scores/ceiling: the data sets beside it do not fit"));
    }
    BA_TRY_ALLOC(out->reason, ba_malloc(v, sizeof *out->reason));
    BA_TRY(ba_bundle_read(bundle, reason, BA_U8, NULL, NULL, out->reason));
    BA_TRY(read_words(bundle, "/scores/ceiling", "what", out->ceiling_words));
out:
    return status;
}

static int
read_increment(const ba_bundle_t *bundle, ba_inference_t *out)
{
    int status;
    size_t v = out->n_targets;
    const char *path = "/scores/increment_r2";

    BA_TRY(read_list(bundle, path, v, &out->increment_r2));
    if (out->increment_r2) {
        BA_TRY(read_words(bundle, path, "controls", out->control_words));
        BA_TRY(read_list(bundle, "/scores/control_r", v, &out->control_r));
        BA_TRY(read_list(bundle, "/scores/control_r2", v, &out->control_r2));
        if (!out->control_r || !out->control_r2) {
            BA_TRY(
                ba_fail(BA_FORMAT, "%s: the scores of the controls are missing", path));
        }
    }
out:
    return status;
}

int
ba_inference_load(const ba_bundle_t *bundle, size_t n_targets, ba_inference_t *out)
{
    int status;

    *out = (ba_inference_t){.n_targets = n_targets};
    BA_TRY(read_test(bundle, &names_of[0], n_targets, &out->r));
    BA_TRY(read_test(bundle, &names_of[1], n_targets, &out->increment));
    if (out->r.p) {
        BA_TRY(read_words(bundle, names_of[0].paths[P], "null", out->null_words));
    }
    BA_TRY(read_ceiling(bundle, out));
    BA_TRY(read_increment(bundle, out));
out:
    if (status != BA_OK) {
        ba_inference_free(out);
    }
    return status;
}

/* ---- joining shards ---- */

int
ba_inference_is_maxima(const char *path)
{
    return strcmp(path, names_of[0].paths[MAXIMA]) == 0 ||
           strcmp(path, names_of[1].paths[MAXIMA]) == 0;
}

int
ba_inference_is_recomputed(const char *path)
{
    for (size_t k = 0; k < 2; k++) {
        if (strcmp(path, names_of[k].paths[Q]) == 0 ||
            strcmp(path, names_of[k].paths[P_FWE]) == 0) {
            return 1;
        }
    }
    return 0;
}

int
ba_inference_join_maxima(
    const ba_bundle_t *shard, const char *path, size_t n, ba_joined_maxima_t *joined)
{
    int status = BA_OK;
    size_t k = strcmp(path, names_of[1].paths[MAXIMA]) == 0;
    double *values = NULL;

    BA_TRY(read_list(shard, path, n, &values));
    if (!joined->values[k]) {
        joined->values[k] = values;
        joined->n[k] = n;
        return BA_OK;
    }
    ba_maxima_merge(joined->values[k], values, n);
out:
    ba_free(values);
    return status;
}

static int
join_test(ba_bundle_t *out, const test_names_t *names, size_t v, double *maxima, size_t n)
{
    int status = BA_OK;
    ba_test_t test = {.info.n_permutations = n, .maxima = maxima};

    BA_TRY(read_list(out, names->paths[OBSERVED], v, &test.observed));
    BA_TRY(read_list(out, names->paths[P], v, &test.p));
    if (!test.observed || !test.p) {
        BA_TRY(ba_fail(BA_FORMAT, "%s: the p values that belong to it are missing",
            names->paths[MAXIMA]));
    }
    BA_TRY(ba_test_correct(v, &test));
    BA_TRY(write_list(out, names->paths[Q], v, test.q));
    BA_TRY(write_list(out, names->paths[P_FWE], v, test.p_fwe));
    BA_TRY(write_list(out, names->paths[MAXIMA], n, maxima));
out:
    ba_free(test.observed);
    ba_free(test.p);
    ba_free(test.q);
    ba_free(test.p_fwe);
    return status;
}

int
ba_inference_join_finish(ba_bundle_t *out, size_t n_targets, ba_joined_maxima_t *joined)
{
    int status = BA_OK;

    for (size_t k = 0; k < 2; k++) {
        if (joined->values[k]) {
            BA_TRY(
                join_test(out, &names_of[k], n_targets, joined->values[k], joined->n[k]));
        }
    }
out:
    return status;
}

void
ba_joined_maxima_free(ba_joined_maxima_t *joined)
{
    ba_free(joined->values[0]);
    ba_free(joined->values[1]);
}
