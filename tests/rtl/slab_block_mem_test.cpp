// SlabBlockMem: the memory with one cycle of reading.
#include "Vslab_block_mem.h"
#include "memory_check.hpp"

namespace {

using SlabBlockMem = memory_check::MemoryTest<Vslab_block_mem, 256, 1>;

TEST_F(SlabBlockMem, KeepsEveryAddressApart) { FillAndReadAll(); }
TEST_F(SlabBlockMem, ReadsWhatWasThereBeforeTheWriteOfTheSameCycle) { ReadDuringWrite(); }
TEST_F(SlabBlockMem, MatchesAnArrayUnderRandomTraffic) { RandomTraffic(200'000); }

}  // namespace
