/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of neurons/rank_* share. Rows are the training and test tokens together,
 * ascending; a labelling says which of them take part and what they carry. */
#ifndef BA_NEURONS_RANK_IMPL_H
#define BA_NEURONS_RANK_IMPL_H

#include "brainalign/error.h"
#include "brainalign/rank.h"

/* The set of a row that does not take part. */
#define RANK_LEFT_OUT UINT32_MAX

/* Top bit of a row or set in sorted order: its value differs from the one before. */
#define RANK_STARTS UINT32_C(0x80000000)
#define RANK_NUMBER UINT32_C(0x7fffffff)

/* The distinct sets of concepts that tokens carry; set s holds concept[first[s]] .. */
typedef struct {
    size_t n_sets, n_concepts;
    uint32_t *first;   /* n_sets + 1 */
    uint32_t *concept; /* first[n_sets] */
} rank_sets_t;

typedef struct {
    uint32_t *set;   /* n_rows */
    uint32_t *count; /* n_concepts: rows that carry it */
    size_t n_in;     /* rows that take part */
    size_t n_with;   /* of these, with a concept */
} rank_labelling_t;

/* Word types of the training rows and their strata of frequency. */
typedef struct {
    size_t n_types, n_strata, n_fixed;
    size_t *first;    /* n_types + 1 */
    uint32_t *row;    /* training rows by type, ascending within */
    size_t *stratum;  /* n_strata + 1: first entry of each in `member` */
    uint32_t *member; /* types by stratum */
} rank_types_t;

typedef struct {
    size_t n_rows, n_train;
    size_t *rows;        /* n_rows: tokens, ascending */
    unsigned char *test; /* n_rows: 1 = a test token */
    uint32_t *set;       /* n_rows: what each carries */
    rank_sets_t sets;
    int is_exclusive; /* no row carries two */
} rank_labels_t;

/* What of a neuron a method looks at: the order of its rows, their values in that order,
 * scaled activations. */
enum { RANK_SORTS = 1, RANK_VALUES = 2, RANK_SCALES = 4 };

/* How direction is taken: by turning the score about `centre`, by turning the neuron, or
 * not at all. */
typedef enum { RANK_SIGNED, RANK_TURNED, RANK_UNSIGNED } rank_sign_t;

/* One neuron under one labelling, and the scratch of a thread. */
typedef struct {
    const rank_labels_t *labels;
    const ba_rank_opts_t *opts;
    const rank_labelling_t *labelling;
    const double *digamma; /* of 0 .. n_rows, for nearest neighbours */
    const float *x;        /* n_rows */
    double *z;             /* n_rows: scaled */
    uint64_t *keys;        /* 2 n_rows */
    uint32_t *order;       /* n_order: rows by value, RANK_STARTS where a tie ends */
    size_t n_order;
    size_t n;                         /* rows in sorted order that take part */
    uint32_t *seq;                    /* n: their sets, RANK_STARTS as above */
    float *value;                     /* n: their values, or minus these where turned */
    uint32_t *turned;                 /* n */
    double ties;                      /* sum of t^3 - t over groups of equal values */
    double *a, *b;                    /* n_concepts + 1 each */
    uint64_t *twice;                  /* n_concepts: twice the sum of mid-ranks */
    uint32_t *seen, *group, *touched; /* n_concepts each */
    uint32_t *binned;                 /* (n_concepts + 1) x bins */
    double *edges;
    float *one, *other; /* n_rows each: values of a class and of the rest */
} rank_work_t;

typedef struct rank_job rank_job_t;

typedef struct {
    const char *name, *words;
    unsigned needs;
    rank_sign_t sign;
    double centre;
    int has_all;  /* scores all classes together as well, "*" */
    int only_all; /* and nothing else */
    /* Scores of the neuron for every concept (then "*"), NaN where undefined. */
    void (*score)(rank_work_t *work, double *score);
    /* p of the same scores, tokens taken for independent; NULL = none. Called after score
     * with its results still in work. */
    void (*token_p)(rank_work_t *work, double *p);
    /* Score of a neuron that tells nothing; NULL = centre. */
    double (*chance)(const rank_labels_t *labels, const rank_labelling_t *labelling,
        const ba_rank_opts_t *opts, size_t concept);
    int walks;       /* leaves the walk of rank_sorted.c in work */
    int is_relative; /* tests compare (score - chance) / (1 - chance), since chance goes
                        with the number of tokens, which permutations change a little */
    /* Methods that see all neurons at once, instead of score. */
    int (*rank)(rank_job_t *job);
} rank_method_t;

struct rank_job {
    const ba_ctx_t *ctx;
    const ba_rank_data_t *data;
    const ba_rank_opts_t *opts;
    const rank_method_t *method;
    rank_labels_t labels;
    rank_types_t types;
    rank_labelling_t observed, test;
    size_t n_out; /* rows of the ranking */
    ba_ranking_t *ranking;
    ba_rank_report_t *report;
};

/* rank_methods.c */
extern const rank_method_t ba_rank_methods[];
int ba_rank_method_find(const char *name, const rank_method_t **out) BA_MUST_USE;

/* rank_labels.c */
int ba_rank_labels_new(const ba_rank_data_t *data, rank_labels_t *out) BA_MUST_USE;
void ba_rank_labels_free(rank_labels_t *labels);
int ba_rank_labelling_new(const rank_labels_t *labels, rank_labelling_t *out) BA_MUST_USE;
void ba_rank_labelling_free(rank_labelling_t *labelling);

