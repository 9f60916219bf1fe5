/* SPDX-License-Identifier: GPL-3.0-or-later */
/* NeuroX's training, number by number: Adam (Kingma & Ba 2015) on batches of rows in a
 * given order, in float64,
 *
 *   gradient = X' (softmax - onehot) / batch + l1 sign(W) + l2 W / ||W||_F, sign(0) = 0
 *   step     = rate / (1 - .9^t) m / (sqrt(v) / sqrt(1 - .999^t) + 1e-8)
 *
 * and the same with 2 (z - y) / (batch n_classes) for the mean squared error. It stops
 * after so many epochs, wherever it is then. */
#include "core/alloc.h"
#include "core/rng.h"
#include "linalg/blas.h"
#include "model/clones.h"
#include "model/probe_impl.h"

#include <math.h>
#include <string.h>

static const double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;

enum { STREAM_START = 1 };

typedef struct {
    const ba_probe_data_t *data;
    const ba_probe_adam_t *opts;
    size_t p, n_classes, n_weights; /* weights and biases */
    double *w, *m, *v, *g;          /* n_weights each, biases last */
    double *x;                      /* batch x p */
    double *z;                      /* batch x n_classes */
    double power1, power2;          /* beta^t */
} adam_t;

ba_probe_adam_t
ba_probe_adam_default(void)
{
    return (ba_probe_adam_t){
        .kind = BA_PROBE_SOFTMAX, .rate = 1e-3, .batch = 32, .epochs = 10};
}

static void
gather_batch(adam_t *adam, const size_t *rows, size_t row0, size_t n)
{
    const ba_probe_data_t *data = adam->data;

    for (size_t j = 0; j < adam->p; j++) {
        const float *x =
            data->x.data + (data->columns ? data->columns[j] : j) * data->x.ld;
        double center = data->center ? data->center[j] : 0;
        double scale = data->scale ? data->scale[j] : 1;
        double *to = adam->x + j * n;

        for (size_t i = 0; i < n; i++) {
            to[i] = ((double) x[rows ? rows[i] : row0 + i] - center) / scale;
        }
    }
}

static double
target_of(const ba_probe_data_t *data, size_t row, size_t c)
{
    return data->target ? data->target[row + c * data->x.n_rows] : data->label[row] == c;
}

/* z becomes the derivative of the batch's mean loss. */
static void
differentiate(adam_t *adam, const size_t *rows, size_t row0, size_t n)
{
    size_t n_classes = adam->n_classes;

    for (size_t i = 0; i < n; i++) {
        size_t row = rows ? rows[i] : row0 + i;
        double *z = adam->z + i, most = z[0], sum = 0;

        for (size_t c = 1; c < n_classes; c++) {
            most = fmax(most, z[c * n]);
        }
        for (size_t c = 0; c < n_classes && adam->opts->kind == BA_PROBE_SOFTMAX; c++) {
            z[c * n] = exp(z[c * n] - most);
            sum += z[c * n];
        }
        for (size_t c = 0; c < n_classes; c++) {
            double y = target_of(adam->data, row, c);

            z[c * n] = adam->opts->kind == BA_PROBE_SOFTMAX
                           ? (z[c * n] / sum - y) / (double) n
                           : 2 * (z[c * n] - y) / (double) (n * n_classes);
        }
    }
}

BA_CLONES static void
add_penalty(adam_t *adam)
{
    size_t size = adam->p * adam->n_classes;
    double norm = 0;

    for (size_t k = 0; k < size; k++) {
        norm += adam->w[k] * adam->w[k];
    }
    norm = sqrt(norm);
    for (size_t k = 0; k < size; k++) {
        double w = adam->w[k];

        adam->g[k] += adam->opts->l1 * ((w > 0) - (w < 0)) +
                      (norm > 0 ? adam->opts->l2 * w / norm : 0);
    }
}

BA_CLONES static void
update(adam_t *adam)
{
    double rate, root;

    adam->power1 *= beta1;
    adam->power2 *= beta2;
    rate = adam->opts->rate / (1 - adam->power1);
    root = sqrt(1 - adam->power2);
    for (size_t k = 0; k < adam->n_weights; k++) {
        double g = adam->g[k];

        adam->m[k] = beta1 * adam->m[k] + (1 - beta1) * g;
        adam->v[k] = beta2 * adam->v[k] + (1 - beta2) * g * g;
        adam->w[k] -= rate * adam->m[k] / (sqrt(adam->v[k]) / root + epsilon);
    }
}

static void
take_batch(adam_t *adam, const size_t *rows, size_t row0, size_t n)
{
    size_t p = adam->p, n_classes = adam->n_classes, size = p * n_classes;
    ba_cdmat_t x = ba_cdmat(adam->x, n, p, n);
    ba_dmat_t z = ba_dmat(adam->z, n, n_classes, n);

    gather_batch(adam, rows, row0, n);
    for (size_t c = 0; c < n_classes; c++) {
        for (size_t i = 0; i < n; i++) {
            adam->z[i + c * n] = adam->w[size + c];
        }
    }
    ba_gemm_f64(1, BA_KEEP, x, BA_KEEP, ba_cdmat(adam->w, p, n_classes, p), 1, z);
    differentiate(adam, rows, row0, n);
    ba_gemm_f64(1, BA_TRANSPOSE, x, BA_KEEP, ba_dmat_const(z), 0,
        ba_dmat(adam->g, p, n_classes, p));
    for (size_t c = 0; c < n_classes; c++) {
        adam->g[size + c] = 0;
        for (size_t i = 0; i < n; i++) {
            adam->g[size + c] += adam->z[i + c * n];
        }
    }
    add_penalty(adam);
    update(adam);
}

