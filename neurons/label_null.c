/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "neurons/label_null.h"

#include "brainalign/bundle.h"
#include "core/alloc.h"
#include "core/texts.h"
#include "datasets/provenance.h"
#include "neurons/neuron_output.h"
#include "neurons/rank_impl.h"

#include <stdlib.h>

#define LABEL_NULL_FORMAT "brainalign-label-null"

/* ---- writing ---- */

/* Places of neurons; "none" of a list of 32 bits becomes -1 as it is. */
static int
write_lists(
    ba_bundle_t *bundle, const ba_ranking_t *ranking, const ba_rank_report_t *report)
{
    int status;
    size_t n = ranking->n_concepts, top = report->null_top;
    size_t n_permutations = report->n_permutations;
    uint32_t *observed = NULL;

    BA_TRY_ALLOC(observed, ba_malloc(n, top * sizeof *observed));
    for (size_t i = 0; i < n * top; i++) {
        observed[i] = ranking->order[i / top * ranking->n_neurons + i % top];
    }
    BA_TRY(ba_bundle_write(bundle, "/observed", BA_I32, 2, (size_t[]){n, top}, observed));
    BA_TRY(ba_bundle_write(bundle, "/null", BA_I32, 3, (size_t[]){n, n_permutations, top},
        report->null_order));
out:
    ba_free(observed);
    return status;
}

int
ba_rank_null_save(const ba_ctx_t *ctx, const ba_ranking_t *ranking,
    const ba_rank_report_t *report, const ba_rank_save_t *save)
{
    int status = BA_OK;
    ba_provenance_t provenance = ba_provenance_start(ctx, save->argc, save->argv);
    const ba_dataset_t none = {0};
    ba_bundle_t *bundle = NULL;
    int64_t counts[] = {(int64_t) report->n_types, (int64_t) report->n_strata};

    if (!report->null_order) {
        return ba_fail(BA_VALUE,
            "%s: the ranking kept no neurons of permuted labels, wanted null_top",
            save->file);
    }
    BA_TRY(ba_bundle_create(save->file, save->force, &bundle));
    BA_TRY(ba_neuron_write_format(bundle, LABEL_NULL_FORMAT));
    BA_TRY(ba_bundle_attr_string(bundle, "/", "method", ranking->method));
    BA_TRY(ba_bundle_attr_i64(bundle, "/", "n_types", 1, &counts[0]));
    BA_TRY(ba_bundle_attr_i64(bundle, "/", "n_strata", 1, &counts[1]));
    BA_TRY(
        ba_neuron_write(bundle, "/neurons", &ranking->neurons, NULL, ranking->n_neurons));
    BA_TRY(ba_bundle_write_strings(bundle, "/concepts/name", ranking->n_concepts,
        (const char *const *) ranking->concepts));
    BA_TRY(write_lists(bundle, ranking, report));
    BA_TRY(ba_provenance_write(&provenance, &none, save->inputs, bundle));
    BA_TRY(ba_bundle_commit(bundle));
out:
    ba_bundle_free(bundle);
    return status;
}

/* ---- reading ---- */

void
ba_label_null_free(ba_label_null_t *null)
{
    free(null->names);
    ba_free(null->observed);
    ba_free(null->null);
    ba_neuron_table_free(&null->neurons);
    *null = (ba_label_null_t){0};
}

static int
read_numbers(const ba_bundle_t *bundle, const char *path, size_t n, size_t *out)
{
    int status, rank;
    size_t dims[BA_MAX_RANK];

    BA_TRY(ba_bundle_shape(bundle, path, &rank, dims));
    if (rank != 1 || dims[0] != n) {
        BA_TRY(
            ba_fail(BA_FORMAT, "%s: found another shape, wanted %zu numbers", path, n));
    }
    BA_TRY(ba_bundle_read(bundle, path, BA_U64, NULL, NULL, out));
out:
    return status;
}

static int
read_neurons(const ba_bundle_t *bundle, ba_neuron_table_t *out)
{
    int status;
    size_t n = 0, number;
    char **components = NULL, **list = NULL;
    ba_text_set_t names = {0};

    BA_TRY(ba_bundle_read_strings(bundle, "/neurons/component", &n, &components));
    for (size_t j = 0; j < n; j++) {
        BA_TRY(ba_text_set_add(&names, components[j], &number));
    }
    BA_TRY(ba_texts_list(&names.texts, &list));
    BA_TRY(ba_neuron_table_make(n, (const char *const *) list, names.texts.n, out));
    for (size_t j = 0; j < n; j++) {
        out->component[j] = ba_text_set_find(&names, components[j]);
    }
    BA_TRY_ALLOC(out->number, ba_malloc(n, sizeof *out->number));
    BA_TRY(read_numbers(bundle, "/neurons/neuron", n, out->number));
    BA_TRY(read_numbers(bundle, "/neurons/layer", n, out->layer));
    BA_TRY(read_numbers(bundle, "/neurons/unit", n, out->unit));
out:
    free(components);
    ba_free(list);
    ba_text_set_free(&names);
    return status;
}

static int
read_places(const ba_bundle_t *bundle, const char *file, const char *path, int rank,
    const size_t *dims, size_t n_neurons, int32_t **out)
{
    int status, found_rank;
    size_t found[BA_MAX_RANK], n = 1;

    BA_TRY(ba_bundle_shape(bundle, path, &found_rank, found));
    for (int i = 0; i < rank; i++) {
        if (found_rank != rank || found[i] != dims[i]) {
            BA_TRY(ba_fail(
                BA_FORMAT, "%s:%s: found another shape than /null has", file, path));
        }
        BA_TRY(ba_multiply(n, dims[i], &n));
    }
    BA_TRY_ALLOC(*out, ba_malloc(n, sizeof **out));
    BA_TRY(ba_bundle_read(bundle, path, BA_I32, NULL, NULL, *out));
    for (size_t i = 0; i < n; i++) {
        if ((*out)[i] < -1 || (*out)[i] >= (int64_t) n_neurons) {
            BA_TRY(ba_fail(BA_FORMAT, "%s:%s: neuron %d, but there are %zu", file, path,
                (int) (*out)[i], n_neurons));
        }
    }
out:
    return status;
}

int
ba_label_null_read(const char *file, ba_label_null_t *out)
{
    int status, rank;
    ba_bundle_t *bundle = NULL;
    size_t dims[BA_MAX_RANK] = {0};

    *out = (ba_label_null_t){0};
    BA_TRY(ba_bundle_open(file, LABEL_NULL_FORMAT, &bundle));
    BA_TRY(
        ba_bundle_read_strings(bundle, "/concepts/name", &out->n_concepts, &out->names));
    BA_TRY(read_neurons(bundle, &out->neurons));
    BA_TRY(ba_bundle_shape(bundle, "/null", &rank, dims));
    if (rank != 3 || dims[0] != out->n_concepts) {
        BA_TRY(ba_fail(BA_FORMAT,
            "%s:/null: found another shape than concepts x "
            "permutations x neurons",
            file));
    }
    out->n_permutations = dims[1];
    out->top = dims[2];
    BA_TRY(
        read_places(bundle, file, "/null", 3, dims, out->neurons.n_neurons, &out->null));
    dims[1] = dims[2];
    BA_TRY(read_places(
        bundle, file, "/observed", 2, dims, out->neurons.n_neurons, &out->observed));
out:
    ba_bundle_free(bundle);
    return status;
}
