/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Gaussian probe with greedy selection (Torroba Hennigen et al. 2020). Class c of N_c
 * training tokens: mean m_c, centred scatter S_c, p neurons in all,
 *
 *   Sigma_c = (S_c + diag(S_c) / den) / (N_c + 2 p + 4),  den = N_c or N_c - 1
 *
 * The score of a set Q is the mean of log p(y | x_Q) over the scored tokens with the
 * training frequencies as priors; the neuron that raises it most is added, the lowest on
 * ties. MI = (H + score) / ln 2 bits, H the entropy of the scored labels, NMI = MI / H, both
 * in bits.
 *
 * Incremental Cholesky: with L the factor of Sigma_c over the picks, row j of it extended by
 * neuron j is l_j = Sigma_jQ L^-T, its pivot d_j = Sigma_jj - |l_j|^2, and the log density
 * of token i grows by -(log(2 pi d_j) + (x_ij - m_j - w_i . l_j)^2 / d_j) / 2, w_i the
 * whitened residuals of the token. So l, d (p numbers per class and pick) and w (scored
 * tokens per class and pick) are kept, and a candidate costs one product with k numbers per
 * token and class. A neuron that is constant in some class has no density there (pivot 0)
 * and cannot be picked. Scaling a neuron changes no score, so activations are taken as they
 * are. */
#include "neurons/rank_impl.h"

#include "core/alloc.h"
#include "core/error_keep.h"
#include "linalg/blas.h"

#include <math.h>
#include <omp.h>
#include <string.h>

enum { WIDTH = 32, HEIGHT = 256 };

typedef struct {
    size_t n_rows, n_neurons, n_classes, n_fit, n_scored, most;
    float *x;             /* n_rows x n_neurons */
    size_t *row;          /* n_fit training rows, class by class */
    size_t *first;        /* n_classes + 1 */
    size_t *scored;       /* n_scored rows */
    uint32_t *class;      /* n_scored */
    double *mean, *pivot; /* n_classes x n_neurons */
    double *factor;       /* n_classes x most x n_neurons: l */
    double *white;        /* n_classes x most x n_scored: w */
    double *base;         /* n_classes x n_scored: log prior + log density of the picks */
    double *score;        /* n_neurons */
    size_t n_picked;
    size_t *pick;
} probe_t;

static void
probe_free(probe_t *probe)
{
    ba_free(probe->x);
    ba_free(probe->row);
    ba_free(probe->first);
    ba_free(probe->scored);
    ba_free(probe->class);
    ba_free(probe->mean);
    ba_free(probe->pivot);
    ba_free(probe->factor);
    ba_free(probe->white);
    ba_free(probe->base);
    ba_free(probe->score);
}

/* Classes of at least two training tokens, numbered; UINT32_MAX for the others. */
static int
number_classes(const rank_job_t *job, uint32_t *number, size_t *n_classes)
{
    const uint32_t *count = job->observed.count;

    *n_classes = 0;
    for (size_t c = 0; c < job->labels.sets.n_concepts; c++) {
        number[c] = count[c] >= 2 ? (uint32_t) (*n_classes)++ : UINT32_MAX;
    }
    if (!job->labels.is_exclusive) {
        return ba_fail(BA_SHAPE, "labels: a token carries several, method gaussian wants "
                                 "classes");
    }
    if (*n_classes < 2) {
        return ba_fail(BA_SHAPE,
            "labels: %zu classes of two or more tokens to fit on, "
            "method gaussian wants two",
            *n_classes);
    }
    return BA_OK;
}

/* Class of a row under `number`, UINT32_MAX = none. */
static uint32_t
class_of(const rank_labels_t *labels, const uint32_t *number, size_t row)
{
    uint32_t set = labels->set[row], e = labels->sets.first[set];

    return labels->sets.first[set + 1] > e ? number[labels->sets.concept[e]] : UINT32_MAX;
}

