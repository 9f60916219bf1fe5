/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The account of a ranking on stderr. */
#ifndef BA_CLI_RANK_NOTE_H
#define BA_CLI_RANK_NOTE_H

#include "brainalign/rank.h"

/* A line for each concept (the first 20, or all), then open against closed classes. */
void cli_rank_note(const ba_ranking_t *ranking, const ba_rank_report_t *report, int all);

#endif
