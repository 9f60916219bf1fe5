/* SPDX-License-Identifier: GPL-3.0-or-later */
/* decode score: do decoded representations identify what they were decoded from? */
#include "cli/info.h"
#include "cli/list.h"
#include "cli/message.h"
#include "cli/outputs.h"
#include "cli/summary.h"
#include "cli/text.h"
#include "cli/verbs.h"

#include "brainalign/error.h"
#include "brainalign/scoring.h"
#include "brainalign/source.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    cli_common_t common;
    const char *predicted, *truth, *gallery, *own, *groups, *runs, *repeats;
    int similarity, center, test, against;
    uint64_t segment, min_distance, permutations;
    const char *top, *gallery_sizes, *null, *table;
} score_args_t;

static const cli_option_t data_rows[] = {
    {.section = "Data",
        .name = "predicted",
        .kind = CLI_STRING,
        .required = 1,
        .metavar = "SPEC",
        .help = "Decoded representations, n_rows x n_dimensions.",
        .offset = offsetof(score_args_t, predicted)},
    {.name = "true",
        .kind = CLI_STRING,
        .metavar = "SPEC",
        .otherwise = "rows of --gallery by --true-column",
        .help = "The true ones, row by row.",
        .offset = offsetof(score_args_t, truth)},
    {.name = "gallery",
        .kind = CLI_STRING,
        .metavar = "SPEC",
        .otherwise = "the true rows",
        .help = "Candidates among which each item is looked for, a row each.",
        .offset = offsetof(score_args_t, gallery)},
    {.name = "true-column",
        .kind = CLI_STRING,
        .metavar = "SPEC",
        .otherwise = "the first row that equals the true one",
        .help = "Row of --gallery, from 0, that is each item's own.",
        .offset = offsetof(score_args_t, own)},
    {.name = "groups",
        .kind = CLI_STRING,
        .metavar = "SPEC",
        .help =
            "A whole number for each row: the passage, topic or run that it is of. 2v2 "
            "is reported within and between groups as well.",
        .offset = offsetof(score_args_t, groups)},
    {.name = "runs",
        .kind = CLI_STRING,
        .metavar = "SPEC|onsets:0,N,...",
        .otherwise = "one run",
        .help =
            "Run of each row, or first rows: segments, blocks and shifts stay inside.",
        .offset = offsetof(score_args_t, runs)},
    {.name = "segments",
        .kind = CLI_UNSIGNED,
        .metavar = "ROWS",
        .value = "1",
        .help =
            "Items are so many consecutive rows, side by side; what is left at the end "
            "of a run is left out.",
        .offset = offsetof(score_args_t, segment)},
    {0},
};

static const cli_option_t score_rows[] = {
    {.section = "Scores",
        .name = "similarity",
        .kind = CLI_CHOICE,
        .metavar = "cosine|correlation|euclidean|sqeuclidean",
        .value = "cosine",
        .help = "Of a prediction and a candidate; distances count as minus themselves.",
        .offset = offsetof(score_args_t, similarity)},
    {.name = "center",
        .kind = CLI_CHOICE,
        .metavar = "none|items",
        .value = "none",
        .help = "Whether the mean over items is subtracted from predictions, and from "
                "candidates, first. It lets all test items act on the score of each, and "
                "the output says so.",
        .offset = offsetof(score_args_t, center)},
    {.name = "top",
        .kind = CLI_STRING,
        .metavar = "LIST",
        .value = "1,5,10",
        .help = "k of top-k, of the gallery curve and of hubness.",
        .offset = offsetof(score_args_t, top)},
    {.name = "gallery-sizes",
        .kind = CLI_STRING,
        .metavar = "LIST",
        .otherwise = "2,5,10,20,... and all",
        .help =
            "Sizes of the gallery curve: expected top-k in random galleries, exactly.",
        .offset = offsetof(score_args_t, gallery_sizes)},
    {.name = "min-distance",
        .kind = CLI_UNSIGNED,
        .metavar = "ITEMS",
        .value = "0",
        .help =
            "Leave pairs of nearer items out of the pairwise scores, for items in the "
            "order of time.",
        .offset = offsetof(score_args_t, min_distance)},
    {0},
};

