/* What the pool calls compiled into their caller work on. Part of exalloc/wdm.h; nothing here is to
 * be used directly.
 *
 * They are for blocks that fill their size class, of the tag that the thread's processor saw last
 * in that class, and frees for the class that the thread used last. All checks are made; whatever
 * is otherwise goes to the library, nothing changed. docs/pool.md has more. Without optimisation,
 * or with EXALLOC_NO_INLINE defined, every call goes to the library. */
#ifndef EXALLOC_NT_POOL_FAST_H
#define EXALLOC_NT_POOL_FAST_H

#include "exalloc/export.h"
#include "exalloc/nt/fast.h"
#include "exalloc/nt/types.h"

#ifdef __cplusplus
extern "C" {
#endif

#define EXALLOC_POOL_HEADER 16 /* bytes in front of a block */
#define EXALLOC_POOL_ALLOCATED 0xA1
#define EXALLOC_POOL_FREE 0xF4
#define EXALLOC_POOL_ODD 0x9E3779B97F4A7C15ULL /* what a header is sealed with */
#define EXALLOC_POOL_SIZES 64                  /* in steps of 16 bytes */

/* What a processor keeps of a size class. Written by its owner alone, but for `draining`. */
struct exalloc_pool_use {
  struct exalloc_magazine* ready;
  ULONG64 full;    /* first word of the header of a block that fills its class */
  ULONG64* counts; /* of the tag, by this processor: allocations, frees, bytes of both, 2 apart */
  ULONG draining;  /* what is freed in some of the class's pages does not go to the magazine */
};

/* Where a processor's calls begin. */
struct exalloc_pool_front {
  struct exalloc_pool_use* last; /* of the last call */
  /* By type, nonpaged and paged, and size in 16 bytes, rounded up. */
  struct exalloc_pool_use* by_size[2][EXALLOC_POOL_SIZES];
};

/* Of all processors. While calls may not go this way the limits are 0. */
struct exalloc_pool_way {
  ULONG64 request_limit; /* requests from this on go to the library, ... */
  ULONG64 address_limit; /* ... and frees of what is so far behind `first_data` */
  ULONG64 first_data;    /* address of what the first page's first block would be */
  UCHAR* states;         /* by token */
};
extern EXALLOC_API struct exalloc_pool_way exalloc_pool_way;

/* The calling thread's; of nothing if it has none. */
extern EXALLOC_API __thread struct exalloc_pool_front* exalloc_pool_now
    __attribute__((tls_model("initial-exec")));

/* For a pop that was not for sure, or whose block's state byte does not say that it was free. */
EXALLOC_API PVOID exalloc_pool_popped(ULONG PoolType, SIZE_T NumberOfBytes, ULONG Tag, int Top);
/* For a block that has been checked, counted and marked free, when the magazine has no room. */
EXALLOC_API VOID exalloc_pool_pushed(PVOID Block, const UCHAR* State);

/* A free looks at the 16 bytes in front of an address before it is known to be a block's. They may
 * be another block's, written to at that moment; what is read then is not used, but ThreadSanitizer
 * would tell of it. */
#if defined(EXALLOC_INLINE_CALLS) && !defined(EXALLOC_TSAN)
#define EXALLOC_INLINE_POOL 1
#endif

#ifdef EXALLOC_INLINE_POOL
typedef ULONG64 __attribute__((__may_alias__)) exalloc_word;
typedef ULONG __attribute__((__may_alias__)) exalloc_half;

#ifdef __x86_64__
/* The compiler makes three instructions of an atomic load and store where this is one. */
#define EXALLOC_ADD(X, Value) __asm__("addq %1, %0" : "+m"(X) : "er"((ULONG64)(Value)) : "cc")
#else
#define EXALLOC_ADD(X, Value) \
  __atomic_store_n(&(X), __atomic_load_n(&(X), __ATOMIC_RELAXED) + (Value), __ATOMIC_RELAXED)
#endif

EXALLOC_INLINE ULONG exalloc_pool_seal(PVOID block, ULONG64 low, ULONG token) {
  return (ULONG)(((low ^ (ULONG64)(uintptr_t)block) * EXALLOC_POOL_ODD) >> 32) ^ token;
}

/* False: nothing is done. */
EXALLOC_INLINE int exalloc_pool_take(ULONG type, SIZE_T bytes, ULONG tag, PVOID* result) {
  struct exalloc_pool_front* f = exalloc_pool_now;
  const ULONG kind = type & 7;
  if (!EXALLOC_LIKELY(bytes < EXALLOC_READ(exalloc_pool_way.request_limit) && kind <= 1)) return 0;
  /* Below the limit the mask changes nothing; it tells the compiler. */
  struct exalloc_pool_use* u = f->by_size[kind][(bytes + 15) >> 4 & (EXALLOC_POOL_SIZES - 1)];
  const ULONG64 low =
      (ULONG64)bytes << 32 | (tag | (ULONG64)kind << 48 | (ULONG64)EXALLOC_POOL_ALLOCATED << 56);
  if (!EXALLOC_LIKELY(low == u->full)) return 0;
  struct exalloc_magazine* m = u->ready;
  const ULONG64 word = EXALLOC_READ(m->word);
  const int16_t top = (int16_t)word;
  struct exalloc_ready* slot = exalloc_slot(m, top);
  EXALLOC_WRITE(m->word, word + EXALLOC_POP);
  EXALLOC_LIGHT_FENCE();
  UCHAR* state;
  if (!EXALLOC_LIKELY(top >= EXALLOC_READ(m->floor)) ||
      !EXALLOC_LIKELY(EXALLOC_READ(*(state = EXALLOC_READ(slot->state))) == EXALLOC_BLOCK_FREE)) {
    *result = exalloc_pool_popped(type, bytes, tag, top);
    return 1;
  }
  EXALLOC_WRITE(*state, EXALLOC_BLOCK_ALLOCATED);
  const PVOID block = EXALLOC_READ(slot->pointer);
  const ULONG token = (ULONG)(state - EXALLOC_READ(exalloc_pool_way.states));
  __atomic_store_n((exalloc_word*)block - 2, low, __ATOMIC_RELAXED);
  __atomic_store_n((exalloc_half*)block - 2, token, __ATOMIC_RELAXED);
  __atomic_store_n((exalloc_half*)block - 1, exalloc_pool_seal(block, low, token),
                   __ATOMIC_RELAXED);
  ULONG64* counts = u->counts;
  EXALLOC_ADD(counts[0], 1);
  EXALLOC_ADD(counts[4], bytes + EXALLOC_POOL_HEADER);
  if (!EXALLOC_LIKELY(f->last == u)) f->last = u;
  *result = block;
  return 1;
}

/* False: nothing is done, the library must look at it. */
EXALLOC_INLINE int exalloc_pool_give(PVOID block, ULONG tag) {
  struct exalloc_pool_use* u = exalloc_pool_now->last;
  if (!EXALLOC_LIKELY((ULONG64)(uintptr_t)block - EXALLOC_READ(exalloc_pool_way.first_data) <
                      EXALLOC_READ(exalloc_pool_way.address_limit)))
    return 0;
  /* All addresses below the limit can be read, whatever they are. */
  const ULONG64 low = __atomic_load_n((exalloc_word*)block - 2, __ATOMIC_RELAXED);
  const ULONG token = __atomic_load_n((exalloc_half*)block - 2, __ATOMIC_RELAXED);
  if (!EXALLOC_LIKELY(low == u->full) ||
      !EXALLOC_LIKELY(exalloc_pool_seal(block, low, token) ==
                      __atomic_load_n((exalloc_half*)block - 1, __ATOMIC_RELAXED)) ||
      !EXALLOC_LIKELY(tag == (ULONG)low || (tag == 0 && (low & 0x80000000U) == 0)) ||
      !EXALLOC_LIKELY(EXALLOC_READ(u->draining) == 0))
    return 0;
  UCHAR* state = EXALLOC_READ(exalloc_pool_way.states) + token;
  if (!EXALLOC_LIKELY(EXALLOC_READ(*state) == EXALLOC_BLOCK_ALLOCATED)) return 0;
  ULONG64* counts = u->counts;
  EXALLOC_ADD(counts[2], 1);
  EXALLOC_ADD(counts[6], (uint16_t)(low >> 32) + EXALLOC_POOL_HEADER);
  __atomic_store_n((UCHAR*)block - 9, EXALLOC_POOL_FREE, __ATOMIC_RELAXED);
  /* First: whoever finds the magazine's blocks by their state bytes relies on it. From here on the
   * block may be another thread's. */
  EXALLOC_WRITE(*state, EXALLOC_BLOCK_FREE);
  EXALLOC_LIGHT_FENCE();
  struct exalloc_magazine* m = u->ready;
  const ULONG64 word = EXALLOC_READ(m->word);
  const int16_t top = (int16_t)word;
  struct exalloc_ready* slot = exalloc_slot(m, top);
  if (!EXALLOC_LIKELY(top < EXALLOC_READ(m->ceiling))) {
    exalloc_pool_pushed(block, state);
    return 1;
  }
  EXALLOC_WRITE(slot[1].pointer, block);
  EXALLOC_WRITE(slot[1].state, state);
  EXALLOC_WRITE(m->word, word + EXALLOC_PUSH);
  return 1;
}
#endif

#ifdef __cplusplus
}
#endif
#endif
