/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/task.h"
#include "core/alloc.h"
#include "core/error_keep.h"

#include <pthread.h>

struct ba_task {
    pthread_t thread;
    int is_running;
    int (*call)(void *payload);
    void *payload;
    ba_error_keep_t keep;
};

static void *
run(void *argument)
{
    ba_task_t *task = argument;

    ba_error_keep(&task->keep, task->call(task->payload));
    return NULL;
}

ba_task_t *
ba_task_start(int (*call)(void *payload), void *payload)
{
    ba_task_t *task = ba_calloc(1, sizeof *task);

    if (!task) {
        return NULL;
    }
    task->call = call;
    task->payload = payload;
    task->is_running = pthread_create(&task->thread, NULL, run, task) == 0;
    if (!task->is_running) {
        run(task);
    }
    return task;
}

static void
wait_for(const ba_task_t *task)
{
    if (task->is_running) {
        pthread_join(task->thread, NULL);
    }
}

int
ba_task_join(ba_task_t *task)
{
    int status;

    if (!task) {
        return BA_OK;
    }
    wait_for(task);
    status = ba_error_raise(&task->keep);
    ba_free(task);
    return status;
}

void
ba_task_drop(ba_task_t *task)
{
    if (task) {
        wait_for(task);
        ba_free(task);
    }
}
