/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The commands, each defined in the file of its name. */
#ifndef BA_CLI_VERBS_H
#define BA_CLI_VERBS_H

#include "cli/command.h"

extern const cli_command_t cli_encode_fit;
extern const cli_command_t cli_encode_predict;
extern const cli_command_t cli_encode_score;
extern const cli_command_t cli_encode_partition;
extern const cli_command_t cli_encode_compare;
extern const cli_command_t cli_encode_group;
extern const cli_command_t cli_neurons_concepts;
extern const cli_command_t cli_neurons_rank;
extern const cli_command_t cli_neurons_select;
extern const cli_command_t cli_neurons_probe;
extern const cli_command_t cli_neurons_ablate;
extern const cli_command_t cli_neurons_explain;
extern const cli_command_t cli_neurons_cosy;
extern const cli_command_t cli_neurons_compare;
extern const cli_command_t cli_neurons_cluster;
extern const cli_command_t cli_decode_fit;
extern const cli_command_t cli_neurons_align;
extern const cli_command_t cli_decode_score;
extern const cli_command_t cli_decode_invert;
extern const cli_command_t cli_decode_identify;
extern const cli_command_t cli_decode_lm;
extern const cli_command_t cli_decode_beam;
extern const cli_command_t cli_datasets_info;
extern const cli_command_t cli_datasets_check;
extern const cli_command_t cli_datasets_prepare;
extern const cli_command_t cli_datasets_synth;
extern const cli_command_t cli_report_merge;
extern const cli_command_t cli_demo;
extern const cli_command_t cli_help;

#endif
