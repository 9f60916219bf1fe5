/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files about concepts in neurons align. */
#include "neurons/aligning_concepts.h"

#include "core/alloc.h"
#include "neurons/neuron_output.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DIGITS = 9 };

/* What is where chosen, and where scored: in every file. */
static const char plan[] =
    "concept neurons: the rankings, made on other text than the encoder's; penalties and "
    "weights: training rows of each outer fold; drops: its held-out rows, mean over "
    "folds; "
    "neurons of a region whose drop is given (brain_delta_r2, shared_delta_r2): chosen "
    "for each fold by the others, which share training rows with it, so that these two "
    "are optimistic, the more the fewer folds; matched sets: features alone";

static int
write_matrix(const ba_align_concepts_t *concepts, ba_bundle_t *bundle, const char *path,
    size_t n_columns, const double *values)
{
    return values ? ba_bundle_write(bundle, path, BA_F64, 2,
                        (size_t[]){concepts->n, n_columns}, values)
                  : BA_OK;
}

/* GROUP/NAME, concepts x regions. */
static int
write_regions(const ba_align_concepts_t *concepts, ba_bundle_t *bundle, const char *group,
    const char *name, const double *values)
{
    char path[96];

    snprintf(path, sizeof path, "%s/%s", group, name);
    return write_matrix(concepts, bundle, path, concepts->regions->n, values);
}

static int
write_names(const ba_align_concepts_t *concepts, ba_bundle_t *bundle)
{
    int status;
    size_t n = concepts->n, top = concepts->top, *numbers = NULL;
    const ba_neuron_table_t *neurons = &concepts->aligning->neurons;

    BA_TRY(ba_bundle_write_strings(
        bundle, "/concepts/name", n, (const char *const *) concepts->names));
    BA_TRY(ba_bundle_write_strings(bundle, "/regions/name", concepts->regions->n,
        (const char *const *) concepts->regions->name));
    BA_TRY_ALLOC(numbers, ba_malloc(n, top * sizeof *numbers));
    for (size_t i = 0; i < n * top; i++) {
        numbers[i] = ba_neuron_number(neurons, concepts->neurons[i]);
    }
    BA_TRY(ba_bundle_write(
        bundle, "/concepts/neurons", BA_U64, 2, (size_t[]){n, top}, numbers));
    BA_TRY(ba_bundle_write(
        bundle, "/neurons/stratum", BA_U64, 1, &neurons->n_neurons, concepts->cell));
    BA_TRY(ba_bundle_attr_string(bundle, "/", "plan", plan));
out:
    ba_free(numbers);
    return status;
}

/* ---- drops ---- */

static int
write_test(const ba_align_concepts_t *concepts, ba_bundle_t *bundle, const char *group,
    const ba_align_test_t *test)
{
    int status = BA_OK;
    size_t v = concepts->aligning->n_targets;
    char path[96];
    const struct {
        const char *name;
        const double *values;
    } regions[] = {{"null_mean", test->mean}, {"null_deviation", test->deviation},
        {"z", test->z}, {"ratio", test->ratio}, {"p", test->p}, {"q", test->q},
        {"p_fwe", test->p_fwe}};

    if (!test->p) {
        return BA_OK;
    }
    snprintf(path, sizeof path, "%s/target_p", group);
    BA_TRY(write_matrix(concepts, bundle, path, v, test->target_p));
    snprintf(path, sizeof path, "%s/target_q", group);
    BA_TRY(write_matrix(concepts, bundle, path, v, test->target_q));
    for (size_t i = 0; i < sizeof regions / sizeof *regions; i++) {
        BA_TRY(
            write_regions(concepts, bundle, group, regions[i].name, regions[i].values));
    }
out:
    return status;
}