/* The rows to fit on, class by class, and those to score. */
static int
list_rows(const rank_job_t *job, const uint32_t *number, probe_t *probe)
{
    int status = BA_OK;
    const rank_labels_t *labels = &job->labels;
    int own = job->opts->gaussian == BA_GAUSSIAN_NEUROX;

    BA_TRY_ALLOC(probe->row, ba_malloc(labels->n_rows, sizeof *probe->row));
    BA_TRY_ALLOC(probe->first, ba_calloc(probe->n_classes + 1, sizeof *probe->first));
    BA_TRY_ALLOC(probe->scored, ba_malloc(labels->n_rows, sizeof *probe->scored));
    BA_TRY_ALLOC(probe->class, ba_malloc(labels->n_rows, sizeof *probe->class));
    for (uint32_t c = 0; c < probe->n_classes; c++) {
        probe->first[c] = probe->n_fit;
        for (size_t i = 0; i < labels->n_rows; i++) {
            if (!labels->test[i] && class_of(labels, number, i) == c) {
                probe->row[probe->n_fit++] = i;
            }
        }
    }
    probe->first[probe->n_classes] = probe->n_fit;
    for (size_t i = 0; i < labels->n_rows; i++) {
        uint32_t c = class_of(labels, number, i);

        if (c != UINT32_MAX && labels->test[i] == !own) {
            probe->class[probe->n_scored] = c;
            probe->scored[probe->n_scored++] = i;
        }
    }
    if (probe->n_scored == 0) {
        BA_TRY(
            ba_fail(BA_SHAPE, "test tokens: none carries a class, and method gaussian "
                              "scores them (its neurox variant scores training tokens)"));
    }
out:
    return status;
}

static int
allocate(const rank_job_t *job, probe_t *probe)
{
    int status = BA_OK;
    size_t p = probe->n_neurons, c = probe->n_classes, k = probe->most, planes, bytes;
    double need =
        (double) p * (double) probe->n_rows * sizeof(float) +
        (double) c * (double) k * (double) (p + probe->n_scored) * sizeof(double);

    if (need > (double) ba_ctx_memory(job->ctx)) {
        BA_TRY(ba_fail(BA_TOO_LARGE,
            "method gaussian: needs %.0f MiB for all neurons at "
            "once, allowed %.0f MiB",
            need / 1048576, (double) ba_ctx_memory(job->ctx) / 1048576));
    }
    BA_TRY(ba_multiply(c, k, &planes));
    BA_TRY(ba_multiply(planes, sizeof(double), &bytes));
    BA_TRY_ALLOC(probe->factor, ba_malloc(p, bytes));
    BA_TRY_ALLOC(probe->white, ba_malloc(probe->n_scored, bytes));
    BA_TRY_ALLOC(probe->mean, ba_malloc(p, c * sizeof *probe->mean));
    BA_TRY_ALLOC(probe->pivot, ba_malloc(p, c * sizeof *probe->pivot));
    BA_TRY_ALLOC(probe->base, ba_malloc(probe->n_scored, c * sizeof *probe->base));
    BA_TRY_ALLOC(probe->score, ba_malloc(p, sizeof *probe->score));
    BA_TRY(ba_multiply(probe->n_rows, sizeof *probe->x, &bytes));
    BA_TRY_ALLOC(probe->x, ba_malloc(p, bytes));
    BA_TRY(ba_activations_read_single(job->data->activations, job->labels.rows,
        probe->n_rows, 0, p, probe->x, probe->n_rows));
out:
    return status;
}

static double
divisor(const probe_t *probe, size_t class)
{
    double n = (double) (probe->first[class + 1] - probe->first[class]);

    return n + 2 * (double) probe->n_neurons + 4;
}

