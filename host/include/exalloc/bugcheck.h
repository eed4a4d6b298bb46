/* Bug checks: what happens when memory was damaged or a routine was called wrongly. Plain C. */
#ifndef EXALLOC_BUGCHECK_H
#define EXALLOC_BUGCHECK_H

#include "exalloc/export.h"
#include "exalloc/nt/bug_check.h" /* KeBugCheckEx */
#include "exalloc/wdm.h"

#ifdef __cplusplus
extern "C" {
#endif

#define BAD_POOL_HEADER 0x19         /* P1: 0x20 header damaged, 0x21 written beyond its end; P2: the block */
#define MUST_SUCCEED_POOL_EMPTY 0x41 /* P1: bytes asked for; P2: pages in use; P3: big requests; P4: pages left */
#define BAD_POOL_CALLER 0xC2         /* P1: what was wrong, below */

/* P1 of BAD_POOL_CALLER. */
#define POOL_CALLER_FREED_TWICE 0x07    /* P3: tag and size as in the header; P4: the block */
#define POOL_CALLER_WRONG_TAG 0x0A      /* P2: the block; P3: its tag; P4: the tag given */
#define POOL_CALLER_NOT_A_BLOCK 0x41    /* inside a block, or a block of a zone or list. P2: the address */
#define POOL_CALLER_NOT_POOL 0x46       /* NULL, or no address of ours. P2: the address */
#define POOL_CALLER_TAG_ZERO 0x9B       /* P2: pool type; P3: bytes; P4: the caller */
#define POOL_CALLER_TAG_BIG 0x9C        /* the same */
#define POOL_CALLER_TAG_NO_LETTER 0x9D  /* P2: the tag; P3: pool type; P4: the caller */

typedef struct exalloc_bug_check {
  ULONG code;
  ULONG_PTR parameters[4];
  PVOID block;       /* NULL when not known */
  ULONG tag;         /* 0 when not known */
  uint32_t token;    /* 0 when not known */
  uint32_t list;     /* of the card, with a token */
  int32_t processor; /* the portal of the calling thread's processor; -1: it has none */
  const char* what;  /* one sentence */
  const char* report; /* the whole text, with the tag table; valid during the handler's call */
} exalloc_bug_check;

/* Called at a bug check, by the thread that caused it or that was told by the card, after the report has been printed to
 * standard error. It may longjmp, throw (if every caller is C++), or end the process. If it returns, nothing has been changed, and the
 * routine returns as if it had not been called (NULL from an allocation). NULL: the default, which aborts with a core dump. */
typedef void (*exalloc_bug_check_handler)(const exalloc_bug_check* check, void* context);
EXALLOC_API void exalloc_set_bug_check_handler(exalloc_bug_check_handler handler, void* context);

/* Where a dump is written before the process aborts, for systems without core files; NULL or "": nowhere. "%p" in it becomes
 * the process's number. Without this call EXALLOC_DUMP decides. `exalloc pool --core FILE` reads it. */
EXALLOC_API void exalloc_set_dump_file(const char* path);

#ifdef __cplusplus
}
#endif
#endif
