// Every copy of the reset is the reset of Stages cycles ago.
#include <deque>

#include "Vreset_pipe.h"
#include "module_test.hpp"

namespace {

using ResetPipe = ports::ModuleTest<Vreset_pipe>;

TEST_F(ResetPipe, EveryCopyComesAtTheSameTime) {
  constexpr unsigned stages = 2, all = 0xf;
  std::deque<bool> past;
  for (int i = 0; i < 1000; ++i) {
    dut_.rst_i = Chance(50);
    past.push_back(dut_.rst_i);
    Cycle();
    if (past.size() < stages) continue;
    ASSERT_EQ(dut_.rst_o, past.front() ? all : 0) << "cycle " << i;
    past.pop_front();
  }
}

}  // namespace
