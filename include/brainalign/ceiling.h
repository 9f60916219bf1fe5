/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Noise ceilings: what the best of all models could reach, from repeats of the same
 * stimulus, or from several subjects. Each function says what it bounds: r or r2, of one
 * repeat or of the mean of all.
 *
 * The reliability of a measurement is the share of its variance that repeats: s / (s + e)
 * for signal variance s and noise variance e of one repeat, s / (s + e / R) for the mean
 * of R. It bounds r2; its square root bounds r. */
#ifndef BRAINALIGN_CEILING_H
#define BRAINALIGN_CEILING_H

#include "brainalign/error.h"
#include "brainalign/matrix.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Repeats (or subjects) of samples x targets, all of one shape; borrowed. */
typedef struct {
    const ba_cdmat_t *repeat;
    size_t n_repeats;
} ba_repeats_t;

/* What is done to each target of each repeat first. */
typedef enum { BA_REPEATS_AS_GIVEN = 0, BA_REPEATS_ZSCORED } ba_repeats_scale_t;

/* Why a target has NaN. Every call below that takes `reason` (n_targets, or NULL) fills
 * it; calls that return a status fail with BA_SHAPE where there are fewer than 2 repeats
 * or samples, or repeats of different shape (which one is named), and with BA_NOMEM. */
typedef enum {
    BA_CEILING_OK = 0,
    BA_CEILING_NONFINITE, /* a value of a repeat is NaN or infinite */
    BA_CEILING_CONSTANT,  /* a repeat (or prediction) without variance */
    BA_CEILING_NO_SIGNAL  /* the estimated signal variance is not positive */
} ba_ceiling_reason_t;

/* The words of a reason, for instance "no signal variance". Never NULL. */
BA_API const char *ba_ceiling_reason_words(ba_ceiling_reason_t reason);

/* Explainable variance (Schoppe et al. 2016; Dupre la Tour et al. 2022): variance of the
 * mean over repeats / mean of the variances of the repeats, R repeats. PLAIN bounds
 * nothing: it counts noise / R as signal. CORRECTED, EV - (1 - EV) / (R - 1), is the
 * reliability of one repeat: bounds r2 of one repeat. It may be negative. */
typedef enum { BA_EV_CORRECTED = 0, BA_EV_PLAIN } ba_ev_t;
BA_API int ba_explainable_variance(const ba_repeats_t *repeats, ba_repeats_scale_t scale,
    ba_ev_t kind, double *ev, uint8_t *reason);

/* Reliability of a measurement `factor` times as long as one with `reliability` (Spearman
 * 1910, Brown 1910): factor r / (1 + (factor - 1) r). 2: from halves to the whole; R:
 * from one repeat to the mean of R; 1/R: back. */
BA_API double ba_spearman_brown(double reliability, double factor);

/* tanh of the mean of atanh r, over what is not NaN; NaN if nothing is. */
BA_API double ba_fisher_mean(const double *r, size_t n);

/* Orders of repeats for split halves: the first floor(R / 2) are one half, the next
 * floor(R / 2) the other; an odd last one is left out. At most n_splits different splits:
 * all, in a fixed order, where there are no more, else random ones by seed. orders: room
 * for n_splits x n_repeats; *n_found: how many. BA_SHAPE for fewer than 2 repeats. */
BA_API int ba_split_halves(
    size_t n_repeats, size_t n_splits, uint64_t seed, size_t *orders, size_t *n_found);

/* r between the means of the two halves of every split: r[k + j n_splits] of split k and
 * target j. It is the reliability of the mean of floor(R / 2) repeats. */
BA_API int ba_split_half(const ba_repeats_t *repeats, const size_t *orders,
    size_t n_splits, double *r, uint8_t *reason);

/* r between all pairs (0,1), (0,2), .., (1,2), ..: r[i + j n_pairs] with R (R - 1) / 2
 * pairs. Their mean is the reliability of one repeat; ba_spearman_brown(mean, R) that of
 * the mean of R. */
BA_API int ba_pairwise_r(const ba_repeats_t *repeats, double *r, uint8_t *reason);

