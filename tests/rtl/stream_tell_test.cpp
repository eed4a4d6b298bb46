// stream_tell: both sums arrive whole, however slow the list monitor; what is given back is never
// told before it was given.
#include <optional>

#include "Vstream_tell.h"
#include "module_test.hpp"

namespace {

class StreamTell : public ports::ModuleTest<Vstream_tell> {};

TEST_F(StreamTell, SumsArriveAndInOrder) {
  unsigned got = 0, released = 0, told_got = 0, told_released = 0, most = 0;
  std::optional<std::pair<unsigned, unsigned>> offered;
  bool stop[3] = {};  // two stages of whoever counts what was given
  for (unsigned i = 0; i < 200'000; ++i) {
    const unsigned ready = i / 5000 % 2 == 0 ? 100 : Random(20);
    dut_.tell_ready_i = Chance(ready);
    Settle();
    dut_.got_i = stop[2] || Chance(40) ? 0 : static_cast<std::uint8_t>(Random(17));
    const unsigned back = std::min(got - released, Random(65));
    dut_.released_i = dut_.released_full_o || Chance(40) ? 0 : static_cast<std::uint8_t>(back);
    stop[2] = stop[1];
    stop[1] = stop[0];
    stop[0] = dut_.got_full_o;
    Settle();
    const std::pair<unsigned, unsigned> offer{dut_.tell_release_o, dut_.tell_count_o};
    if (offered) {
      ASSERT_TRUE(dut_.tell_valid_o && offer == *offered) << "an offer withdrawn or changed";
    }
    offered.reset();
    ASSERT_EQ(dut_.empty_o, told_got == got && told_released == released);
    if (dut_.tell_valid_o) {
      ASSERT_NE(offer.second, 0u);
      most = std::max(most, offer.second);
      if (!dut_.tell_ready_i) offered = offer;
      if (dut_.tell_ready_i) (offer.first ? told_released : told_got) += offer.second;
    }
    ASSERT_LE(told_released, told_got) << "told before it was given";
    got += dut_.got_i;
    released += dut_.released_i;
    Cycle();
  }
  EXPECT_GT(most, 64u);
  EXPECT_GT(told_released, 100'000u);
}

}  // namespace
