/* System queries. */
#include "check.h"

static void sizes(void) {
  const MM_SYSTEMSIZE machine = MmQuerySystemSize();
  CHECK(machine == MmSmallSystem || machine == MmMediumSystem || machine == MmLargeSystem);
  exalloc_set_system(MmLargeSystem, -1);
  CHECK(MmQuerySystemSize() == MmLargeSystem);
  exalloc_set_system(MmSmallSystem, -1);
  CHECK(MmQuerySystemSize() == MmSmallSystem);
  exalloc_set_system(-1, -1);
  CHECK(MmQuerySystemSize() == machine);
}

static void server(void) {
  exalloc_set_system(-1, 1);
  CHECK(MmIsThisAnNtAsSystem() == TRUE);
  exalloc_set_system(-1, 0);
  CHECK(MmIsThisAnNtAsSystem() == FALSE);
  exalloc_set_system(-1, -1);
}

const row system_rows[] = {{"MmQuerySystemSize", "small, medium or large, with an override", sizes},
                           {"MmIsThisAnNtAsSystem", "with an override", server},
                           {NULL, NULL, NULL}};
