/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A JSON file being written. */
#ifndef BA_IO_JSON_WRITER_H
#define BA_IO_JSON_WRITER_H

#include "brainalign/error.h"

typedef struct ba_json_writer ba_json_writer_t;

/* BA_EXISTS without `force`, BA_IO, BA_NOMEM. The outermost object is open then. */
int ba_json_create(const char *file, int force, ba_json_writer_t **out) BA_MUST_USE;

/* Members in order; `name` is NULL in a list. A failed write is kept for the commit. Bytes
 * that are not UTF-8 become U+FFFD; a number that is not finite becomes null, others the
 * shortest text that reads back as the same number. */
void ba_json_string(ba_json_writer_t *json, const char *name, const char *value);
void ba_json_number(ba_json_writer_t *json, const char *name, double value);
void ba_json_integer(ba_json_writer_t *json, const char *name, int64_t value);
void ba_json_bool(ba_json_writer_t *json, const char *name, int value);
void ba_json_null(ba_json_writer_t *json, const char *name);

/* An object, or a list; of a line of its own, members and all, where that is asked for. */
typedef enum { BA_JSON_LINES = 0, BA_JSON_LINE } ba_json_layout_t;
void ba_json_open_object(
    ba_json_writer_t *json, const char *name, ba_json_layout_t layout);
void ba_json_open_list(ba_json_writer_t *json, const char *name, ba_json_layout_t layout);
void ba_json_close(ba_json_writer_t *json);

/* Writes everything out under the temporary name (what can run out of room), then renames;
 * commit alone does both. BA_IO for any failure since the start. */
int ba_json_finish(ba_json_writer_t *json) BA_MUST_USE;
int ba_json_commit(ba_json_writer_t *json) BA_MUST_USE;

/* Removes what was not committed. NULL is fine. */
void ba_json_free(ba_json_writer_t *json);

#endif
