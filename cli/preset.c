/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/preset.h"
#include "cli/message.h"
#include "cli/text.h"

#include <stddef.h>
#include <string.h>

#define ACROSS_RUNS                                                                      \
    "delays run over the borders of runs, so that a run begins with what was heard "     \
    "before it; the default starts every run with zeros"
#define NO_GAP                                                                           \
    "no gap between training and held-out samples, whose haemodynamic responses "        \
    "overlap; the default drops the samples between them (--cv-gap)"
#define SHUFFLED                                                                         \
    "chunks are shuffled, so that each held-out one has neighbours of the same run in "  \
    "training; the default holds out whole runs or long contiguous folds"
#define BOOTSTRAP                                                                        \
    "inner sets are shuffled chunks that overlap, with neighbours in training; the "     \
    "default holds out whole runs or long contiguous folds, each sample once"
#define FIXED_GRID                                                                       \
    "a fixed grid of alphas, whose ends may be chosen; the default takes its range "     \
    "from "                                                                              \
    "the design"

/* bootstrap_ridge() and the encoding script of the Huth laboratory's deep-fMRI code. */
static const cli_setting_t huth[] = {
    {"delays", "1,2,3,4", NULL},
    {"delay-across-runs", NULL, ACROSS_RUNS},
    {"scale-features", "runs", NULL},
    {"scale-responses", "runs", NULL},
    {"intercept", "no", NULL},
    {"alphas", "log:1,3,10", FIXED_GRID},
    {"alpha-units", "squared", NULL},
    {"singular-cutoff", "1e-10", NULL},
    {"select", "r", NULL},
    {"inner-scaling", "outer", NULL},
    {"cv", "bootstrap:50,40,125", BOOTSTRAP},
    {"cv-gap", "0", NO_GAP},
    {0},
};

/* RidgeCV with its defaults, behind the preparation of the voxelwise tutorials, whose
 * grid stands in for RidgeCV's own of 0.1 and 1. */
static const cli_setting_t himalaya[] = {
    {"delays", "1,2,3,4", NULL},
    {"delay-across-runs", NULL, ACROSS_RUNS},
    {"scale-features", "center", NULL},
    {"scale-responses", "runs", NULL},
    {"intercept", "no", NULL},
    {"alphas", "log:1,20,20", FIXED_GRID},
    {"alpha-units", "penalty", NULL},
    {"select", "mse", NULL},
    {"inner-scaling", "outer", NULL},
    {"cv", "kfold:5", NULL},
    {"cv-gap", "0", NO_GAP},
    {0},
};

static const cli_setting_t litcoder[] = {
    {"scale-features", "runs", NULL},
    {"scale-responses", "runs", NULL},
    {"intercept", "no", NULL},
    {"alphas", "log:-1,8,10", FIXED_GRID},
    {"alpha-units", "normalized", NULL},
    {"singular-cutoff", "1e-10", NULL},
    {"select", "r", NULL},
    {"inner-scaling", "outer", NULL},
    {"cv", "chunks:20,5", SHUFFLED},
    {"outer-cv", "chunks:20,5", "outer " SHUFFLED},
    {"cv-gap", "0", NO_GAP},
    {0},
};

static const cli_presets_t presets[] = {
    {"huth", "bootstrap ridge of the Huth laboratory", huth},
    {"himalaya", "RidgeCV after the voxelwise tutorials", himalaya},
    {"litcoder", "LITcoder's nested ridge", litcoder},
    {0},
};

const cli_option_t cli_preset_rows[] = {
    {.section = "Model",
        .name = "preset",
        .kind = CLI_PRESET,
        .metavar = "huth|himalaya|litcoder",
        .otherwise = "none",
        .help = "The conventions of another tool, to reproduce its numbers. Options that "
                "are given as well win.",
        .presets = presets,
        .offset = offsetof(cli_fit_args_t, preset)},
    {0},
};

void
cli_preset_note(const cli_preset_t *preset)
{
    for (size_t i = 0; preset->chosen && preset->chosen->settings[i].option; i++) {
        const cli_setting_t *setting = &preset->chosen->settings[i];

        if (preset->applied[i] && setting->risk) {
            cli_message_note("preset %s: --%s%s%s: %s", preset->chosen->name,
                setting->option, setting->value ? " " : "",
                setting->value ? setting->value : "", setting->risk);
        }
    }
}

char *
cli_preset_words(const cli_preset_t *preset)
{
    cli_text_t text = {0};

    if (!preset->chosen) {
        return NULL;
    }
    cli_text_addf(&text, "%s:", preset->chosen->name);
    for (size_t i = 0; preset->chosen->settings[i].option; i++) {
        const cli_setting_t *setting = &preset->chosen->settings[i];

        if (preset->applied[i]) {
            cli_text_addf(&text, " --%s%s%s", setting->option, setting->value ? "=" : "",
                setting->value ? setting->value : "");
        }
    }
    return text.data;
}

int
cli_preset_set(const cli_preset_t *preset, const char *option)
{
    for (size_t i = 0; preset->chosen && preset->chosen->settings[i].option; i++) {
        if (strcmp(preset->chosen->settings[i].option, option) == 0) {
            return preset->applied[i];
        }
    }
    return 0;
}
