/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The files of neurons probe (docs/formats.md). */
#include "core/alloc.h"
#include "datasets/neuron_table.h"
#include "neurons/probing_result.h"
#include "brainalign/table.h"

#include <math.h>

enum { DIGITS = 17 };

int
ba_probing_put(ba_bundle_t *bundle, const char *path, ba_dtype_t type, size_t n_rows,
    size_t n_cols, const void *data)
{
    size_t dims[2] = {n_rows, n_cols};

    return data ? ba_bundle_write(bundle, path, type, n_cols > 0 ? 2 : 1, dims, data)
                : BA_OK;
}

static int
write_neurons(const probing_t *probing, ba_bundle_t *bundle)
{
    const ba_neuron_table_t *table = &probing->data->activations->neurons;
    size_t p = table->n_neurons;
    int64_t *numbers = NULL;
    int status = BA_OK;

    BA_TRY_ALLOC(numbers, ba_malloc(4 * p, sizeof *numbers));
    for (size_t j = 0; j < p; j++) {
        numbers[j] = (int64_t) ba_neuron_number(table, j);
        numbers[j + p] = (int64_t) table->layer[j];
        numbers[j + 2 * p] = (int64_t) table->component[j];
        numbers[j + 3 * p] = (int64_t) table->unit[j];
    }
    BA_TRY(ba_probing_put(bundle, "/neurons/neuron", BA_I64, p, 0, numbers));
    BA_TRY(ba_probing_put(bundle, "/neurons/layer", BA_I64, p, 0, numbers + p));
    BA_TRY(ba_probing_put(bundle, "/neurons/component", BA_I64, p, 0, numbers + 2 * p));
    BA_TRY(ba_bundle_attr_strings(bundle, "/neurons/component", "names",
        table->n_components, (const char *const *) table->component_names));
    BA_TRY(ba_probing_put(bundle, "/neurons/unit", BA_I64, p, 0, numbers + 3 * p));
out:
    ba_free(numbers);
    return status;
}

/* Per token: 0 = fitted on, 1 = tested on, -1 = neither. */
static int
write_split(const probing_t *probing, ba_bundle_t *bundle)
{
    size_t n = probing->data->concepts->n_tokens;
    int32_t *split = ba_malloc(n, sizeof *split);
    int status = split ? BA_OK : BA_NOMEM;

    BA_TRY(status);
    for (size_t i = 0; i < n; i++) {
        split[i] = -1;
    }
    for (int k = 0; k < 2; k++) {
        for (size_t i = 0; i < probing->parts[k].n; i++) {
            split[probing->parts[k].rows[i]] = k;
        }
    }
    BA_TRY(ba_probing_put(bundle, "/split", BA_I32, n, 0, split));
out:
    ba_free(split);
    return status;
}

static int
write_path(const probing_t *probing, ba_bundle_t *bundle)
{
    static const char *const names[] = {"/path/l1", "/path/l2", "/path/loss",
        "/path/accuracy", "/path/objective", "/path/gap", "/path/n_neurons_used"};
    size_t n = probing->opts->n_penalties;
    double *columns = NULL;
    int64_t best = (int64_t) probing->best;
    int status = BA_OK;

    if (!probing->steps) {
        return BA_OK;
    }
    BA_TRY_ALLOC(columns, ba_malloc(7 * n, sizeof *columns));
    for (size_t i = 0; i < n; i++) {
        const ba_probe_step_t *step = &probing->steps[i];
        const double values[7] = {probing->opts->l1[i], probing->opts->l2[i], step->loss,
            step->accuracy, step->objective, step->gap, (double) step->n_neurons_used};

        for (size_t k = 0; k < 7; k++) {
            columns[i + k * n] = values[k];
        }
    }
    for (size_t k = 0; k < 7; k++) {
        BA_TRY(ba_probing_put(bundle, names[k], BA_F64, n, 0, columns + k * n));
    }
    BA_TRY(ba_bundle_attr_i64(bundle, "/path", "best", 1, &best));
out:
    ba_free(columns);
    return status;
}

