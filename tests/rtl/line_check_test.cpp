// line_check with every opcode its own: all headers that matter, against the protocol's table.
#include "Vline_check.h"
#include "exalloc/regs.hpp"
#include "module_test.hpp"

namespace exalloc::test {
namespace {

namespace sub = regs::submission_header;

constexpr unsigned kLists = 64;

unsigned Expected(std::uint64_t header, bool bad_phase) {
  if (bad_phase) return 9;
  const std::uint64_t opcode = sub::opcode.get(header), count = sub::count.get(header);
  const std::uint64_t used = sub::phase.mask() | sub::opcode.mask() | sub::ack.mask() |
                             sub::call.mask() | sub::count.mask() | sub::list.mask() |
                             sub::cookie.mask() | (opcode == 6 ? sub::give.mask() : 0);
  if (opcode < 1 || opcode > 7 || (header & ~used) != 0) return 7;
  if (sub::call.get(header) != 0 && opcode != 5 && opcode != 6) return 7;
  if (sub::list.get(header) >= kLists) return 6;
  const unsigned low[] = {0, 1, 1, 0, 0, 1, 0, 0}, high[] = {0, 112, 14, 0, 0, 48, 6, 0};
  return count < low[opcode] || count > high[opcode] ? 8 : 0;
}

class LineCheck : public ports::SeededTest {
 protected:
  ~LineCheck() override { dut_.final(); }
  void Check(std::uint64_t header, bool bad_phase = false) {
    dut_.header_i = header;
    dut_.bad_phase_i = bad_phase;
    dut_.eval();
    ASSERT_EQ(dut_.status_o, Expected(header, bad_phase)) << std::hex << header;
  }
  Vline_check dut_;
};

TEST_F(LineCheck, JudgesEveryOpcodeAndCount) {
  for (unsigned opcode = 0; opcode < 16; ++opcode) {
    for (unsigned count = 0; count < 256; ++count) {
      for (unsigned list : {0u, kLists - 1, kLists, 512u, 1023u}) {
        std::uint64_t header = sub::opcode.set(rng_() & sub::cookie.mask(), opcode);
        header = sub::count.set(header, count);
        header = sub::list.set(header, list);
        Check(header);
        Check(sub::call.set(header, 1));
        Check(sub::ack.set(header, 1));
        Check(header, true);
        Check(header | std::uint64_t{1} << Random(64));
        if (HasFailure()) return;
      }
    }
  }
}

TEST_F(LineCheck, JudgesEveryBit) {
  for (unsigned bit = 0; bit < 64; ++bit) {
    for (unsigned opcode = 1; opcode < 8; ++opcode) {
      const std::uint64_t header =
          sub::count.set(sub::opcode.set(0, opcode), opcode % 4 == 3 ? 0 : 1);
      Check(header | std::uint64_t{1} << bit);
    }
  }
}

}  // namespace
}  // namespace exalloc::test
