/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The scores of one column, for one type of number: SCORE_NUMBER and SCORE_NAME(x) are
 * set by the file that includes this one, once per type. Two passes: means, then centred
 * sums; all in float64. */

BA_CLONES static double
SCORE_NAME(mean)(const SCORE_NUMBER *y, size_t n)
{
    double sum[BA_LANES] = {0};
    size_t i = 0;

    for (; i + BA_LANES <= n; i += BA_LANES) {
        for (size_t j = 0; j < BA_LANES; j++) {
            sum[j] += (double) y[i + j];
        }
    }
    for (size_t j = 0; i + j < n; j++) {
        sum[j] += (double) y[i + j];
    }
    return ba_lanes_sum(sum) / (double) n;
}

/* Whether the deviation is more than rounding noise beside the largest absolute value.
 * That value is at most |mean| + sqrt(square), so that it is hardly ever looked for. */
static int
SCORE_NAME(varies)(const SCORE_NUMBER *y, size_t n, double mean, double square)
{
    double deviation = sqrt(square / (double) n), largest = 0;

    if (deviation > BA_NEGLIGIBLE * (fabs(mean) + sqrt(square))) {
        return 1;
    }
    for (size_t i = 0; i < n; i++) {
        double size = fabs((double) y[i]);

        largest = size > largest ? size : largest;
    }
    return deviation > BA_NEGLIGIBLE * largest;
}

BA_CLONES static double
SCORE_NAME(sse)(const SCORE_NUMBER *y, const SCORE_NUMBER *p, size_t n)
{
    double sse[BA_LANES] = {0};
    size_t i = 0;

    for (; i + BA_LANES <= n; i += BA_LANES) {
        for (size_t j = 0; j < BA_LANES; j++) {
            sse[j] += squared((double) y[i + j] - (double) p[i + j]);
        }
    }
    for (size_t j = 0; i + j < n; j++) {
        sse[j] += squared((double) y[i + j] - (double) p[i + j]);
    }
    return ba_lanes_sum(sse);
}

BA_CLONES static double
SCORE_NAME(square)(const SCORE_NUMBER *y, size_t n, double mean)
{
    double sst[BA_LANES] = {0};
    size_t i = 0;

    for (; i + BA_LANES <= n; i += BA_LANES) {
        for (size_t j = 0; j < BA_LANES; j++) {
            sst[j] += squared((double) y[i + j] - mean);
        }
    }
    for (size_t j = 0; i + j < n; j++) {
        sst[j] += squared((double) y[i + j] - mean);
    }
    return ba_lanes_sum(sst);
}

BA_CLONES static double
SCORE_NAME(product)(
    const SCORE_NUMBER *y, const SCORE_NUMBER *p, size_t n, double mean_y, double mean_p)
{
    double sum[BA_LANES] = {0};
    size_t i = 0;

    for (; i + BA_LANES <= n; i += BA_LANES) {
        for (size_t j = 0; j < BA_LANES; j++) {
            sum[j] += ((double) y[i + j] - mean_y) * ((double) p[i + j] - mean_p);
        }
    }
    for (size_t j = 0; i + j < n; j++) {
        sum[j] += ((double) y[i + j] - mean_y) * ((double) p[i + j] - mean_p);
    }
    return ba_lanes_sum(sum);
}

static double
SCORE_NAME(r2)(const SCORE_NUMBER *y, const SCORE_NUMBER *p, size_t n)
{
    double mean = SCORE_NAME(mean)(y, n), sst = SCORE_NAME(square)(y, n, mean);

    if (n < 2 || !SCORE_NAME(varies)(y, n, mean, sst)) {
        return (double) NAN;
    }
    return 1 - SCORE_NAME(sse)(y, p, n) / sst;
}

static double
SCORE_NAME(r)(const SCORE_NUMBER *y, const SCORE_NUMBER *p, size_t n)
{
    double mean_y = SCORE_NAME(mean)(y, n), yy = SCORE_NAME(square)(y, n, mean_y);
    double mean_p = SCORE_NAME(mean)(p, n), pp = SCORE_NAME(square)(p, n, mean_p), r;

    if (n < 2 || !SCORE_NAME(varies)(y, n, mean_y, yy) ||
        !SCORE_NAME(varies)(p, n, mean_p, pp)) {
        return (double) NAN;
    }
    /* Rounding must not push a correlation past 1; NaN stays. */
    r = SCORE_NAME(product)(y, p, n, mean_y, mean_p) / (sqrt(yy) * sqrt(pp));
    r = r > 1 ? 1 : r;
    return r < -1 ? -1 : r;
}

static double
SCORE_NAME(huth_r2)(const SCORE_NUMBER *y, const SCORE_NUMBER *p, size_t n)
{
    double mean_y = SCORE_NAME(mean)(y, n), yy = SCORE_NAME(square)(y, n, mean_y);
    double mean_p = SCORE_NAME(mean)(p, n), pp = SCORE_NAME(square)(p, n, mean_p);
    double residual = yy + pp - 2 * SCORE_NAME(product)(y, p, n, mean_y, mean_p);

    if (n < 2 || !SCORE_NAME(varies)(y, n, mean_y, yy)) {
        return (double) NAN;
    }
    return signed_root(residual / (double) n, yy / (double) n);
}

