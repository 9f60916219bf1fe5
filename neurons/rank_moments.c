/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Scores from means and variances of the scaled activations z, by concept:
 *
 *   mean                 m(c) - m(rest)
 *   concept-selectivity  (m(c) - m(rest)) / (max z - min z)          (Na et al. 2019)
 *   probeless            sum over the other classes b of |m(c) - m(b)|; of all classes
 *                        together the sum over pairs       (Antverg and Belinkov 2022)
 *   welch                Welch's t of |z|, concept minus rest   (AlKhamissi et al. 2025)
 *   corr                 r of z and the concept's 0/1 (point-biserial)
 *   spearman             r of mid-ranks and 0/1: (R - P (n + 1) / 2) / sqrt(P (n - P) / n
 *                        V), R the sum of ranks of the P positives, V = (n^3 - n - T) / 12
 *                        the scatter of all, T = sum of t^3 - t over ties
 *
 * The rest are all other rows that take part, with or without a label. */
#include "model/two_samples.h"
#include "neurons/rank_impl.h"

#include <math.h>
#include <string.h>

typedef struct {
    double n, sum, square, min, max;
} total_t;

/* Sums of z - shift (of |z| - shift) over all rows that take part and for each concept
 * (work->a), of squares (work->b). */
static total_t
add_up(rank_work_t *work, int absolute, double shift)
{
    const rank_sets_t *sets = &work->labels->sets;
    const uint32_t *set = work->labelling->set;
    total_t total = {.min = INFINITY, .max = -INFINITY};

    memset(work->a, 0, sets->n_concepts * sizeof *work->a);
    memset(work->b, 0, sets->n_concepts * sizeof *work->b);
    for (size_t i = 0; i < work->labels->n_rows; i++) {
        double z;

        if (set[i] == RANK_LEFT_OUT) {
            continue;
        }
        z = (absolute ? fabs(work->z[i]) : work->z[i]) - shift;
        total.n++;
        total.sum += z;
        total.square += z * z;
        total.min = z < total.min ? z : total.min;
        total.max = z > total.max ? z : total.max;
        for (uint32_t e = sets->first[set[i]]; e < sets->first[set[i] + 1]; e++) {
            work->a[sets->concept[e]] += z;
            work->b[sets->concept[e]] += z * z;
        }
    }
    return total;
}

/* Concept minus rest over `range`. */
static void
score_differences(rank_work_t *work, const total_t *total, double range, double *score)
{
    for (size_t c = 0; c < work->labels->sets.n_concepts; c++) {
        double n = work->labelling->count[c], rest = total->n - n;

        score[c] = n > 0 && rest > 0 && range > 0
                       ? (work->a[c] / n - (total->sum - work->a[c]) / rest) / range
                       : (double) NAN;
    }
}

void
ba_rank_score_mean(rank_work_t *work, double *score)
{
    total_t total = add_up(work, 0, 0);

    score_differences(work, &total, 1, score);
}

void
ba_rank_score_selectivity(rank_work_t *work, double *score)
{
    total_t total = add_up(work, 0, 0);

    score_differences(work, &total, total.max - total.min, score);
}

void
ba_rank_score_probeless(rank_work_t *work, double *score)
{
    size_t n_concepts = work->labels->sets.n_concepts;
    double all = 0;

    add_up(work, 0, 0);
    for (size_t c = 0; c < n_concepts; c++) {
        double n = work->labelling->count[c];

        work->b[c] = n > 0 ? work->a[c] / n : (double) NAN;
    }
    for (size_t c = 0; c < n_concepts; c++) {
        double sum = 0;

        for (size_t b = 0; b < n_concepts; b++) {
            double apart = fabs(work->b[c] - work->b[b]);

            sum += isnan(apart) ? 0 : apart;
            all += isnan(apart) || b <= c ? 0 : apart;
        }
        score[c] = isnan(work->b[c]) ? (double) NAN : sum;
    }
    score[n_concepts] = all;
}

/* Of a sample whose values were summed about a shift. A scatter that is mere rounding is
 * none: equal values leave n d^2 - (n d)^2 / n. */
static ba_sample_t
sample_of(double n, double sum, double square)
{
    double scatter = square - sum * sum / n;

    return (ba_sample_t){n, sum / n, scatter > 1e-13 * square ? scatter / (n - 1) : 0};
}

void
ba_rank_score_welch(rank_work_t *work, double *score)
{
    total_t total = add_up(work, 1, 0);
    double shift = total.n > 0 ? total.sum / total.n : 0;

    total = add_up(work, 1, shift);
    for (size_t c = 0; c < work->labels->sets.n_concepts; c++) {
        double n = work->labelling->count[c];
        ba_welch_t welch = {(double) NAN, (double) NAN};

        if (n >= 2 && total.n - n >= 2 && total.max > total.min) {
            welch = ba_welch(sample_of(n, work->a[c], work->b[c]),
                sample_of(
                    total.n - n, total.sum - work->a[c], total.square - work->b[c]));
        }
        score[c] = work->a[c] = welch.t;
        work->b[c] = welch.df;
    }
}

void
ba_rank_p_welch(rank_work_t *work, double *p)
{
    for (size_t c = 0; c < work->labels->sets.n_concepts; c++) {
        p[c] = ba_student_p(work->a[c], work->b[c]);
    }
}

void
ba_rank_score_spearman(rank_work_t *work, double *score)
{
    double n = (double) work->n, scatter;

    ba_rank_walk(work);
    scatter = (n * n * n - n - work->ties) / 12;
    for (size_t c = 0; c < work->labels->sets.n_concepts; c++) {
        double positives = work->seen[c];
        double spread = positives * (n - positives) / n;

        score[c] = spread > 0 && scatter > 0
                       ? ((double) work->twice[c] - positives * (n + 1)) / 2 /
                             sqrt(spread * scatter)
                       : (double) NAN;
    }
}

void
ba_rank_score_corr(rank_work_t *work, double *score)
{
    total_t total;
    double shift;

    total = add_up(work, 0, 0);
    shift = total.n > 0 ? total.sum / total.n : 0;
    total = add_up(work, 0, shift);
    for (size_t c = 0; c < work->labels->sets.n_concepts; c++) {
        double n = work->labelling->count[c], spread = n * (total.n - n) / total.n;
        double scatter = total.square - total.sum * total.sum / total.n;

        score[c] = spread > 0 && scatter > 0 && total.max > total.min
                       ? (work->a[c] - total.sum * n / total.n) / sqrt(spread * scatter)
                       : (double) NAN;
    }
}
