/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Clusters of correlated neurons (Dalvi et al. 2020) with one representative each, and how
 * well they come back in bootstrap draws of the tokens (Hennig 2007). */
#include "brainalign/cluster.h"
#include "core/alloc.h"
#include "core/rng.h"
#include "linalg/blas.h"
#include "model/linkage.h"
#include "model/similarity_impl.h"

#include <math.h>
#include <string.h>

/* Scratch of one tree: correlations, then distances, and what cutting needs. */
typedef struct {
    double *r;
    double *height;
    uint32_t *merge, *label, *room;
} tree_t;

ba_cluster_opts_t
ba_cluster_opts_default(void)
{
    return (ba_cluster_opts_t){.cut = 0.5, .block = 20};
}

void
ba_clusters_free(ba_clusters_t *clusters)
{
    if (clusters) {
        ba_free(clusters->label);
        ba_free(clusters->size);
        ba_free(clusters->representative);
        ba_free(clusters->mean_r);
        ba_free(clusters->stability);
        ba_free(clusters->height);
        ba_free(clusters->merge);
        ba_free(clusters);
    }
}

static int
check(const ba_ctx_t *ctx, ba_cdmat_t x, const ba_cluster_opts_t *opts)
{
    size_t pairs, copy;
    int status = BA_OK;

    if (x.n_rows < 2 || x.n_cols < 1) {
        return ba_fail(BA_SHAPE,
            "clusters: found %zu tokens x %zu neurons, wanted at "
            "least 2 x 1",
            x.n_rows, x.n_cols);
    }
    if (opts->n_clusters > x.n_cols) {
        return ba_fail(BA_VALUE, "clusters: found %zu of %zu neurons, wanted no more",
            opts->n_clusters, x.n_cols);
    }
    if (!(opts->cut >= 0.0) || (opts->n_bootstrap > 0 && opts->block < 1)) {
        return ba_fail(BA_VALUE,
            "clusters: found cut %g, block %zu, wanted at least 0 and 1", opts->cut,
            opts->block);
    }
    BA_TRY(ba_multiply(x.n_cols, 8 * x.n_cols, &pairs));
    BA_TRY(ba_multiply(x.n_rows, 16 * x.n_cols, &copy));
    if (pairs > ba_ctx_memory(ctx) || copy > ba_ctx_memory(ctx) - pairs) {
        return ba_fail(BA_TOO_LARGE,
            "clusters: %zu neurons need %.3g GiB for their correlations and %zu tokens "
            "%.3g, wanted at most %.3g",
            x.n_cols, (double) pairs * 0x1p-30, x.n_rows, (double) copy * 0x1p-30,
            (double) ba_ctx_memory(ctx) * 0x1p-30);
    }
    for (size_t j = 0; j < x.n_cols; j++) {
        for (size_t i = 0; i < x.n_rows; i++) {
            if (!isfinite(x.data[i + j * x.ld])) {
                return ba_fail(BA_NONFINITE,
                    "clusters: neuron %zu is %g at token %zu, wanted a finite number", j,
                    x.data[i + j * x.ld], i);
            }
        }
    }
    BA_TRY(ba_blas_check(x.n_rows));
    BA_TRY(ba_blas_check(x.n_cols));
    ba_blas_single_thread();
out:
    return status;
}

static void
tree_free(tree_t *tree)
{
    ba_free(tree->r);
    ba_free(tree->height);
    ba_free(tree->merge);
    ba_free(tree->label);
    ba_free(tree->room);
}

static int
tree_create(size_t p, tree_t *tree)
{
    int status = BA_OK;

    memset(tree, 0, sizeof *tree);
    BA_TRY_ALLOC(tree->r, ba_malloc(p, p * sizeof *tree->r));
    BA_TRY_ALLOC(tree->height, ba_malloc(p, sizeof *tree->height));
    BA_TRY_ALLOC(tree->merge, ba_malloc(p, 2 * sizeof *tree->merge));
    BA_TRY_ALLOC(tree->label, ba_malloc(p, sizeof *tree->label));
    BA_TRY_ALLOC(tree->room, ba_malloc(p, 4 * sizeof *tree->room));
out:
    return status;
}

