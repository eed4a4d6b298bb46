/* How large a cache this machine wants. */
#include <exalloc/wdm.h>
#include <stdio.h>

int main(void) {
  static const unsigned buffers[] = {16, 128, 1024};
  const MM_SYSTEMSIZE size = MmQuerySystemSize();
  printf("%u buffers%s\n", buffers[size], MmIsThisAnNtAsSystem() ? ", on a server" : "");
  return 0;
}
