/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/error_keep.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Long enough for two paths and a sentence; longer messages are cut, never split over
 * lines. */
#define MESSAGE_SIZE 1024

static _Thread_local char message[MESSAGE_SIZE];

const char *
ba_status_words(int status)
{
    switch (status) {
#define STATUS_CASE(name, value, words)                                                  \
    case name:                                                                           \
        return words;
        BA_STATUS_LIST(STATUS_CASE)
#undef STATUS_CASE
    default:
        return "unknown status";
    }
}

const char *
ba_error_message(void)
{
    return message;
}

/* File names may hold anything; a message is one line. */
static void
flatten(char *text)
{
    for (; *text; text++) {
        if ((unsigned char) *text < 0x20 || *text == 0x7f) {
            *text = '?';
        }
    }
}

int
ba_fail(int status, const char *format, ...)
{
    char text[MESSAGE_SIZE];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    flatten(text);
    memcpy(message, text, sizeof message);
    return status;
}

int
ba_fail_within(int status, const char *format, ...)
{
    char place[MESSAGE_SIZE / 2];
    char text[MESSAGE_SIZE];
    va_list args;

    va_start(args, format);
    vsnprintf(place, sizeof place, format, args);
    va_end(args);
    snprintf(text, sizeof text, "%.*s: %.*s", MESSAGE_SIZE / 2 - 8, place,
        MESSAGE_SIZE / 2 + 2, message);
    flatten(text);
    memcpy(message, text, sizeof message);
    return status;
}

void
ba_error_keep(ba_error_keep_t *keep, int status)
{
    if (status == BA_OK) {
        return;
    }
#pragma omp critical(ba_error_keep)
    {
        if (keep->status == BA_OK) {
            keep->status = status;
            memcpy(keep->message, message, sizeof message);
        }
    }
}

int
ba_error_raise(const ba_error_keep_t *keep)
{
    if (keep->status != BA_OK) {
        memcpy(message, keep->message, sizeof message);
    }
    return keep->status;
}
