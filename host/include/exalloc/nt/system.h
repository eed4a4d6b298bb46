/* What kind of machine this is. Part of exalloc/wdm.h. */
#ifndef EXALLOC_NT_SYSTEM_H
#define EXALLOC_NT_SYSTEM_H

#include "exalloc/export.h"
#include "exalloc/nt/types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum _MM_SYSTEMSIZE {
  MmSmallSystem = 0,
  MmMediumSystem = 1,
  MmLargeSystem = 2
} MM_SYSTEMSIZE;

/* From physical memory: small up to 9.5 GiB, large from 16 GiB (a server: from 32 GiB), else
 * medium. These are ReactOS's thresholds of 19, 32 and 64 MB times 512.
 * EXALLOC_SYSTEM_SIZE=small|medium|large overrides it, exalloc_set_system overrides both. */
EXALLOC_API MM_SYSTEMSIZE MmQuerySystemSize(VOID);

/* TRUE on a server: its chassis, as DMI tells (/sys/class/dmi/id/chassis_type), is a main server
 * (17), rack mount (23), multi-system (25), blade (28) or blade enclosure (29). EXALLOC_SERVER=0|1
 * overrides it, exalloc_set_system overrides both. */
EXALLOC_API BOOLEAN MmIsThisAnNtAsSystem(VOID);

#ifdef __cplusplus
}
#endif
#endif
