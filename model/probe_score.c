/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a probe says of tokens, and how often it is right. */
#include "core/alloc.h"
#include "linalg/blas.h"
#include "model/probe_impl.h"

#include <math.h>

/* The rows of `data` as a problem of products alone: (x - shift) * inverse. */
static int
view_rows(const ba_ctx_t *ctx, const ba_probe_t *probe, const ba_probe_data_t *data,
    ba_probe_problem_t *problem)
{
    size_t p = probe->n_neurons;
    int status = BA_OK;

    *problem = (ba_probe_problem_t){
        .ctx = ctx, .n = data->x.n_rows, .p = p, .n_classes = probe->n_classes};
    BA_TRY_ALLOC(problem->column, ba_calloc(p, sizeof *problem->column));
    BA_TRY_ALLOC(problem->shift, ba_calloc(p, sizeof *problem->shift));
    BA_TRY_ALLOC(problem->inverse, ba_calloc(p, sizeof *problem->inverse));
    for (size_t j = 0; j < p; j++) {
        size_t column = data->columns ? data->columns[j] : j;

        if (column >= data->x.n_cols) {
            BA_TRY(ba_fail(
                BA_VALUE, "probe: neuron %zu of %zu asked for", column, data->x.n_cols));
        }
        problem->column[j] = data->x.data + column * data->x.ld;
        problem->shift[j] = probe->center[j];
        problem->inverse[j] = 1 / probe->scale[j];
    }
out:
    return status;
}

/* The neurons that count, and their weights: those kept and not 0. */
static size_t
gather(const ba_probe_t *probe, const unsigned char *kept, size_t *cols)
{
    size_t p = probe->n_neurons, a = 0;

    for (size_t j = 0; j < p; j++) {
        int counts = 0;

        for (size_t c = 0; c < probe->n_classes; c++) {
            counts |= fabs(probe->weights[j + c * p]) > 0;
        }
        if (counts && (!kept || kept[j])) {
            cols[a++] = j;
        }
    }
    return a;
}

int
ba_probe_logits(const ba_ctx_t *ctx, const ba_probe_t *probe, const ba_probe_data_t *data,
    const unsigned char *kept, ba_rest_t rest, const double *train_mean, double *logits)
{
    size_t p = probe->n_neurons, n_classes = probe->n_classes, a;
    ba_probe_problem_t problem = {.n = 0};
    size_t *cols = NULL;
    double *w = NULL, *b = NULL;
    int status = BA_OK;

    ba_blas_single_thread();
    if (data->n_neurons != p) {
        BA_TRY(ba_fail(BA_SHAPE, "probe: %zu neurons in the data, %zu in the probe",
            data->n_neurons, p));
    }
    BA_TRY(view_rows(ctx, probe, data, &problem));
    BA_TRY(ba_probe_panels_new(&problem));
    BA_TRY_ALLOC(cols, ba_calloc(p, sizeof *cols));
    BA_TRY_ALLOC(w, ba_calloc(p, n_classes * sizeof *w));
    BA_TRY_ALLOC(b, ba_calloc(n_classes, sizeof *b));
    a = gather(probe, kept, cols);
    for (size_t c = 0; c < n_classes; c++) {
        const double *from = probe->weights + c * p;

        b[c] = probe->bias[c];
        for (size_t k = 0; k < a; k++) {
            w[k + c * a] = from[cols[k]];
        }
        for (size_t j = 0; j < p && kept && rest == BA_REST_MEAN; j++) {
            if (!kept[j]) {
                b[c] += (train_mean[j] - probe->center[j]) / probe->scale[j] * from[j];
            }
        }
    }
    ba_probe_forward(&problem, cols, a, w, b, logits);
out:
    ba_probe_problem_free(&problem);
    ba_free(cols);
    ba_free(w);
    ba_free(b);
    return status;
}

static int
score_new(size_t n_classes, int is_binary, ba_probe_score_t **out)
{
    size_t width = is_binary ? 4 : n_classes;
    ba_probe_score_t *score;
    int status = BA_OK;

    *out = NULL;
    BA_TRY_ALLOC(score, ba_calloc(1, sizeof *score));
    score->n_classes = n_classes;
    score->is_binary = is_binary;
    BA_TRY_ALLOC(
        score->confusion, ba_calloc(n_classes, width * sizeof *score->confusion));
    BA_TRY_ALLOC(score->precision, ba_calloc(n_classes, sizeof *score->precision));
    BA_TRY_ALLOC(score->recall, ba_calloc(n_classes, sizeof *score->recall));
    BA_TRY_ALLOC(score->f1, ba_calloc(n_classes, sizeof *score->f1));
out:
    if (status != BA_OK) {
        ba_probe_score_free(score);
        score = NULL;
    }
    *out = score;
    return status;
}

void
ba_probe_score_free(ba_probe_score_t *score)
{
    if (score) {
        ba_free(score->confusion);
        ba_free(score->precision);
        ba_free(score->recall);
        ba_free(score->f1);
        ba_free(score);
    }
}

