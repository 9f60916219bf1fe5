/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "neurons/brain_file.h"

#include "brainalign/align.h"
#include "core/alloc.h"
#include "model/fold_test.h"
#include "neurons/neuron_output.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DIGITS = 9 };

/* ---- the result file ---- */

int
ba_brain_write(
    ba_bundle_t *bundle, const ba_align_regions_t *regions, const ba_brain_scores_t *s)
{
    const struct {
        const char *name;
        const double *values;
    } arrays[] = {{"delta_r2", s->delta_r2}, {"positive", s->positive},
        {"alone_r", s->alone_r}, {"weight_norm", s->weight_norm}, {"unique", s->unique},
        {"se", s->se}, {"p", s->p}, {"q", s->q}, {"positive_folds", s->positive_folds}};
    size_t dims[] = {s->n_folds, s->n_regions, s->n_neurons};
    char path[64];
    int status;

    BA_TRY(ba_bundle_write(bundle, "/unique", BA_F64, 1, &s->n_neurons, s->unique));
    BA_TRY(ba_bundle_write_strings(
        bundle, "/brain/region", s->n_regions, (const char *const *) regions->name));
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
        snprintf(path, sizeof path, "/brain/%s", arrays[i].name);
        BA_TRY(ba_bundle_write(bundle, path, BA_F64, 2, dims + 1, arrays[i].values));
    }
    BA_TRY(
        ba_bundle_write(bundle, "/brain/delta_r2_by_fold", BA_F64, 3, dims, s->by_fold));
    BA_TRY(ba_bundle_write(
        bundle, "/brain/stability", BA_F64, 1, &s->n_regions, s->stability));
    BA_TRY(ba_bundle_attr_string(bundle, "/brain", "test",
        s->n_folds < BA_FEWEST_FOLDS
            ? "none: fewer than 3 outer folds"
            : "mean over outer folds above 0: one-sided t, s^2 (1 / K + n_test / "
              "n_train)"));
out:
    return status;
}

/* ---- tables ---- */

static int
put_joined(ba_table_writer_t *table, const char *a, const char *b)
{
    int status;
    char *name = NULL;

    BA_TRY_ALLOC(name, ba_asprintf("%s%s", a, b));
    BA_TRY(ba_table_put_text(table, name));
out:
    ba_free(name);
    return status;
}

static int
put_header(ba_table_writer_t *table, const ba_align_regions_t *regions, int has_concepts)
{
    static const char *const names[] = {"delta_r2", "se", "p", "q", "positive",
        "positive_folds", "alone_r", "weight_norm", "unique"};
    static const char *const of_region[] = {"", ":se", ":p", ":q"};
    int status;

    BA_TRY(ba_neuron_put_header(table));
    if (has_concepts) {
        BA_TRY(ba_table_put_text(table, "concepts"));
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        BA_TRY(ba_table_put_text(table, names[i]));
    }
    for (size_t r = 1; r < regions->n; r++) {
        for (size_t i = 0; i < 4; i++) {
            BA_TRY(put_joined(table, regions->name[r], of_region[i]));
        }
    }
    BA_TRY(ba_table_end_row(table));
out:
    return status;
}

static int
put_numbers(ba_table_writer_t *table, const double *const *arrays, size_t n, size_t at)
{
    int status = BA_OK;

    for (size_t i = 0; i < n; i++) {
        BA_TRY(ba_table_put_number(table, arrays[i][at], DIGITS));
    }
out:
    return status;
}

int
ba_brain_write_table(const char *file, int force, const ba_neuron_table_t *neurons,
    const ba_align_regions_t *regions, const ba_brain_scores_t *s,
    const char *const *concepts, ba_table_writer_t **out)
{
    const double *const all[] = {s->delta_r2, s->se, s->p, s->q, s->positive,
        s->positive_folds, s->alone_r, s->weight_norm, s->unique};
    int status;

    BA_TRY(ba_table_create(file, force, out));
    BA_TRY(put_header(*out, regions, concepts != NULL));
    for (size_t j = 0; j < s->n_neurons; j++) {
        BA_TRY(ba_neuron_put(*out, neurons, j));
        if (concepts) {
            BA_TRY(ba_table_put_text(*out, concepts[j] ? concepts[j] : "n/a"));
        }
        BA_TRY(put_numbers(*out, all, sizeof all / sizeof *all, j));
        for (size_t r = 1; r < s->n_regions; r++) {
            BA_TRY(put_numbers(*out, all, 4, r * s->n_neurons + j));
        }
        BA_TRY(ba_table_end_row(*out));
    }
    BA_TRY(ba_table_finish(*out));
out:
    return status;
}

/* ---- rankings ---- */

/* Room for what delta_r2 has beside a score. */
static int
make_tests(ba_ranking_t *ranking)
{
    int status = BA_OK;
    size_t n = ranking->n_concepts * ranking->n_neurons;

    BA_TRY_ALLOC(ranking->p, ba_malloc(n, sizeof *ranking->p));
    BA_TRY_ALLOC(ranking->q, ba_malloc(n, sizeof *ranking->q));
    BA_TRY_ALLOC(ranking->stability, ba_malloc(n, sizeof *ranking->stability));
out:
    return status;
}