static int
write_options(const probing_t *probing, ba_bundle_t *bundle)
{
    static const char *const kinds[] = {"softmax", "one-vs-rest", "regression"};
    const ba_probe_trainer_t *trainer = &probing->trainer;
    const struct {
        const char *name;
        double value;
    } numbers[] = {{"l1", trainer->fit.l1}, {"l2", trainer->fit.l2},
        {"gap_wanted", trainer->fit.gap}, {"majority", probing->majority},
        {"zscore", probing->opts->zscore}, {"n_constant", (double) probing->n_constant}};
    int status;

    BA_TRY(ba_bundle_attr_string(bundle, "/", "kind", kinds[probing->kind]));
    BA_TRY(ba_bundle_attr_string(bundle, "/", "penalty",
        trainer->is_neurox || trainer->fit.penalty == BA_PENALTY_NEUROX ? "neurox"
                                                                        : "squared"));
    BA_TRY(ba_bundle_attr_string(
        bundle, "/", "training", trainer->is_neurox ? "neurox" : "optimum"));
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        BA_TRY(ba_bundle_attr_f64(bundle, "/", numbers[i].name, 1, &numbers[i].value));
    }
out:
    return status;
}

int
ba_probing_write(const probing_t *probing, ba_bundle_t *bundle)
{
    const ba_dataset_t none = {0};
    int status;

    BA_TRY(write_options(probing, bundle));
    BA_TRY(ba_bundle_write_strings(
        bundle, "/classes", probing->n_classes, (const char *const *) probing->classes));
    BA_TRY(write_neurons(probing, bundle));
    BA_TRY(write_split(probing, bundle));
    BA_TRY(write_path(probing, bundle));
    BA_TRY(
        ba_provenance_write(&probing->provenance, &none, probing->opts->inputs, bundle));
out:
    return status;
}

static int
write_probe(const probing_result_t *result, ba_bundle_t *bundle)
{
    const ba_probe_t *probe = result->probe;
    const struct {
        const char *name;
        double value;
    } numbers[] = {{"objective", probe->objective}, {"loss", probe->loss},
        {"gap", probe->gap}, {"kkt", probe->kkt},
        {"n_nonzero", (double) probe->n_nonzero},
        {"n_neurons_used", (double) probe->n_neurons_used},
        {"is_converged", probe->is_converged}};
    size_t p = probe->n_neurons, n_classes = probe->n_classes;
    int status;

    BA_TRY(
        ba_probing_put(bundle, "/probe/weights", BA_F64, n_classes, p, probe->weights));
    BA_TRY(ba_probing_put(bundle, "/probe/bias", BA_F64, n_classes, 0, probe->bias));
    BA_TRY(ba_probing_put(bundle, "/probe/center", BA_F64, p, 0, probe->center));
    BA_TRY(ba_probing_put(bundle, "/probe/scale", BA_F64, p, 0, probe->scale));
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        BA_TRY(
            ba_bundle_attr_f64(bundle, "/probe", numbers[i].name, 1, &numbers[i].value));
    }
    BA_TRY(ba_probing_put(
        bundle, "/probe/frequency", BA_F64, n_classes, p, result->frequency));
    BA_TRY(ba_probing_put(bundle, "/probe/frequency_any", BA_F64, p, 0, result->any));
out:
    return status;
}

/* uint32 numbers as 64 bits, since a bundle holds no others. */
static int
put_counts(ba_bundle_t *bundle, const char *path, size_t n_rows, size_t n_cols,
    const uint32_t *counts)
{
    size_t n = n_cols > 0 ? n_rows * n_cols : n_rows;
    int64_t *wide = ba_malloc(n, sizeof *wide);
    int status = wide ? BA_OK : BA_NOMEM;

    BA_TRY(status);
    for (size_t k = 0; k < n; k++) {
        wide[k] = counts[k];
    }
    BA_TRY(ba_probing_put(bundle, path, BA_I64, n_rows, n_cols, wide));
out:
    ba_free(wide);
    return status;
}

static int
write_order(const ba_probe_order_t *order, ba_bundle_t *bundle)
{
    size_t p = order->n_neurons;
    int status;

    BA_TRY(ba_probing_put(bundle, "/order/need", BA_F64, p, 0, order->need));
    BA_TRY(put_counts(bundle, "/order/global", p, 0, order->global));
    BA_TRY(put_counts(bundle, "/order/enter_step", p, 0, order->enter));
    BA_TRY(put_counts(bundle, "/order/per_class", order->n_classes, p, order->per_class));
    BA_TRY(put_counts(bundle, "/order/cutoffs", BA_PROBE_STEPS + 1, 0, order->cutoffs));
out:
    return status;
}

