/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rows of options. One table per command drives parsing, usage errors, help, man page and
 * docs/cli.md. */
#ifndef BA_CLI_OPTION_H
#define BA_CLI_OPTION_H

#include "brainalign/api.h"

/* What a row reads, the type of its target, and the target's content when the option is
 * not given and has no default. */
typedef enum {
    CLI_FLAG,     /* int: 0 */
    CLI_STRING,   /* const char *: NULL */
    CLI_STRINGS,  /* cli_list_t, option may be repeated: n = 0 */
    CLI_SIZE,     /* size_t in bytes, at least 1, suffix K M G T: 0 */
    CLI_UNSIGNED, /* uint64_t: CLI_NOT_GIVEN */
    CLI_REAL,     /* double, finite: NaN */
    CLI_CHOICE,   /* int, index of one of the words in metavar: -1 */
    CLI_YESNO,    /* int, 1 or 0: -1 */
    CLI_PRESET    /* cli_preset_t, one of the row's presets by name: none */
} cli_kind_t;

#define CLI_NOT_GIVEN UINT64_MAX

typedef struct {
    size_t n;
    const char **items; /* each borrowed from the arguments */
} cli_list_t;

/* A setting that a preset makes where its option is not given. */
typedef struct {
    const char *option; /* long, without dashes; NULL ends a list */
    const char *value;  /* as it would be typed; NULL for a flag */
    const char *risk;   /* said when it takes effect; NULL = nothing to say */
} cli_setting_t;

/* A named list of settings. */
typedef struct {
    const char *name; /* NULL ends a list */
    const char *what; /* whose convention it is */
    const cli_setting_t *settings;
} cli_presets_t;

enum { CLI_MAX_SETTINGS = 32 };

/* The chosen preset, NULL = none, and which of its settings took effect. */
typedef struct {
    const cli_presets_t *chosen;
    unsigned char applied[CLI_MAX_SETTINGS];
} cli_preset_t;

/* A row without a name is a positional argument; one without name and metavar ends the
 * table. */
typedef struct {
    const char *section; /* heading that starts at this row, NULL = the row before's */
    const char *name;    /* long option without dashes */
    char letter;         /* short form, or 0 */
    cli_kind_t kind;
    int required;
    int stops;             /* parsing ends here with success: --help */
    const char *metavar;   /* what the value is; of a choice its words, "single|double" */
    const char *value;     /* default, as it would be typed */
    const char *otherwise; /* what holds where it is not given, in words, for defaults
                              that depend on the data */
    const char *help;      /* one or two sentences */
    const cli_presets_t *presets; /* of CLI_PRESET; their names are the metavar's words */
    size_t offset;                /* of the target in the command's argument struct */
} cli_option_t;

enum { CLI_MAX_ROWS = 80 };

/* The rows of one command, its own and the shared ones, in the order of the help. */
typedef struct {
    size_t n;
    const cli_option_t *row[CLI_MAX_ROWS];
} cli_rows_t;

/* Appends a table that ends with an empty row. */
void cli_rows_add(cli_rows_t *rows, const cli_option_t *table);

/* Number of sections' heading that row `i` stands under. Borrowed. */
const char *cli_rows_section(const cli_rows_t *rows, size_t i);

/* What a row's value is called, "" for a flag. Borrowed. */
const char *cli_option_metavar(const cli_option_t *row);

/* Fills the targets of `args` from defaults and arguments. BA_VALUE with the message set.
 * Call cli_options_free() afterwards in any case. */
int cli_options_parse(
    const cli_rows_t *rows, size_t n, const char *const *arguments, void *args);
void cli_options_free(const cli_rows_t *rows, void *args);

#endif
