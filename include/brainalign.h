/* SPDX-License-Identifier: GPL-3.0-or-later */
/* brainalign: brain alignment of language models. The whole public API. */
#ifndef BRAINALIGN_H
#define BRAINALIGN_H

#include "brainalign/api.h"
#include "brainalign/error.h"
#include "brainalign/version.h"
#include "brainalign/ctx.h"
#include "brainalign/hash.h"
#include "brainalign/matrix.h"
#include "brainalign/image.h"
#include "brainalign/source.h"
#include "brainalign/bundle.h"
#include "brainalign/table.h"

#endif
