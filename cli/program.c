/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From the arguments of the program to its exit status. */
#include "cli/argfile.h"
#include "cli/command.h"
#include "cli/exit.h"
#include "cli/help.h"
#include "cli/memory.h"
#include "cli/message.h"
#include "cli/progress.h"
#include "cli/signal.h"

#include "brainalign/error.h"
#include "brainalign/version.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A standard stream that the caller closed must not become the descriptor of a result
 * file. */
static void
open_standard_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) == -1 && open("/dev/null", O_RDONLY) < 0) {
            exit(CLI_FAILED);
        }
    }
}

/* What was printed counts only when the kernel took it: a full disk is found out here. */
static int
close_stdout(int exit_status)
{
    int failed = ferror(stdout);

    errno = 0;
    if (fclose(stdout) != 0 || failed) {
        int status = ba_fail(BA_IO, "stdout: cannot write: %s",
            errno ? strerror(errno) : "an earlier write failed");

        return exit_status == CLI_DONE ? cli_message_error(status) : exit_status;
    }
    return exit_status;
}

static int
is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* Errors in the options themselves obey --log json too. */
static void
look_for_json(int argc, const char *const *argv)
{
    for (int i = 1; i < argc; i++) {
        int joined = strcmp(argv[i], "--log=json") == 0;

        if (joined || (i + 1 < argc && strcmp(argv[i], "--log") == 0 &&
                          strcmp(argv[i + 1], "json") == 0)) {
            cli_message_format(CLI_LOG_JSON, CLI_NORMAL);
        }
    }
}

static int
run_command(const cli_command_t *command, int argc, const char *const *argv)
{
    cli_rows_t rows = cli_command_rows(command);
    void *args = cli_calloc(1, command->args_size);
    const cli_common_t *common = args;
    int first = command->verb ? 3 : 2;
    ba_ctx_t ctx;
    cli_call_t call = {command, &ctx, common, args, argc, argv};
    int status;

    BA_TRY(cli_options_parse(&rows, (size_t) (argc - first), argv + first, args));
    if (common->help) {
        cli_help_command(command);
        goto out;
    }
    BA_TRY(cli_common_apply(common, command->share, &ctx));
    status = command->run(&call);
    cli_progress_erase();
out:
    cli_options_free(&rows, args);
    free(args);
    return status;
}

static int
print_version(int argc, const char *const *argv)
{
    if (argc > 2) {
        return ba_fail(BA_VALUE,
            "unexpected argument '%s': wanted nothing after --version", argv[2]);
    }
    printf("brainalign %s\n", ba_version());
    printf("build: %s\n", ba_version_build());
    printf("BLAS core: %s%s\n", ba_version_blas_core(),
        ba_version_blas_is_pinned() ? " (below what this CPU can do)" : "");
    return BA_OK;
}

static int
run_group(int argc, const char *const *argv)
{
    char name[CLI_COMMAND_NAME];
    const cli_group_t *group;
    const cli_command_t *command;
    int status;

    BA_TRY(cli_find_group(argv[1], &group));
    cli_message_command(group->name);
    if (argc > 2 && is_help(argv[2]) && !cli_group_command(group)) {
        cli_help_group(group);
        return BA_OK;
    }
    BA_TRY(cli_find_verb(group, argc > 2 ? argv[2] : NULL, &command));
    cli_command_name(command, name);
    cli_message_command(name);
    status = run_command(command, argc, argv);
out:
    return status == BA_OK ? CLI_DONE : cli_message_error(status);
}

static int
dispatch(int argc, const char *const *argv)
{
    int status = BA_OK;

    if (argc < 2 || (argc == 2 && is_help(argv[1]))) {
        cli_help_program();
    } else if (strcmp(argv[1], "--version") == 0) {
        status = print_version(argc, argv);
    } else {
        look_for_json(argc, argv);
        return run_group(argc, argv);
    }
    return status == BA_OK ? CLI_DONE : cli_message_error(status);
}

int
cli_run(int argc, char **argv)
{
    cli_arguments_t arguments = {0};
    int status, exit_status;

    open_standard_streams();
    cli_signals_install();
    cli_message_command("");
    status = cli_arguments_expand(argc > 1 ? (size_t) argc - 1 : 0, argv + 1, &arguments);
    if (status == BA_OK) {
        exit_status = dispatch((int) arguments.n, (const char *const *) arguments.items);
    } else {
        exit_status = cli_message_error(status);
    }
    exit_status = close_stdout(exit_status);
    cli_arguments_free(&arguments);
    return exit_status;
}