static const cli_option_t test_rows[] = {
    {.section = "Significance",
        .name = "permutations",
        .kind = CLI_UNSIGNED,
        .metavar = "N",
        .value = "10000",
        .help = "Orders of the items that scores are compared with; all of them where "
                "there are no more; 0 for no tests.",
        .offset = offsetof(score_args_t, permutations)},
    {.name = "null",
        .kind = CLI_STRING,
        .metavar = "items|within-groups|groups|blocks:L|circular",
        .otherwise = "items",
        .help = "What changes places: all items; items of one group; whole groups of one "
                "size; blocks of L items within runs; or runs are shifted in a circle. "
                "The last three are for items in the order of time.",
        .offset = offsetof(score_args_t, null)},
    {.name = "test",
        .kind = CLI_CHOICE,
        .metavar = "permutation|binomial",
        .value = "permutation",
        .help = "Where p comes from. binomial is refused: pairs share items.",
        .offset = offsetof(score_args_t, test)},
    {.section = "Ceiling",
        .name = "repeats",
        .kind = CLI_STRING,
        .metavar = "SPEC",
        .help = "Repeats x n_rows x dimensions of a measurement: how well its items are "
                "identified in one another is reported beside the scores.",
        .offset = offsetof(score_args_t, repeats)},
    {.name = "ceiling-against",
        .kind = CLI_CHOICE,
        .metavar = "one|others",
        .otherwise = "others",
        .help =
            "Whether a repeat is compared with each other one or with the mean of all "
            "others.",
        .offset = offsetof(score_args_t, against)},
    {0},
};

static const cli_option_t result_rows[] = {
    CLI_OUTPUT_ROW("Output", "The scores (JSON)."),
    {.name = "table",
        .kind = CLI_STRING,
        .metavar = "FILE.tsv",
        .help = "Ranks of the items as a table as well.",
        .offset = offsetof(score_args_t, table)},
    {0},
};

static const cli_option_t *const tables[] = {
    data_rows, score_rows, test_rows, result_rows, NULL};

static int
set_null(const char *text, ba_decode_score_opts_t *opts)
{
    static const struct {
        const char *word;
        ba_exchange_kind_t kind;
    } words[] = {
        {"items", BA_EXCHANGE_ITEMS},
        {"within-groups", BA_EXCHANGE_WITHIN_GROUPS},
        {"groups", BA_EXCHANGE_GROUPS},
        {"circular", BA_EXCHANGE_CIRCULAR},
    };
    size_t *block = NULL, n;
    int status;

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(text, words[i].word) == 0) {
            opts->null = words[i].kind;
            return BA_OK;
        }
    }
    if (strncmp(text, "blocks:", strlen("blocks:")) != 0) {
        return ba_fail(BA_VALUE,
            "--null: found '%s', wanted items, within-groups, groups, "
            "blocks:L or circular",
            text);
    }
    BA_TRY(cli_counts_parse("null", text + strlen("blocks:"), &block, &n));
    if (n != 1) {
        status =
            ba_fail(BA_VALUE, "--null: found '%s', wanted blocks:L, one length", text);
        goto out;
    }
    opts->null = BA_EXCHANGE_BLOCKS;
    opts->block = block[0];
out:
    free(block);
    return status;
}

/* What is wrong with it, and what is right. */
static int
check_test(const score_args_t *args)
{
    if (args->test == 0) {
        return BA_OK;
    }
    return ba_fail(BA_VALUE,
        "--test: found 'binomial', wanted permutation: pairs share items and are no "
        "independent trials, so that the 2v2 score of n items without any relation has "
        "the "
        "deviation 0.401 / sqrt(n), at 60 items 4.5 times that of as many trials as "
        "pairs");
}

static int
check_combinations(const score_args_t *args, const ba_decode_score_opts_t *opts)
{
    int needs_groups =
        opts->null == BA_EXCHANGE_GROUPS || opts->null == BA_EXCHANGE_WITHIN_GROUPS;

    if (!args->truth && !(args->gallery && args->own)) {
        return ba_fail(BA_VALUE, "--true: not given, wanted it, or --gallery with "
                                 "--true-column");
    }
    if (args->own && !args->gallery) {
        return ba_fail(BA_VALUE, "--true-column: given without --gallery");
    }
    if (needs_groups && !args->groups) {
        return ba_fail(BA_VALUE, "--null: found '%s' without --groups", args->null);
    }
    if (args->null && args->permutations == 0) {
        return ba_fail(BA_VALUE, "--null: found '%s' with --permutations 0", args->null);
    }
    if (args->against >= 0 && !args->repeats) {
        return ba_fail(BA_VALUE, "--ceiling-against: found without --repeats");
    }
    if (args->segment == 0) {
        return ba_fail(BA_VALUE, "--segments: found 0, wanted at least 1");
    }
    return BA_OK;
}

