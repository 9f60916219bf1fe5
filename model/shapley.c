/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Without the columns S the same penalty leaves, with T = G_SS^-1 G_SR and Z = G_SS^-1 B_S,
 * G_RR - G_RS T, B_R - G_RS Z, H_R - H_S T and residuals E + H_S Z. A tree: at depth i group
 * i stays, which costs nothing and needs no more thought, or goes. */
#include "model/shapley.h"

#include "core/alloc.h"
#include "linalg/blas.h"
#include "model/contribution_impl.h"

#include <math.h>
#include <string.h>

/* Columns of the groups that are not decided yet. */
typedef struct {
    ba_dmat_t g; /* k x k */
    ba_dmat_t b; /* k x v */
    ba_dmat_t h; /* m x k */
    ba_dmat_t e; /* m x v */
} state_t;

typedef struct {
    size_t n_groups, v, m;
    size_t columns[BA_MOST_GROUPS]; /* of each group */
    state_t without[BA_MOST_GROUPS];
    double *factor; /* k x k of the largest group */
    double *t[2];   /* T and Z */
    double *sse;
} tree_t;

static void
close_tree(tree_t *tree)
{
    for (size_t i = 0; i < tree->n_groups; i++) {
        ba_free(tree->without[i].g.data);
        ba_free(tree->without[i].b.data);
        ba_free(tree->without[i].h.data);
        ba_free(tree->without[i].e.data);
    }
    ba_free(tree->factor);
    ba_free(tree->t[0]);
    ba_free(tree->t[1]);
}

static int
make_room(size_t n_rows, size_t n_cols, ba_dmat_t *out)
{
    size_t n;
    int status;

    BA_TRY(ba_multiply(n_rows, n_cols, &n));
    *out = ba_dmat(NULL, n_rows, n_cols, n_rows > 0 ? n_rows : 1);
    BA_TRY_ALLOC(out->data, ba_malloc(n + 1, sizeof *out->data));
out:
    return status;
}

static int
make_tree(const ba_contribution_t *c, const ba_neuron_groups_t *groups, size_t v,
    double *sse, tree_t *tree)
{
    int status = BA_OK;
    size_t left = 0, most = 0, all;

    *tree = (tree_t){.n_groups = groups->n_groups, .v = v, .m = c->m, .sse = sse};
    for (size_t i = 0; i < groups->n_groups; i++) {
        for (size_t j = groups->start[i]; j < groups->start[i + 1]; j++) {
            size_t neuron = groups->neurons[j];

            tree->columns[i] += c->start[neuron + 1] - c->start[neuron];
        }
        left += tree->columns[i];
        most = tree->columns[i] > most ? tree->columns[i] : most;
    }
    all = left;
    for (size_t i = 0; i < groups->n_groups; i++) {
        state_t *state = &tree->without[i];

        left -= tree->columns[i];
        BA_TRY(make_room(left, left, &state->g));
        BA_TRY(make_room(left, v, &state->b));
        BA_TRY(make_room(c->m, left, &state->h));
        BA_TRY(make_room(c->m, v, &state->e));
    }
    BA_TRY_ALLOC(tree->factor, ba_malloc(most, most * sizeof *tree->factor));
    BA_TRY_ALLOC(tree->t[0], ba_malloc(most, all * sizeof *tree->t[0]));
    BA_TRY_ALLOC(tree->t[1], ba_malloc(most, v * sizeof *tree->t[1]));
out:
    return status;
}

static ba_dmat_t
part(ba_dmat_t a, size_t row, size_t n_rows, size_t col, size_t n_cols)
{
    return ba_dmat(a.data + row + col * a.ld, n_rows, n_cols, a.ld);
}

static void
copy(ba_dmat_t from, ba_dmat_t to)
{
    for (size_t c = 0; c < from.n_cols; c++) {
        memcpy(to.data + c * to.ld, from.data + c * from.ld,
            from.n_rows * sizeof *from.data);
    }
}

/* What is left when the first k columns stay: they are never looked at again. */
static state_t
keep(const state_t *state, size_t k)
{
    size_t left = state->g.n_rows - k;

    return (state_t){part(state->g, k, left, k, left),
        part(state->b, k, left, 0, state->b.n_cols),
        part(state->h, 0, state->h.n_rows, k, left), state->e};
}

/* dst = src + sign a b. */
static void
update(ba_dmat_t src, double sign, ba_op_t op, ba_dmat_t a, ba_dmat_t b, ba_dmat_t dst)
{
    copy(src, dst);
    if (dst.n_rows > 0 && dst.n_cols > 0) {
        ba_gemm_f64(sign, op, ba_dmat_const(a), BA_KEEP, ba_dmat_const(b), 1.0, dst);
    }
}