/* Signal power of Sahani and Linden (2003): the mean covariance between different
 * repeats, ddof 1. May be negative. With it, for the mean m of all repeats (Schoppe et
 * al. 2016): cc_max = sqrt(SP / var m) bounds r of a prediction with the mean of the
 * repeats, NaN where SP is not positive. */
BA_API int ba_signal_power(
    const ba_repeats_t *repeats, double *power, double *cc_max, uint8_t *reason);

/* Scores of a prediction (samples x targets) of the mean of the repeats, each n_targets
 * or NULL: cc_abs its r; cc_norm = cc_abs / cc_max, the r with the noise-free signal; spe
 * = (var m - var(m - p)) / SP, the share of the signal power that is explained, which is
 * the r2 of a centred prediction divided by the reliability of the mean. NaN where SP is
 * not positive (cc_norm, spe) or the prediction is constant (cc_abs, cc_norm). */
typedef struct {
    double *cc_abs, *cc_norm, *spe;
} ba_schoppe_t;
BA_API int ba_schoppe(const ba_repeats_t *repeats, ba_cdmat_t prediction,
    const ba_schoppe_t *scores, uint8_t *reason);

/* Signal-to-noise ratio of Allen et al. (2022): standard deviation of the signal over
 * time / that of the noise over repeats; 0 where no signal is found. With q its square,
 * q / (q + 1/R) is the reliability of the mean of R repeats: bounds r2 of that mean. */
BA_API int ba_ncsnr(const ba_repeats_t *repeats, double *ncsnr, uint8_t *reason);
BA_API double ba_ncsnr_ceiling(double ncsnr, size_t n_averaged);

/* Inter-subject correlation (ISC; Nastase et al. 2019), repeats being subjects: for each
 * subject, r[i + j n_subjects]. OTHERS: r with the mean of the others, the lower bound of
 * what r of one subject could be reached by a model that all subjects share; ALL: r with
 * the mean of all, this one included, the upper bound (Nili et al. 2014). A subject
 * without variance has NaN, and its zeros stay in the means of the others; leave it out
 * before. */
typedef enum { BA_ISC_OTHERS = 0, BA_ISC_ALL } ba_isc_t;
BA_API int ba_isc(const ba_repeats_t *subjects, ba_repeats_scale_t scale, ba_isc_t kind,
    double *r, uint8_t *reason);

/* The ceilings of the command line. ISC takes subjects for repeats. */
typedef enum {
    BA_CEILING_EV = 0,     /* explainable variance, z-scored and corrected */
    BA_CEILING_SPLIT_HALF, /* Fisher mean of r over n_splits split halves */
    BA_CEILING_CCNORM,     /* signal power */
    BA_CEILING_ISC         /* Fisher mean of z-scored leave-one-out r; squared for r2 */
} ba_ceiling_kind_t;

typedef enum { BA_BOUNDS_R = 0, BA_BOUNDS_R2 } ba_bounds_t;

/* What was scored, so that the ceiling fits: the score, and the mean of how many repeats
 * (1 = one repeat; ISC: of 1 subject only, else BA_UNSUPPORTED). */
typedef struct {
    ba_ceiling_kind_t kind;
    ba_bounds_t bounds;
    size_t n_averaged;
    size_t n_splits; /* SPLIT_HALF: at most so many; 0 = 100 */
    uint64_t seed;
} ba_ceiling_opts_t;

/* The ceiling of each target: NaN with a reason where none is positive. */
BA_API int ba_ceiling(const ba_repeats_t *repeats, const ba_ceiling_opts_t *opts,
    double *ceiling, uint8_t *reason);

/* One line that says what a ceiling bounds, for instance "explainable variance: bounds r
 * of the mean of 10 repeats"; to `text` of `size` bytes, as snprintf() does. */
BA_API void ba_ceiling_describe(const ba_ceiling_opts_t *opts, char *text, size_t size);

/* normalized = score / ceiling where the ceiling is at least `floor`, else NaN. Never
 * clipped. normalized may be scores. */
BA_API void ba_ceiling_normalize(const double *scores, const double *ceiling,
    size_t n_targets, double floor, double *normalized);

#ifdef __cplusplus
}
#endif

#endif