static int
write_matched(const ba_align_concepts_t *concepts, ba_bundle_t *bundle)
{
    int status = BA_OK;
    double *block = NULL;
    size_t n = concepts->n;
    static const char *const names[] = {"log_det", "low", "high", "accepted"};

    if (!concepts->matched) {
        return BA_OK;
    }
    BA_TRY_ALLOC(block, ba_malloc(4 * n, sizeof *block));
    for (size_t c = 0; c < n; c++) {
        block[c] = concepts->matched[c].log_det;
        block[n + c] = concepts->matched[c].low;
        block[2 * n + c] = concepts->matched[c].high;
        block[3 * n + c] = concepts->matched[c].accepted;
    }
    for (size_t i = 0; i < 4; i++) {
        char path[64];

        snprintf(path, sizeof path, "/ablation/matched/%s", names[i]);
        BA_TRY(ba_bundle_write(bundle, path, BA_F64, 1, &n, block + i * n));
    }
out:
    ba_free(block);
    return status;
}

const double *
ba_align_concepts_drop(const ba_align_concepts_t *concepts, size_t concept)
{
    size_t each = concepts->drops.n_kept / concepts->n;

    return concepts->drops.by_target + concept * each * concepts->aligning->n_targets;
}

static int
write_ablation(const ba_align_concepts_t *concepts, ba_bundle_t *bundle)
{
    int status = BA_OK;
    size_t n = concepts->n, v = concepts->aligning->n_targets;
    size_t n_regions = concepts->regions->n, each = concepts->drops.n_kept / n;
    static const char *const names[BA_SET_SHAPLEY] = {[BA_SET_DELTA_R] = "delta_r",
        [BA_SET_ZERO_OUT] = "zero_out_r2",
        [BA_SET_ONLY_R2] = "only_r2",
        [BA_SET_ONLY_R] = "only_r"};
    double *own = NULL, *region = NULL;

    BA_TRY_ALLOC(own, ba_malloc(n, v * sizeof *own));
    BA_TRY_ALLOC(region, ba_malloc(n, n_regions * sizeof *region));
    for (size_t c = 0; c < n; c++) {
        memcpy(own + c * v, ba_align_concepts_drop(concepts, c), v * sizeof *own);
        memcpy(region + c * n_regions, concepts->drops.by_region + c * each * n_regions,
            n_regions * sizeof *region);
    }
    BA_TRY(write_matrix(concepts, bundle, "/ablation/delta_r2", v, own));
    for (size_t s = BA_SET_DELTA_R; s < BA_SET_SHAPLEY; s++) {
        char path[64];

        snprintf(path, sizeof path, "/ablation/%s", names[s]);
        BA_TRY(write_matrix(concepts, bundle, path, v, concepts->own[s]));
    }
    BA_TRY(write_regions(concepts, bundle, "/ablation/region", "delta_r2", region));
    BA_TRY(write_test(
        concepts, bundle, "/ablation/matched", &concepts->tests[BA_ALIGN_MATCHED]));
    BA_TRY(write_matched(concepts, bundle));
    BA_TRY(write_test(
        concepts, bundle, "/ablation/labels", &concepts->tests[BA_ALIGN_LABELS]));
out:
    ba_free(own);
    ba_free(region);
    return status;
}

/* ---- overlap ---- */

static int
write_overlap(const ba_align_concepts_t *concepts, ba_bundle_t *bundle)
{
    int status = BA_OK;
    size_t n_regions = concepts->regions->n, n = concepts->n * n_regions;
    double *block = NULL;
    static const char *const names[] = {"observed", "expected", "ratio", "p"};
    const struct {
        const char *name;
        const double *values;
    } more[] = {{"q", concepts->overlap_q}, {"p_sweep", concepts->overlap_sweep_p},
        {"naive_p", concepts->overlap_naive_p}, {"label_p", concepts->overlap_label_p},
        {"label_p_fwe", concepts->overlap_label_fwe},
        {"shared_delta_r2", concepts->shared_drop}};

    BA_TRY_ALLOC(block, ba_malloc(4, n * sizeof *block));
    for (size_t i = 0; i < n; i++) {
        block[i] = (double) concepts->overlap[i].observed;
        block[n + i] = concepts->overlap[i].expected;
        block[2 * n + i] = concepts->overlap[i].ratio;
        block[3 * n + i] = concepts->overlap[i].p_greater;
    }
    for (size_t i = 0; i < 4; i++) {
        BA_TRY(write_regions(concepts, bundle, "/overlap", names[i], block + i * n));
    }
    for (size_t i = 0; i < sizeof more / sizeof *more; i++) {
        BA_TRY(write_regions(concepts, bundle, "/overlap", more[i].name, more[i].values));
    }
    BA_TRY(ba_bundle_write(
        bundle, "/overlap/brain_delta_r2", BA_F64, 1, &n_regions, concepts->brain_drop));
    BA_TRY(ba_bundle_write(
        bundle, "/overlap/sweep_top", BA_U64, 1, &concepts->n_tops, concepts->tops));
    BA_TRY(ba_bundle_write(bundle, "/overlap/sweep", BA_F64, 3,
        (size_t[]){concepts->n, n_regions, concepts->n_tops}, concepts->sweep_p));
out:
    ba_free(block);
    return status;
}