static int
start(const ba_ctx_t *ctx, adam_t *adam)
{
    size_t size = adam->p * adam->n_classes;
    double bound = 1 / sqrt((double) adam->p);
    ba_rng_t *rng;

    if (adam->opts->weights0) {
        memcpy(adam->w, adam->opts->weights0, size * sizeof *adam->w);
        if (adam->opts->bias0) {
            memcpy(adam->w + size, adam->opts->bias0, adam->n_classes * sizeof *adam->w);
        }
        return BA_OK;
    }
    rng = ba_rng_new(ctx ? ctx->seed : 0, STREAM_START);
    if (!rng) {
        return BA_NOMEM;
    }
    for (size_t k = 0; k < adam->n_weights; k++) {
        adam->w[k] = bound * (2 * ba_rng_uniform(rng) - 1);
    }
    ba_rng_free(rng);
    return BA_OK;
}

static int
adam_new(const ba_probe_data_t *data, const ba_probe_adam_t *opts, adam_t *adam)
{
    size_t p = data->n_neurons, n_classes = data->n_classes;
    int status = BA_OK;

    *adam = (adam_t){data, opts, p, n_classes, (p + 1) * n_classes, NULL, NULL, NULL,
        NULL, NULL, NULL, 1, 1};
    BA_TRY_ALLOC(adam->w, ba_calloc(4, adam->n_weights * sizeof *adam->w));
    adam->m = adam->w + adam->n_weights;
    adam->v = adam->m + adam->n_weights;
    adam->g = adam->v + adam->n_weights;
    BA_TRY_ALLOC(adam->x, ba_malloc(opts->batch, p * sizeof *adam->x));
    BA_TRY_ALLOC(adam->z, ba_malloc(opts->batch, n_classes * sizeof *adam->z));
out:
    return status;
}

static int
check_order(const ba_probe_data_t *data, const ba_probe_adam_t *opts)
{
    size_t n = opts->order ? opts->n_order * opts->epochs : 0;

    if (opts->kind == BA_PROBE_ONE_VS_REST || opts->batch == 0 || opts->epochs == 0 ||
        !(opts->rate > 0) || !(opts->l1 >= 0) || !(opts->l2 >= 0)) {
        return ba_fail(BA_VALUE,
            "probe: batch %zu, epochs %zu, rate %g, l1 %g, l2 %g of "
            "NeuroX's training, wanted above 0 (a softmax or a "
            "regression)",
            opts->batch, opts->epochs, opts->rate, opts->l1, opts->l2);
    }
    for (size_t i = 0; i < n; i++) {
        if (opts->order[i] >= data->x.n_rows) {
            return ba_fail(BA_VALUE,
                "probe: row %zu in the order of batches, there are "
                "%zu",
                opts->order[i], data->x.n_rows);
        }
    }
    return BA_OK;
}

/* Copies what was reached into a probe, with its objective over all rows. */
static int
finish(const ba_ctx_t *ctx, const adam_t *adam, ba_probe_t **out)
{
    size_t size = adam->p * adam->n_classes;
    ba_probe_problem_t problem;
    double *z = NULL;
    ba_probe_t *probe = NULL;
    int status = BA_OK;

    BA_TRY(ba_probe_problem_new(ctx, adam->data, adam->opts->kind, &problem));
    problem.l1 = adam->opts->l1;
    problem.l2 = adam->opts->l2;
    BA_TRY_ALLOC(z, ba_malloc(problem.n, adam->n_classes * sizeof *z));
    BA_TRY(ba_probe_new(adam->data, adam->opts->kind, &probe));
    memcpy(probe->weights, adam->w, size * sizeof *adam->w);
    memcpy(probe->bias, adam->w + size, adam->n_classes * sizeof *adam->w);
    BA_TRY(ba_probe_logits(ctx, probe, adam->data, NULL, BA_REST_ZERO, NULL, z));
    probe->loss = ba_probe_loss(&problem, z);
    probe->objective = probe->loss + ba_probe_penalty(&problem, probe->weights, adam->p);
    probe->gap = probe->kkt = (double) NAN;
    probe->n_iterations = adam->opts->epochs;
    ba_probe_count(probe);
    *out = probe;
    probe = NULL;
out:
    ba_probe_problem_free(&problem);
    ba_probe_free(probe);
    ba_free(z);
    return status;
}

int
ba_probe_adam(const ba_ctx_t *ctx, const ba_probe_data_t *data,
    const ba_probe_adam_t *opts, ba_probe_t **out)
{
    size_t n = opts->order ? opts->n_order : data->x.n_rows;
    adam_t adam = {.p = 0};
    int status = BA_OK;

    *out = NULL;
    ba_blas_single_thread();
    BA_TRY(check_order(data, opts));
    BA_TRY(adam_new(data, opts, &adam));
    BA_TRY(start(ctx, &adam));
    for (size_t epoch = 0; epoch < opts->epochs; epoch++) {
        const size_t *rows = opts->order ? opts->order + epoch * n : NULL;

        BA_TRY(ba_ctx_check(ctx));
        for (size_t row0 = 0; row0 < n; row0 += opts->batch) {
            size_t m = n - row0 < opts->batch ? n - row0 : opts->batch;

            take_batch(&adam, rows ? rows + row0 : NULL, row0, m);
        }
    }
    BA_TRY(finish(ctx, &adam, out));
out:
    ba_free(adam.w);
    ba_free(adam.x);
    ba_free(adam.z);
    return status;
}