int
ba_brain_ranking(const ba_neuron_table_t *neurons, const ba_align_regions_t *regions,
    const ba_brain_scores_t *s, ba_ranking_t **out)
{
    int status;
    size_t n = s->n_regions * s->n_neurons;

    BA_TRY(ba_ranking_create(
        "brain", s->n_regions, (const char *const *) regions->name, neurons, out));
    BA_TRY(make_tests(*out));
    memcpy((*out)->score, s->delta_r2, n * sizeof *s->delta_r2);
    memcpy((*out)->p, s->p, n * sizeof *s->p);
    memcpy((*out)->q, s->q, n * sizeof *s->q);
    memcpy((*out)->stability, s->positive_folds, n * sizeof *s->positive_folds);
    BA_TRY(ba_ranking_sort(*out));
out:
    return status;
}

/* What a neuron is, as ba_neuron_write() put it down. */
static int
read_neurons(const ba_bundle_t *bundle, ba_neuron_table_t *neurons)
{
    int status, rank;
    size_t dims[BA_MAX_RANK], n, n_named;
    char **component = NULL;
    const char **names = NULL;
    int64_t *numbers = NULL;

    BA_TRY(ba_bundle_shape(bundle, "/neurons/layer", &rank, dims));
    BA_TRY(ba_bundle_read_strings(bundle, "/neurons/component", &n_named, &component));
    n = dims[0];
    if (rank != 1 || n_named != n || n == 0) {
        BA_TRY(ba_fail(BA_FORMAT, "/neurons: %zu components, wanted %zu", n_named, n));
    }
    BA_TRY_ALLOC(names, ba_malloc(n, sizeof *names));
    BA_TRY_ALLOC(numbers, ba_malloc(n, 2 * sizeof *numbers));
    BA_TRY(ba_bundle_read(bundle, "/neurons/layer", BA_I64, NULL, NULL, numbers));
    BA_TRY(ba_bundle_read(bundle, "/neurons/unit", BA_I64, NULL, NULL, numbers + n));
    n_named = 0;
    for (size_t j = 0; j < n; j++) {
        if (n_named == 0 || strcmp(names[n_named - 1], component[j]) != 0) {
            names[n_named++] = component[j];
        }
    }
    BA_TRY(ba_neuron_table_make(n, names, n_named, neurons));
    n_named = 0;
    for (size_t j = 0; j < n; j++) {
        n_named += j > 0 && strcmp(component[j - 1], component[j]) != 0;
        neurons->layer[j] = (size_t) numbers[j];
        neurons->unit[j] = (size_t) numbers[n + j];
        neurons->component[j] = n_named;
    }
out:
    ba_free(names);
    ba_free(numbers);
    free(component);
    return status;
}

static int
read_scores(const ba_bundle_t *bundle, const char *name, size_t n_regions,
    size_t n_neurons, double *out)
{
    int status, rank;
    size_t dims[BA_MAX_RANK];
    char path[64];

    snprintf(path, sizeof path, "/%s", name);
    BA_TRY(ba_bundle_shape(bundle, path, &rank, dims));
    if (rank != 2 || dims[0] != n_regions || dims[1] != n_neurons) {
        BA_TRY(ba_fail(BA_FORMAT, "%s: wanted %zu x %zu numbers, of regions and neurons",
            path, n_regions, n_neurons));
    }
    BA_TRY(ba_bundle_read(bundle, path, BA_F64, NULL, NULL, out));
out:
    return status;
}

int
ba_align_ranking_read(const char *file, ba_brain_by_t by, ba_ranking_t **out)
{
    static const char *const names[] = {"brain/delta_r2", "brain/positive",
        "brain/alone_r", "brain/weight_norm", "elimination/score"};
    int status;
    ba_bundle_t *bundle = NULL;
    ba_neuron_table_t neurons = {0};
    char **regions = NULL;
    size_t n = 0, k;

    *out = NULL;
    BA_TRY(ba_bundle_open(file, "brainalign-align", &bundle));
    BA_TRY(ba_bundle_read_strings(bundle, "/brain/region", &n, &regions));
    BA_TRY(read_neurons(bundle, &neurons));
    k = neurons.n_neurons;
    BA_TRY(ba_ranking_create("brain", n, (const char *const *) regions, &neurons, out));
    BA_TRY(read_scores(bundle, names[by], n, k, (*out)->score));
    if (by == BA_BRAIN_DELTA_R2) {
        BA_TRY(make_tests(*out));
        BA_TRY(read_scores(bundle, "brain/p", n, k, (*out)->p));
        BA_TRY(read_scores(bundle, "brain/q", n, k, (*out)->q));
        BA_TRY(read_scores(bundle, "brain/positive_folds", n, k, (*out)->stability));
    }
    BA_TRY(ba_ranking_sort(*out));
out:
    if (status != BA_OK) {
        ba_ranking_free(*out);
        *out = NULL;
    }
    free(regions);
    ba_neuron_table_free(&neurons);
    ba_bundle_free(bundle);
    return status;
}
