/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One JSON object on one line, for --log json. */
#ifndef BA_CLI_JSONLINE_H
#define BA_CLI_JSONLINE_H

#include "cli/text.h"

/* Starts as {0}. */
typedef struct {
    cli_text_t text;
} cli_json_t;

/* Members in order. Bytes that are not UTF-8 become U+FFFD; a number that is not finite
 * becomes null. */
void cli_json_string(cli_json_t *json, const char *name, const char *value);
void cli_json_number(cli_json_t *json, const char *name, double value);

/* Writes the object and a line end at once, and empties it. */
void cli_json_write(cli_json_t *json, FILE *stream);

#endif
