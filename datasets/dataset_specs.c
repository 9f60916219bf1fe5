/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A data set from single SPECs. */
#include "datasets/dataset_impl.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/alloc.h"
#include "io/confounds.h"

size_t
ba_dataset_name_length(const char *text)
{
    const char *equals = strchr(text, '=');
    ba_spec_t spec;
    int is_file;

    for (const char *c = text; equals && c < equals; c++) {
        if (!isalnum((unsigned char) *c) && !strchr("_-.+", *c)) {
            return 0;
        }
    }
    if (!equals || equals == text) {
        return 0;
    }
    if (ba_spec_parse(text, &spec) != BA_OK) {
        return (size_t) (equals - text);
    }
    is_file = access(spec.file, F_OK) == 0;
    ba_spec_free(&spec);
    return is_file ? 0 : (size_t) (equals - text);
}

static size_t
find_space(const ba_dataset_t *dataset, const char *name, size_t length)
{
    for (size_t i = 0; i < dataset->n_spaces; i++) {
        if (strncmp(dataset->space_names[i], name, length) == 0 &&
            dataset->space_names[i][length] == '\0') {
            return i;
        }
    }
    return SIZE_MAX;
}

static int
name_space(ba_dataset_t *dataset, const char *text)
{
    size_t length = ba_dataset_name_length(text), i = dataset->n_spaces;
    char *name;

    if (length > 0) {
        name = ba_asprintf("%.*s", (int) length, text);
    } else {
        name = i == 0 ? ba_strdup("features") : ba_asprintf("features%zu", i + 1);
    }
    if (!name) {
        return BA_NOMEM;
    }
    if (find_space(dataset, name, strlen(name)) != SIZE_MAX) {
        int status =
            ba_fail(BA_VALUE, "%s: another feature space is called '%s' too", text, name);

        ba_free(name);
        return status;
    }
    dataset->space_names[dataset->n_spaces++] = name;
    return BA_OK;
}

/* Layers may be slabs. */
static int
open_features(const ba_ctx_t *ctx, const char *text, int are_layers, ba_source_t **out)
{
    size_t length = ba_dataset_name_length(text);
    ba_source_opts_t opts = {.max_rank = are_layers ? 3 : 2};

    return ba_source_open(ctx, text + length + (length > 0), &opts, out);
}

static int
is_layers(const ba_dataset_opts_t *opts, size_t space)
{
    return opts->layers && space + 1 == opts->n_features;
}

static int
open_train_features(
    const ba_ctx_t *ctx, const ba_dataset_opts_t *opts, ba_dataset_t *dataset)
{
    size_t n = opts->n_features;
    int status = BA_OK;

    if (n == 0) {
        return BA_OK;
    }
    BA_TRY_ALLOC(dataset->space_names, ba_calloc(n, sizeof *dataset->space_names));
    BA_TRY_ALLOC(dataset->train.features, ba_calloc(n, sizeof *dataset->train.features));
    for (size_t i = 0; i < n; i++) {
        BA_TRY(name_space(dataset, opts->features[i]));
        BA_TRY(open_features(
            ctx, opts->features[i], is_layers(opts, i), &dataset->train.features[i]));
    }
out:
    return status;
}

/* By name where one is given, else by place. */
static int
open_test_features(
    const ba_ctx_t *ctx, const ba_dataset_opts_t *opts, ba_dataset_t *dataset)
{
    size_t n = dataset->n_spaces;
    int status = BA_OK;

    if (opts->n_test_features != n) {
        return ba_fail(BA_VALUE, "test set: found %zu feature spaces, wanted %zu",
            opts->n_test_features, n);
    }
    BA_TRY_ALLOC(dataset->test.features, ba_calloc(n, sizeof *dataset->test.features));
    for (size_t i = 0; i < n; i++) {
        const char *text = opts->test_features[i];
        size_t length = ba_dataset_name_length(text);
        size_t at = length > 0 ? find_space(dataset, text, length) : i;

        if (at == SIZE_MAX) {
            BA_TRY(ba_fail(
                BA_VALUE, "%s: no feature space of the training set is called so", text));
        }
        if (dataset->test.features[at]) {
            BA_TRY(ba_fail(BA_VALUE, "%s: feature space '%s' was given before", text,
                dataset->space_names[at]));
        }
        BA_TRY(
            open_features(ctx, text, is_layers(opts, at), &dataset->test.features[at]));
    }
out:
    return status;
}

int
ba_dataset_parse_onsets(const char *text, size_t n_samples, ba_runs_t *runs)
{
    const char *at = text + strlen("onsets:");
    size_t n = 1, *onsets, i = 0;
    int status = BA_OK;

    for (const char *c = at; *c; c++) {
        n += *c == ',';
    }
    BA_TRY_ALLOC(onsets, ba_malloc(n, sizeof *onsets));
    for (i = 0; i < n; i++) {
        char *end = NULL;
        unsigned long long value;

        errno = 0;
        value = isdigit((unsigned char) *at) ? strtoull(at, &end, 10) : 0;
        if (!isdigit((unsigned char) *at) || errno != 0 ||
            *end != (i + 1 < n ? ',' : 0)) {
            BA_TRY(ba_fail(BA_VALUE,
                "%s: onset %zu is no whole number, wanted onsets:0,N,...", text, i + 1));
        }
        onsets[i] = (size_t) value;
        at = end + 1;
    }
    BA_TRY(ba_runs_from_onsets(onsets, n, n_samples, runs));
out:
    ba_free(onsets);
    return status;
}