/* Scores of every probe, one array a score. */
static int
write_scores(const probing_result_t *result, ba_bundle_t *bundle)
{
    static const char *const names[] = {"/scores/n_neurons", "/scores/accuracy",
        "/scores/balanced_accuracy", "/scores/f1_macro", "/scores/f1_micro",
        "/scores/f1_weighted", "/scores/loss"};
    size_t n = result->n_entries, n_classes = result->probe->n_classes;
    size_t width = result->entries[0].score->is_binary ? 4 : n_classes;
    size_t dims[3] = {n, n_classes, width}, size = n_classes * width;
    const char **labels = NULL;
    double *columns = NULL;
    uint64_t *tables = NULL;
    int status = BA_OK;

    BA_TRY_ALLOC(labels, ba_malloc(n, sizeof *labels));
    BA_TRY_ALLOC(columns, ba_malloc(7 * n, sizeof *columns));
    BA_TRY_ALLOC(tables, ba_malloc(n, size * sizeof *tables));
    for (size_t i = 0; i < n; i++) {
        const probing_entry_t *entry = &result->entries[i];
        const ba_probe_score_t *score = entry->score;
        const double values[7] = {(double) entry->n_neurons, score->accuracy,
            score->balanced_accuracy, score->f1_macro, score->f1_micro,
            score->f1_weighted, score->loss};

        labels[i] = entry->name;
        for (size_t k = 0; k < 7; k++) {
            columns[i + k * n] = values[k];
        }
        for (size_t k = 0; k < size; k++) {
            tables[k + i * size] = score->confusion[k];
        }
    }
    BA_TRY(ba_bundle_write_strings(bundle, "/scores/probe", n, labels));
    for (size_t k = 0; k < 7; k++) {
        BA_TRY(ba_probing_put(bundle, names[k], BA_F64, n, 0, columns + k * n));
    }
    BA_TRY(ba_bundle_write(bundle, "/scores/confusion", BA_U64, 3, dims, tables));
    BA_TRY(ba_probing_put(
        bundle, "/scores/f1", BA_F64, n_classes, 0, result->entries[0].score->f1));
out:
    ba_free(labels);
    ba_free(columns);
    ba_free(tables);
    return status;
}

static int
write_control(const probing_t *probing, const probing_result_t *result, size_t k,
    ba_bundle_t *bundle)
{
    static const char *const names[2][3] = {
        {"/control/same/labels", "/control/same/accuracy", "/control/same/selectivity"},
        {"/control/uniform/labels", "/control/uniform/accuracy",
            "/control/uniform/selectivity"}};
    size_t n = result->n_draws, n_tokens = probing->data->concepts->n_tokens;
    double *numbers = NULL;
    int32_t *labels = NULL;
    int status = BA_OK;

    BA_TRY_ALLOC(numbers, ba_malloc(2 * n, sizeof *numbers));
    BA_TRY_ALLOC(labels, ba_malloc(n, n_tokens * sizeof *labels));
    for (size_t i = 0; i < n; i++) {
        const probing_draw_t *draw = &result->draws[k][i];

        numbers[i] = draw->accuracy;
        numbers[i + n] = draw->selectivity;
        for (size_t t = 0; t < n_tokens; t++) {
            labels[t + i * n_tokens] = draw->labels[t];
        }
    }
    BA_TRY(ba_probing_put(bundle, names[k][0], BA_I32, n, n_tokens, labels));
    BA_TRY(ba_probing_put(bundle, names[k][1], BA_F64, n, 0, numbers));
    BA_TRY(ba_probing_put(bundle, names[k][2], BA_F64, n, 0, numbers + n));
out:
    ba_free(numbers);
    ba_free(labels);
    return status;
}

static int
write_code(const probing_t *probing, const probing_result_t *result, ba_bundle_t *bundle)
{
    const ba_probe_code_t *code = &result->code;
    const probing_part_t *train = &probing->parts[PROBING_TRAIN];
    int64_t cuts[BA_PROBE_MOST_CUTS], *order = NULL;
    int status = BA_OK;

    BA_TRY_ALLOC(order, ba_malloc(train->n, sizeof *order));
    for (size_t i = 0; i < train->n; i++) {
        order[i] = (int64_t) train->rows[result->code_order[i]];
    }
    for (size_t i = 0; i < code->n_cuts; i++) {
        cuts[i] = (int64_t) code->cut[i];
    }
    BA_TRY(ba_probing_put(bundle, "/code_length/cut", BA_I64, code->n_cuts, 0, cuts));
    BA_TRY(
        ba_probing_put(bundle, "/code_length/bits", BA_F64, code->n_cuts, 0, code->bits));
    BA_TRY(ba_probing_put(bundle, "/code_length/token", BA_I64, train->n, 0, order));
    BA_TRY(ba_bundle_attr_f64(bundle, "/code_length", "total_bits", 1, &code->total));
    BA_TRY(ba_bundle_attr_f64(bundle, "/code_length", "uniform_bits", 1, &code->uniform));
out:
    ba_free(order);
    return status;
}

