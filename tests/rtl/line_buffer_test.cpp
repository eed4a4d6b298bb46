// line_buffer against an array: two enabled cycles from address to line, held in between.
#include <deque>
#include <vector>

#include "Vline_buffer.h"
#include "axi_memory.hpp"
#include "module_test.hpp"

namespace exalloc::test {
namespace {

constexpr unsigned kLines = 1024;

using LineBuffer = ports::ModuleTest<Vline_buffer>;

TEST_F(LineBuffer, ReadsTwoEnabledCyclesLater) {
  std::vector<LineWords> model(kLines);
  const auto random_line = [&] {
    LineWords words;
    for (auto& w : words) w = static_cast<std::uint32_t>(rng_());
    return words;
  };
  for (unsigned i = 0; i < kLines; ++i) {
    model[i] = random_line();
    dut_.we_i = 1;
    dut_.waddr_i = static_cast<std::uint16_t>(i);
    PutLine(dut_.wdata_i, 0, model[i]);
    Cycle();
  }
  std::deque<LineWords> stages;  // read as of the cycle of their address
  for (int i = 0; i < 60'000; ++i) {
    const unsigned range = i / 1000 % 2 == 0 ? 4 : kLines;
    dut_.raddr_i = static_cast<std::uint16_t>(Random(range));
    dut_.re_i = Chance(i / 500 % 3 == 0 ? 100 : 60);
    dut_.waddr_i = static_cast<std::uint16_t>(Random(range));
    dut_.we_i = Chance(60) && dut_.waddr_i != dut_.raddr_i;
    const LineWords fresh = random_line();
    PutLine(dut_.wdata_i, 0, fresh);
    if (dut_.re_i) {
      stages.push_back(model[dut_.raddr_i]);
      if (stages.size() > 2) stages.pop_front();
    }
    if (dut_.we_i) model[dut_.waddr_i] = fresh;
    Cycle();
    if (stages.size() == 2) {
      ASSERT_EQ(GetLine(dut_.rdata_o), stages.front()) << "cycle " << i;
    }
  }
}

}  // namespace
}  // namespace exalloc::test
