/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/progress.h"
#include "cli/jsonline.h"
#include "cli/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* A process has one terminal, hence one state. Times in seconds since the start of the
 * program. */
static struct {
    cli_progress_mode_t mode;
    cli_log_t format;
    int in_place;
    int on_screen;
    char stage[96];
    double stage_start, first_done, last_done, drawn_at;
    int tenths; /* of this stage that were told */
} state = {.mode = CLI_PROGRESS_NEVER};

static const double quiet_seconds = 1.0;
static const double redraw_seconds = 0.1;

void
cli_progress_setup(cli_progress_mode_t mode, cli_log_t format)
{
    const char *terminal = getenv("TERM");

    state.mode = mode;
    state.format = format;
    state.in_place = format == CLI_LOG_TEXT && isatty(STDERR_FILENO) && terminal &&
                     strcmp(terminal, "dumb") != 0;
}

void
cli_progress_erase(void)
{
    if (state.on_screen) {
        fputs("\r\033[K", stderr);
        state.on_screen = 0;
    }
}

static void
begin_stage(const char *stage, double done, double now)
{
    snprintf(state.stage, sizeof(state.stage), "%s", stage);
    state.stage_start = now;
    state.first_done = done;
    state.last_done = done;
    state.drawn_at = -1;
    state.tenths = 0;
}

static void
add_duration(cli_text_t *text, double seconds)
{
    unsigned long long whole = (unsigned long long) llround(seconds);

    if (whole >= 3600) {
        cli_text_addf(
            text, "%llu:%02llu:%02llu", whole / 3600, whole / 60 % 60, whole % 60);
    } else {
        cli_text_addf(text, "%llu:%02llu", whole / 60, whole % 60);
    }
}

/* "brainalign encode fit: targets: 45 % (18000 of 40000), 5120/s, ETA 0:04" */
static void
describe(cli_text_t *text, double done, double total, double rate, double now)
{
    cli_text_addf(text, "%s: %s: %d %% (%.15g of %.15g)", cli_message_prefix(),
        state.stage, (int) floor(100 * done / total), done, total);
    if (rate > 0) {
        cli_text_addf(text, ", %.*f/s", rate >= 100 ? 0 : 2, rate);
    }
    if (done >= total) {
        cli_text_add(text, ", took ");
        add_duration(text, now - state.stage_start);
    } else if (rate > 0 && (total - done) / rate < 1e9) {
        cli_text_add(text, ", ETA ");
        add_duration(text, (total - done) / rate);
    }
}

static size_t
terminal_columns(void)
{
    struct winsize size;

    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1) {
        return size.ws_col;
    }
    return 80;
}

/* The last column stays free: a full line would wrap and could not be rewritten. */
static void
draw_in_place(double done, double total, double rate, double now)
{
    cli_text_t text = {0};

    if (done < total && state.drawn_at >= 0 && now - state.drawn_at < redraw_seconds) {
        return;
    }
    describe(&text, done, total, rate, now);
    fprintf(stderr, "\r%.*s\033[K", (int) terminal_columns() - 1, text.data);
    cli_text_free(&text);
    state.on_screen = 1;
    state.drawn_at = now;
}

static void
write_line(double done, double total, double rate, double now)
{
    cli_text_t text = {0};
    int tenths = (int) floor(10 * done / total);

    if (tenths <= state.tenths) {
        return;
    }
    state.tenths = tenths;
    describe(&text, done, total, rate, now);
    cli_text_add(&text, "\n");
    fputs(text.data, stderr);
    cli_text_free(&text);
}

static void
write_event(double done, double total, double rate, double now)
{
    cli_json_t json = {0};
    int tenths = (int) floor(10 * done / total);

    if (tenths <= state.tenths) {
        return;
    }
    state.tenths = tenths;
    cli_json_string(&json, "event", "progress");
    cli_json_string(&json, "command", cli_message_name());
    cli_json_number(&json, "seconds", now);
    cli_json_string(&json, "stage", state.stage);
    cli_json_number(&json, "done", done);
    cli_json_number(&json, "total", total);
    cli_json_number(&json, "rate", rate);
    cli_json_number(&json, "eta", rate > 0 ? (total - done) / rate : (double) NAN);
    cli_json_write(&json, stderr);
}

void
cli_progress_update(const char *stage, double done, double total, void *payload)
{
    double now = cli_message_seconds();
    double rate;

    (void) payload;
    if (state.mode == CLI_PROGRESS_NEVER || !(total > 0) || !(done >= 0)) {
        return;
    }
    done = fmin(done, total);
    if (strncmp(stage, state.stage, sizeof(state.stage) - 1) != 0 ||
        done < state.last_done) {
        begin_stage(stage, done, now);
    }
    state.last_done = done;
    if (state.mode == CLI_PROGRESS_AUTO && now - state.stage_start < quiet_seconds) {
        return;
    }
    rate = now > state.stage_start ? (done - state.first_done) / (now - state.stage_start)
                                   : 0;
    if (state.format == CLI_LOG_JSON) {
        write_event(done, total, rate, now);
    } else if (state.in_place) {
        draw_in_place(done, total, rate, now);
    } else {
        write_line(done, total, rate, now);
    }
}
