/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/texts.h"

#include "core/alloc.h"
#include "brainalign/hash.h"

#include <string.h>

static int
reserve(ba_texts_t *texts, size_t length)
{
    size_t size = texts->size ? texts->size : 64;
    size_t text_size = texts->text_size ? texts->text_size : 1024;
    size_t *start;
    char *text;
    int status = BA_OK;

    if (texts->n == texts->size) {
        size = texts->size ? 2 * size : size;
        BA_TRY_ALLOC(start, ba_realloc(texts->start, size, sizeof *start));
        texts->start = start;
        texts->size = size;
    }
    while (text_size - texts->n_text <= length) {
        BA_TRY(ba_multiply(text_size, 2, &text_size));
    }
    if (text_size != texts->text_size) {
        BA_TRY_ALLOC(text, ba_realloc(texts->text, text_size, 1));
        texts->text = text;
        texts->text_size = text_size;
    }
out:
    return status;
}

int
ba_texts_add(ba_texts_t *texts, const char *text, size_t length)
{
    int status;

    BA_TRY(reserve(texts, length));
    texts->start[texts->n++] = texts->n_text;
    memcpy(texts->text + texts->n_text, text, length);
    texts->text[texts->n_text + length] = '\0';
    texts->n_text += length + 1;
out:
    return status;
}

const char *
ba_texts_get(const ba_texts_t *texts, size_t i)
{
    return texts->text + texts->start[i];
}

void
ba_texts_free(ba_texts_t *texts)
{
    ba_free(texts->start);
    ba_free(texts->text);
    *texts = (ba_texts_t){0};
}

int
ba_texts_list(const ba_texts_t *texts, char ***out)
{
    size_t n_bytes;
    char **list;
    int status;

    *out = NULL;
    BA_TRY(ba_multiply(texts->n, sizeof *list, &n_bytes));
    BA_TRY_ALLOC(list, ba_malloc(n_bytes + texts->n_text + 1, 1));
    if (texts->n_text > 0) {
        memcpy((char *) list + n_bytes, texts->text, texts->n_text);
    }
    for (size_t i = 0; i < texts->n; i++) {
        list[i] = (char *) list + n_bytes + texts->start[i];
    }
    *out = list;
out:
    return status;
}

int
ba_strings_copy(const char *const *strings, size_t n, char ***out)
{
    ba_texts_t texts = {0};
    int status = BA_OK;

    *out = NULL;
    for (size_t i = 0; i < n; i++) {
        BA_TRY(ba_texts_add(&texts, strings[i], strlen(strings[i])));
    }
    BA_TRY(ba_texts_list(&texts, out));
out:
    ba_texts_free(&texts);
    return status;
}

/* The slot where `text` stands or would stand; the number of slots is a power of two. */
static size_t
slot_of(const ba_text_set_t *set, const char *text)
{
    size_t mask = set->n_slots - 1;
    size_t slot = (size_t) ba_hash_bytes(text, strlen(text), 0) & mask;

    while (set->slots[slot] &&
           strcmp(ba_texts_get(&set->texts, set->slots[slot] - 1), text) != 0) {
        slot = (slot + 1) & mask;
    }
    return slot;
}

static int
grow(ba_text_set_t *set)
{
    size_t n_slots = set->n_slots ? 2 * set->n_slots : 256;
    size_t *slots;
    int status = BA_OK;

    BA_TRY_ALLOC(slots, ba_calloc(n_slots, sizeof *slots));
    ba_free(set->slots);
    set->slots = slots;
    set->n_slots = n_slots;
    for (size_t i = 0; i < set->texts.n; i++) {
        set->slots[slot_of(set, ba_texts_get(&set->texts, i))] = i + 1;
    }
out:
    return status;
}

int
ba_text_set_add(ba_text_set_t *set, const char *text, size_t *number)
{
    size_t slot;
    int status = BA_OK;

    if (set->texts.n >= set->n_slots / 2) {
        BA_TRY(grow(set));
    }
    slot = slot_of(set, text);
    if (!set->slots[slot]) {
        BA_TRY(ba_texts_add(&set->texts, text, strlen(text)));
        set->slots[slot] = set->texts.n;
    }
    *number = set->slots[slot] - 1;
out:
    return status;
}

size_t
ba_text_set_find(const ba_text_set_t *set, const char *text)
{
    size_t slot;

    if (set->n_slots == 0) {
        return SIZE_MAX;
    }
    slot = slot_of(set, text);
    return set->slots[slot] ? set->slots[slot] - 1 : SIZE_MAX;
}

void
ba_text_set_free(ba_text_set_t *set)
{
    ba_texts_free(&set->texts);
    ba_free(set->slots);
    *set = (ba_text_set_t){0};
}

/* Letters of two bytes in UTF-8 whose small form has two bytes as well. */
static unsigned
lower_point(unsigned c)
{
    if ((c >= 0xc0 && c <= 0xde && c != 0xd7) ||
        (c >= 0x391 && c <= 0x3ab && c != 0x3a2) || (c >= 0x410 && c <= 0x42f)) {
        return c + 0x20;
    }
    if (c >= 0x400 && c <= 0x40f) {
        return c + 0x50;
    }
    if (c == 0x178) {
        return 0xff;
    }
    if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17e)) {
        return c + (c & 1);
    }
    if ((c >= 0x100 && c <= 0x177 && c != 0x130 && c != 0x131 && c != 0x138 &&
            c != 0x149) ||
        (c >= 0x460 && c <= 0x481) || (c >= 0x48a && c <= 0x4bf)) {
        return c | 1;
    }
    if (c == 0x386) {
        return 0x3ac;
    }
    if (c >= 0x388 && c <= 0x38a) {
        return c + 37;
    }
    return c == 0x38c ? 0x3cc : c == 0x38e || c == 0x38f ? c + 63 : c;
}

void
ba_text_lower(const char *text, char *out)
{
    const unsigned char *c = (const unsigned char *) text;

    while (*c) {
        if (*c >= 'A' && *c <= 'Z') {
            *out++ = (char) (*c++ + 0x20);
        } else if (*c >= 0xc3 && *c <= 0xd2 && (c[1] & 0xc0) == 0x80) {
            unsigned point = lower_point((*c & 0x1fU) << 6 | (c[1] & 0x3fU));

            *out++ = (char) (0xc0 | point >> 6);
            *out++ = (char) (0x80 | (point & 0x3f));
            c += 2;
        } else {
            *out++ = (char) *c++;
        }
    }
    *out = '\0';
}