static int
set_options(
    const cli_call_t *call, ba_decode_score_opts_t *opts, size_t **top, size_t **sizes)
{
    const score_args_t *args = call->args;
    int status;

    *opts = ba_decode_score_opts_default();
    BA_TRY(check_test(args));
    BA_TRY(args->null ? set_null(args->null, opts) : BA_OK);
    BA_TRY(check_combinations(args, opts));
    BA_TRY(cli_counts_parse("top", args->top, top, &opts->n_top));
    opts->top = *top;
    if (args->gallery_sizes) {
        BA_TRY(cli_counts_parse(
            "gallery-sizes", args->gallery_sizes, sizes, &opts->n_gallery_sizes));
        opts->gallery_sizes = *sizes;
    }
    opts->predicted = args->predicted;
    opts->truth = args->truth;
    opts->gallery = args->gallery;
    opts->own = args->own;
    opts->groups = args->groups;
    opts->runs = args->runs;
    opts->repeats = args->repeats;
    opts->similarity = (ba_similarity_t) args->similarity;
    opts->is_centred = args->center;
    opts->segment = (size_t) args->segment;
    opts->min_distance = (size_t) args->min_distance;
    opts->n_permutations = (size_t) args->permutations;
    opts->against = args->against < 0 ? opts->against : (ba_against_t) args->against;
    opts->output = call->common->output;
    opts->table = args->table;
    opts->force = call->common->force;
    opts->dry_run = call->common->dry_run;
    opts->argc = call->argc;
    opts->argv = call->argv;
out:
    return status;
}

static void
print_plan(const ba_decode_scores_t *scores)
{
    char text[32];

    cli_info_key("items");
    printf("%zu of %zu rows\n", scores->n_items, scores->n_rows);
    cli_info_key("candidates");
    printf("%zu, %zu dimensions\n", scores->n_candidates, scores->n_dims);
    if (scores->exchange.n_permutations > 0) {
        cli_info_key("permutations");
        printf("%zu%s\n", scores->exchange.n_permutations,
            scores->exchange.is_exact ? ", every other order" : "");
    }
    cli_info_key("memory");
    printf("%s\n", cli_bytes_text(scores->bytes_planned, text));
    cli_info_key("written");
    puts("nothing: this was a dry run");
}

/* "chance 0.5, p 0.0001", as far as they are known. */
static void
note(const char *name, const ba_statistic_t *statistic)
{
    cli_text_t text = {0};

    if (isfinite(statistic->chance)) {
        cli_text_addf(&text, "   chance %.4f", statistic->chance);
    }
    if (isfinite(statistic->p)) {
        cli_text_addf(&text, "   p %.2g", statistic->p);
    }
    if (isfinite(statistic->null_sd)) {
        cli_text_addf(
            &text, "   null %.4f +- %.4f", statistic->null_mean, statistic->null_sd);
    }
    cli_message_note("%-16s %7.4f%s", name, statistic->value, cli_text_get(&text));
    cli_text_free(&text);
}

static void
note_scores(const ba_decode_scores_t *scores)
{
    const ba_identified_t *found = &scores->scores;
    char name[32];

    note("2v2", &found->sum);
    if (scores->n_groups > 0) {
        note("2v2 in groups", &found->within_sum);
        note("2v2 between", &found->between_sum);
    }
    note("pairs, single", &found->single);
    note("pairs, strict", &found->strict);
    note("rank accuracy", &found->rank_accuracy);
    for (size_t k = 0; k < scores->n_top; k++) {
        snprintf(name, sizeof name, "top %zu", scores->top[k]);
        note(name, &found->top[k]);
    }
    note("mrr", &found->mrr);
    note("r", &scores->r_mean);
    cli_message_note("%-16s %7.4f", "d'", found->d_prime.value);
}

