/* Pool with tags and quota, and what a wrong free does. */
#include <exalloc/bugcheck.h>
#include <exalloc/exalloc.h>
#include <exalloc/pool.h>
#include <exalloc/wdm.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#define FILE_TAG ((ULONG)'F' | (ULONG)'i' << 8 | (ULONG)'l' << 16 | (ULONG)'e' << 24)

static jmp_buf after;
static ULONG code;

/* Without a handler a bug check aborts, with a core dump that `exalloc pool --core` reads. */
static void on_bug_check(const exalloc_bug_check* check, void* context) {
  (void)context;
  code = check->code;
  longjmp(after, 1);
}

int main(void) {
  exalloc_requestor* client = exalloc_requestor_create("client", 64 << 10, EXALLOC_UNLIMITED);
  exalloc_requestor_usage usage;
  void *name, *page;
  if (client == NULL) return 1;

  name = ExAllocatePoolWithTag(PagedPool, 100, FILE_TAG);          /* 16-byte aligned */
  page = ExAllocatePoolWithTag(NonPagedPool, PAGE_SIZE, FILE_TAG); /* page-aligned, locked */
  if (name == NULL || page == NULL) return 1;
  ExFreePoolWithTag(page, FILE_TAG);

  exalloc_requestor_enter(client); /* what follows is on its behalf */
  page = ExAllocatePoolWithQuotaTag((POOL_TYPE)(PagedPool | POOL_QUOTA_FAIL_INSTEAD_OF_RAISE), 2000,
                                    FILE_TAG);
  if (page == NULL) return 1;
  exalloc_requestor_query(client, &usage);
  printf("charged to %s: %llu bytes\n", usage.name, (unsigned long long)usage.paged.used);
  ExFreePool(page);
  exalloc_requestor_enter(NULL);
  exalloc_requestor_destroy(client);

  exalloc_set_bug_check_handler(on_bug_check, NULL);
  if (setjmp(after) == 0) ExFreePoolWithTag(name, (ULONG)'x');
  exalloc_set_bug_check_handler(NULL, NULL);
  printf("bug check 0x%X\n", (unsigned)code);
  ExFreePoolWithTag(name, FILE_TAG);
  return code == BAD_POOL_CALLER ? 0 : 1;
}
