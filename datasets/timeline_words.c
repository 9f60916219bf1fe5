/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Words in the clock of the scan, and whether they can be what they claim. */
#include "datasets/timeline.h"

#include "core/alloc.h"

#include <math.h>

/* Times are printed to milliseconds, so the end of one word may pass the onset of the
 * next by the rounding. */
static const double ROUNDING_SECONDS = 1e-3;

enum { WHERE = 256 };

static int
check_order(const ba_timeline_t *timeline, size_t item)
{
    const double *onset = timeline->onset;
    char where[WHERE];

    if (onset[item] >= onset[item - 1]) {
        return BA_OK;
    }
    return ba_fail(BA_FORMAT,
        "%s: begins at %g s, before row %zu at %g s, wanted words in the order of time",
        ba_words_where(&timeline->words, timeline->items[item], where, sizeof where),
        onset[item], timeline->words.rows[timeline->items[item - 1]], onset[item - 1]);
}

/* `ends` is the latest end of the words before. */
static int
check_overlap(ba_timeline_t *timeline, size_t item, double ends)
{
    char where[WHERE];

    if (!(timeline->onset[item] < ends - ROUNDING_SECONDS)) {
        return BA_OK;
    }
    timeline->info.n_overlapping++;
    if (timeline->opts->allow_overlap) {
        return BA_OK;
    }
    return ba_fail(BA_FORMAT,
        "%s: begins at %g s, but the words before it last until %g s, wanted words that "
        "do not overlap (unless overlaps are allowed)",
        ba_words_where(&timeline->words, timeline->items[item], where, sizeof where),
        timeline->onset[item], ends);
}

static int
check_run_order(ba_timeline_t *timeline, size_t k)
{
    double ends = -INFINITY;
    int status = BA_OK;

    if (timeline->first_item[k] == timeline->first_item[k + 1]) {
        return ba_fail(BA_FORMAT, "%s: run '%s' has no word with a time",
            timeline->words.files[k], timeline->words.run_names[k]);
    }
    for (size_t i = timeline->first_item[k]; i < timeline->first_item[k + 1]; i++) {
        if (i > timeline->first_item[k]) {
            BA_TRY(check_order(timeline, i));
        }
        BA_TRY(check_overlap(timeline, i, ends));
        ends = fmax(ends, timeline->offset[i]);
    }
out:
    return status;
}

size_t
ba_timeline_volume(const ba_timeline_t *timeline, size_t k, size_t item)
{
    const ba_runs_t *runs = &timeline->scan.runs;
    const double *edges = timeline->scan.edges + k;
    size_t low = runs->onset[k], high = runs->onset[k + 1];

    if (timeline->onset[item] < edges[low] || !(timeline->onset[item] < edges[high])) {
        return SIZE_MAX;
    }
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;

        if (timeline->onset[item] < edges[middle]) {
            high = middle;
        } else {
            low = middle;
        }
    }
    return low;
}

/* The last word lies hundreds of runs away, and would fit divided by a thousand. */
static int
looks_like_milliseconds(const ba_timeline_t *timeline, size_t k)
{
    const ba_runs_t *runs = &timeline->scan.runs;
    double length = timeline->scan.edges[runs->onset[k + 1] + k];
    double last = timeline->onset[timeline->first_item[k + 1] - 1];

    return !timeline->opts->words.milliseconds && last > 100 * length &&
           last / 1000 < 1.5 * length;
}

static int
check_run_places(ba_timeline_t *timeline, size_t k)
{
    const ba_runs_t *runs = &timeline->scan.runs;
    size_t first = SIZE_MAX, n = 0, last_volume = SIZE_MAX, n_filled = 0;
    char where[WHERE];

    for (size_t i = timeline->first_item[k]; i < timeline->first_item[k + 1]; i++) {
        size_t volume = ba_timeline_volume(timeline, k, i);

        if (volume == SIZE_MAX) {
            first = n == 0 ? i : first;
            n++;
        } else if (volume != last_volume) {
            last_volume = volume;
            n_filled++;
        }
    }
    timeline->info.n_outside += n;
    timeline->info.n_empty += runs->onset[k + 1] - runs->onset[k] - n_filled;
    if (n == 0 || timeline->opts->allow_outside) {
        return BA_OK;
    }
    return ba_fail(BA_SHAPE,
        "%s: begins at %g s of the scan, wanted within the %zu volumes of run '%s', %g "
        "to "
        "%g s (%zu such word%s)%s",
        ba_words_where(&timeline->words, timeline->items[first], where, sizeof where),
        timeline->onset[first], runs->onset[k + 1] - runs->onset[k],
        timeline->words.run_names[k], timeline->scan.edges[runs->onset[k] + k],
        timeline->scan.edges[runs->onset[k + 1] + k], n, n == 1 ? "" : "s",
        looks_like_milliseconds(timeline, k) ? ": are the times milliseconds?" : "");
}

static void
take_items(ba_timeline_t *timeline)
{
    const ba_words_t *words = &timeline->words;
    size_t n = 0;

    for (size_t k = 0; k < words->n_runs; k++) {
        double start = timeline->scan.starts[k];

        timeline->first_item[k] = n;
        for (size_t i = words->first[k]; i < words->first[k + 1]; i++) {
            if (!isnan(words->onset[i])) {
                timeline->items[n] = i;
                timeline->onset[n] = words->onset[i] + start;
                timeline->offset[n] = words->offset[i] + start;
                n++;
            }
        }
    }
    timeline->first_item[words->n_runs] = n;
}

static void
note_range(ba_timeline_t *timeline)
{
    size_t n = timeline->first_item[timeline->words.n_runs];
    ba_prepare_info_t *info = &timeline->info;

    info->first_seconds = info->last_seconds = (double) NAN;
    for (size_t i = 0; i < n; i++) {
        info->first_seconds = fmin(info->first_seconds, timeline->onset[i]);
        info->last_seconds = fmax(info->last_seconds, timeline->onset[i]);
    }
}

int
ba_timeline_place(ba_timeline_t *timeline)
{
    const ba_words_t *words = &timeline->words;
    size_t n = words->n_words - words->n_missing;
    int status = BA_OK;

    BA_TRY_ALLOC(timeline->items, ba_malloc(n, sizeof *timeline->items));
    BA_TRY_ALLOC(timeline->onset, ba_malloc(n, sizeof *timeline->onset));
    BA_TRY_ALLOC(timeline->offset, ba_malloc(n, sizeof *timeline->offset));
    BA_TRY_ALLOC(
        timeline->first_item, ba_malloc(words->n_runs + 1, sizeof *timeline->first_item));
    take_items(timeline);
    note_range(timeline);
    for (size_t k = 0; k < words->n_runs; k++) {
        BA_TRY(check_run_order(timeline, k));
    }
    for (size_t k = 0; k < words->n_runs; k++) {
        BA_TRY(check_run_places(timeline, k));
    }
out:
    return status;
}