static void
SCORE_NAME(score)(ba_score_t kind, const SCORE_NUMBER *y, size_t ld_y,
    const SCORE_NUMBER *p, size_t ld_p, size_t n, size_t n_targets, double *scores)
{
    for (size_t j = 0; j < n_targets; j++) {
        const SCORE_NUMBER *yj = y + j * ld_y, *pj = p + j * ld_p;

        switch (kind) {
        case BA_SCORE_MSE:
            scores[j] = -(SCORE_NAME(sse)(yj, pj, n) / (double) n);
            break;
        case BA_SCORE_R2:
            scores[j] = SCORE_NAME(r2)(yj, pj, n);
            break;
        case BA_SCORE_R:
            scores[j] = SCORE_NAME(r)(yj, pj, n);
            break;
        case BA_SCORE_HUTH_R2:
            scores[j] = SCORE_NAME(huth_r2)(yj, pj, n);
            break;
        }
    }
}

/* What a projection o of y onto an orthonormal basis leaves: the first of its m vectors
 * is the constant one, so that the others hold what is centred. */
static void
SCORE_NAME(project_rest)(const SCORE_NUMBER *y, size_t ld_y, size_t n,
    const SCORE_NUMBER *o, size_t ld_o, size_t m, size_t n_targets, double *square,
    double *rest)
{
    for (size_t j = 0; j < n_targets; j++) {
        const SCORE_NUMBER *yj = y + j * ld_y, *oj = o + j * ld_o;
        double mean = SCORE_NAME(mean)(yj, n), all = SCORE_NAME(square)(yj, n, mean);
        int varies = n >= 2 && SCORE_NAME(varies)(yj, n, mean, all);

        square[j] = varies ? all : (double) NAN;
        rest[j] = fmax(0.0, all - SCORE_NAME(square)(oj + 1, m - 1, 0.0));
    }
}

static double
SCORE_NAME(projected_r)(
    const SCORE_NUMBER *o, const SCORE_NUMBER *s, size_t m, size_t n, double square)
{
    double pp = SCORE_NAME(square)(s + 1, m - 1, 0.0), size = (double) n, r;
    double mean = fabs((double) s[0]) / sqrt(size);

    if (!(sqrt(pp / size) > BA_NEGLIGIBLE * (mean + sqrt(pp)))) {
        return (double) NAN;
    }
    r = SCORE_NAME(product)(o + 1, s + 1, m - 1, 0.0, 0.0) / (sqrt(square) * sqrt(pp));
    r = r > 1 ? 1 : r;
    return r < -1 ? -1 : r;
}

static void
SCORE_NAME(score_projected)(ba_score_t kind, const SCORE_NUMBER *o, size_t ld_o,
    const SCORE_NUMBER *s, size_t ld_s, size_t m, size_t n, const double *square,
    const double *rest, size_t n_targets, double *scores)
{
    for (size_t j = 0; j < n_targets; j++) {
        const SCORE_NUMBER *oj = o + j * ld_o, *sj = s + j * ld_s;

        switch (kind) {
        case BA_SCORE_MSE:
            scores[j] = -((SCORE_NAME(sse)(oj, sj, m) + rest[j]) / (double) n);
            break;
        case BA_SCORE_R2:
            scores[j] = 1 - (SCORE_NAME(sse)(oj, sj, m) + rest[j]) / square[j];
            break;
        case BA_SCORE_R:
            scores[j] = SCORE_NAME(projected_r)(oj, sj, m, n, square[j]);
            break;
        case BA_SCORE_HUTH_R2:
            scores[j] = signed_root(
                (SCORE_NAME(sse)(oj + 1, sj + 1, m - 1) + rest[j]) / (double) n,
                square[j] / (double) n);
            break;
        }
    }
}

/* Product measure: 2 y'part - part'p over y'y with y about its mean, and the part's share
 * of the correlation. */
static void
SCORE_NAME(split)(const SCORE_NUMBER *y, const SCORE_NUMBER *p, const SCORE_NUMBER *part,
    size_t n, size_t n_targets, double *r2, double *r)
{
    for (size_t j = 0; j < n_targets; j++) {
        const SCORE_NUMBER *yj = y + j * n, *pj = p + j * n, *part_j = part + j * n;
        double mean_y = SCORE_NAME(mean)(yj, n), yy = SCORE_NAME(square)(yj, n, mean_y);
        double mean_p = SCORE_NAME(mean)(pj, n), pp = SCORE_NAME(square)(pj, n, mean_p);
        double mean_part = SCORE_NAME(mean)(part_j, n);

        r2[j] = r[j] = NAN;
        if (n < 2 || !SCORE_NAME(varies)(yj, n, mean_y, yy)) {
            continue;
        }
        r2[j] = (2 * SCORE_NAME(product)(yj, part_j, n, mean_y, 0.0) -
                    SCORE_NAME(product)(part_j, pj, n, 0.0, 0.0)) /
                yy;
        if (SCORE_NAME(varies)(pj, n, mean_p, pp)) {
            r[j] = SCORE_NAME(product)(yj, part_j, n, mean_y, mean_part) /
                   (sqrt(yy) * sqrt(pp));
        }
    }
}