static void
report(const ba_decode_score_opts_t *opts, const ba_decode_scores_t *scores)
{
    char seconds[32];

    cli_message_note("%zu item%s of %zu row%s, %zu candidates, %zu dimensions",
        scores->n_items, cli_plural(scores->n_items), opts->segment,
        cli_plural(opts->segment), scores->n_candidates, scores->n_dims);
    if (scores->n_missing > 0) {
        cli_message_note("%zu of %zu rows were not decoded and are left out",
            scores->n_missing, scores->n_rows);
    }
    if (scores->n_left_out > scores->n_missing) {
        cli_message_note("%zu of %zu rows fill no segment",
            scores->n_left_out - scores->n_missing, scores->n_rows);
    }
    if (scores->scores.n_tied > 0) {
        cli_message_note("%zu item%s tied with another candidate", scores->scores.n_tied,
            scores->scores.n_tied == 1 ? " is" : "s are");
    }
    note_scores(scores);
    if (scores->ceiling.n_comparisons > 0) {
        cli_message_note("one repeat in %s: 2v2 %.4f, rank accuracy %.4f",
            opts->against == BA_AGAINST_ONE ? "another" : "the mean of the others",
            scores->ceiling.sum, scores->ceiling.rank_accuracy);
    }
    if (scores->exchange.n_permutations > 0) {
        cli_message_note("%zu permutations%s, smallest p %.2g",
            scores->exchange.n_permutations,
            scores->exchange.is_exact ? ", every other order" : "",
            scores->exchange.smallest_p);
    }
    if (opts->is_centred) {
        cli_message_note(
            "centred over the test items: each score depends on all of them");
    }
    cli_message_note(
        "wrote %s in %s", opts->output, cli_seconds_text(scores->seconds, seconds));
}

/* Outputs must not replace an input. */
static int
check_outputs(const ba_decode_score_opts_t *opts)
{
    const char *specs[] = {opts->predicted, opts->truth, opts->gallery, opts->own,
        opts->groups, opts->runs, opts->repeats};
    enum { N_SPECS = sizeof specs / sizeof *specs };
    ba_spec_t parsed[N_SPECS] = {{0}};
    const char *files[N_SPECS];
    size_t n = 0;
    int status = BA_OK;

    for (size_t i = 0; i < N_SPECS; i++) {
        if (specs[i] && strncmp(specs[i], "onsets:", strlen("onsets:")) != 0) {
            BA_TRY(ba_spec_parse(specs[i], &parsed[n]));
            files[n] = parsed[n].file;
            n++;
        }
    }
    BA_TRY(cli_outputs_check_files(
        &(cli_outputs_t){opts->output, opts->table, NULL}, files, n));
out:
    for (size_t i = 0; i < n; i++) {
        ba_spec_free(&parsed[i]);
    }
    return status;
}

static int
run(const cli_call_t *call)
{
    ba_decode_score_opts_t opts;
    ba_decode_scores_t scores = {0};
    size_t *top = NULL, *sizes = NULL;
    int status;

    BA_TRY(set_options(call, &opts, &top, &sizes));
    BA_TRY(check_outputs(&opts));
    BA_TRY(ba_decode_score(call->ctx, &opts, &scores));
    if (opts.dry_run) {
        print_plan(&scores);
    } else {
        report(&opts, &scores);
    }
out:
    ba_decode_scores_free(&scores);
    free(top);
    free(sizes);
    return status;
}

static const char *const description[] = {
    "Compares every prediction with every candidate and reports, from one matrix of "
    "similarities: pairwise scores (2v2 in the sum form, single and strict), rank "
    "accuracy, "
    "top-k, mean reciprocal rank, d', the expected top-k in smaller galleries, r of each "
    "dimension, and hubness. A tie is half a success (strict: none). A row without norm, "
    "or "
    "constant with --similarity correlation, has similarity 0 to everything, and is "
    "counted.",
    "p is (1 + b) / (1 + N) for b of N permuted orders that score as well. It says "
    "whether these predictions match these items; that the decoder was not fitted on "
    "them "
    "is for the caller to see to. Items that stand in the order of time are not "
    "exchangeable: take --null circular, blocks:L or groups for them.",
    "With --repeats the items of one measurement are looked for in another. It is what "
    "another measurement with the same noise would reach as a prediction, not a strict "
    "bound.",
    NULL,
};

static const cli_example_t examples[] = {
    {"decode score --predicted dec.h5:/predictions --true feats.h5:/layer_12 --segments "
     "20 "
     "--similarity correlation --null circular -o score.json",
        "segments of a story"},
    {"decode score --predicted dec.h5:/predictions --gallery words.h5:/vectors "
     "--true-column words.h5:/index -o score.json --table ranks.tsv",
        "among all words of a table"},
    {0},
};

const cli_command_t cli_decode_score = {
    .group = "decode",
    .verb = "score",
    .summary = "score decoded representations: do they identify their items?",
    .description = description,
    .examples = examples,
    .tables = tables,
    .share = CLI_SHARE_ALL,
    .args_size = sizeof(score_args_t),
    .run = run,
};
