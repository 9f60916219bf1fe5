/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Penalties chosen on rows that were not fitted on; neurons that stay in use when word
 * types or sentences are drawn anew (Meinshausen & Buhlmann 2010, J. R. Stat. Soc. B
 * 72:417, with bootstrap draws of whole groups, since tokens of a type are not
 * independent). */
#include "core/alloc.h"
#include "core/rng.h"
#include "model/probe_impl.h"

#include <math.h>
#include <string.h>

enum { MOST_REDRAWN = 100, STREAM_BOOTSTRAP = 1000 };

/* Loss and accuracy of the probe on the validation rows, by their labels. */
static int
validate(const ba_ctx_t *ctx, const ba_probe_data_t *data, const ba_probe_t *probe,
    const ba_probe_problem_t *held_out, double *z, ba_probe_step_t *step)
{
    size_t n = data->x.n_rows, right = 0, total = 0;
    int status = BA_OK;

    BA_TRY(ba_probe_logits(ctx, probe, data, NULL, BA_REST_ZERO, NULL, z));
    for (size_t i = 0; i < n; i++) {
        size_t best = 0;

        if (held_out->weight[i] <= 0) {
            continue;
        }
        for (size_t c = 1; c < data->n_classes; c++) {
            best = z[i + c * n] > z[i + best * n] ? c : best;
        }
        total++;
        right += held_out->target[i + best * n] > 0.5;
    }
    step->accuracy = (double) right / (double) total;
    step->loss = ba_probe_loss(held_out, z);
    step->objective = probe->objective;
    step->gap = probe->gap;
    step->n_nonzero = probe->n_nonzero;
    step->n_neurons_used = probe->n_neurons_used;
out:
    return status;
}

/* Weights of the rows that are fitted on, or of those that are not. */
static int
mask_rows(const ba_probe_data_t *data, const unsigned char *is_validation, int validation,
    double **out)
{
    double *weight = ba_malloc(data->x.n_rows, sizeof *weight), sum = 0;

    *out = weight;
    if (!weight) {
        return BA_NOMEM;
    }
    for (size_t i = 0; i < data->x.n_rows; i++) {
        weight[i] = (is_validation[i] != 0) == validation
                        ? (data->row_weight ? data->row_weight[i] : 1)
                        : 0;
        sum += weight[i];
    }
    return sum > 0 ? BA_OK
                   : ba_fail(BA_SHAPE, "probe: no rows to %s",
                         validation ? "choose penalties by" : "fit on");
}

static int
check_grid(const ba_probe_grid_t *grid)
{
    if (grid->n == 0) {
        return ba_fail(BA_VALUE, "probe: no penalties to choose among");
    }
    return BA_OK;
}

int
ba_probe_path(const ba_ctx_t *ctx, const ba_probe_data_t *data,
    const ba_probe_opts_t *opts, const ba_probe_grid_t *grid, ba_probe_step_t *steps,
    size_t *best, ba_probe_t **out)
{
    ba_probe_data_t part = *data;
    ba_probe_problem_t problem = {.n = 0};
    ba_probe_opts_t at = *opts;
    ba_probe_t *probe = NULL, *next = NULL, *kept = NULL;
    double *fit_on = NULL, *held = NULL, *z = NULL;
    ba_probe_problem_t held_out;
    int status = BA_OK;

    *out = NULL;
    *best = 0;
    BA_TRY(check_grid(grid));
    BA_TRY(mask_rows(data, grid->is_validation, 0, &fit_on));
    BA_TRY(mask_rows(data, grid->is_validation, 1, &held));
    BA_TRY_ALLOC(z, ba_malloc(data->x.n_rows, data->n_classes * sizeof *z));
    part.row_weight = fit_on;
    BA_TRY(ba_probe_problem_new(ctx, &part, opts->kind, &problem));
    held_out = problem;
    ba_probe_normalise(held, data->x.n_rows);
    held_out.weight = held;
    for (size_t i = 0; i < grid->n; i++) {
        at.l1 = grid->l1[i];
        at.l2 = grid->l2[i];
        BA_TRY(ba_probe_solve(&problem, &part, &at, probe, &next));
        ba_probe_free(probe);
        probe = next;
        next = NULL;
        BA_TRY(validate(ctx, data, probe, &held_out, z, &steps[i]));
        ba_ctx_progress(ctx, "penalties", (double) (i + 1), (double) grid->n);
        if (i == 0 || steps[i].loss < steps[*best].loss) {
            *best = i;
            ba_probe_free(kept);
            BA_TRY(ba_probe_copy(probe, &kept));
        }
    }
    at.l1 = grid->l1[*best];
    at.l2 = grid->l2[*best];
    BA_TRY(ba_probe_fit(ctx, data, &at, kept, out));
out:
    ba_probe_problem_free(&problem);
    ba_probe_free(probe);
    ba_probe_free(kept);
    ba_free(fit_on);
    ba_free(held);
    ba_free(z);
    return status;
}

