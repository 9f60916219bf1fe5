/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shards of a fit: parts of the targets in whole tiles. Which, how many, and what they
 * take. */
#include "encode/encoder_shards.h"

#include "core/alloc.h"
#include "encode/score_table.h"
#include "encode/shard_folder.h"

#include <math.h>

/* Most shards that are chosen without being asked for, the share of the work that may be
 * done again for them, and how much slower a set-up flop is than one of the tiles. */
#define MOST_CHOSEN 64
#define REPEATED_SHARE 0.1
#define SETUP_WEIGHT 4.0

static size_t
n_tiles(size_t n_targets)
{
    return n_targets / BA_TILE + (n_targets % BA_TILE > 0);
}

/* T k / n without the product. */
static size_t
tile_border(size_t n_all, size_t k, size_t n)
{
    return n_all / n * k + n_all % n * k / n;
}

int
ba_encode_shard(
    size_t n_targets, size_t shard, size_t n_shards, size_t *start, size_t *stop)
{
    size_t tiles = n_tiles(n_targets);

    if (n_shards > tiles) {
        return ba_fail(BA_VALUE,
            "shards: found %zu of them, wanted at most %zu: %zu targets are %zu tiles of "
            "%d",
            n_shards, tiles, n_targets, tiles, BA_TILE);
    }
    if (shard == 0 || shard > n_shards) {
        return ba_fail(BA_VALUE, "shards: found number %zu of %zu, wanted 1 to %zu",
            shard, n_shards, n_shards);
    }
    *start = tile_border(tiles, shard - 1, n_shards) * BA_TILE;
    *stop = tile_border(tiles, shard, n_shards) * BA_TILE;
    *stop = *stop < n_targets ? *stop : n_targets;
    return BA_OK;
}

/* Whether what a target gets depends on the others. */
static int
shares_choices(const ba_fit_opts_t *fit)
{
    return fit->shared_alpha || fit->bands.shared || fit->bands.n_rounds > 0;
}

int
ba_encode_wants_shards(const ba_encode_fit_opts_t *opts)
{
    const ba_fit_opts_t *fit = &opts->fit;

    if (opts->n_shards > 0) {
        return opts->shard == 0;
    }
    return opts->resume && fit->target_start == 0 && fit->target_stop == 0 &&
           !shares_choices(fit);
}

static int
check_folder(const ba_encode_fit_opts_t *opts)
{
    int status = BA_OK;
    char *folder = NULL;

    if (opts->resume || opts->force || !opts->output ||
        !ba_shard_folder_exists(opts->output)) {
        return BA_OK;
    }
    BA_TRY_ALLOC(folder, ba_shard_folder(opts->output));
    BA_TRY(ba_fail(BA_EXISTS,
        "%s: exists: --resume goes on with the shards in it, --force starts anew",
        folder));
out:
    ba_free(folder);
    return status;
}

int
ba_encode_shards_check(const ba_dataset_t *dataset, ba_encode_fit_opts_t *opts)
{
    int status = BA_OK;
    ba_fit_opts_t *fit = &opts->fit;
    int has_range = fit->target_start > 0 || fit->target_stop > 0;
    const ba_source_t *responses = dataset->train.responses;
    size_t start, stop;

    if (opts->n_shards > 0 && has_range) {
        return ba_fail(
            BA_VALUE, "shards: given with a target range, wanted one or the other");
    }
    if (shares_choices(fit) && (opts->n_shards > 0 || has_range)) {
        return ba_fail(BA_VALUE,
            "target range: a shard cannot share one %s with "
            "targets that it does not see",
            fit->shared_alpha ? "alpha" : "search of bands");
    }
    if (opts->n_shards > 0 && responses) {
        BA_TRY(ba_encode_shard(ba_source_n_cols(responses), opts->shard ? opts->shard : 1,
            opts->n_shards, &start, &stop));
        fit->target_start = opts->shard ? start : 0;
        fit->target_stop = opts->shard ? stop : 0;
    }
    if (opts->n_shards > 1 && opts->shard == 0) {
        BA_TRY(check_folder(opts));
    }
    if (!opts->resume) {
        BA_TRY(ba_score_outputs_check(
            dataset, opts->output, opts->table, opts->map, opts->force));
    }
out:
    return status;
}

/* ---- how many ---- */

/* (n - 1) set-ups more cost at most REPEATED_SHARE of the work in one piece. */
static int
choose_number(const ba_ctx_t *ctx, ba_encode_job_t job, size_t n_targets, size_t *n)
{
    int status;
    ba_encode_fit_info_t info = {0};
    double setup, tiles, most;

    *n = n_tiles(n_targets);
    job.fit.target_stop = n_targets < BA_TILE ? n_targets : BA_TILE;
    BA_TRY(ba_encode_job_plan(ctx, &job, &info));
    setup = SETUP_WEIGHT * (info.fit.flops_planned - info.fit.flops_tiles);
    tiles = info.fit.flops_tiles / (double) info.n_targets * (double) n_targets;
    most = setup > 0.0 ? floor(1.0 + REPEATED_SHARE * (setup + tiles) / setup) : 1.0;
    most = most < MOST_CHOSEN ? most : MOST_CHOSEN;
    *n = (double) *n < most ? *n : (size_t) most;
    ba_ctx_log(ctx, BA_LOG_DEBUG,
        "shards: %zu; the set-up is %.0f %% of the work and is done for each%s", *n,
        100 * setup / (setup + tiles),
        *n == 1
            ? ": more than one would not pay, so that nothing is kept when the fit is "
              "stopped"
            : "");
out:
    return status;
}

int
ba_encode_shards_number(const ba_ctx_t *ctx, const ba_dataset_t *dataset,
    const ba_encode_fit_opts_t *opts, const ba_encode_job_t *job, size_t *n)
{
    int status;
    ba_shard_name_t *names = NULL;
    size_t n_names, n_targets = ba_source_n_cols(dataset->train.responses);

    *n = opts->n_shards;
    if (*n > 0) {
        return BA_OK;
    }
    BA_TRY(ba_shard_folder_list(opts->output ? opts->output : "", &names, &n_names));
    if (n_names > 0 && names[0].n <= n_tiles(n_targets)) {
        *n = names[0].n;
    } else {
        BA_TRY(choose_number(ctx, *job, n_targets, n));
    }
out:
    ba_free(names);
    return status;
}

/* ---- plan ---- */

static size_t
largest_shard(size_t n_targets, size_t n_shards)
{
    size_t best = 1, most = 0;

    for (size_t k = 1; k <= n_shards; k++) {
        size_t start = 0, stop = 0;

        if (ba_encode_shard(n_targets, k, n_shards, &start, &stop) == BA_OK &&
            stop - start > most) {
            most = stop - start;
            best = k;
        }
    }
    return best;
}

int
ba_encode_shards_plan(const ba_ctx_t *ctx, ba_encode_job_t job, size_t n_targets,
    size_t n_shards, ba_encode_fit_info_t *info)
{
    int status;
    double setup;

    BA_TRY(ba_encode_shard(n_targets, largest_shard(n_targets, n_shards), n_shards,
        &job.fit.target_start, &job.fit.target_stop));
    BA_TRY(ba_encode_job_plan(ctx, &job, info));
    setup = info->fit.flops_planned - info->fit.flops_tiles;
    info->flops_shard = info->fit.flops_planned;
    info->fit.flops_tiles *= (double) n_targets / (double) info->n_targets;
    info->fit.flops_planned = (double) n_shards * setup + info->fit.flops_tiles;
    info->n_targets = n_targets;
    info->n_shards = n_shards;
out:
    return status;
}