/* Correlations of all neurons; |r| unless signed. */
static int
correlate(const ba_ctx_t *ctx, ba_cdmat_t x, int is_signed, double *r)
{
    size_t p = x.n_cols;
    double *z = NULL;
    int status = BA_OK;

    BA_TRY(ba_similarity_take(x, BA_TAKE_ZSCORED, &z));
    ba_syrk_tiled(ctx, 1.0 / (double) x.n_rows, BA_TRANSPOSE,
        ba_cdmat(z, x.n_rows, p, x.n_rows), 0.0, ba_dmat(r, p, p, p));
    for (size_t i = 0; i < p * p && !is_signed; i++) {
        r[i] = fabs(r[i]);
    }
out:
    ba_free(z);
    return status;
}

/* Turns the correlations into distances, makes the tree and cuts it; returns through
 * *n_clusters how many there are. */
static int
grow(tree_t *tree, size_t p, const ba_cluster_opts_t *opts, size_t *n_clusters)
{
    size_t n_merges = 0;
    int status = BA_OK;

    for (size_t i = 0; i < p * p; i++) {
        tree->r[i] = 1.0 - tree->r[i];
    }
    BA_TRY(ba_linkage_average(tree->r, p, tree->height, tree->merge));
    if (opts->n_clusters > 0) {
        n_merges = p - opts->n_clusters;
    } else {
        while (n_merges + 1 < p && tree->height[n_merges] <= opts->cut) {
            n_merges++;
        }
    }
    *n_clusters = ba_linkage_cut(tree->merge, p, n_merges, tree->label, tree->room);
out:
    return status;
}

/* Members with the highest mean correlation, from correlations made anew. */
static void
choose_representatives(const double *r, ba_clusters_t *clusters)
{
    size_t p = clusters->n_neurons;

    for (size_t c = 0; c < clusters->n_clusters; c++) {
        clusters->mean_r[c] = (double) NAN;
        clusters->representative[c] = UINT32_MAX;
    }
    for (size_t i = 0; i < p; i++) {
        size_t c = clusters->label[i];
        double sum = 0.0;

        for (size_t j = 0; j < p; j++) {
            sum += j != i && clusters->label[j] == c ? r[j + i * p] : 0.0;
        }
        sum /= (double) (clusters->size[c] - 1); /* a neuron alone: NaN */
        if (clusters->representative[c] == UINT32_MAX || sum > clusters->mean_r[c]) {
            clusters->representative[c] = (uint32_t) i;
            clusters->mean_r[c] = sum;
        }
    }
}

static int
clusters_create(size_t p, size_t n_clusters, int stability, ba_clusters_t **out)
{
    ba_clusters_t *clusters = NULL;
    int status = BA_OK;

    BA_TRY_ALLOC(clusters, ba_calloc(1, sizeof *clusters));
    clusters->n_neurons = p;
    clusters->n_clusters = n_clusters;
    BA_TRY_ALLOC(clusters->label, ba_malloc(p, sizeof(uint32_t)));
    BA_TRY_ALLOC(clusters->size, ba_calloc(n_clusters, sizeof(size_t)));
    BA_TRY_ALLOC(clusters->representative, ba_malloc(n_clusters, sizeof(uint32_t)));
    BA_TRY_ALLOC(clusters->mean_r, ba_malloc(n_clusters, sizeof(double)));
    BA_TRY_ALLOC(clusters->height, ba_malloc(p, sizeof(double)));
    BA_TRY_ALLOC(clusters->merge, ba_malloc(p, 2 * sizeof(uint32_t)));
    if (stability) {
        BA_TRY_ALLOC(clusters->stability, ba_calloc(n_clusters, sizeof(double)));
    }
    *out = clusters;
    return BA_OK;
out:
    ba_clusters_free(clusters);
    return status;
}

/* Adds the best Jaccard index of each cluster with one of the draw, 1 / n_bootstrap of it.
 * count: n_neurons, zeros before and after. */