/* Reads ids, and hands them out (NULL on failure) for the names of the runs. */
static int
read_ids(const ba_ctx_t *ctx, const char *spec, const ba_source_t *features, double **ids,
    ba_runs_t *runs)
{
    ba_source_t *source = NULL;
    size_t n;
    int status;

    BA_TRY(ba_source_open(ctx, spec, NULL, &source));
    if (ba_source_n_cols(source) != 1) {
        BA_TRY(ba_fail(BA_SHAPE, "%s: %zu columns, wanted one, the run of each sample",
            spec, ba_source_n_cols(source)));
    }
    BA_TRY(ba_dataset_same_rows(source, features));
    n = ba_source_n_rows(source);
    BA_TRY_ALLOC(*ids, ba_malloc(n, sizeof **ids));
    BA_TRY(ba_source_read(source, 0, 0, n, 0, 1, *ids, n));
    BA_TRY(ba_runs_from_ids(*ids, n, spec, runs));
out:
    ba_source_close(source);
    if (status != BA_OK) {
        ba_free(*ids);
        *ids = NULL;
    }
    return status;
}

/* What says how many samples a part has. */
static const ba_source_t *
rows_of(const ba_dataset_part_t *part)
{
    return part->features && part->features[0] ? part->features[0] : part->responses;
}

static int
open_runs(const ba_ctx_t *ctx, const char *text, ba_dataset_part_t *part)
{
    double *ids = NULL;
    int status;

    if (!text) {
        BA_TRY(ba_runs_one(part->n_samples, &part->runs));
    } else if (strncmp(text, "onsets:", strlen("onsets:")) == 0) {
        BA_TRY(ba_dataset_parse_onsets(text, part->n_samples, &part->runs));
    } else {
        BA_TRY(read_ids(ctx, text, rows_of(part), &ids, &part->runs));
    }
    BA_TRY_ALLOC(part->run_names, ba_calloc(part->runs.n_runs, sizeof *part->run_names));
    for (size_t k = 0; k < part->runs.n_runs; k++) {
        BA_TRY_ALLOC(
            part->run_names[k], ids ? ba_asprintf("%.15g", ids[part->runs.onset[k]])
                                    : ba_asprintf("%zu", k + 1));
    }
out:
    ba_free(ids);
    return status;
}

static int
open_test(const ba_ctx_t *ctx, const ba_dataset_opts_t *opts, ba_dataset_t *dataset)
{
    ba_dataset_part_t *test = &dataset->test;
    ba_source_opts_t as_repeats = {.mask = opts->mask, .max_rank = 3};
    int status;

    BA_TRY(open_test_features(ctx, opts, dataset));
    BA_TRY(ba_source_open(ctx, opts->test_responses, &as_repeats, &test->responses));
    test->n_samples = ba_source_n_rows(test->features[0]);
    test->n_repeats = ba_source_n_slabs(test->responses);
    BA_TRY(open_runs(ctx, opts->test_runs, test));
out:
    return status;
}

int
ba_dataset_from_specs(
    const ba_ctx_t *ctx, const ba_dataset_opts_t *opts, ba_dataset_t *dataset)
{
    ba_dataset_part_t *train = &dataset->train;
    ba_source_opts_t masked = {.mask = opts->mask, .max_rank = opts->to_apply ? 3 : 2};
    int has_test = opts->n_test_features > 0 || opts->test_responses;
    int status;

    if (opts->n_features == 0 && !opts->no_features) {
        return ba_fail(BA_VALUE, "no features: wanted at least one SPEC or a run table");
    }
    if (has_test && (opts->n_test_features == 0 || !opts->test_responses)) {
        return ba_fail(BA_VALUE, "test set: found %s only, wanted features and responses",
            opts->test_responses ? "responses" : "features");
    }
    if (opts->test_runs && !has_test) {
        return ba_fail(BA_VALUE,
            "%s: runs of a test set, wanted its features and responses too",
            opts->test_runs);
    }
    BA_TRY(open_train_features(ctx, opts, dataset));
    train->n_repeats = 1;
    if (opts->responses) {
        BA_TRY(ba_source_open(ctx, opts->responses, &masked, &train->responses));
        train->n_repeats = ba_source_n_slabs(train->responses);
    }
    train->n_samples = ba_source_n_rows(rows_of(train));
    if (opts->nuisance && opts->nuisance_columns) {
        BA_TRY(ba_confounds_open(
            ctx, &opts->nuisance, 1, opts->nuisance_columns, &train->nuisance));
    } else if (opts->nuisance) {
        BA_TRY(ba_source_open(ctx, opts->nuisance, NULL, &train->nuisance));
    }
    BA_TRY(open_runs(ctx, opts->runs, train));
    if (has_test) {
        BA_TRY(open_test(ctx, opts, dataset));
    }
out:
    return status;
}
