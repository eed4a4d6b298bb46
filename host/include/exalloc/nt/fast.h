/* What the zone calls compiled into their caller work on. Part of exalloc/wdm.h; nothing here is to
 * be used directly.
 *
 * A thread's magazine of ready blocks of one zone: a LIFO that its owner pops and pushes without a
 * lock, and that others can take away. docs/host.md has the protocol and why it is right. Without
 * optimisation, or with EXALLOC_NO_INLINE defined, every call goes to the library instead. */
#ifndef EXALLOC_NT_FAST_H
#define EXALLOC_NT_FAST_H

#include "exalloc/export.h"
#include "exalloc/nt/types.h"

#if defined(__SANITIZE_THREAD__)
#define EXALLOC_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define EXALLOC_TSAN 1
#endif
#endif

#ifdef EXALLOC_TSAN
/* ThreadSanitizer knows no fences: there both sides use sequentially consistent operations. */
#define EXALLOC_READ(X) __atomic_load_n(&(X), __ATOMIC_SEQ_CST)
#define EXALLOC_WRITE(X, Value) __atomic_store_n(&(X), (Value), __ATOMIC_SEQ_CST)
#define EXALLOC_LIGHT_FENCE() ((void)0)
#else
/* Reads are plain, so that a comparison can hold them; fields are aligned, so each is one load. */
#define EXALLOC_READ(X) (X)
#define EXALLOC_WRITE(X, Value) __atomic_store_n(&(X), (Value), __ATOMIC_RELEASE)
/* Keeps the compiler from swapping a store with a later load; the processor may still do it. */
#define EXALLOC_LIGHT_FENCE() __atomic_signal_fence(__ATOMIC_SEQ_CST)
#endif

#if defined(__OPTIMIZE__) && !defined(EXALLOC_NO_INLINE)
#define EXALLOC_INLINE_CALLS 1
#define EXALLOC_INLINE extern __inline__ __attribute__((__gnu_inline__, __always_inline__))
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define EXALLOC_MAGAZINE_SLOTS 1024
#define EXALLOC_BLOCK_FREE 0
#define EXALLOC_BLOCK_ALLOCATED 1

struct exalloc_ready {
  PVOID pointer;
  UCHAR* state; /* the block's state byte */
};

struct exalloc_magazine {
  const void* zone;     /* the header whose plain calls it serves; an address of nothing if none */
  const void* lockfree; /* the same for Interlocked calls that need no lock */
  ULONG64 word;    /* calls so far << 16, plus the top: offset of the newest slot, -16 when empty */
  int16_t floor;   /* pops of a top below it go to the library, ... */
  int16_t ceiling; /* ... and pushes from this top on; ... */
  uint16_t known;  /* ... or, for calls that tell what was free before, from this one, unsigned */
  uint16_t unused;
  ULONG64 begin;      /* of the zone's first segment: address of its blocks, ... */
  ULONG64 reciprocal; /* ... 2^64 / their size, rounded up, ... */
  UCHAR* states;      /* ... their state bytes ... */
  ULONG64 blocks;     /* ... and how many they are */
  struct exalloc_ready slots[EXALLOC_MAGAZINE_SLOTS + 1]; /* the last is only looked at */
} __attribute__((aligned(64)));

/* What a pop adds to the word, and a push. */
#define EXALLOC_POP (0x10000 - 16)
#define EXALLOC_PUSH (0x10000 + 16)

/* The magazine that the calling thread used last. */
extern EXALLOC_API __thread struct exalloc_magazine* exalloc_now
    __attribute__((tls_model("initial-exec")));

/* For a pop whose top was below the floor, and for a popped block whose state byte does not say
 * that it was free. */
EXALLOC_API PVOID exalloc_pop_slowly(struct exalloc_magazine* Magazine, int Top);
EXALLOC_API PVOID exalloc_pop_doubtful(struct exalloc_magazine* Magazine, int Top);
/* Frees a block whose state byte has been set to free. Returns the head before it. */
EXALLOC_API PVOID exalloc_push_slowly(struct exalloc_magazine* Magazine, PVOID Block,
                                      const UCHAR* State);
#ifdef EXALLOC_INLINE_CALLS
#define EXALLOC_LIKELY(X) __builtin_expect(!!(X), 1)

EXALLOC_INLINE struct exalloc_ready* exalloc_slot(struct exalloc_magazine* m, long top) {
  return (struct exalloc_ready*)((char*)m->slots + top);
}

EXALLOC_INLINE PVOID exalloc_pop(struct exalloc_magazine* m) {
  const ULONG64 word = EXALLOC_READ(m->word);
  const int16_t top = (int16_t)word;
  struct exalloc_ready* slot = exalloc_slot(m, top);
  EXALLOC_WRITE(m->word, word + EXALLOC_POP);
  EXALLOC_LIGHT_FENCE();
  if (!EXALLOC_LIKELY(top >= EXALLOC_READ(m->floor))) return exalloc_pop_slowly(m, top);
  UCHAR* state = EXALLOC_READ(slot->state);
  if (!EXALLOC_LIKELY(EXALLOC_READ(*state) == EXALLOC_BLOCK_FREE))
    return exalloc_pop_doubtful(m, top);
  EXALLOC_WRITE(*state, EXALLOC_BLOCK_ALLOCATED);
  return EXALLOC_READ(slot->pointer);
}

/* Frees an allocated block of the first segment; *previous is the head before it. False: nothing is
 * done, the library must look at it. */
EXALLOC_INLINE int exalloc_push(struct exalloc_magazine* m, PVOID block, PVOID* previous) {
  const ULONG64 word = EXALLOC_READ(m->word);
  const uint16_t top = (uint16_t)word;
  struct exalloc_ready* slot = exalloc_slot(m, (int16_t)top);
  UCHAR* state;
  /* The block that was popped last is still in its slot. */
  const int popped_last = EXALLOC_READ(slot[1].pointer) == block;
  if (popped_last) {
    state = EXALLOC_READ(slot[1].state);
  } else {
    __extension__ typedef unsigned __int128 wide;
    const wide product = (wide)((ULONG64)(uintptr_t)block - m->begin) * m->reciprocal;
    /* An offset is a multiple of the block size exactly if the fraction is smaller than 2^64 / size
     * (Lemire, Kaser, Kurz: Faster remainder by direct computation, 2019); where that does not
     * hold, beyond 2^32, the quotient is too large for the segment. */
    const ULONG64 index = (ULONG64)(product >> 64);
    if (!EXALLOC_LIKELY((ULONG64)product < m->reciprocal && index < m->blocks)) return 0;
    state = m->states + index;
  }
  if (!EXALLOC_LIKELY(EXALLOC_READ(*state) == EXALLOC_BLOCK_ALLOCATED)) return 0;
  /* First: whoever finds the magazine's blocks by their state bytes relies on it. */
  EXALLOC_WRITE(*state, EXALLOC_BLOCK_FREE);
  EXALLOC_LIGHT_FENCE();
  if (!EXALLOC_LIKELY(top < EXALLOC_READ(m->known))) {
    *previous = exalloc_push_slowly(m, block, state);
    return 1;
  }
  *previous = EXALLOC_READ(slot[0].pointer);
  if (!popped_last) {
    EXALLOC_WRITE(slot[1].pointer, block);
    EXALLOC_WRITE(slot[1].state, state);
  }
  EXALLOC_WRITE(m->word, word + EXALLOC_PUSH);
  return 1;
}
#endif

#ifdef __cplusplus
}
#endif
#endif
