/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fit/bands.h"

#include "core/alloc.h"

static tiles_opts_t
tiles_settings(const run_t *run, int of_test_set)
{
    const plan_t *plan = &run->plan;
    const ba_fit_data_t *data = plan->data;

    return (tiles_opts_t){
        .source = of_test_set ? data->test_targets : data->targets,
        .rows = of_test_set ? plan->test_rows : plan->rows,
        .n_rows = of_test_set ? plan->test_runs.n_samples : plan->n_used,
        .runs = of_test_set ? &plan->test_runs : &plan->runs,
        .detrend = data->detrend,
        .nuisance = of_test_set ? data->test_nuisance : data->nuisance,
        .zscore_runs = plan->scale_targets == BA_SCALE_RUNS,
        .precision = plan->opts->precision,
        .target_start = plan->opts->target_start,
        .target_stop = plan->opts->target_start + plan->n_targets,
        .status = of_test_set ? run->test_status : run->result->status,
        .row_hash =
            of_test_set ? run->result->test_target_hash : run->result->target_hash,
        .cached = data->responses || ba_budget_is_cached(run->ctx, plan),
        .n_in_flight = run->n_slots,
        .disturb = of_test_set ? NULL : data->disturb,
    };
}

static int
make_slots(run_t *run)
{
    int status = BA_OK;
    const plan_t *plan = &run->plan;
    size_t n_test = plan->test_runs.n_samples;
    int weights = run->sink && run->sink->weights &&
                  (plan->opts->want_weights || plan->opts->want_fold_weights);

    for (size_t k = 0; k < plan->n_problems; k++) {
        n_test = plan->problems[k].n_test > n_test ? plan->problems[k].n_test : n_test;
    }
    run->n_slots = run->tiles ? ba_tiles_in_flight(run->tiles)
                              : ba_responses_in_flight(plan->data->responses,
                                    ba_budget_tiles_in_flight(run->ctx, plan));
    BA_TRY_ALLOC(run->slots, ba_calloc(run->n_slots, sizeof *run->slots));
    for (size_t i = 0; i < run->n_slots; i++) {
        slot_t *slot = &run->slots[i];
        size_t n = ba_plan_n_alphas(plan) * BA_TILE;

        BA_TRY_ALLOC(slot->scores, ba_malloc(n, sizeof *slot->scores));
        BA_TRY_ALLOC(slot->counts, ba_malloc(n, sizeof *slot->counts));
        if (weights) {
            BA_TRY_ALLOC(slot->weights,
                ba_malloc(plan->n_columns, BA_TILE * sizeof *slot->weights));
        }
        if (run->sink && run->sink->predictions) {
            BA_TRY_ALLOC(slot->predictions,
                ba_malloc(n_test, BA_TILE * sizeof *slot->predictions));
        }
        if (ba_plan_is_banded(plan)) {
            size_t size = plan->opts->bands.n_spaces * BA_TILE;

            BA_TRY_ALLOC(slot->delta, ba_calloc(size, sizeof *slot->delta));
            BA_TRY_ALLOC(slot->r2_split, ba_calloc(size, sizeof *slot->r2_split));
            BA_TRY_ALLOC(slot->r_split, ba_calloc(size, sizeof *slot->r_split));
        }
    }
out:
    return status;
}

static int
make_totals(run_t *run)
{
    const plan_t *plan = &run->plan;

    if (!ba_budget_keeps_totals(run->ctx, plan)) {
        return BA_OK;
    }
    run->total_size =
        (plan->n_columns + 1) * BA_TILE * ba_number_size(plan->opts->precision);
    run->totals = ba_malloc(ba_tiles_count(run->tiles), run->total_size);
    return run->totals ? BA_OK : BA_NOMEM;
}

/* Stages over all tiles: selections and refits. */
static void
count_work(run_t *run)
{
    const plan_t *plan = &run->plan;
    size_t chunk = ba_budget_alpha_chunk(run->ctx, plan), n_candidates = 1, refits = 1;

    if (run->search) {
        n_candidates = run->search->n_room;
        refits = 2 * ba_bands_n_models(&plan->opts->bands);
    }
    for (size_t k = 0; k < plan->n_problems; k++) {
        size_t n = plan->problems[k].n_inner > 0 ? ba_plan_n_alphas(plan) : 0;

        run->total += (double) (n_candidates * ((n + chunk - 1) / chunk) + refits) *
                      (double) ba_tiles_count(run->tiles);
    }
}

int
ba_run_make(run_t *run)
{
    int status = BA_OK;
    const plan_t *plan = &run->plan;
    size_t v = plan->n_targets;
    tiles_opts_t settings;

    run->n_threads = (size_t) ba_ctx_threads(run->ctx);
    run->is_double = plan->opts->precision == BA_DOUBLE;
    if (plan->data->test_design) {
        BA_TRY_ALLOC(run->test_status, ba_calloc(v, sizeof *run->test_status));
    }
    BA_TRY(ba_responses_take(run));
    BA_TRY(make_slots(run));
    BA_TRY_ALLOC(run->cv, ba_malloc(ba_plan_n_alphas(plan), v * sizeof *run->cv));
    BA_TRY_ALLOC(run->no_inner, ba_calloc(v, sizeof *run->no_inner));
    BA_TRY_ALLOC(run->usable, ba_calloc(v, sizeof *run->usable));
    BA_TRY_ALLOC(run->baseline, ba_calloc(v, sizeof *run->baseline));
    BA_TRY_ALLOC(run->best_alphas, ba_calloc(v, sizeof *run->best_alphas));
    BA_TRY_ALLOC(run->best_scores, ba_calloc(v, sizeof *run->best_scores));
    settings = tiles_settings(run, 0);
    if (!run->tiles) {
        BA_TRY(ba_tiles_open(run->ctx, &settings, &run->tiles));
    }
    BA_TRY(make_totals(run));
    if (plan->data->test_design && !run->test_tiles) {
        settings = tiles_settings(run, 1);
        BA_TRY(ba_tiles_open(run->ctx, &settings, &run->test_tiles));
    }
    if (ba_plan_is_banded(plan)) {
        BA_TRY(ba_search_new(run));
    }
    count_work(run);
out:
    return status;
}

void
ba_run_free(run_t *run)
{
    for (size_t i = 0; run->slots && i < run->n_slots; i++) {
        ba_free(run->slots[i].scores);
        ba_free(run->slots[i].counts);
        ba_free(run->slots[i].weights);
        ba_free(run->slots[i].predictions);
        ba_free(run->slots[i].delta);
        ba_free(run->slots[i].r2_split);
        ba_free(run->slots[i].r_split);
    }
    ba_free(run->slots);
    ba_search_free(run->search);
    ba_free(run->totals);
    ba_free(run->cv);
    ba_free(run->baseline);
    ba_free(run->best_alphas);
    ba_free(run->best_scores);
    ba_free(run->test_status);
    ba_free(run->usable);
    ba_free(run->no_inner);
    ba_tiles_close(run->tiles);
    ba_tiles_close(run->test_tiles);
    ba_plan_free(&run->plan);
}
