/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The ranking file (docs/formats.md). */
#include "neurons/rank_impl.h"

#include "brainalign/bundle.h"
#include "core/alloc.h"
#include "datasets/provenance.h"

/* A matrix with a row for each concept; what was not asked for is left out. */
static int
write_matrix(ba_bundle_t *bundle, const char *path, ba_dtype_t type, size_t n_rows,
    size_t n_cols, const void *values)
{
    return values ? ba_bundle_write(
                        bundle, path, type, 2, (size_t[]){n_rows, n_cols}, values)
                  : BA_OK;
}

static int
write_vector(
    ba_bundle_t *bundle, const char *path, ba_dtype_t type, size_t n, const void *values)
{
    return values && n > 0 ? ba_bundle_write(bundle, path, type, 1, &n, values) : BA_OK;
}

/* size_t is 64 bits wherever this runs (docs/formats.md wants u64). */
_Static_assert(sizeof(size_t) == sizeof(uint64_t), "counts are written as they are");

static int
write_scores(ba_bundle_t *bundle, const ba_ranking_t *ranking)
{
    int status = BA_OK;
    size_t n = ranking->n_concepts, p = ranking->n_neurons;

    BA_TRY(write_matrix(bundle, "/score", BA_F64, n, p, ranking->score));
    BA_TRY(write_matrix(bundle, "/order", BA_I32, n, p, ranking->order));
    BA_TRY(write_matrix(bundle, "/p", BA_F64, n, p, ranking->p));
    BA_TRY(write_matrix(bundle, "/q", BA_F64, n, p, ranking->q));
    BA_TRY(write_matrix(bundle, "/stability", BA_F64, n, p, ranking->stability));
    BA_TRY(ba_bundle_write_strings(
        bundle, "/concept/name", n, (const char *const *) ranking->concepts));
    BA_TRY(write_vector(bundle, "/neuron/number", BA_U64, p, ranking->neurons.number));
    BA_TRY(write_vector(bundle, "/neuron/layer", BA_U64, p, ranking->neurons.layer));
    BA_TRY(write_vector(bundle, "/neuron/unit", BA_U64, p, ranking->neurons.unit));
    BA_TRY(
        write_vector(bundle, "/neuron/component", BA_U64, p, ranking->neurons.component));
    if (ranking->neurons.n_components > 0) {
        BA_TRY(ba_bundle_attr_strings(bundle, "/neuron/component", "names",
            ranking->neurons.n_components,
            (const char *const *) ranking->neurons.component_names));
    }
out:
    return status;
}

static int
write_concepts(ba_bundle_t *bundle, const ba_rank_report_t *report)
{
    static const char *const words[] = {"unknown", "open", "closed"};
    int status = BA_OK;
    size_t n = report->n_concepts;
    uint8_t *classes = NULL;

    BA_TRY_ALLOC(classes, ba_malloc(n, 1));
    for (size_t r = 0; r < n; r++) {
        classes[r] = (uint8_t) report->classes[r];
    }
    BA_TRY(write_vector(bundle, "/concept/class", BA_U8, n, classes));
    BA_TRY(ba_bundle_attr_strings(bundle, "/concept/class", "names", 3, words));
    BA_TRY(write_vector(bundle, "/concept/n_tokens", BA_U64, n, report->n_positive));
    BA_TRY(write_vector(
        bundle, "/concept/n_test_tokens", BA_U64, n, report->n_positive_test));
    BA_TRY(write_vector(bundle, "/concept/chance", BA_F64, n, report->chance));
    BA_TRY(write_vector(bundle, "/concept/n_undefined", BA_U64, n, report->n_undefined));
    BA_TRY(write_vector(bundle, "/concept/split_half", BA_F64, n, report->halves));
    BA_TRY(write_vector(bundle, "/concept/n_holding", BA_U64, n, report->n_holding));
    BA_TRY(write_matrix(
        bundle, "/layer/top", BA_U64, n, report->n_layers, report->layer_top));
    BA_TRY(write_matrix(
        bundle, "/layer/mass", BA_F64, n, report->n_layers, report->layer_mass));
out:
    ba_free(classes);
    return status;
}