static int
write_dissociations(const ba_align_concepts_t *concepts, ba_bundle_t *bundle)
{
    int status = BA_OK;
    size_t n = concepts->n_dissociations;
    const ba_align_dissociation_t *all = concepts->dissociations;
    static const char *const counts[] = {
        "concept_a", "concept_b", "region_a", "region_b"};
    static const char *const names[] = {
        "difference", "p_difference", "p_a", "p_b", "p", "q"};
    size_t *places = NULL;
    double *values = NULL;
    char path[64];

    if (n == 0) {
        return BA_OK;
    }
    BA_TRY_ALLOC(places, ba_malloc(4, n * sizeof *places));
    BA_TRY_ALLOC(values, ba_malloc(6, n * sizeof *values));
    for (size_t i = 0; i < n; i++) {
        const size_t where[] = {all[i].a, all[i].b, all[i].region_a, all[i].region_b};
        const double found[] = {all[i].difference, all[i].p_difference, all[i].p_a,
            all[i].p_b, all[i].p, all[i].q};

        for (size_t k = 0; k < 4; k++) {
            places[k * n + i] = where[k];
        }
        for (size_t k = 0; k < 6; k++) {
            values[k * n + i] = found[k];
        }
    }
    for (size_t k = 0; k < 4; k++) {
        snprintf(path, sizeof path, "/dissociation/%s", counts[k]);
        BA_TRY(ba_bundle_write(bundle, path, BA_U64, 1, &n, places + k * n));
    }
    for (size_t k = 0; k < 6; k++) {
        snprintf(path, sizeof path, "/dissociation/%s", names[k]);
        BA_TRY(ba_bundle_write(bundle, path, BA_F64, 1, &n, values + k * n));
    }
out:
    ba_free(places);
    ba_free(values);
    return status;
}

int
ba_align_concepts_write(const ba_align_concepts_t *concepts, ba_bundle_t *bundle)
{
    int status;

    if (!concepts) {
        return BA_OK;
    }
    BA_TRY(write_names(concepts, bundle));
    BA_TRY(write_ablation(concepts, bundle));
    BA_TRY(write_overlap(concepts, bundle));
    BA_TRY(write_dissociations(concepts, bundle));
out:
    return status;
}

/* ---- the table ---- */

/* Cells of a concept in a region; a test that was not made is n/a. */
static int
put_row(const ba_align_concepts_t *concepts, ba_table_writer_t *table, size_t c, size_t r)
{
    int status;
    const ba_align_test_t *matched = &concepts->tests[BA_ALIGN_MATCHED];
    const ba_align_test_t *labels = &concepts->tests[BA_ALIGN_LABELS];
    size_t n_regions = concepts->regions->n, at = c * n_regions + r;
    size_t each = concepts->drops.n_kept / concepts->n;
    const double *const optional[] = {matched->mean, matched->z, matched->ratio,
        matched->p, matched->p_fwe, matched->q, labels->p, labels->p_fwe};
    const double *const last[] = {concepts->overlap_q, concepts->overlap_sweep_p,
        concepts->overlap_label_p, concepts->shared_drop, concepts->overlap_naive_p};

    BA_TRY(ba_table_put_text(table, concepts->names[c]));
    BA_TRY(ba_table_put_text(table, concepts->regions->name[r]));
    BA_TRY(ba_table_put_integer(table, (int64_t) concepts->top));
    BA_TRY(ba_table_put_number(
        table, concepts->drops.by_region[c * each * n_regions + r], DIGITS));
    for (size_t i = 0; i < sizeof optional / sizeof *optional; i++) {
        BA_TRY(ba_table_put_number(
            table, optional[i] ? optional[i][at] : (double) NAN, DIGITS));
    }
    BA_TRY(ba_table_put_integer(table, (int64_t) concepts->overlap[at].observed));
    BA_TRY(ba_table_put_number(table, concepts->overlap[at].expected, DIGITS));
    BA_TRY(ba_table_put_number(table, concepts->overlap[at].p_greater, DIGITS));
    for (size_t i = 0; i < sizeof last / sizeof *last; i++) {
        if (last[i] || i + 1 < sizeof last / sizeof *last) {
            BA_TRY(
                ba_table_put_number(table, last[i] ? last[i][at] : (double) NAN, DIGITS));
        }
    }
    BA_TRY(ba_table_end_row(table));
out:
    return status;
}

