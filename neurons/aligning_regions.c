/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which target is of which region. */
#include "neurons/aligning.h"

#include "core/alloc.h"

#include <string.h>

static char all_targets[] = "*";

int
ba_align_regions_read(const char *file, size_t n_targets, ba_align_regions_t *out)
{
    int status = BA_OK;

    *out = (ba_align_regions_t){.n = 1, .n_targets = n_targets};
    BA_TRY_ALLOC(out->name, ba_calloc(n_targets + 1, sizeof *out->name));
    BA_TRY_ALLOC(out->region, ba_calloc(n_targets, sizeof *out->region));
    out->name[0] = all_targets;
    if (!file) {
        goto out;
    }
    BA_TRY(ba_table_read(file, BA_TABLE_NO_HEADER, &out->table));
    if (ba_table_n_rows(out->table) != n_targets) {
        BA_TRY(ba_fail(BA_SHAPE, "%s: %zu labels, wanted one for each of %zu targets",
            file, ba_table_n_rows(out->table), n_targets));
    }
    for (size_t t = 0; t < n_targets; t++) {
        const char *label = ba_table_cell(out->table, t, 0);
        size_t k = 1;

        if (*label == '\0' || strcmp(label, "n/a") == 0) {
            continue;
        }
        if (strcmp(label, all_targets) == 0) {
            BA_TRY(ba_fail(BA_FORMAT,
                "%s: region '*' of target %zu, which stands for all targets", file, t));
        }
        while (k < out->n && strcmp(out->name[k], label) != 0) {
            k++;
        }
        if (k == out->n) {
            BA_TRY_ALLOC(out->name[k], ba_strdup(label));
            out->n++;
        }
        out->region[t] = k;
    }
out:
    return status;
}

void
ba_align_regions_free(ba_align_regions_t *regions)
{
    for (size_t k = 1; regions->name && k < regions->n; k++) {
        ba_free(regions->name[k]);
    }
    ba_free(regions->name);
    ba_free(regions->region);
    ba_table_free(regions->table);
}
