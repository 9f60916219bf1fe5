/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What stands beside the features: runs, times, words, how it was made. */
#include "datasets/timeline.h"

#include "core/alloc.h"

#include <math.h>

enum { FORMAT_VERSION = 1 };

static const char *const RESAMPLES[] = {"lanczos", "mean", "sum", "last", "events"};
static const char *const WORD_TIMES[] = {"default", "onset", "middle", "offset"};
static const char *const POOLS[] = {"last", "first", "mean", "sum"};
static const char *const HRFS[] = {"none", "spm", "glover"};

static int
write_runs(const ba_timeline_t *timeline, ba_bundle_t *bundle)
{
    const ba_runs_t *runs = &timeline->scan.runs;
    size_t n = runs->n_samples;
    int32_t *run;
    int status = BA_OK;

    BA_TRY_ALLOC(run, ba_malloc(n, sizeof *run));
    for (size_t k = 0; k < runs->n_runs; k++) {
        for (size_t i = runs->onset[k]; i < runs->onset[k + 1]; i++) {
            run[i] = (int32_t) k + 1;
        }
    }
    BA_TRY(ba_bundle_write(bundle, "/run", BA_I32, 1, &n, run));
    BA_TRY(ba_bundle_write_strings(bundle, "/run_names", runs->n_runs,
        (const char *const *) timeline->words.run_names));
    BA_TRY(ba_bundle_write(bundle, "/times", BA_F64, 1, &n, timeline->scan.times));
    BA_TRY(ba_bundle_write_strings(
        bundle, "/spaces", timeline->n_paths, (const char *const *) timeline->paths));
out:
    ba_free(run);
    return status;
}

/* Onset and offset of every word in the clock of its scan, NaN where not known. */
static int
write_word_times(const ba_timeline_t *timeline, ba_bundle_t *bundle)
{
    const ba_words_t *words = &timeline->words;
    size_t n = words->n_words;
    double *onset = NULL, *offset = NULL;
    int status = BA_OK;

    BA_TRY_ALLOC(onset, ba_malloc(n, sizeof *onset));
    BA_TRY_ALLOC(offset, ba_malloc(n, sizeof *offset));
    for (size_t i = 0; i < n; i++) {
        onset[i] = offset[i] = (double) NAN;
    }
    for (size_t i = 0; i < timeline->first_item[words->n_runs]; i++) {
        onset[timeline->items[i]] = timeline->onset[i];
        offset[timeline->items[i]] = timeline->offset[i];
    }
    BA_TRY(ba_bundle_write(bundle, "/words/onset", BA_F64, 1, &n, onset));
    BA_TRY(ba_bundle_write(bundle, "/words/offset", BA_F64, 1, &n, offset));
out:
    ba_free(onset);
    ba_free(offset);
    return status;
}

static int
write_word_places(const ba_timeline_t *timeline, ba_bundle_t *bundle)
{
    const ba_words_t *words = &timeline->words;
    size_t n = words->n_words;
    int32_t *run = NULL, *volume = NULL;
    int status = BA_OK;

    BA_TRY_ALLOC(run, ba_malloc(n, sizeof *run));
    BA_TRY_ALLOC(volume, ba_malloc(n, sizeof *volume));
    for (size_t k = 0; k < words->n_runs; k++) {
        for (size_t i = words->first[k]; i < words->first[k + 1]; i++) {
            run[i] = (int32_t) k + 1;
            volume[i] = -1;
        }
        for (size_t i = timeline->first_item[k]; i < timeline->first_item[k + 1]; i++) {
            size_t at = ba_timeline_volume(timeline, k, i);

            volume[timeline->items[i]] = at == SIZE_MAX ? -1 : (int32_t) at;
        }
    }
    BA_TRY(ba_bundle_write(bundle, "/words/run", BA_I32, 1, &n, run));
    BA_TRY(ba_bundle_write(bundle, "/words/volume", BA_I32, 1, &n, volume));
    if (words->has_text) {
        BA_TRY(ba_bundle_write_strings(
            bundle, "/words/text", n, (const char *const *) words->text));
    }
out:
    ba_free(run);
    ba_free(volume);
    return status;
}

static int
write_numbers(const ba_timeline_t *timeline, ba_bundle_t *bundle)
{
    const ba_prepare_opts_t *opts = timeline->opts;
    const ba_prepare_info_t *info = &timeline->info;
    const struct {
        const char *name;
        size_t value;
    } counts[] = {{"format_version", FORMAT_VERSION}, {"n_samples", info->n_volumes},
        {"n_words", info->n_words}, {"n_words_missing", info->n_missing},
        {"n_words_outside", info->n_outside}, {"n_volumes_empty", info->n_empty}};
    double slice_time =
        isnan(opts->scan.slice_time) ? timeline->scan.tr / 2 : opts->scan.slice_time;
    int status = BA_OK;

    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        int64_t value = (int64_t) counts[i].value;

        BA_TRY(ba_bundle_attr_i64(bundle, "/", counts[i].name, 1, &value));
    }
    BA_TRY(ba_bundle_attr_f64(bundle, "/", "tr", 1, &timeline->scan.tr));
    BA_TRY(ba_bundle_attr_f64(bundle, "/", "slice_time", 1, &slice_time));
    BA_TRY(ba_bundle_attr_f64(
        bundle, "/", "stimulus_start", timeline->words.n_runs, timeline->scan.starts));
out:
    return status;
}

static int
write_settings(const ba_timeline_t *timeline, ba_bundle_t *bundle)
{
    const ba_prepare_opts_t *opts = timeline->opts;
    int status;

    BA_TRY(ba_bundle_attr_string(bundle, "/", "format", "brainalign-dataset"));
    BA_TRY(ba_bundle_attr_string(bundle, "/", "resample", RESAMPLES[opts->resample]));
    BA_TRY(ba_bundle_attr_string(bundle, "/", "control_resample",
        RESAMPLES[opts->control_resample < 0 ? (int) opts->resample
                                             : opts->control_resample]));
    BA_TRY(ba_bundle_attr_string(bundle, "/", "word_time", WORD_TIMES[opts->word_time]));
    BA_TRY(ba_bundle_attr_string(bundle, "/", "hrf", HRFS[opts->hrf]));
    BA_TRY(ba_bundle_attr_string(bundle, "/", "event",
        opts->resample != BA_PREPARE_EVENTS ? "volume"
        : opts->boxcar                      ? "boxcar"
                                            : "impulse"));
    BA_TRY(ba_bundle_attr_string(
        bundle, "/", "pool", timeline->tokens.file ? POOLS[opts->pool] : "none"));
    BA_TRY(ba_bundle_attr_f64(bundle, "/", "window", 1, &opts->window));
    BA_TRY(ba_bundle_attr_f64(bundle, "/", "cutoff_mult", 1, &opts->cutoff_mult));
    if (opts->responses) {
        BA_TRY(ba_bundle_attr_string(bundle, "/", "responses", opts->responses));
    }
out:
    return status;
}

int
ba_timeline_write_frame(const ba_timeline_t *timeline, ba_bundle_t *bundle)
{
    int status;

    BA_TRY(write_runs(timeline, bundle));
    BA_TRY(write_word_times(timeline, bundle));
    BA_TRY(write_word_places(timeline, bundle));
    BA_TRY(write_numbers(timeline, bundle));
    BA_TRY(write_settings(timeline, bundle));
out:
    return status;
}
