/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/neuron_choice.h"
#include "cli/memory.h"

#include "brainalign/error.h"
#include "brainalign/ranking.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A number at *at, which moves behind it. */
static int
read_number(const char **at, size_t *number)
{
    char *end;

    if (**at < '0' || **at > '9') {
        return 0;
    }
    errno = 0;
    *number = (size_t) strtoull(*at, &end, 10);
    *at = end;
    return errno == 0;
}

/* A[:B] at *at. */
static int
read_range(const char **at, size_t *first, size_t *stop)
{
    if (!read_number(at, first)) {
        return 0;
    }
    *stop = *first + 1;
    if (**at == ':') {
        (*at)++;
        return read_number(at, stop) && *stop > *first;
    }
    return 1;
}

/* Marks what the text lists; returns 0 where it is no list of numbers. */
static int
mark_numbers(const char *text, unsigned char *marks, size_t n, size_t *outside)
{
    const char *at = text;
    size_t first, stop;

    *outside = SIZE_MAX;
    while (read_range(&at, &first, &stop)) {
        for (size_t i = first; i < stop && *outside == SIZE_MAX; i++) {
            if (i < n) {
                marks[i] = 1;
            } else {
                *outside = i;
            }
        }
        if (*at == '\0') {
            return 1;
        }
        if (*at++ != ',') {
            return 0;
        }
    }
    return 0;
}

static size_t
number_of(const ba_neuron_table_t *neurons, size_t i)
{
    return neurons->number ? neurons->number[i] : i;
}

static int
mark(const char *option, const char *text, size_t n, unsigned char *marks)
{
    size_t *list = NULL, n_listed = 0, outside;
    int status = BA_OK;

    if (mark_numbers(text, marks, n, &outside)) {
        if (outside != SIZE_MAX) {
            return ba_fail(
                BA_VALUE, "%s: found neuron %zu, wanted below %zu", option, outside, n);
        }
        return BA_OK;
    }
    BA_TRY(ba_neuron_list_read(text, n, &list, &n_listed));
    for (size_t i = 0; i < n_listed; i++) {
        marks[list[i]] = 1;
    }
out:
    free(list);
    return status;
}

int
cli_neuron_choice(const char *option, const char *text, const ba_neuron_table_t *neurons,
    size_t **places, size_t *n)
{
    size_t n_numbers = 0;
    unsigned char *marks;
    int status = BA_OK;

    *places = NULL;
    *n = 0;
    if (!text) {
        return BA_OK;
    }
    if (neurons->n_neurons > 0) {
        n_numbers = number_of(neurons, neurons->n_neurons - 1) + 1;
    }
    marks = cli_calloc(n_numbers, 1);
    BA_TRY(mark(option, text, n_numbers, marks));
    *places = cli_calloc(neurons->n_neurons, sizeof **places);
    for (size_t i = 0; i < neurons->n_neurons; i++) {
        if (marks[number_of(neurons, i)]) {
            (*places)[(*n)++] = i;
            marks[number_of(neurons, i)] = 0;
        }
    }
    for (size_t i = 0; i < n_numbers; i++) {
        if (marks[i]) {
            BA_TRY(ba_fail(BA_VALUE,
                "%s: found neuron %zu, wanted one of the layers "
                "that are kept",
                option, i));
        }
    }
out:
    free(marks);
    if (status != BA_OK) {
        free(*places);
        *places = NULL;
        *n = 0;
    }
    return status;
}