static int
leave_out(tree_t *tree, const state_t *state, size_t depth)
{
    int status;
    size_t k = tree->columns[depth], left = state->g.n_rows - k;
    state_t rest = keep(state, k), *next = &tree->without[depth];
    ba_dmat_t factor = ba_dmat(tree->factor, k, k, k);
    ba_dmat_t cross = part(state->g, 0, k, k, left);
    ba_dmat_t t = ba_dmat(tree->t[0], k, left, k), z = ba_dmat(tree->t[1], k, tree->v, k);
    ba_dmat_t gone = part(state->h, 0, tree->m, 0, k);

    copy(part(state->g, 0, k, 0, k), factor);
    BA_TRY(ba_cholesky(factor));
    copy(cross, t);
    copy(part(state->b, 0, k, 0, tree->v), z);
    if (left > 0) {
        ba_cholesky_solve(ba_dmat_const(factor), t);
    }
    ba_cholesky_solve(ba_dmat_const(factor), z);
    update(rest.g, -1.0, BA_TRANSPOSE, cross, t, next->g);
    update(rest.b, -1.0, BA_TRANSPOSE, cross, z, next->b);
    update(rest.h, -1.0, BA_KEEP, gone, t, next->h);
    update(rest.e, 1.0, BA_KEEP, gone, z, next->e);
out:
    return status;
}

/* Depth is at most BA_MOST_GROUPS. */
static int
walk(tree_t *tree, const state_t *state, size_t depth, size_t coalition)
{
    int status = BA_OK;
    state_t kept;

    if (depth == tree->n_groups) {
        for (size_t t = 0; t < tree->v; t++) {
            const double *e = state->e.data + t * state->e.ld;

            tree->sse[coalition * tree->v + t] = ba_contribution_dot(e, e, tree->m);
        }
        return BA_OK;
    }
    kept = keep(state, tree->columns[depth]);
    BA_TRY(walk(tree, &kept, depth + 1, coalition | (size_t) 1 << depth));
    BA_TRY(leave_out(tree, state, depth));
    BA_TRY(walk(tree, &tree->without[depth], depth + 1, coalition));
out:
    return status;
}

static int
check(const ba_neuron_groups_t *groups)
{
    if (groups->n_groups == 0 || groups->n_groups > BA_MOST_GROUPS) {
        return ba_fail(BA_VALUE, "groups: found %zu, wanted 1 to %d", groups->n_groups,
            BA_MOST_GROUPS);
    }
    for (size_t i = 0; i < groups->n_groups; i++) {
        if (groups->start[i + 1] == groups->start[i]) {
            return ba_fail(BA_VALUE, "groups: number %zu (from 0) has no neuron", i);
        }
    }
    return BA_OK;
}

int
ba_contribution_coalitions(const ba_contribution_t *c, ba_cdmat_t y, ba_cdmat_t y_test,
    const ba_neuron_groups_t *groups, double *sse)
{
    int status;
    size_t v = y.n_cols, m = c->m, k;
    ba_contributed_t made = {0};
    ba_contribution_columns_t columns = {0};
    tree_t tree = {0};
    double *b = NULL;
    state_t all;

    BA_TRY(check(groups));
    BA_TRY(ba_contributed_make(c, y, y_test, &made));
    BA_TRY(ba_contribution_columns_make(
        c, groups->neurons, groups->start[groups->n_groups], &columns));
    BA_TRY(make_tree(c, groups, v, sse, &tree));
    k = columns.k;
    BA_TRY_ALLOC(b, ba_malloc(k, v * sizeof *b));
    ba_gemm_f64(1.0, BA_TRANSPOSE, ba_cdmat(columns.f, c->rank, k, c->rank), BA_KEEP,
        ba_cdmat(made.filtered, c->rank, v, c->rank), 0.0, ba_dmat(b, k, v, k));
    for (size_t i = 0; i < m * v; i++) {
        made.y[i] -= made.p[i];
    }
    all = (state_t){ba_dmat(columns.g, k, k, k), ba_dmat(b, k, v, k),
        ba_dmat(columns.h, m, k, m), ba_dmat(made.y, m, v, m)};
    BA_TRY(walk(&tree, &all, 0, 0));
out:
    close_tree(&tree);
    ba_contribution_columns_free(&columns);
    ba_contributed_free(&made);
    ba_free(b);
    return status;
}

/* |S|! (n - |S| - 1)! / n! for coalitions S of the others. */
static double
weight(size_t n_groups, size_t size)
{
    double choices = 1.0;

    for (size_t i = 0; i < size; i++) {
        choices *= (double) (n_groups - 1 - i) / (double) (i + 1);
    }
    return 1.0 / ((double) n_groups * choices);
}

void
ba_shapley_values(const double *values, size_t n_groups, size_t v, double *shapley)
{
    memset(shapley, 0, n_groups * v * sizeof *shapley);
    for (size_t s = 0; s < (size_t) 1 << n_groups; s++) {
        size_t size = 0;

        for (size_t i = 0; i < n_groups; i++) {
            size += s >> i & 1;
        }
        for (size_t i = 0; i < n_groups; i++) {
            const double *with = values + (s | (size_t) 1 << i) * v;

            for (size_t t = 0; !(s >> i & 1) && t < v; t++) {
                shapley[i * v + t] +=
                    weight(n_groups, size) * (with[t] - values[s * v + t]);
            }
        }
    }
}
