/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Control tasks: every word type carries one class drawn at random, so that a probe can do
 * well on it only by knowing words. Selectivity is the accuracy on the task minus that on
 * the control, a difference of accuracies and no test. Reference: Hewitt & Liang 2019,
 * EMNLP. */
#include "core/alloc.h"
#include "core/rng.h"
#include "neurons/probing_impl.h"

#include <math.h>
#include <string.h>

/* Streams: task times this, plus the draw. */
enum { STREAM_CONTROL = 1 << 20 };

/* Cumulative shares of the classes that are drawn from. */
static void
set_shares(const probing_t *probing, unsigned task, double *share)
{
    const probing_part_t *train = &probing->parts[PROBING_TRAIN];
    size_t n_classes = probing->n_classes;

    for (size_t c = 0; c < n_classes; c++) {
        share[c] = task == BA_CONTROL_UNIFORM ? 1 : 0;
    }
    for (size_t i = 0; i < train->n && task == BA_CONTROL_SAME; i++) {
        share[train->label[i]]++;
    }
    for (size_t c = 1; c < n_classes; c++) {
        share[c] += share[c - 1];
    }
}

/* The class of every type, types in order. */
static int
draw_types(const probing_t *probing, unsigned task, size_t draw, uint32_t *of_type)
{
    size_t n_classes = probing->n_classes;
    double *share = NULL;
    ba_rng_t *rng = NULL;
    int status = BA_OK;

    BA_TRY_ALLOC(share, ba_malloc(n_classes, sizeof *share));
    BA_TRY_ALLOC(rng, ba_rng_new(probing->ctx->seed, STREAM_CONTROL * task + draw));
    set_shares(probing, task, share);
    for (size_t t = 0; t < probing->data->concepts->n_types; t++) {
        double at = ba_rng_uniform(rng) * share[n_classes - 1];
        uint32_t c = 0;

        while (c + 1 < n_classes && at >= share[c]) {
            c++;
        }
        of_type[t] = c;
    }
out:
    ba_free(share);
    ba_rng_free(rng);
    return status;
}

/* Labels of a part as numbers among the classes that the training tokens carry;
 * UINT32_MAX for others. */
static void
relabel(const probing_t *probing, int part, const int32_t *labels, const uint32_t *map,
    uint32_t *out)
{
    const probing_part_t *rows = &probing->parts[part];

    for (size_t i = 0; i < rows->n; i++) {
        out[i] = map[labels[rows->rows[i]]];
    }
}

/* Classes of the training tokens get numbers; returns how many there are. */
static size_t
number_classes(const probing_t *probing, const int32_t *labels, uint32_t *map)
{
    const probing_part_t *train = &probing->parts[PROBING_TRAIN];
    size_t n = 0;

    for (size_t c = 0; c < probing->n_classes; c++) {
        map[c] = UINT32_MAX;
    }
    for (size_t i = 0; i < train->n; i++) {
        map[labels[train->rows[i]]] = 0;
    }
    for (size_t c = 0; c < probing->n_classes; c++) {
        map[c] = map[c] == 0 ? (uint32_t) n++ : UINT32_MAX;
    }
    return n;
}

/* Share of the test tokens that a probe fitted on the control labels has right. */
static int
control_accuracy(const probing_t *probing, const int32_t *labels, double *accuracy)
{
    ba_probe_data_t data[2] = {ba_probing_rows(probing, 0), ba_probing_rows(probing, 1)};
    ba_probe_trainer_t trainer = probing->trainer;
    uint32_t *map = NULL, *label[2] = {NULL, NULL};
    ba_probe_t *probe = NULL;
    ba_probe_score_t *score = NULL;
    double *logits = NULL;
    size_t n = 0;
    int status = BA_OK;

    trainer.adam.weights0 = trainer.adam.bias0 = NULL;
    BA_TRY_ALLOC(map, ba_malloc(probing->n_classes, sizeof *map));
    n = number_classes(probing, labels, map);
    for (int k = 0; k < 2; k++) {
        BA_TRY_ALLOC(label[k], ba_malloc(data[k].x.n_rows, sizeof *label[k]));
        relabel(probing, k, labels, map, label[k]);
        data[k].label = label[k];
        data[k].n_classes = n;
    }
    BA_TRY(ba_probe_train(probing->ctx, &data[0], &trainer, NULL, 0, NULL, &probe));
    BA_TRY_ALLOC(logits, ba_malloc(data[1].x.n_rows, n * sizeof *logits));
    BA_TRY(
        ba_probe_logits(probing->ctx, probe, &data[1], NULL, BA_REST_ZERO, NULL, logits));
    BA_TRY(ba_probe_score(logits, data[1].x.n_rows, n, label[1], &score));
    *accuracy = (double) score->n_correct / (double) data[1].x.n_rows;
out:
    ba_probe_free(probe);
    ba_probe_score_free(score);
    ba_free(logits);
    ba_free(map);
    ba_free(label[0]);
    ba_free(label[1]);
    return status;
}

int
ba_probing_shares_words(const probing_t *probing)
{
    const uint32_t *type = probing->data->concepts->type;
    const probing_part_t *train = &probing->parts[PROBING_TRAIN];
    const probing_part_t *test = &probing->parts[PROBING_TEST];
    unsigned char *seen = ba_calloc(probing->data->concepts->n_types, 1);
    int shares = seen == NULL;

    for (size_t i = 0; seen && i < train->n; i++) {
        seen[type[train->rows[i]]] = 1;
    }
    for (size_t i = 0; seen && i < test->n; i++) {
        shares |= seen[type[test->rows[i]]];
    }
    ba_free(seen);
    return shares;
}

int
ba_probing_control(const probing_t *probing, unsigned task, size_t draw, double accuracy,
    probing_draw_t *out)
{
    const ba_concepts_t *concepts = probing->data->concepts;
    uint32_t *of_type = NULL;
    int status = BA_OK;

    *out = (probing_draw_t){.labels = NULL};
    BA_TRY_ALLOC(of_type, ba_malloc(concepts->n_types, sizeof *of_type));
    BA_TRY_ALLOC(out->labels, ba_malloc(concepts->n_tokens, sizeof *out->labels));
    BA_TRY(draw_types(probing, task, draw, of_type));
    for (size_t t = 0; t < concepts->n_tokens; t++) {
        out->labels[t] = (int32_t) of_type[concepts->type[t]];
    }
    BA_TRY(control_accuracy(probing, out->labels, &out->accuracy));
    out->selectivity = accuracy - out->accuracy;
out:
    ba_free(of_type);
    return status;
}
