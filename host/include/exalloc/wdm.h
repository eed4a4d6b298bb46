/* The NT names: zones, pool, lookaside lists and what code that calls them needs, in C or in C++.
 *
 * What each routine promises is in docs/contract.md; it follows the 1998/2000 NT DDK text where
 * sources disagree. Link with -lexalloc. The card is the one that EXALLOC_CARD names (see
 * exalloc.h). */
#ifndef EXALLOC_WDM_H
#define EXALLOC_WDM_H

#include "exalloc/nt/annotations.h"
#include "exalloc/nt/bug_check.h"
#include "exalloc/nt/interlocked.h"
#include "exalloc/nt/list.h"
#include "exalloc/nt/lookaside.h"
#include "exalloc/nt/pool.h"
#include "exalloc/nt/pool2.h"
#include "exalloc/nt/slist.h"
#include "exalloc/nt/spinlock.h"
#include "exalloc/nt/system.h"
#include "exalloc/nt/types.h"
#include "exalloc/nt/zone.h"

#endif
