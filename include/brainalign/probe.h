/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Linear probes from neurons to classes: elastic-net fits solved to their optimum with a
 * certificate, NeuroX's training, order of neurons by weight. In memory. */
#ifndef BRAINALIGN_PROBE_H
#define BRAINALIGN_PROBE_H

#include "brainalign/ctx.h"
#include "brainalign/matrix.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    BA_PROBE_SOFTMAX,     /* mean cross-entropy of one softmax over all classes */
    BA_PROBE_ONE_VS_REST, /* a logistic probe for every class by itself */
    BA_PROBE_REGRESSION   /* mean squared error, every column by itself */
} ba_probe_kind_t;

typedef enum {
    BA_PENALTY_NEUROX, /* l1 sum|W| + l2 ||W||_F, the root and not its square; of probes
                          that stand by themselves for every class */
    BA_PENALTY_SQUARED /* l1 sum|W| + l2 / 2 ||W||_F^2 */
} ba_penalty_t;

/* What a probe is fitted on. Everything borrowed. */
typedef struct {
    ba_cmat_t x;           /* tokens x neurons, float32 */
    const size_t *columns; /* n_neurons columns of x, NULL = the first ones */
    size_t n_neurons;
    const double *center, *scale; /* n_neurons: the probe sees (x - center) / scale; NULL
                                     = 0 and 1 */
    const double *row_weight;     /* x.n_rows, at least 0, NULL = 1 each */
    const uint32_t *label;        /* x.n_rows: class of each token; one that is not below
                                     n_classes carries none (not for SOFTMAX) */
    const double *target; /* x.n_rows x n_classes, column-major, instead of labels: 0 or 1
                             (ONE_VS_REST), any number (REGRESSION) */
    size_t n_classes;
} ba_probe_data_t;

typedef struct {
    ba_probe_kind_t kind;
    ba_penalty_t penalty;
    double l1, l2;
    double gap; /* stop where the duality gap is at most this share of the objective
                   (1e-6) */
    double kkt; /* and the distance of 0 from the subdifferential at most this (none); the
                   certificate where both penalties are 0 */
    size_t max_iterations; /* Newton steps (500) */
} ba_probe_opts_t;

BA_API ba_probe_opts_t ba_probe_opts_default(void);

/* A probe: logits = (x - center) / scale W + bias. */
typedef struct {
    ba_probe_kind_t kind;
    size_t n_neurons, n_classes;
    double *weights;        /* n_neurons x n_classes, column-major */
    double *bias;           /* n_classes; of a softmax with sum 0 */
    double *center, *scale; /* n_neurons */
    double objective, loss; /* loss = mean cross-entropy or squared error */
    double gap;             /* duality gap: the objective is at most this above the least;
                               infinite where both penalties are 0 */
    double kkt; /* largest distance of 0 from a coordinate of the subdifferential */
    size_t n_nonzero, n_neurons_used, n_iterations;
    int is_converged;
} ba_probe_t;

/* Mean and population standard deviation of each neuron over all rows (a neuron whose
 * deviation is below 1e-10 of its largest value only centred); n_constant may be NULL. */
BA_API int ba_probe_scale(const ba_ctx_t *ctx, const ba_probe_data_t *data,
    double *center, double *scale, size_t *n_constant);

/* Minimises loss + penalty, the bias free of penalty. The bits do not depend on the
 * number of threads. start NULL = from 0. A fit that ends after max_iterations is no
 * error: is_converged is 0 and gap tells what it is worth. Errors: BA_VALUE (options),
 * BA_SHAPE (fewer than two classes, a class without a row of positive weight),
 * BA_NONFINITE, BA_CANCELLED, BA_NOMEM. The caller frees with ba_probe_free(). */
BA_API int ba_probe_fit(const ba_ctx_t *ctx, const ba_probe_data_t *data,
    const ba_probe_opts_t *opts, const ba_probe_t *start, ba_probe_t **out);
BA_API void ba_probe_free(ba_probe_t *probe);

/* The least l1 (at l2 = 0) at which no neuron is used. */
BA_API int ba_probe_l1_max(const ba_ctx_t *ctx, const ba_probe_data_t *data,
    ba_probe_kind_t kind, double *l1_max);

/* Which neurons a prediction sees; the rest stands at 0 (as the probe sees it) or at its
 * mean over the rows that were fitted on. */
typedef enum { BA_REST_ZERO, BA_REST_MEAN } ba_rest_t;

