/* A program's own bug check. Part of exalloc/wdm.h; what else bug checks can do is in
 * exalloc/bugcheck.h. */
#ifndef EXALLOC_NT_BUG_CHECK_H
#define EXALLOC_NT_BUG_CHECK_H

#include "exalloc/export.h"
#include "exalloc/nt/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* As in NT they do not return: a handler (exalloc_set_bug_check_handler) that does is followed by
 * the default, which aborts. */
EXALLOC_API VOID KeBugCheckEx(ULONG BugCheckCode, ULONG_PTR P1, ULONG_PTR P2, ULONG_PTR P3,
                              ULONG_PTR P4);
EXALLOC_API VOID KeBugCheck(ULONG BugCheckCode);

#ifdef __cplusplus
}
#endif
#endif