/* Means and the diagonals of Sigma. */
static void
fit_neuron(const rank_job_t *job, probe_t *probe, size_t j)
{
    const float *x = probe->x + j * probe->n_rows;

    for (size_t c = 0; c < probe->n_classes; c++) {
        size_t low = probe->first[c], high = probe->first[c + 1];
        double n = (double) (high - low), mean = 0, scatter = 0;
        double den = job->opts->gaussian == BA_GAUSSIAN_AUTHORS ? n : n - 1;

        for (size_t e = low; e < high; e++) {
            mean += (double) x[probe->row[e]];
        }
        mean /= n; /* exact where all are equal: a sum of float32 has room in float64 */
        for (size_t e = low; e < high; e++) {
            double apart = (double) x[probe->row[e]] - mean;

            scatter += apart * apart;
        }
        probe->mean[c * probe->n_neurons + j] = mean;
        probe->pivot[c * probe->n_neurons + j] =
            (scatter + scatter / den) / divisor(probe, c);
    }
}

/* Residuals of HEIGHT scored tokens under class c for WIDTH candidates, then their log
 * densities: out[i + j HEIGHT]. */
static void
density_tile(const probe_t *probe, size_t c, size_t i0, size_t n, size_t j0, size_t width,
    double *out)
{
    size_t p = probe->n_neurons, m = probe->n_scored, k = probe->n_picked;
    const double *mean = probe->mean + c * p, *pivot = probe->pivot + c * p;
    const double *base = probe->base + c * m + i0;

    for (size_t j = 0; j < width; j++) {
        const float *x = probe->x + (j0 + j) * probe->n_rows;

        for (size_t i = 0; i < n; i++) {
            out[i + j * HEIGHT] = (double) x[probe->scored[i0 + i]] - mean[j0 + j];
        }
    }
    if (k > 0) {
        ba_gemm_f64(-1, BA_KEEP,
            ba_cdmat(probe->white + c * probe->most * m + i0, n, k, m), BA_TRANSPOSE,
            ba_cdmat(probe->factor + c * probe->most * p + j0, width, k, p), 1,
            ba_dmat(out, n, width, HEIGHT));
    }
    for (size_t j = 0; j < width; j++) {
        double d = pivot[j0 + j], constant = log(2 * acos(-1.0) * d) / 2;

        for (size_t i = 0; i < n; i++) {
            double r = out[i + j * HEIGHT];

            out[i + j * HEIGHT] = base[i] - constant - r * r / (2 * d);
        }
    }
}

/* log p(true class | x) of one token from its log joint densities. */
static double
log_posterior(const double *joint, size_t stride, size_t n_classes, uint32_t class)
{
    double largest = -INFINITY, sum = 0;

    for (size_t c = 0; c < n_classes; c++) {
        largest = joint[c * stride] > largest ? joint[c * stride] : largest;
    }
    for (size_t c = 0; c < n_classes; c++) {
        sum += exp(joint[c * stride] - largest);
    }
    return joint[class * stride] - largest - log(sum);
}

/* Mean log posterior with each of a block of candidates added. */
static void
score_block(probe_t *probe, size_t j0, size_t width, double *joint)
{
    const size_t plane = (size_t) WIDTH * HEIGHT;

    for (size_t j = 0; j < width; j++) {
        probe->score[j0 + j] = 0;
    }
    for (size_t i0 = 0; i0 < probe->n_scored; i0 += HEIGHT) {
        size_t n = probe->n_scored - i0 < HEIGHT ? probe->n_scored - i0 : HEIGHT;

        for (size_t c = 0; c < probe->n_classes; c++) {
            density_tile(probe, c, i0, n, j0, width, joint + c * plane);
        }
        for (size_t j = 0; j < width; j++) {
            for (size_t i = 0; i < n; i++) {
                probe->score[j0 + j] += log_posterior(joint + i + j * HEIGHT, plane,
                    probe->n_classes, probe->class[i0 + i]);
            }
        }
    }
    for (size_t j = 0; j < width; j++) {
        probe->score[j0 + j] /= (double) probe->n_scored;
        for (size_t c = 0; c < probe->n_classes; c++) {
            if (!(probe->pivot[c * probe->n_neurons + j0 + j] > 0)) {
                probe->score[j0 + j] = (double) NAN;
            }
        }
    }
    for (size_t k = 0; k < probe->n_picked; k++) {
        if (probe->pick[k] >= j0 && probe->pick[k] < j0 + width) {
            probe->score[probe->pick[k]] = (double) NAN;
        }
    }
}

