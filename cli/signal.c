/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _XOPEN_SOURCE 700 /* SIGXFSZ, SA_RESETHAND */

#include "cli/signal.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t asked_to_stop;

static void
ask_to_stop(int number)
{
    (void) number;
    asked_to_stop = 1;
}

void
cli_signals_install(void)
{
    struct sigaction stop = {.sa_handler = ask_to_stop};
    struct sigaction ignore = {.sa_handler = SIG_IGN};

    /* Reads in the library go on after the first signal; the second finds the default
     * action again. */
    stop.sa_flags = SA_RESTART | (int) SA_RESETHAND;
    sigemptyset(&stop.sa_mask);
    sigemptyset(&ignore.sa_mask);
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
    sigaction(SIGXFSZ, &ignore, NULL);
}

int
cli_signals_cancelled(void *payload)
{
    (void) payload;
    return asked_to_stop;
}
