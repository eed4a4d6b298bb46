/* Sequenced singly linked lists: LIFOs that any thread may push to and pop from. Part of
 * exalloc/wdm.h.
 *
 * Source: Microsoft's published driver documentation (ExInitializeSListHead and its like). */
#ifndef EXALLOC_NT_SLIST_H
#define EXALLOC_NT_SLIST_H

#include "exalloc/export.h"
#include "exalloc/nt/spinlock.h"
#include "exalloc/nt/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Opaque; 16 bytes, 16-byte aligned. */
typedef struct _SLIST_HEADER {
  ULONGLONG Alignment, Region;
} __attribute__((aligned(16))) SLIST_HEADER, *PSLIST_HEADER;

/* Entries are 16-byte aligned: pool blocks are. */
typedef struct _SLIST_ENTRY {
  struct _SLIST_ENTRY* Next;
} __attribute__((aligned(16))) SLIST_ENTRY, *PSLIST_ENTRY;

/* Makes an empty list. Not to be called while another thread uses it. */
EXALLOC_API VOID InitializeSListHead(PSLIST_HEADER SListHead);
#define ExInitializeSListHead InitializeSListHead

/* Push: returns what was the first entry before, NULL if the list was empty. Pop: takes the first
 * entry, NULL if there is none. Flush: takes all entries, linked by Next. Thread-safe. A popped
 * entry may be freed at once: no other pop still reads it. (Pops exclude each other for a few
 * instructions; pushes do not wait.) */
EXALLOC_API PSLIST_ENTRY InterlockedPushEntrySList(PSLIST_HEADER SListHead,
                                                   PSLIST_ENTRY SListEntry);
EXALLOC_API PSLIST_ENTRY InterlockedPopEntrySList(PSLIST_HEADER SListHead);
EXALLOC_API PSLIST_ENTRY InterlockedFlushSList(PSLIST_HEADER SListHead);
/* The Lock is not used, as on any 64-bit NT. */
#define ExInterlockedPushEntrySList(Head, Entry, Lock) \
  ((void)(Lock), InterlockedPushEntrySList((Head), (Entry)))
#define ExInterlockedPopEntrySList(Head, Lock) ((void)(Lock), InterlockedPopEntrySList(Head))
#define ExInterlockedFlushSList InterlockedFlushSList

/* Entries in the list, modulo 65,536. */
EXALLOC_API USHORT ExQueryDepthSList(PSLIST_HEADER SListHead);
#define QueryDepthSList ExQueryDepthSList

#ifdef __cplusplus
}
#endif
#endif