/* Rows and columns of the confusion table become scores of the classes and their means. */
static void
summarise(ba_probe_score_t *score)
{
    size_t n_classes = score->n_classes, defined = 0;
    double f1 = 0, weighted = 0, recalls = 0;

    for (size_t c = 0; c < n_classes; c++) {
        double is = 0, said = 0;
        double right = (double) score->confusion[c + c * n_classes];

        for (size_t k = 0; k < n_classes; k++) {
            is += (double) score->confusion[c * n_classes + k];
            said += (double) score->confusion[k * n_classes + c];
        }
        score->n_correct += score->confusion[c + c * n_classes];
        score->precision[c] = said > 0 ? right / said : (double) NAN;
        score->recall[c] = is > 0 ? right / is : (double) NAN;
        score->f1[c] = is > 0 ? 2 * right / (is + said) : (double) NAN;
        if (is > 0) {
            defined++;
            f1 += score->f1[c];
            recalls += score->recall[c];
            weighted += is * score->f1[c];
        }
    }
    score->n_undefined = n_classes - defined;
    score->accuracy = (double) score->n_correct / (double) score->n_rows;
    score->f1_micro = score->accuracy;
    score->f1_macro = f1 / (double) defined;
    score->balanced_accuracy = recalls / (double) defined;
    score->f1_weighted = weighted / (double) score->n_rows;
}

/* Argmax of a row, and its cross-entropy. */
static size_t
look_at(const double *logits, size_t n_rows, size_t n_classes, size_t i, size_t truth,
    double *loss)
{
    size_t best = 0;
    double most = logits[i], sum;

    for (size_t c = 1; c < n_classes; c++) {
        if (logits[i + c * n_rows] > most) {
            most = logits[i + c * n_rows];
            best = c;
        }
    }
    sum = exp(logits[i] - most);
    for (size_t c = 1; c < n_classes; c++) {
        sum += exp(logits[i + c * n_rows] - most);
    }
    *loss += log(sum) + most - logits[i + truth * n_rows];
    return best;
}

int
ba_probe_score(const double *logits, size_t n_rows, size_t n_classes,
    const uint32_t *label, ba_probe_score_t **out)
{
    ba_probe_score_t *score = NULL;
    double loss = 0;
    int status = BA_OK;

    BA_TRY(score_new(n_classes, 0, &score));
    for (size_t i = 0; i < n_rows; i++) {
        if (label[i] < n_classes) {
            size_t said = look_at(logits, n_rows, n_classes, i, label[i], &loss);

            score->confusion[label[i] * n_classes + said]++;
            score->n_rows++;
        }
    }
    if (score->n_rows == 0) {
        BA_TRY(ba_fail(BA_SHAPE, "probe: no token with a class to score"));
    }
    score->loss = loss / (double) score->n_rows;
    summarise(score);
out:
    if (status != BA_OK) {
        ba_probe_score_free(score);
        score = NULL;
    }
    *out = score;
    return status;
}

/* What the four counts of each class say. */
static void
summarise_binary(ba_probe_score_t *score)
{
    size_t defined = 0;
    double f1 = 0, weighted = 0, recalls = 0, rights = 0, others = 0, positives = 0;

    for (size_t c = 0; c < score->n_classes; c++) {
        const uint64_t *count = score->confusion + 4 * c;
        double right = (double) count[3], is = right + (double) count[2];
        double said = right + (double) count[1];

        score->n_correct += count[0] + count[3];
        score->precision[c] = said > 0 ? right / said : (double) NAN;
        score->recall[c] = is > 0 ? right / is : (double) NAN;
        score->f1[c] = is > 0 ? 2 * right / (is + said) : (double) NAN;
        if (is > 0) {
            double rejected = (double) count[0] / (double) (count[0] + count[1]);

            defined++;
            f1 += score->f1[c];
            recalls += count[0] + count[1] > 0 ? (score->recall[c] + rejected) / 2
                                               : score->recall[c];
            weighted += is * score->f1[c];
            positives += is;
            rights += right;
            others += is + said;
        }
    }
    score->n_undefined = score->n_classes - defined;
    score->accuracy =
        (double) score->n_correct / (double) (score->n_rows * score->n_classes);
    score->f1_micro = 2 * rights / others;
    score->f1_macro = f1 / (double) defined;
    score->f1_weighted = weighted / positives;
    score->balanced_accuracy = recalls / (double) defined;
}

int
ba_probe_score_binary(const double *logits, size_t n_rows, size_t n_classes,
    const double *target, ba_probe_kind_t kind, ba_probe_score_t **out)
{
    double threshold = kind == BA_PROBE_REGRESSION ? 0.5 : 0, loss = 0;
    ba_probe_score_t *score = NULL;
    int status = BA_OK;

    *out = NULL;
    if (n_rows == 0) {
        return ba_fail(BA_SHAPE, "probe: no token to score");
    }
    BA_TRY(score_new(n_classes, 1, &score));
    score->n_rows = n_rows;
    for (size_t c = 0; c < n_classes; c++) {
        for (size_t i = 0; i < n_rows; i++) {
            double z = logits[i + c * n_rows], y = target[i + c * n_rows];

            score->confusion[4 * c + (y > 0.5 ? 2 : 0) + (z > threshold ? 1 : 0)]++;
            loss += kind == BA_PROBE_REGRESSION
                        ? (z - y) * (z - y)
                        : fmax(z, 0) + log1p(exp(-fabs(z))) - y * z;
        }
    }
    score->loss = loss / (double) n_rows;
    summarise_binary(score);
    *out = score;
out:
    return status;
}