/* Weights of rows in one draw; 0 where a class has none left. */
static int
draw(const ba_probe_data_t *data, const ba_probe_bootstrap_t *bootstrap, ba_rng_t *rng,
    double *counts, double *weight)
{
    size_t n = data->x.n_rows, n_classes = data->n_classes;

    memset(counts, 0, bootstrap->n_groups * sizeof *counts);
    for (size_t g = 0; g < bootstrap->n_groups; g++) {
        counts[ba_rng_below(rng, bootstrap->n_groups)]++;
    }
    for (size_t i = 0; i < n; i++) {
        weight[i] =
            counts[bootstrap->group[i]] * (data->row_weight ? data->row_weight[i] : 1);
    }
    for (size_t c = 0; c < n_classes; c++) {
        double with = 0, all = 0;

        for (size_t i = 0; i < n; i++) {
            double y = data->target ? data->target[i + c * n] : data->label[i] == c;

            with += weight[i] * y;
            all += weight[i];
        }
        if (!(with > 0 && with < all)) {
            return 0;
        }
    }
    return 1;
}

static int
check_groups(const ba_probe_data_t *data, const ba_probe_bootstrap_t *bootstrap)
{
    for (size_t i = 0; i < data->x.n_rows; i++) {
        if (bootstrap->group[i] >= bootstrap->n_groups) {
            return ba_fail(BA_VALUE, "probe: row %zu in group %u of %zu", i,
                bootstrap->group[i], bootstrap->n_groups);
        }
    }
    if (bootstrap->n_groups < 2 || bootstrap->n_draws == 0) {
        return ba_fail(BA_SHAPE,
            "probe: %zu groups and %zu draws, wanted 2 and 1 or more",
            bootstrap->n_groups, bootstrap->n_draws);
    }
    return BA_OK;
}

static void
count_used(const ba_probe_t *probe, double share, double *frequency, double *any)
{
    size_t p = probe->n_neurons;

    for (size_t j = 0; j < p; j++) {
        int is_used = 0;

        for (size_t c = 0; c < probe->n_classes; c++) {
            int is = fabs(probe->weights[j + c * p]) > 0;

            frequency[j + c * p] += is ? share : 0;
            is_used |= is;
        }
        any[j] += is_used ? share : 0;
    }
}

/* One draw, drawn again until every class is there. */
static int
draw_all_classes(const ba_probe_data_t *data, const ba_probe_bootstrap_t *bootstrap,
    size_t number, double *counts, double *weight, size_t *n_redrawn)
{
    ba_rng_t *rng = ba_rng_new(bootstrap->seed, STREAM_BOOTSTRAP + number);
    size_t again = 0;

    if (!rng) {
        return BA_NOMEM;
    }
    while (again <= MOST_REDRAWN && !draw(data, bootstrap, rng, counts, weight)) {
        again++;
    }
    ba_rng_free(rng);
    *n_redrawn += again;
    return again <= MOST_REDRAWN
               ? BA_OK
               : ba_fail(BA_SHAPE,
                     "probe: %d draws in a row lose a class, wanted classes "
                     "in more groups",
                     MOST_REDRAWN);
}

int
ba_probe_stability(const ba_ctx_t *ctx, const ba_probe_data_t *data,
    const ba_probe_opts_t *opts, const ba_probe_bootstrap_t *bootstrap,
    const ba_probe_t *start, double *frequency, double *any, size_t *n_redrawn)
{
    ba_probe_data_t drawn = *data;
    double *counts = NULL, *weight = NULL, share = 1 / (double) bootstrap->n_draws;
    ba_probe_t *probe = NULL;
    size_t again = 0;
    int status = BA_OK;

    BA_TRY(check_groups(data, bootstrap));
    BA_TRY_ALLOC(counts, ba_calloc(bootstrap->n_groups, sizeof *counts));
    BA_TRY_ALLOC(weight, ba_calloc(data->x.n_rows, sizeof *weight));
    memset(frequency, 0, data->n_neurons * data->n_classes * sizeof *frequency);
    memset(any, 0, data->n_neurons * sizeof *any);
    drawn.row_weight = weight;
    for (size_t i = 0; i < bootstrap->n_draws; i++) {
        ba_ctx_progress(ctx, "stability", (double) i, (double) bootstrap->n_draws);
        BA_TRY(draw_all_classes(data, bootstrap, i, counts, weight, &again));
        BA_TRY(ba_probe_fit(ctx, &drawn, opts, start, &probe));
        count_used(probe, share, frequency, any);
        ba_probe_free(probe);
        probe = NULL;
    }
    ba_ctx_progress(
        ctx, "stability", (double) bootstrap->n_draws, (double) bootstrap->n_draws);
    if (n_redrawn) {
        *n_redrawn = again;
    }
out:
    ba_probe_free(probe);
    ba_free(counts);
    ba_free(weight);
    return status;
}
