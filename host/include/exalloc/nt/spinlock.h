/* Spin locks and the interrupt level. Part of exalloc/wdm.h. */
#ifndef EXALLOC_NT_SPINLOCK_H
#define EXALLOC_NT_SPINLOCK_H

#include "exalloc/export.h"
#include "exalloc/nt/types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef ULONG_PTR KSPIN_LOCK, *PKSPIN_LOCK;
typedef UCHAR KIRQL, *PKIRQL;
#define PASSIVE_LEVEL 0
#define APC_LEVEL 1
#define DISPATCH_LEVEL 2

/* Makes a lock free. */
EXALLOC_API VOID KeInitializeSpinLock(PKSPIN_LOCK SpinLock);
/* Waits until the lock is free and takes it; *OldIrql receives the level to give back to
 * KeReleaseSpinLock. */
EXALLOC_API VOID KeAcquireSpinLock(PKSPIN_LOCK SpinLock, PKIRQL OldIrql);
EXALLOC_API VOID KeReleaseSpinLock(PKSPIN_LOCK SpinLock, KIRQL NewIrql);
/* The same, for callers at DISPATCH_LEVEL, who need not keep the level. */
EXALLOC_API VOID KeAcquireSpinLockAtDpcLevel(PKSPIN_LOCK SpinLock);
EXALLOC_API VOID KeReleaseSpinLockFromDpcLevel(PKSPIN_LOCK SpinLock);
/* KeAcquireSpinLock that returns the level. */
EXALLOC_API KIRQL KeAcquireSpinLockRaiseToDpc(PKSPIN_LOCK SpinLock);
/* FALSE, at once, if the lock is held. Released by KeReleaseSpinLockFromDpcLevel. */
EXALLOC_API BOOLEAN KeTryToAcquireSpinLockAtDpcLevel(PKSPIN_LOCK SpinLock);

/* Opaque; holds what the release needs to know. */
typedef struct _KLOCK_QUEUE_HANDLE {
  PKSPIN_LOCK Lock;
  KIRQL OldIrql;
} KLOCK_QUEUE_HANDLE, *PKLOCK_QUEUE_HANDLE;

/* As KeAcquireSpinLock, but LockHandle keeps lock and level. Waiters are not queued here: any of
 * them may be next. */
EXALLOC_API VOID KeAcquireInStackQueuedSpinLock(PKSPIN_LOCK SpinLock,
                                                PKLOCK_QUEUE_HANDLE LockHandle);
EXALLOC_API VOID KeReleaseInStackQueuedSpinLock(PKLOCK_QUEUE_HANDLE LockHandle);
EXALLOC_API VOID KeAcquireInStackQueuedSpinLockAtDpcLevel(PKSPIN_LOCK SpinLock,
                                                          PKLOCK_QUEUE_HANDLE LockHandle);
EXALLOC_API VOID KeReleaseInStackQueuedSpinLockFromDpcLevel(PKLOCK_QUEUE_HANDLE LockHandle);

/* DISPATCH_LEVEL while the calling thread holds a spin lock, else PASSIVE_LEVEL. */
EXALLOC_API KIRQL KeGetCurrentIrql(VOID);

#ifdef __cplusplus
}
#endif
#endif
