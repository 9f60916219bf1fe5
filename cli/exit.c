/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/exit.h"

#include "brainalign/error.h"

const cli_exit_row_t cli_exit_rows[] = {
    {CLI_DONE, "done"},
    {CLI_FAILED, "failed: cannot open, read or write; out of memory; the output exists"},
    {CLI_USAGE, "wrong usage: an option or a value of one"},
    {CLI_BAD_INPUT,
        "bad input: malformed, degenerate or not finite data, files that do not fit "
        "together, no such data set"},
    {CLI_OVER_MEMORY,
        "more memory than --memory allows would be needed; said before work starts"},
    {CLI_INTERRUPTED, "interrupted"},
    {0, NULL},
};

int
cli_exit_status(int status)
{
    switch (status) {
    case BA_OK:
        return CLI_DONE;
    case BA_VALUE:
        return CLI_USAGE;
    case BA_FORMAT:
    case BA_SHAPE:
    case BA_MISSING:
    case BA_NONFINITE:
    case BA_UNSUPPORTED:
        return CLI_BAD_INPUT;
    case BA_TOO_LARGE:
        return CLI_OVER_MEMORY;
    case BA_CANCELLED:
        return CLI_INTERRUPTED;
    default:
        return CLI_FAILED;
    }
}