/* logits (x.n_rows x n_classes, column-major) of a probe on data with the same neurons;
 * kept NULL = all, else n_neurons flags. train_mean: of x, n_neurons, for BA_REST_MEAN. */
BA_API int ba_probe_logits(const ba_ctx_t *ctx, const ba_probe_t *probe,
    const ba_probe_data_t *data, const unsigned char *kept, ba_rest_t rest,
    const double *train_mean, double *logits);

/* NeuroX's training: Adam on batches in float64. */
typedef struct {
    ba_probe_kind_t kind;           /* SOFTMAX or REGRESSION */
    double l1, l2;                  /* of BA_PENALTY_NEUROX */
    double rate;                    /* 0.001 */
    size_t batch, epochs;           /* 32, 10 */
    const double *weights0, *bias0; /* n_neurons x n_classes; NULL = uniform within 1 /
                                       sqrt(n_neurons), by seed */
    const size_t *order; /* n_order rows of each epoch, one after the other; NULL = file
                            order */
    size_t n_order;      /* rows of an epoch */
} ba_probe_adam_t;

BA_API ba_probe_adam_t ba_probe_adam_default(void);

/* gap is NaN and is_converged 0: nothing is certified. Errors as ba_probe_fit(). */
BA_API int ba_probe_adam(const ba_ctx_t *ctx, const ba_probe_data_t *data,
    const ba_probe_adam_t *opts, ba_probe_t **out);

/* Steps of weight mass in which neurons are looked at. */
#define BA_PROBE_STEPS 100

/* Neurons in order of their weight. A neuron's need is the least share of mass, over
 * classes, that stands before it in the class's descending order of |W|. */
typedef struct {
    size_t n_neurons, n_classes;
    uint32_t *per_class; /* n_classes x n_neurons, row by row: |W| descending, ties to the
                            lower index */
    double *need;        /* n_neurons; 1 where all weights are 0 */
    uint32_t *global;    /* n_neurons: by need, then index */
    uint32_t *enter; /* n_neurons: first step s at which the neuron is in the union over
                            classes of the shortest prefixes with at least s / 100 of the
                            mass */
    uint32_t cutoffs[BA_PROBE_STEPS + 1]; /* neurons in by each step */
} ba_probe_order_t;

BA_API int ba_probe_order(const ba_probe_t *probe, ba_probe_order_t **out);
BA_API void ba_probe_order_free(ba_probe_order_t *order);

typedef enum {
    BA_BY_MASS,   /* shortest descending prefix with at least `value` of the mass */
    BA_BY_BOTTOM, /* the same, ascending */
    BA_BY_DIVISOR /* |w| above the class's largest / value */
} ba_probe_set_by_t;

/* Neurons that some class takes: flags (n_neurons), and how many each class takes
 * (n_classes, may be NULL). */
BA_API int ba_probe_set(const ba_probe_t *probe, ba_probe_set_by_t by, double value,
    unsigned char *flags, size_t *n_per_class);

/* How probes are made: solved, or trained as NeuroX does. */
typedef struct {
    int is_neurox;
    ba_probe_opts_t fit;
    ba_probe_adam_t adam;
} ba_probe_trainer_t;

/* A probe on the neurons list[0 .. n_listed - 1] of `data` (places among its neurons;
 * NULL = all); starting weights of `adam` are restricted to them. start: of the same
 * neurons, for solved probes, or NULL. */
BA_API int ba_probe_train(const ba_ctx_t *ctx, const ba_probe_data_t *data,
    const ba_probe_trainer_t *trainer, const size_t *list, size_t n_listed,
    const ba_probe_t *start, ba_probe_t **out);

/* Penalties to choose among. */
typedef struct {
    size_t n;
    const double *l1, *l2; /* n, best from large to small: each fit starts from
                                           the one before */
    const unsigned char *is_validation; /* x.n_rows: rows to choose by, not fitted on */
} ba_probe_grid_t;

typedef struct {
    double loss, accuracy; /* of the validation rows */
    double objective, gap;
    size_t n_nonzero, n_neurons_used;
} ba_probe_step_t;

/* Fits every pair of penalties without the validation rows, takes the one with the least
 * loss there (ties to the earlier), and fits it on all rows. steps: n. */
BA_API int ba_probe_path(const ba_ctx_t *ctx, const ba_probe_data_t *data,
    const ba_probe_opts_t *opts, const ba_probe_grid_t *grid, ba_probe_step_t *steps,
    size_t *best, ba_probe_t **out);