static int
write_minimal(const ba_probe_minimal_t *minimal, ba_bundle_t *bundle)
{
    int64_t sizes[2 * BA_PROBE_MOST_SIZES], base = (int64_t) minimal->n_base;
    int64_t found = (int64_t) minimal->n_minimal;
    size_t n = minimal->n_sizes;
    int status;

    for (size_t i = 0; i < n; i++) {
        sizes[i] = (int64_t) minimal->sizes[i];
        sizes[i + n] = (int64_t) minimal->n_correct[i];
    }
    BA_TRY(ba_probing_put(bundle, "/minimal/n_neurons", BA_I64, n, 0, sizes));
    BA_TRY(ba_probing_put(bundle, "/minimal/n_correct", BA_I64, n, 0, sizes + n));
    BA_TRY(ba_bundle_attr_i64(bundle, "/minimal", "n_correct_all", 1, &base));
    BA_TRY(ba_bundle_attr_i64(bundle, "/minimal", "n_minimal", 1, &found));
out:
    return status;
}

static int
write_table(const probing_t *probing, const probing_result_t *result)
{
    static const char *const names[] = {"probe", "n_neurons", "accuracy",
        "balanced_accuracy", "f1_macro", "f1_micro", "f1_weighted", "loss", "n_used",
        "gap"};
    ba_table_writer_t *writer = NULL;
    int status;

    BA_TRY(ba_table_create(probing->opts->table, probing->opts->force, &writer));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        BA_TRY(ba_table_put_text(writer, names[i]));
    }
    BA_TRY(ba_table_end_row(writer));
    for (size_t i = 0; i < result->n_entries; i++) {
        const probing_entry_t *entry = &result->entries[i];
        const ba_probe_score_t *score = entry->score;
        const double values[] = {score->accuracy, score->balanced_accuracy,
            score->f1_macro, score->f1_micro, score->f1_weighted, score->loss};

        BA_TRY(ba_table_put_text(writer, entry->name));
        BA_TRY(ba_table_put_integer(writer, (int64_t) entry->n_neurons));
        for (size_t k = 0; k < sizeof values / sizeof *values; k++) {
            BA_TRY(ba_table_put_number(writer, values[k], DIGITS));
        }
        BA_TRY(ba_table_put_integer(writer, (int64_t) entry->n_used));
        BA_TRY(ba_table_put_number(writer, entry->gap, DIGITS));
        BA_TRY(ba_table_end_row(writer));
    }
    BA_TRY(ba_table_commit(writer));
out:
    ba_table_writer_free(writer);
    return status;
}

int
ba_probing_save(const probing_t *probing, const probing_result_t *result)
{
    const int64_t version = 1;
    ba_bundle_t *bundle = NULL;
    int status;

    BA_TRY(ba_bundle_create(probing->opts->output, probing->opts->force, &bundle));
    BA_TRY(ba_bundle_attr_string(bundle, "/", "format", "brainalign-probe"));
    BA_TRY(ba_bundle_attr_i64(bundle, "/", "format_version", 1, &version));
    BA_TRY(write_probe(result, bundle));
    BA_TRY(write_order(result->order, bundle));
    BA_TRY(write_scores(result, bundle));
    for (size_t k = 0; k < 2; k++) {
        if (result->draws[k]) {
            BA_TRY(write_control(probing, result, k, bundle));
        }
    }
    if (result->has_code) {
        BA_TRY(write_code(probing, result, bundle));
    }
    if (result->has_minimal) {
        BA_TRY(write_minimal(&result->minimal, bundle));
    }
    BA_TRY(ba_probing_write(probing, bundle));
    BA_TRY(ba_bundle_commit(bundle));
    if (probing->opts->table) {
        BA_TRY(write_table(probing, result));
    }
out:
    ba_bundle_free(bundle);
    return status;
}
