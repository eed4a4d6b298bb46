/* A process that frees a block twice and leaves a dump, if told where; its parent tells how to read
 * it. */
#include <exalloc/bugcheck.h>
#include <exalloc/wdm.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define FILE_TAG ((ULONG)'F' | (ULONG)'i' << 8 | (ULONG)'l' << 16 | (ULONG)'e' << 24)

static void crash(const char* dump) {
  void* name = ExAllocatePoolWithTag(PagedPool, 100, FILE_TAG);
  void* other = ExAllocatePoolWithTag(PagedPool, 200, FILE_TAG);
  if (name == NULL || other == NULL) _exit(1);
  exalloc_set_dump_file(dump); /* or EXALLOC_DUMP=FILE, or core files */
  ExFreePoolWithTag(name, FILE_TAG);
  ExFreePoolWithTag(name, FILE_TAG); /* bug check 0xC2, 7 */
}

int main(int argc, char** argv) {
  const char* dump = argc > 1 ? argv[1] : NULL;
  int status = 0;
  pid_t child = fork();
  if (child == 0) {
    crash(dump);
    return 1;
  }
  if (child < 0 || waitpid(child, &status, 0) != child || !WIFSIGNALED(status)) return 1;
  printf("it ended with signal %d\n", WTERMSIG(status));
  if (dump != NULL) printf("now try: exalloc pool --core %s\n", dump);
  return 0;
}