static int
put_dissociation(const ba_align_concepts_t *concepts, ba_table_writer_t *table,
    const ba_align_dissociation_t *one)
{
    int status;
    char **const regions = concepts->regions->name;
    const double values[] = {
        one->difference, one->p_difference, one->p_a, one->p_b, one->p, one->q};

    BA_TRY(ba_table_put_text(table, concepts->names[one->a]));
    BA_TRY(ba_table_put_text(table, regions[one->region_a]));
    BA_TRY(ba_table_put_text(table, concepts->names[one->b]));
    BA_TRY(ba_table_put_text(table, regions[one->region_b]));
    for (size_t k = 0; k < sizeof values / sizeof *values; k++) {
        BA_TRY(ba_table_put_number(table, values[k], DIGITS));
    }
    BA_TRY(ba_table_end_row(table));
out:
    return status;
}

int
ba_align_dissociation_table(const ba_align_concepts_t *concepts, ba_table_writer_t **out)
{
    int status = BA_OK;
    static const char *const names[] = {"concept_a", "region_a", "concept_b", "region_b",
        "difference", "p_difference", "p_a", "p_b", "p", "q"};

    BA_TRY(ba_table_create(concepts->aligning->opts->dissociation_table,
        concepts->aligning->opts->force, out));
    BA_TRY(ba_table_put_names(*out, names, sizeof names / sizeof *names));
    for (size_t i = 0; i < concepts->n_dissociations; i++) {
        BA_TRY(put_dissociation(concepts, *out, &concepts->dissociations[i]));
    }
out:
    return status;
}

int
ba_align_concepts_table(const ba_align_concepts_t *concepts, ba_table_writer_t **out)
{
    int status = BA_OK;
    static const char *const names[] = {"concept", "region", "n_neurons", "delta_r2",
        "null_mean", "z", "ratio", "p", "p_fwe", "q", "label_p", "label_p_fwe", "overlap",
        "expected", "overlap_p", "overlap_q", "overlap_p_sweep", "overlap_label_p",
        "shared_delta_r2", "overlap_naive_p"};
    size_t n = sizeof names / sizeof *names;

    BA_TRY(ba_table_create(
        concepts->aligning->opts->concept_table, concepts->aligning->opts->force, out));
    BA_TRY(ba_table_put_names(*out, names, concepts->overlap_naive_p ? n : n - 1));
    for (size_t c = 0; c < concepts->n; c++) {
        for (size_t r = 0; r < concepts->regions->n; r++) {
            BA_TRY(put_row(concepts, *out, c, r));
        }
    }
out:
    return status;
}

int
ba_align_concepts_of_neurons(const ba_align_concepts_t *concepts, char ***out)
{
    int status = BA_OK;
    size_t k = concepts->aligning->neurons.n_neurons;
    char **texts = NULL;

    BA_TRY_ALLOC(texts, ba_calloc(k, sizeof *texts));
    *out = texts;
    for (size_t i = 0; i < concepts->n * concepts->top; i++) {
        size_t j = concepts->neurons[i];
        const char *name = concepts->names[i / concepts->top];
        char *longer;

        BA_TRY_ALLOC(
            longer, texts[j] ? ba_asprintf("%s,%s", texts[j], name) : ba_strdup(name));
        ba_free(texts[j]);
        texts[j] = longer;
    }
out:
    return status;
}