/* What only some methods have. */
static int
write_more(ba_bundle_t *bundle, const ba_rank_report_t *report)
{
    int status = BA_OK;
    size_t n = report->n_concepts, p = report->n_neurons;

    BA_TRY(write_matrix(bundle, "/test_score", BA_F64, n, p, report->test));
    BA_TRY(write_matrix(bundle, "/p_fwe", BA_F64, n, p, report->p_fwe));
    BA_TRY(write_matrix(bundle, "/token_p", BA_F64, n, p, report->token_p));
    BA_TRY(write_matrix(bundle, "/sorted/ap", BA_F64, n, p, report->ap));
    BA_TRY(write_matrix(bundle, "/sorted/auroc", BA_F64, n, p, report->auroc));
    BA_TRY(write_matrix(bundle, "/expert/on_p50", BA_F64, n, p, report->on_p50));
    BA_TRY(write_matrix(bundle, "/expert/on_p90", BA_F64, n, p, report->on_p90));
    BA_TRY(write_matrix(bundle, "/expert/off_mean", BA_F64, n, p, report->off_mean));
    BA_TRY(write_matrix(
        bundle, "/expert/n_above", BA_U64, n, BA_EXPERT_STEPS, report->n_experts));
    BA_TRY(write_vector(bundle, "/gaussian/pick", BA_U64, report->n_picks, report->pick));
    BA_TRY(write_vector(bundle, "/gaussian/bits", BA_F64, report->n_picks, report->bits));
    BA_TRY(write_vector(bundle, "/gaussian/nmi", BA_F64, report->n_picks, report->nmi));
    if (report->n_picks > 0) {
        BA_TRY(
            ba_bundle_attr_f64(bundle, "/gaussian", "entropy_bits", 1, &report->entropy));
    }
out:
    return status;
}

static int
write_attributes(
    ba_bundle_t *bundle, const ba_ranking_t *ranking, const ba_rank_report_t *report)
{
    const int64_t version = 1;
    const struct {
        const char *name;
        size_t value;
    } counts[] = {{"n_train", report->n_train}, {"n_test", report->n_test},
        {"n_dropped", report->n_dropped}, {"n_top", report->n_top},
        {"n_permutations", report->n_permutations}, {"n_types", report->n_types},
        {"n_strata", report->n_strata}, {"n_fixed_types", report->n_fixed}};
    int status = BA_OK;

    BA_TRY(ba_bundle_attr_string(bundle, "/", "format", "brainalign-ranking"));
    BA_TRY(ba_bundle_attr_i64(bundle, "/", "format_version", 1, &version));
    BA_TRY(ba_bundle_attr_string(bundle, "/", "method", ranking->method));
    BA_TRY(ba_bundle_attr_f64(bundle, "/", "mass", 1, &report->mass));
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        int64_t value = (int64_t) counts[i].value;

        BA_TRY(ba_bundle_attr_i64(bundle, "/", counts[i].name, 1, &value));
    }
out:
    return status;
}

int
ba_rank_save(const ba_ctx_t *ctx, const ba_ranking_t *ranking,
    const ba_rank_report_t *report, const ba_rank_save_t *save)
{
    int status = BA_OK;
    ba_provenance_t provenance = ba_provenance_start(ctx, save->argc, save->argv);
    const ba_dataset_t none = {0};
    ba_bundle_t *bundle = NULL;

    BA_TRY(ba_bundle_create(save->file, save->force, &bundle));
    BA_TRY(write_attributes(bundle, ranking, report));
    BA_TRY(write_scores(bundle, ranking));
    BA_TRY(write_concepts(bundle, report));
    BA_TRY(write_more(bundle, report));
    BA_TRY(ba_provenance_write(&provenance, &none, save->inputs, bundle));
    BA_TRY(ba_bundle_commit(bundle));
out:
    ba_bundle_free(bundle);
    return status;
}
