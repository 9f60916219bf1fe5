/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A fuzz target as a plain program. With -DBA_LIBFUZZER the main() is libFuzzer's:
 *   clang -fsanitize=fuzzer,address -DBA_LIBFUZZER ... tests/fuzz/fuzz_npy.c
 * Without, files given as arguments are replayed; without arguments, mutations of the
 * target's own minimal files run, always the same ones. */
#ifndef BA_FUZZ_STANDALONE_H
#define BA_FUZZ_STANDALONE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FUZZ_MAX_INPUT 65536

/* The target: never fails but by crashing. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

/* The target's i-th minimal file in `bytes`; its size, 0 past the last. */
size_t fuzz_seed(size_t i, uint8_t bytes[FUZZ_MAX_INPUT]);

static char fuzz_folder[256], fuzz_path[300];

static inline void
fuzz_remove(void)
{
    unlink(fuzz_path);
    rmdir(fuzz_folder);
}

/* Writes the input where readers of files find it; `name` decides what its format is
 * taken for. */
static inline const char *
fuzz_file(const char *name, const uint8_t *bytes, size_t n_bytes)
{
    const char *base = getenv("TMPDIR");
    FILE *file;

    if (!fuzz_folder[0]) {
        snprintf(fuzz_folder, sizeof fuzz_folder, "%.200s/brainalign-fuzz-XXXXXX",
            base && *base ? base : "/tmp");
        if (!mkdtemp(fuzz_folder)) {
            perror(fuzz_folder);
            exit(1);
        }
        snprintf(fuzz_path, sizeof fuzz_path, "%s/%.32s", fuzz_folder, name);
        atexit(fuzz_remove);
    }
    file = fopen(fuzz_path, "wb");
    if (!file || fwrite(bytes, 1, n_bytes, file) != n_bytes || fclose(file) != 0) {
        perror(fuzz_path);
        exit(1);
    }
    return fuzz_path;
}

#ifndef BA_LIBFUZZER

static uint64_t fuzz_state = 1;
static size_t fuzz_count;

/* xorshift64*. */
static size_t
fuzz_below(size_t n)
{
    fuzz_state ^= fuzz_state >> 12;
    fuzz_state ^= fuzz_state << 25;
    fuzz_state ^= fuzz_state >> 27;
    return (size_t) ((fuzz_state * UINT64_C(2685821657736338717)) >> 33) % n;
}

static void
fuzz_one(const uint8_t *bytes, size_t n_bytes)
{
    /* A block of the exact size, so that a reader that looks beyond is caught. */
    uint8_t *copy = malloc(n_bytes ? n_bytes : 1);

    if (!copy) {
        perror("malloc");
        exit(1);
    }
    memcpy(copy, bytes, n_bytes);
    LLVMFuzzerTestOneInput(copy, n_bytes);
    free(copy);
    fuzz_count++;
}

/* One to four random changes: a byte set, a bit turned, a piece doubled, dropped or
 * zeroed. */
static size_t
fuzz_mutate(uint8_t *bytes, size_t n)
{
    static const uint8_t odd[] = {
        0, 1, 0x7f, 0x80, 0xff, '"', ',', '\n', '\r', '\t', '9', '('};
    size_t n_changes = 1 + fuzz_below(4);

    for (size_t k = 0; k < n_changes && n > 1; k++) {
        size_t at = fuzz_below(n);
        size_t length = 1 + fuzz_below(n - at < 16 ? n - at : 16);

        switch (fuzz_below(6)) {
        case 0:
            bytes[at] = odd[fuzz_below(sizeof odd)];
            break;
        case 1:
            bytes[at] ^= (uint8_t) (1U << fuzz_below(8));
            break;
        case 2:
            bytes[at] = (uint8_t) fuzz_below(256);
            break;
        case 3:
            if (n + length <= FUZZ_MAX_INPUT) {
                memmove(bytes + at + length, bytes + at, n - at);
                n += length;
            }
            break;
        case 4:
            memmove(bytes + at, bytes + at + length, n - at - length);
            n -= length;
            break;
        default:
            memset(bytes + at, odd[fuzz_below(5)], length);
        }
    }
    return n;
}

static int
fuzz_replay(const char *name)
{
    static uint8_t bytes[FUZZ_MAX_INPUT];
    FILE *file = fopen(name, "rb");
    size_t n;

    if (!file) {
        perror(name);
        return 1;
    }
    n = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    fuzz_one(bytes, n);
    return 0;
}

int
main(int argc, char **argv)
{
    static uint8_t seed[FUZZ_MAX_INPUT], bytes[FUZZ_MAX_INPUT];
    int failed = 0;
    size_t n;

    for (int i = 1; i < argc; i++) {
        failed |= fuzz_replay(argv[i]);
    }
    for (size_t i = 0; argc == 1 && (n = fuzz_seed(i, seed)) > 0; i++) {
        for (size_t cut = 0; cut <= n; cut += n / 256 + 1) {
            fuzz_one(seed, cut);
        }
        for (size_t k = 0; k < 500; k++) {
            memcpy(bytes, seed, n);
            fuzz_one(bytes, fuzz_mutate(bytes, n));
        }
    }
    printf("%s: %zu inputs\n", argv[0], fuzz_count);
    return failed || fuzz_count == 0;
}

#endif

#endif
