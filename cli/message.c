/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/message.h"
#include "cli/exit.h"
#include "cli/jsonline.h"
#include "cli/progress.h"
#include "cli/text.h"

#include "brainalign/error.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* A process has one stderr, hence one state. */
static struct {
    char prefix[64];
    const char *command;
    cli_log_t format;
    cli_verbosity_t verbosity;
    struct timespec start;
} state = {.prefix = "brainalign", .command = "", .verbosity = CLI_NORMAL};

void
cli_message_command(const char *command)
{
    state.command = command;
    snprintf(state.prefix, sizeof(state.prefix), "brainalign%s%s", *command ? " " : "",
        command);
    clock_gettime(CLOCK_MONOTONIC, &state.start);
}

void
cli_message_format(cli_log_t format, cli_verbosity_t verbosity)
{
    state.format = format;
    state.verbosity = verbosity;
}

const char *
cli_message_prefix(void)
{
    return state.prefix;
}

const char *
cli_message_name(void)
{
    return state.command;
}

double
cli_message_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double) (now.tv_sec - state.start.tv_sec) +
           1e-9 * (double) (now.tv_nsec - state.start.tv_nsec);
}

/* A file name may hold line ends and terminal controls; a message is one line of text. */
static void
make_one_line(cli_text_t *text)
{
    for (size_t i = 0; i < text->length; i++) {
        if (iscntrl((unsigned char) text->data[i])) {
            text->data[i] = '?';
        }
    }
}

static void
write_text(const char *level, const char *message)
{
    cli_text_t line = {0};

    cli_text_addf(&line, "%s: %s%s%s", state.prefix, level, *level ? ": " : "", message);
    make_one_line(&line);
    cli_text_add(&line, "\n");
    fputs(line.data, stderr);
    cli_text_free(&line);
}

static void
write_json(const char *event, const char *level, int exit_status, const char *message)
{
    cli_json_t json = {0};

    cli_json_string(&json, "event", event);
    cli_json_string(&json, "command", state.command);
    cli_json_number(&json, "seconds", cli_message_seconds());
    if (level) {
        cli_json_string(&json, "level", level);
    } else {
        cli_json_number(&json, "exit", exit_status);
    }
    cli_json_string(&json, "message", message);
    cli_json_write(&json, stderr);
}

int
cli_message_error(int status)
{
    const char *message = ba_error_message();
    int exit_status = cli_exit_status(status);

    if (*message == '\0') {
        message = ba_status_words(status);
    }
    cli_progress_erase();
    if (state.format == CLI_LOG_JSON) {
        write_json("error", NULL, exit_status, message);
    } else {
        write_text("error", message);
    }
    return exit_status;
}

void
cli_message_log(ba_log_level_t level, const char *line, void *payload)
{
    static const char *const words[] = {"warning", "info", "debug"};

    (void) payload;
    if (state.verbosity == CLI_QUIET ||
        (level == BA_LOG_DEBUG && state.verbosity != CLI_VERBOSE)) {
        return;
    }
    cli_progress_erase();
    if (state.format == CLI_LOG_JSON) {
        write_json("log", words[level], 0, line);
    } else {
        write_text(level == BA_LOG_WARNING ? words[level] : "", line);
    }
}

void
cli_message_note(const char *format, ...)
{
    char line[1024];
    va_list list;

    va_start(list, format);
    vsnprintf(line, sizeof(line), format, list);
    va_end(list);
    cli_message_log(BA_LOG_INFO, line, NULL);
}