/* Counts what labelling->set holds. */
void ba_rank_labelling_count(const rank_labels_t *labels, rank_labelling_t *labelling);

/* The training rows (part 0) or test rows (part 1) with what they carry. */
void ba_rank_labelling_part(
    const rank_labels_t *labels, unsigned char part, rank_labelling_t *labelling);

/* rank_null.c. Word types by concepts->type; units NULL = every row a type of its own. */
int ba_rank_types_new(const rank_labels_t *labels, const uint32_t *unit,
    size_t min_stratum, rank_types_t *out) BA_MUST_USE;
void ba_rank_types_free(rank_types_t *types);

/* Labels of permutation `index`: see the file. scratch: n_rows + 2 n_types numbers. */
int ba_rank_permute(const rank_labels_t *labels, const rank_types_t *types, uint64_t seed,
    size_t index, size_t *scratch, rank_labelling_t *out) BA_MUST_USE;

/* rank_halves.c: types or sentences, where these are known, by which training rows are
 * halved; else rows. And report->halves of a method that sees all neurons at once, NaN
 * where a concept has no token in a half. */
int ba_rank_half_types(rank_job_t *job, rank_types_t *out) BA_MUST_USE;
int ba_rank_halves_of_all(rank_job_t *job) BA_MUST_USE;

/* rank_null.c. The two halves of halving `index`: types dealt at random within strata. */
int ba_rank_halve(const rank_labels_t *labels, const rank_types_t *types, uint64_t seed,
    size_t index, size_t *scratch, rank_labelling_t halves[2]) BA_MUST_USE;

/* rank_work.c */
int ba_rank_work_new(const rank_labels_t *labels, const ba_rank_opts_t *opts,
    const double *digamma, rank_work_t *out) BA_MUST_USE;
void ba_rank_work_free(rank_work_t *work);
size_t ba_rank_work_bytes(const rank_labels_t *labels, const ba_rank_opts_t *opts);

/* The rows of a labelling in the order of the neuron's values; needs: RANK_VALUES or 0. */
void ba_rank_work_arrange(
    rank_work_t *work, const rank_labelling_t *labelling, unsigned needs);

/* Forgets the rows that do not take part in a labelling, until the next neuron: for many
 * labellings that have no others. */
void ba_rank_work_keep(rank_work_t *work, const rank_labelling_t *labelling);

/* Takes a neuron: sorts, scales on the rows of `scaling`. */
void ba_rank_work_load(
    rank_work_t *work, const float *x, unsigned needs, const rank_labelling_t *scaling);

/* The directed scores of the neuron under a labelling; p may be NULL. */
void ba_rank_work_score(rank_work_t *work, const rank_method_t *method,
    const rank_labelling_t *labelling, double *score, double *p);

/* rank_sort.c: rows by value, ascending, ties by row; -0 equals 0. keys: 2 n numbers. */
void ba_rank_sort_rows(const float *x, size_t n, uint64_t *keys, uint32_t *order);

/* rank_sorted.c. The walk leaves average precisions in work->a, twice the sums of
 * mid-ranks in work->twice and the ties in work->ties. */
void ba_rank_walk(rank_work_t *work);
double ba_rank_auroc(const rank_work_t *work, size_t concept);
void ba_rank_score_ap(rank_work_t *work, double *score);
void ba_rank_score_auroc(rank_work_t *work, double *score);
void ba_rank_score_iou(rank_work_t *work, double *score);
void ba_rank_p_mann_whitney(rank_work_t *work, double *p);
double ba_rank_chance_ap(const rank_labels_t *labels, const rank_labelling_t *observed,
    const ba_rank_opts_t *opts, size_t concept);
double ba_rank_chance_iou(const rank_labels_t *labels, const rank_labelling_t *observed,
    const ba_rank_opts_t *opts, size_t concept);

/* Quantile q of n ascending values as numpy's linear rule has it. */
double ba_rank_quantile(const float *value, size_t n, double q);

/* rank_moments.c */
void ba_rank_score_mean(rank_work_t *work, double *score);
void ba_rank_score_selectivity(rank_work_t *work, double *score);
void ba_rank_score_probeless(rank_work_t *work, double *score);
void ba_rank_score_welch(rank_work_t *work, double *score);
void ba_rank_score_corr(rank_work_t *work, double *score);
void ba_rank_score_spearman(rank_work_t *work, double *score);
void ba_rank_p_welch(rank_work_t *work, double *p);

/* rank_information.c */
void ba_rank_score_mi(rank_work_t *work, double *score);
double ba_rank_chance_mi(const rank_labels_t *labels, const rank_labelling_t *observed,
    const ba_rank_opts_t *opts, size_t concept);

/* rank_expert.c: percentiles of the raw activation on a concept's tokens, and the mean
 * off, for the neuron in work; rows `neuron` of the matrices of the report. */
void ba_rank_on_values(rank_work_t *work, size_t neuron, ba_rank_report_t *report);

/* rank_gaussian.c */
int ba_rank_gaussian(rank_job_t *job) BA_MUST_USE;

/* rank_lca.c */
int ba_rank_lca(rank_job_t *job) BA_MUST_USE;

/* rank_stream.c: the loop over blocks of neurons. */
int ba_rank_stream(rank_job_t *job) BA_MUST_USE;

/* rank_summary.c: layers and localisation, from the scores. */
int ba_rank_summary(rank_job_t *job) BA_MUST_USE;

#endif
