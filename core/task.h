/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One call in a thread of its own, its failure carried back. */
#ifndef BA_CORE_TASK_H
#define BA_CORE_TASK_H

#include "brainalign/error.h"

typedef struct ba_task ba_task_t;

/* Starts call(payload) in another thread; where no thread is to be had, runs it here and
 * now. NULL with the message set when memory runs out. */
ba_task_t *ba_task_start(int (*call)(void *payload), void *payload) BA_MUST_USE;

/* Waits for its end and frees it; returns the call's status, its message made that of the
 * calling thread. NULL gives BA_OK. */
int ba_task_join(ba_task_t *task);

/* Waits and frees; what the call failed with is forgotten. NULL is fine. */
void ba_task_drop(ba_task_t *task);

#endif
