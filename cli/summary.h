/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a fit tells the person who ran it. */
#ifndef BA_CLI_SUMMARY_H
#define BA_CLI_SUMMARY_H

#include "brainalign/encode.h"

/* The plan of a dry run, to stdout. */
void cli_plan_print(const ba_dataset_t *dataset, const ba_encode_fit_opts_t *opts,
    const ba_encode_fit_info_t *info, int n_threads);

/* The account of a fit, to stderr. */
void cli_summary_note(const ba_dataset_t *dataset, const ba_encode_fit_opts_t *opts,
    const ba_encode_fit_info_t *info);

/* "3.2 GB" and "0:12" into buffers of at least 32 bytes; return the buffer. */
const char *cli_bytes_text(double bytes, char text[32]);
const char *cli_seconds_text(double seconds, char text[32]);

/* Seconds that so many floating-point operations would take, reading aside: a guess. */
double cli_plan_seconds(const ba_encode_fit_opts_t *opts, double flops, int n_threads);

#endif