static int
score_candidates(const rank_job_t *job, probe_t *probe)
{
    size_t n_blocks = (probe->n_neurons + WIDTH - 1) / WIDTH;
    ba_error_keep_t keep = {0};

#pragma omp parallel num_threads(ba_ctx_threads(job->ctx))
    {
        double *joint =
            ba_malloc((size_t) WIDTH * HEIGHT, probe->n_classes * sizeof *joint);

        ba_error_keep(&keep, joint ? BA_OK : BA_NOMEM);
#pragma omp for schedule(dynamic)
        for (size_t b = 0; b < n_blocks; b++) {
            size_t left = probe->n_neurons - b * WIDTH;

            if (joint) {
                score_block(probe, b * WIDTH, left < WIDTH ? left : WIDTH, joint);
            }
        }
        ba_free(joint);
    }
    return ba_error_raise(&keep);
}

/* Column k of l for neuron j in class c, where k is the neuron picked last. */
static void
extend_factor(probe_t *probe, size_t c, size_t j, size_t picked, double pivot)
{
    size_t p = probe->n_neurons, k = probe->n_picked;
    double *factor = probe->factor + c * probe->most * p;
    const double *mean = probe->mean + c * p;
    const float *x = probe->x + j * probe->n_rows;
    const float *y = probe->x + picked * probe->n_rows;
    double sum = 0;

    for (size_t e = probe->first[c]; e < probe->first[c + 1]; e++) {
        size_t row = probe->row[e];

        sum += ((double) x[row] - mean[j]) * ((double) y[row] - mean[picked]);
    }
    sum /= divisor(probe, c);
    for (size_t h = 0; h < k; h++) {
        sum -= factor[h * p + j] * factor[h * p + picked];
    }
    factor[k * p + j] = sum / sqrt(pivot);
    probe->pivot[c * p + j] -= factor[k * p + j] * factor[k * p + j];
}

/* Whitened residuals of the neuron picked last, and the densities with it. */
static void
extend_white(probe_t *probe, size_t c, size_t picked, double pivot)
{
    size_t p = probe->n_neurons, m = probe->n_scored, k = probe->n_picked;
    const double *factor = probe->factor + c * probe->most * p;
    double *white = probe->white + c * probe->most * m;
    const float *x = probe->x + picked * probe->n_rows;

    for (size_t i = 0; i < m; i++) {
        double r = (double) x[probe->scored[i]] - probe->mean[c * p + picked];

        for (size_t h = 0; h < k; h++) {
            r -= white[h * m + i] * factor[h * p + picked];
        }
        white[k * m + i] = r / sqrt(pivot);
        probe->base[c * m + i] -=
            (log(2 * acos(-1.0) * pivot) + white[k * m + i] * white[k * m + i]) / 2;
    }
}

static void
add_pick(const rank_job_t *job, probe_t *probe, size_t picked)
{
    for (size_t c = 0; c < probe->n_classes; c++) {
        double pivot = probe->pivot[c * probe->n_neurons + picked];

        extend_white(probe, c, picked, pivot);
#pragma omp parallel for num_threads(ba_ctx_threads(job->ctx)) schedule(static)
        for (size_t j = 0; j < probe->n_neurons; j++) {
            if (j != picked) {
                extend_factor(probe, c, j, picked, pivot);
            }
        }
        probe->factor[(c * probe->most + probe->n_picked) * probe->n_neurons + picked] =
            sqrt(pivot);
    }
    probe->pick[probe->n_picked++] = picked;
}

