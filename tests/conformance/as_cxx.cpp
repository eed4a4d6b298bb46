// The same rows, compiled as C++.
extern "C" {
#include "around.c"
#include "bug_check.c"
#include "lookaside.c"
#include "main.c"
#include "pool.c"
#include "system.c"
#include "zone.c"
}
