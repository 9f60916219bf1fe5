/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The linear maps from words to volumes, one per run. */
#include "datasets/timeline.h"

#include "core/alloc.h"

static const char *const BASIS_NAMES[] = {"canonical", "time", "dispersion"};

size_t
ba_timeline_n_bases(const ba_prepare_opts_t *opts)
{
    return opts->hrf == BA_PREPARE_HRF_NONE ? 1 : (size_t) opts->hrf_basis + 1;
}

const char *
ba_timeline_basis_name(size_t b)
{
    return BASIS_NAMES[b];
}

/* The moments of a run's items. */
static void
set_moments(
    const ba_timeline_t *timeline, size_t run, ba_prepare_resample_t how, double *moments)
{
    ba_word_time_t time = timeline->opts->word_time;
    size_t first = timeline->first_item[run];
    size_t n = timeline->first_item[run + 1] - first;

    if (time == BA_WORD_DEFAULT) {
        time = how == BA_PREPARE_LANCZOS ? BA_WORD_MIDDLE : BA_WORD_ONSET;
    }
    for (size_t i = 0; i < n; i++) {
        double onset = timeline->onset[first + i], offset = timeline->offset[first + i];

        moments[i] = time == BA_WORD_ONSET    ? onset
                     : time == BA_WORD_OFFSET ? offset
                                              : (onset + offset) / 2;
    }
}

static int
make_base(const ba_timeline_t *timeline, size_t run, ba_prepare_resample_t how,
    const double *moments, ba_resampler_t *out)
{
    const ba_runs_t *runs = &timeline->scan.runs;
    size_t first = runs->onset[run], n = runs->onset[run + 1] - first;
    size_t n_items = timeline->first_item[run + 1] - timeline->first_item[run];
    ba_bin_t bin = how == BA_PREPARE_MEAN  ? BA_BIN_MEAN
                   : how == BA_PREPARE_SUM ? BA_BIN_SUM
                                           : BA_BIN_LAST;

    if (how == BA_PREPARE_LANCZOS) {
        return ba_resampler_lanczos(moments, n_items, timeline->scan.times + first, n,
            timeline->opts->window, timeline->opts->cutoff_mult, out);
    }
    return ba_resampler_bins(
        bin, moments, n_items, timeline->scan.edges + first + run, n, out);
}

/* Events are impulses, or last as long as their words; resampled series are constant
 * within a volume. */
static int
make_responses(const ba_timeline_t *timeline, size_t run, const double *moments,
    int of_items, ba_timeline_map_t *map)
{
    const ba_prepare_opts_t *opts = timeline->opts;
    const ba_runs_t *runs = &timeline->scan.runs;
    ba_hrf_t model = opts->hrf == BA_PREPARE_HRF_SPM ? BA_HRF_SPM : BA_HRF_GLOVER;
    size_t first = runs->onset[run], n = runs->onset[run + 1] - first;
    size_t first_item = timeline->first_item[run];
    size_t n_events = of_items ? timeline->first_item[run + 1] - first_item : n;
    const double *edges = timeline->scan.edges + first + run;
    const double *onsets = !of_items      ? edges
                           : opts->boxcar ? timeline->onset + first_item
                                          : moments;
    double *durations = NULL;
    int status = BA_OK;

    BA_TRY_ALLOC(durations, ba_malloc(n_events, sizeof *durations));
    for (size_t i = 0; i < n_events; i++) {
        durations[i] =
            of_items ? timeline->offset[first_item + i] - timeline->onset[first_item + i]
                     : edges[i + 1] - edges[i];
    }
    for (size_t b = 0; b < ba_timeline_n_bases(opts); b++) {
        BA_TRY(ba_resampler_hrf(model, (ba_hrf_basis_t) b, onsets,
            of_items && !opts->boxcar ? NULL : durations, n_events,
            timeline->scan.times + first, n, &map->response[b]));
        map->n_responses++;
    }
out:
    ba_free(durations);
    return status;
}

int
ba_timeline_map_make(const ba_timeline_t *timeline, size_t run, ba_prepare_resample_t how,
    ba_timeline_map_t *out)
{
    size_t n = timeline->first_item[run + 1] - timeline->first_item[run];
    double *moments = NULL;
    int status = BA_OK;

    *out = (ba_timeline_map_t){.has_base = how != BA_PREPARE_EVENTS};
    BA_TRY_ALLOC(moments, ba_malloc(n, sizeof *moments));
    set_moments(timeline, run, how, moments);
    if (out->has_base) {
        BA_TRY(make_base(timeline, run, how, moments, &out->base));
    }
    if (timeline->opts->hrf != BA_PREPARE_HRF_NONE) {
        BA_TRY(make_responses(timeline, run, moments, !out->has_base, out));
    }
out:
    ba_free(moments);
    if (status != BA_OK) {
        ba_timeline_map_free(out);
        if (status != BA_NOMEM) {
            ba_fail_within(status, "run '%s'", timeline->words.run_names[run]);
        }
    }
    return status;
}

void
ba_timeline_map_free(ba_timeline_map_t *map)
{
    ba_resampler_free(&map->base);
    for (size_t b = 0; b < map->n_responses; b++) {
        ba_resampler_free(&map->response[b]);
    }
    *map = (ba_timeline_map_t){0};
}

void
ba_timeline_map_apply(const ba_ctx_t *ctx, const ba_timeline_map_t *map, size_t b,
    ba_cdmat_t x, ba_dmat_t scratch, ba_dmat_t y)
{
    if (!map->has_base) {
        ba_resampler_apply(ctx, &map->response[b], x, y);
    } else if (map->n_responses == 0) {
        ba_resampler_apply(ctx, &map->base, x, y);
    } else {
        ba_cdmat_t resampled = {scratch.data, scratch.n_rows, scratch.n_cols, scratch.ld};

        ba_resampler_apply(ctx, &map->base, x, scratch);
        ba_resampler_apply(ctx, &map->response[b], resampled, y);
    }
}