/* Entropy of the scored labels (nat), and the priors into base. */
static double
prepare(probe_t *probe)
{
    double entropy = 0;

    for (size_t c = 0; c < probe->n_classes; c++) {
        double prior = (double) (probe->first[c + 1] - probe->first[c]);
        double n = 0;

        for (size_t i = 0; i < probe->n_scored; i++) {
            n += probe->class[i] == c;
            probe->base[c * probe->n_scored + i] = log(prior / (double) probe->n_fit);
        }
        n /= (double) probe->n_scored;
        entropy -= n > 0 ? n * log(n) : 0;
    }
    return entropy;
}

static int
pick_all(rank_job_t *job, probe_t *probe)
{
    int status = BA_OK;
    ba_rank_report_t *report = job->report;
    double entropy = prepare(probe);

    report->entropy = entropy / log(2);
    for (size_t k = 0; k < probe->most; k++) {
        size_t best = SIZE_MAX;

        ba_ctx_progress(job->ctx, "picking neurons", (double) k, (double) probe->most);
        BA_TRY(ba_ctx_check(job->ctx));
        BA_TRY(score_candidates(job, probe));
        for (size_t j = 0; j < probe->n_neurons; j++) {
            if (!isnan(probe->score[j]) &&
                (best == SIZE_MAX || probe->score[j] > probe->score[best])) {
                best = j;
            }
        }
        if (best == SIZE_MAX) {
            break;
        }
        report->bits[k] = (entropy + probe->score[best]) / log(2);
        report->nmi[k] = entropy > 0 ? report->bits[k] / report->entropy : (double) NAN;
        add_pick(job, probe, best);
        report->n_picks = k + 1;
    }
out:
    return status;
}

/* The picks in their order, then the others; the score of a pick is the information of
 * all up to it. */
static void
fill_ranking(const probe_t *probe, const ba_rank_report_t *report, ba_ranking_t *ranking)
{
    size_t n = 0;

    for (size_t j = 0; j < probe->n_neurons; j++) {
        ranking->score[j] = (double) NAN;
    }
    for (; n < probe->n_picked; n++) {
        ranking->score[probe->pick[n]] = report->bits[n];
        ranking->order[n] = (uint32_t) probe->pick[n];
    }
    for (size_t j = 0; j < probe->n_neurons; j++) {
        if (isnan(ranking->score[j])) {
            ranking->order[n++] = (uint32_t) j;
        }
    }
}

int
ba_rank_gaussian(rank_job_t *job)
{
    int status = BA_OK;
    probe_t probe = {.n_rows = job->labels.n_rows,
        .n_neurons = job->ranking->n_neurons,
        .most = job->opts->n_picks};
    uint32_t *number = NULL;

    probe.most = probe.most < probe.n_neurons ? probe.most : probe.n_neurons;
    BA_TRY_ALLOC(number, ba_malloc(job->labels.sets.n_concepts, sizeof *number));
    BA_TRY(number_classes(job, number, &probe.n_classes));
    BA_TRY(list_rows(job, number, &probe));
    BA_TRY_ALLOC(job->report->pick, ba_calloc(probe.most, sizeof *job->report->pick));
    BA_TRY_ALLOC(job->report->bits, ba_calloc(probe.most, sizeof *job->report->bits));
    BA_TRY_ALLOC(job->report->nmi, ba_calloc(probe.most, sizeof *job->report->nmi));
    probe.pick = job->report->pick;
    BA_TRY(allocate(job, &probe));
    BA_TRY(ba_blas_check(probe.n_scored));
    BA_TRY(ba_blas_check_room(ba_ctx_threads(job->ctx)));
    ba_blas_single_thread();
#pragma omp parallel for num_threads(ba_ctx_threads(job->ctx)) schedule(static)
    for (size_t j = 0; j < probe.n_neurons; j++) {
        fit_neuron(job, &probe, j);
    }
    BA_TRY(pick_all(job, &probe));
    fill_ranking(&probe, job->report, job->ranking);
out:
    probe_free(&probe);
    ba_free(number);
    return status;
}
