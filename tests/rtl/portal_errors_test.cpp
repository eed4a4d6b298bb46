// portal_errors: every failure of a portal and every bad doorbell is reported, none twice.
#include <array>
#include <bitset>
#include <deque>

#include "Vportal_errors.h"
#include "exalloc/regs.hpp"
#include "module_test.hpp"

namespace {

using exalloc::regs::status;

constexpr unsigned kPortals = 64;

class PortalErrors : public ports::ModuleTest<Vportal_errors> {
 protected:
  // One edge: the model takes what a new report names, then what came in.
  void Step() {
    Settle();
    const bool free = !dut_.err_valid_o || dut_.err_ready_i;
    const auto portal = dut_.err_portal_o, code = dut_.err_status_o;
    const bool held = !free;
    Cycle();
    if (held) {
      ASSERT_TRUE(dut_.err_valid_o) << "withdrawn";
      ASSERT_EQ(dut_.err_portal_o, portal);
      ASSERT_EQ(dut_.err_status_o, code);
    } else if (dut_.err_valid_o) {
      Report(static_cast<status>(dut_.err_status_o), dut_.err_portal_o);
    }
    waited_ = dut_.err_valid_o && held ? waited_ + 1 : 0;
    // A failure counts a cycle after it came.
    reads_ |= new_reads_;
    writes_ |= new_writes_;
    new_reads_.reset();
    new_writes_.reset();
    if (dut_.read_fail_i) new_reads_.set(dut_.read_fail_idx_i);
    if (dut_.write_fail_i) new_writes_.set(dut_.write_fail_idx_i);
    if (dut_.bad_doorbell_i) bells_.push_back(dut_.bad_doorbell_idx_i);
  }

  using Open = std::bitset<kPortals>;  // failures not reported yet
  void Report(status code, unsigned portal) {
    if (code == status::bad_doorbell) {
      ASSERT_FALSE(bells_.empty());
      EXPECT_EQ(portal, bells_.front());
      bells_.pop_front();
      ++bell_reports_;
      return;
    }
    ASSERT_TRUE(code == status::bus_read || code == status::bus_write);
    Open& open = code == status::bus_read ? reads_ : writes_;
    ASSERT_TRUE(open[portal]) << "portal " << portal << " reported without a failure";
    open.reset(portal);
    ++fail_reports_;
  }

  Open reads_, writes_, new_reads_, new_writes_;
  std::deque<unsigned> bells_;
  unsigned bell_reports_ = 0, fail_reports_ = 0, waited_ = 0;
};

TEST_F(PortalErrors, ReportsEverythingOnce) {
  unsigned since_bell = 100;
  for (int i = 0; i < 100'000; ++i) {
    const unsigned rate = std::array{1u, 20u, 60u}[static_cast<unsigned>(i / 1000 % 3)];
    const bool stop = i > 99'000;
    dut_.read_fail_i = !stop && Chance(rate);
    dut_.write_fail_i = !stop && Chance(rate);
    dut_.read_fail_idx_i = static_cast<std::uint8_t>(Random(kPortals));
    // Both directions of one portal at once, too.
    dut_.write_fail_idx_i =
        Chance(30) ? dut_.read_fail_idx_i : static_cast<std::uint8_t>(Random(kPortals));
    dut_.bad_doorbell_i = !stop && since_bell >= 2 && Chance(i / 3000 % 2 == 0 ? 100 : 10);
    dut_.bad_doorbell_idx_i = static_cast<std::uint8_t>(Random(kPortals));
    since_bell = dut_.bad_doorbell_i ? 0 : since_bell + 1;
    // The error record takes a report in its third cycle at the latest.
    dut_.err_ready_i = dut_.err_valid_o && (waited_ >= 2 || Chance(40));
    Step();
    if (HasFatalFailure()) return;
  }
  EXPECT_TRUE(reads_.none());
  EXPECT_TRUE(writes_.none());
  EXPECT_TRUE(bells_.empty());
  EXPECT_GT(bell_reports_, 10'000u);
  EXPECT_GT(fail_reports_, 10'000u);
}

TEST_F(PortalErrors, ForgetsAtReset) {
  dut_.read_fail_i = dut_.write_fail_i = dut_.bad_doorbell_i = 1;
  Cycles(3);
  dut_.read_fail_i = dut_.write_fail_i = dut_.bad_doorbell_i = 0;
  Reset();
  dut_.err_ready_i = 1;
  for (int i = 0; i < 50; ++i) {
    EXPECT_FALSE(dut_.err_valid_o);
    Cycle();
  }
}

}  // namespace
