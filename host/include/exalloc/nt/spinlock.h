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
#define DISPATCH_LEVEL 2

/* Makes a lock free. */
EXALLOC_API VOID KeInitializeSpinLock(PKSPIN_LOCK SpinLock);
/* Waits until the lock is free and takes it; *OldIrql receives the level to give back to
 * KeReleaseSpinLock. */
EXALLOC_API VOID KeAcquireSpinLock(PKSPIN_LOCK SpinLock, PKIRQL OldIrql);
EXALLOC_API VOID KeReleaseSpinLock(PKSPIN_LOCK SpinLock, KIRQL NewIrql);
/* DISPATCH_LEVEL while the calling thread holds a spin lock, else PASSIVE_LEVEL. */
EXALLOC_API KIRQL KeGetCurrentIrql(VOID);

#ifdef __cplusplus
}
#endif
#endif