/* Bootstrap over groups of rows (word types, sentences): share of the draws in which a
 * weight is not 0 (frequency, n_neurons x n_classes, column-major), and in which a neuron
 * has one (any, n_neurons). A draw that loses a class is drawn again; *n_redrawn counts
 * them (may be NULL). BA_SHAPE where 100 in a row lose one. start: where fits begin. */
typedef struct {
    const uint32_t *group; /* x.n_rows, below n_groups */
    size_t n_groups, n_draws;
    uint64_t seed;
} ba_probe_bootstrap_t;

BA_API int ba_probe_stability(const ba_ctx_t *ctx, const ba_probe_data_t *data,
    const ba_probe_opts_t *opts, const ba_probe_bootstrap_t *bootstrap,
    const ba_probe_t *start, double *frequency, double *any, size_t *n_redrawn);

/* The fewest neurons, first of `order`, that do as well as all but a share delta: right on
 * more than (1 - delta) times as many rows of `dev`. The sizes tried are .1, .2, .. 10,
 * 15, .. 50, 60, .. 100 per cent (sizes of 0 and those met before left out); n_correct
 * holds what each got, up to the first that suffices. */
enum { BA_PROBE_MOST_SIZES = 120 };

typedef struct {
    size_t n_base;    /* right with all neurons */
    size_t n_minimal; /* the answer, 0 = none suffices */
    size_t n_sizes;
    size_t sizes[BA_PROBE_MOST_SIZES], n_correct[BA_PROBE_MOST_SIZES];
} ba_probe_minimal_t;

BA_API int ba_probe_minimal(const ba_ctx_t *ctx, const ba_probe_data_t *train,
    const ba_probe_data_t *dev, const ba_probe_trainer_t *trainer, const uint32_t *order,
    double delta, ba_probe_minimal_t *out);

/* Online code length (Voita & Titov 2020): rows up to the first cut at log2 n_classes bits
 * each, every later block at -log2 p under the probe fitted on the rows before it. */
enum { BA_PROBE_MOST_CUTS = 12 };

typedef struct {
    size_t n_cuts;
    size_t cut[BA_PROBE_MOST_CUTS];  /* rows before each */
    double bits[BA_PROBE_MOST_CUTS]; /* of the rows up to it from the one before */
    double total, uniform;           /* bits; of log2 n_classes a row */
} ba_probe_code_t;

/* Cuts at .1, .2, .4, .8, 1.6, 3.2, 6.25, 12.5, 25, 50 and 100 % of the rows, those below
 * 50 rows or before which a class is missing left out. order: rows in the order in which
 * they are sent, NULL = as they stand. zscore: neurons on the rows so far, instead of
 * center and scale of data. BA_SHAPE: no cut but the last. Memory: a copy of the
 * activations. */
BA_API int ba_probe_code_length(const ba_ctx_t *ctx, const ba_probe_data_t *data,
    const ba_probe_opts_t *opts, const size_t *order, int zscore, ba_probe_code_t *out);

/* How well classes are told apart. */
typedef struct {
    size_t n_rows, n_classes, n_correct; /* n_correct counts classes of rows where each
                                            class is a question of its own */
    int is_binary;                       /* 1 = every class by itself */
    uint64_t *confusion; /* n_classes x n_classes, row by row: true, predicted; binary:
                            n_classes x 4: not and not said, not but said, is but not said,
                            is and said */
    double accuracy, balanced_accuracy;
    double f1_macro, f1_micro, f1_weighted;
    double *precision, *recall, *f1; /* n_classes; NaN where no row has the class */
    size_t n_undefined;              /* classes without a row; the means leave them out */
    double loss;                     /* mean cross-entropy in nat */
} ba_probe_score_t;

/* Argmax of logits (ties to the lower class) against labels; rows without a label are
 * left out. */
BA_API int ba_probe_score(const double *logits, size_t n_rows, size_t n_classes,
    const uint32_t *label, ba_probe_score_t **out);

/* Every class by itself, said where its logit is above 0 (ONE_VS_REST) or 1/2
 * (REGRESSION): accuracy over all rows and classes, F1 of each, micro from the summed
 * counts. target: n_rows x n_classes, column-major, 1 above 1/2. */
BA_API int ba_probe_score_binary(const double *logits, size_t n_rows, size_t n_classes,
    const double *target, ba_probe_kind_t kind, ba_probe_score_t **out);
BA_API void ba_probe_score_free(ba_probe_score_t *score);

#ifdef __cplusplus
}
#endif

#endif