static void
add_jaccard(ba_clusters_t *clusters, const uint32_t *label, const size_t *size,
    size_t *count, double weight)
{
    for (size_t c = 0; c < clusters->n_clusters; c++) {
        double best = 0.0;

        for (size_t i = 0; i < clusters->n_neurons; i++) {
            count[label[i]] += clusters->label[i] == c;
        }
        for (size_t i = 0; i < clusters->n_neurons; i++) {
            if (clusters->label[i] == c && count[label[i]] > 0) {
                size_t both = count[label[i]];

                best = fmax(best,
                    (double) both / (double) (clusters->size[c] + size[label[i]] - both));
                count[label[i]] = 0;
            }
        }
        clusters->stability[c] += weight * best;
    }
}

/* Tokens drawn in blocks with replacement. */
static void
draw_tokens(ba_rng_t *rng, ba_cdmat_t x, size_t block, double *drawn)
{
    size_t n = x.n_rows, length = block < n ? block : n;

    for (size_t i = 0; i < n; i += length) {
        size_t start = ba_rng_below(rng, n - length + 1);
        size_t rows = n - i < length ? n - i : length;

        for (size_t j = 0; j < x.n_cols; j++) {
            memcpy(drawn + i + j * n, x.data + start + j * x.ld, rows * sizeof *drawn);
        }
    }
}

static int
bootstrap(const ba_ctx_t *ctx, ba_cdmat_t x, const ba_cluster_opts_t *opts, tree_t *tree,
    ba_clusters_t *clusters)
{
    size_t n = x.n_rows, p = x.n_cols, *size = NULL, *count = NULL;
    double *drawn = NULL;
    ba_rng_t *rng = NULL;
    int status = BA_OK;

    BA_TRY_ALLOC(drawn, ba_malloc(n, p * sizeof *drawn));
    BA_TRY_ALLOC(size, ba_malloc(p, sizeof *size));
    BA_TRY_ALLOC(count, ba_calloc(p, sizeof *count));
    for (size_t b = 0; b < opts->n_bootstrap; b++) {
        size_t n_clusters;

        BA_TRY(ba_ctx_check(ctx));
        ba_ctx_progress(ctx, "draws", (double) b, (double) opts->n_bootstrap);
        BA_TRY_ALLOC(rng, ba_rng_new(opts->seed, b));
        draw_tokens(rng, x, opts->block, drawn);
        ba_rng_free(rng);
        rng = NULL;
        BA_TRY(correlate(ctx, ba_cdmat(drawn, n, p, n), opts->is_signed, tree->r));
        BA_TRY(grow(tree, p, opts, &n_clusters));
        memset(size, 0, p * sizeof *size);
        for (size_t i = 0; i < p; i++) {
            size[tree->label[i]]++;
        }
        add_jaccard(clusters, tree->label, size, count, 1.0 / (double) opts->n_bootstrap);
    }
out:
    ba_rng_free(rng);
    ba_free(drawn);
    ba_free(size);
    ba_free(count);
    return status;
}

int
ba_neurons_cluster(
    const ba_ctx_t *ctx, ba_cdmat_t x, const ba_cluster_opts_t *opts, ba_clusters_t **out)
{
    size_t p = x.n_cols, n_clusters;
    ba_clusters_t *clusters = NULL;
    tree_t tree = {0};
    int status = BA_OK;

    *out = NULL;
    BA_TRY(check(ctx, x, opts));
    BA_TRY(tree_create(p, &tree));
    BA_TRY(correlate(ctx, x, opts->is_signed, tree.r));
    BA_TRY(grow(&tree, p, opts, &n_clusters));
    BA_TRY(clusters_create(p, n_clusters, opts->n_bootstrap > 0, &clusters));
    memcpy(clusters->label, tree.label, p * sizeof *tree.label);
    memcpy(clusters->height, tree.height, (p - 1) * sizeof *tree.height);
    memcpy(clusters->merge, tree.merge, 2 * (p - 1) * sizeof *tree.merge);
    for (size_t i = 0; i < p; i++) {
        clusters->size[clusters->label[i]]++;
    }
    BA_TRY(correlate(ctx, x, opts->is_signed, tree.r));
    choose_representatives(tree.r, clusters);
    BA_TRY(bootstrap(ctx, x, opts, &tree, clusters));
    *out = clusters;
    clusters = NULL;
out:
    tree_free(&tree);
    ba_clusters_free(clusters);
    return status;
}
