/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What holds for every command, in words. */
#include "cli/help.h"

static const char *const spec[] = {
    "Every matrix argument is a SPEC: FILE[:PATH][[ROWS,COLS]]. PATH is the data set "
    "inside the file; ROWS and COLS are half-open ranges a:b counted from 0, an empty "
    "one means all. Rows are samples, columns are features or targets.",
    " feats.h5:/layer_12",
    " x.npy",
    " y.csv",
    " bold.nii.gz",
    " act.h5:/x[0:300,192:256]",
    "A feature space may be named: sem=feats.h5:/sem. CSV and TSV may have a header; "
    "n/a, nan and empty cells are missing values. Images are read with one row per "
    "volume and one column per voxel of the mask, x fastest.",
    NULL,
};

static const char *const arguments[] = {
    "Options are written --option VALUE or --option=VALUE, in full. The short forms "
    "are -o, -j, -q, -v and -h. A value may start with a dash. -- ends the options.",
    "@FILE stands for the lines of FILE, one argument a line: an option and its value "
    "on two lines, or joined by =. Empty lines and lines that start with # are "
    "skipped. A file whose name starts with @ is written ./@name.",
    NULL,
};

static const char *const outputs[] = {
    "Results go to the files that were asked for, or to stdout; messages, progress "
    "and errors go to stderr. An output that exists is refused without --force, and "
    "appears under its name only when it is complete. An error is one line: what: "
    "found, wanted.",
    NULL,
};

const cli_topic_t cli_topics[] = {
    {"Matrix arguments", spec},
    {"Options and files of arguments", arguments},
    {"Outputs and messages", outputs},
    {NULL, NULL},
};
