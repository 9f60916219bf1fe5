/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Options of decode fit that contradict one another, or the data. */
#include "decode/decoder_impl.h"

#include "brainalign/cv.h"

/* Options of the choice of response columns. */
static int
check_choice(const ba_decode_fit_opts_t *opts)
{
    int by_region = opts->voxel_score == BA_VOXELS_ROI;

    if (opts->n_voxels == 0 && opts->voxel_score != BA_VOXELS_ENCODING && !by_region) {
        return ba_fail(BA_VALUE, "voxel-score: found without n-voxels, wanted both");
    }
    if (opts->voxel_alphas.n > 0 &&
        (opts->voxel_score == BA_VOXELS_F || opts->voxel_score == BA_VOXELS_STABILITY ||
            (opts->n_voxels == 0 && !by_region))) {
        return ba_fail(BA_VALUE, "voxel-alphas: found without a choice of columns by a "
                                 "fit, wanted both");
    }
    if (by_region && opts->n_voxels > 0) {
        return ba_fail(BA_VALUE, "n-voxels: found with voxel-score roi, wanted n-rois: "
                                 "whole regions are chosen");
    }
    if (opts->n_rois == 0 && (by_region || opts->n_roi_names > 0)) {
        return ba_fail(BA_VALUE, "%s: found without rois, wanted both",
            by_region ? "voxel-score roi" : "roi");
    }
    if (!by_region && opts->n_best_rois > 0) {
        return ba_fail(BA_VALUE, "n-rois: found without voxel-score roi, wanted both");
    }
    if (by_region && opts->n_best_rois == 0) {
        return ba_fail(BA_VALUE, "n-rois: 0 with voxel-score roi, wanted at least 1");
    }
    if (opts->voxel_score != BA_VOXELS_SEARCHLIGHT &&
        (opts->radius || opts->voxel_positions)) {
        return ba_fail(BA_VALUE, "%s: found without voxel-score searchlight, wanted both",
            opts->radius ? "radius" : "voxel-positions");
    }
    if (opts->voxel_items && opts->voxel_score != BA_VOXELS_STABILITY) {
        return ba_fail(
            BA_VALUE, "voxel-items: found without voxel-score stability, wanted both");
    }
    return BA_OK;
}

int
ba_decoder_check_options(const ba_dataset_t *dataset, const ba_decode_fit_opts_t *opts)
{
    if (!opts->output && !opts->dry_run) {
        return ba_fail(
            BA_VALUE, "output: none given, wanted the name of the result file");
    }
    if (!dataset->train.responses && !dataset->train.run_responses) {
        return ba_fail(
            BA_VALUE, "responses: none given, wanted --responses or a run table");
    }
    if (!dataset->train.run_responses != (opts->align == BA_ALIGNMENT_NONE)) {
        return ba_fail(BA_VALUE, "align: wanted a run table with a column subject, whose "
                                 "responses stay apart by run, and a method");
    }
    if (dataset->test.n_samples > 0) {
        return ba_fail(BA_UNSUPPORTED,
            "test set: found one, wanted outer folds; give its rows a fold of their own");
    }
    if (opts->scale_features == BA_SCALE_RUNS) {
        return ba_fail(BA_VALUE, "scale-features: found runs, wanted zscore, center or "
                                 "none");
    }
    if (opts->blocks && (opts->fit.trim_first > 0 || opts->fit.trim_last > 0)) {
        return ba_fail(BA_VALUE, "trim: found beside blocks, wanted samples to leave out "
                                 "in no block");
    }
    if (opts->multinomial && !opts->labels) {
        return ba_fail(BA_VALUE, "multinomial: found without labels, wanted categories");
    }
    if (opts->multinomial && ba_cv_is_overlapping(&opts->fit.cv)) {
        return ba_fail(BA_UNSUPPORTED,
            "multinomial: found with inner sets that overlap, wanted folds");
    }
    if (opts->align != BA_ALIGNMENT_NONE && !opts->align_runs) {
        return ba_fail(BA_VALUE,
            "align: found without align-runs, wanted the runs that it "
            "is fitted to");
    }
    if (opts->align_features > 0 && opts->align != BA_ALIGNMENT_SRM &&
        opts->align != BA_ALIGNMENT_SRM_EM) {
        return ba_fail(BA_VALUE, "align-features: found without a shared response model, "
                                 "wanted align srm or srm-em");
    }
    if (opts->align != BA_ALIGNMENT_NONE &&
        (opts->n_rois > 0 || opts->voxel_score == BA_VOXELS_SEARCHLIGHT)) {
        return ba_fail(BA_VALUE,
            "%s: found with align, whose common columns have no "
            "place, wanted one of both",
            opts->n_rois > 0 ? "rois" : "voxel-score searchlight");
    }
    if (opts->fit.bands.gammas) {
        return ba_fail(BA_UNSUPPORTED, "bands: found with decoding, wanted none");
    }
    return check_choice(opts);
}
