// SlabWideMem: the memory with two cycles of reading.
#include "Vslab_wide_mem.h"
#include "memory_check.hpp"

namespace {

using SlabWideMem = memory_check::MemoryTest<Vslab_wide_mem, 16384, 2>;

TEST_F(SlabWideMem, KeepsEveryAddressApart) { FillAndReadAll(); }
TEST_F(SlabWideMem, ReadsWhatWasThereBeforeTheWriteOfTheSameCycle) { ReadDuringWrite(); }
TEST_F(SlabWideMem, MatchesAnArrayUnderRandomTraffic) { RandomTraffic(200'000); }

}  // namespace
