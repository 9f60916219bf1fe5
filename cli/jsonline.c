/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/jsonline.h"

#include <math.h>
#include <string.h>

/* Length of the valid UTF-8 sequence that starts at `s`, 0 where none does. */
static size_t
utf8_length(const unsigned char *s)
{
    size_t length = s[0] < 0x80 ? 1 : s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : 4;

    if (length == 1) {
        return 1;
    }
    if (s[0] < 0xC2 || s[0] > 0xF4) {
        return 0;
    }
    for (size_t i = 1; i < length; i++) {
        if ((s[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    /* Overlong forms, surrogates, beyond U+10FFFF. */
    if ((s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] > 0x9F) ||
        (s[0] == 0xF0 && s[1] < 0x90) || (s[0] == 0xF4 && s[1] > 0x8F)) {
        return 0;
    }
    return length;
}

static void
add_escaped(cli_text_t *text, const char *value)
{
    const unsigned char *s = (const unsigned char *) value;

    while (*s) {
        size_t length = utf8_length(s);

        if (length == 0) {
            cli_text_add(text, "\xEF\xBF\xBD");
            length = 1;
        } else if (*s == '"' || *s == '\\') {
            cli_text_addf(text, "\\%c", *s);
        } else if (*s < 0x20 || *s == 0x7F) {
            cli_text_addf(text, "\\u%04x", *s);
        } else {
            cli_text_addf(text, "%.*s", (int) length, (const char *) s);
        }
        s += length;
    }
}

static void
begin(cli_json_t *json, const char *name)
{
    cli_text_addf(&json->text, "%s\"%s\": ", json->text.length == 0 ? "{" : ", ", name);
}

void
cli_json_string(cli_json_t *json, const char *name, const char *value)
{
    begin(json, name);
    cli_text_add(&json->text, "\"");
    add_escaped(&json->text, value);
    cli_text_add(&json->text, "\"");
}

void
cli_json_number(cli_json_t *json, const char *name, double value)
{
    begin(json, name);
    if (isfinite(value)) {
        cli_text_addf(&json->text, "%.9g", value);
    } else {
        cli_text_add(&json->text, "null");
    }
}

void
cli_json_write(cli_json_t *json, FILE *stream)
{
    cli_text_add(&json->text, json->text.length == 0 ? "{}\n" : "}\n");
    fputs(json->text.data, stream);
    cli_text_free(&json->text);
}
