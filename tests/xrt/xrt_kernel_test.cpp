// Kernels of the xclbin beside exalloc, through XRT: what a host program does with `loopback` on a
// card, on the simulated one. docs/examples/kernel is tested with programs and kernels of its own.
#include <experimental/xrt_ip.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <xrt/xrt_bo.h>
#include <xrt/xrt_device.h>
#include <xrt/xrt_kernel.h>

#include <cstdint>
#include <cstdlib>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "../host/error_log.hpp"
#include "exalloc/card_memory.h"
#include "exalloc/exalloc.h"
#include "exalloc/kernel.hpp"
#include "exalloc/regs.hpp"
#include "exalloc/stats.hpp"
#include "exalloc/stream.h"
#include "exalloc/wdm.h"
#include "on_the_simulated_card.hpp"

namespace {

namespace off = exalloc::regs::offset;

// Many more than processors and ports keep ready: nobody recalls those for a kernel that waits.
constexpr ULONG block_size = 64, blocks = 3000, ports = 4;
constexpr ULONG segment_size = sizeof(ZONE_SEGMENT_HEADER) + blocks * block_size;

// A zone on the card at every stream port; loopback_1 to loopback_4 are behind them.
class xrt_kernel : public testing::Test {
 protected:
  void SetUp() override {
    segment_ = exalloc_card_segment_create("HBM[0]", segment_size);
    ASSERT_NE(segment_, nullptr) << exalloc_last_error();
    ASSERT_EQ(ExInitializeZone(&zone_, block_size, segment_, segment_size), STATUS_SUCCESS);
    for (unsigned p = 0; p < ports; ++p)
      ASSERT_EQ(exalloc_stream_attach(p, &zone_, EXALLOC_STREAM_POP | EXALLOC_STREAM_PUSH), 0)
          << exalloc_last_error();
    device_ = xrt::device(0);
    id_ = device_.load_xclbin(std::string(std::getenv("EXALLOC_XRT_XCLBIN")));
  }
  // Detached, the ports and the kernels hold nothing: every block is there, once.
  void TearDown() override {
    for (unsigned p = 0; p < ports; ++p)
      EXPECT_EQ(exalloc_stream_detach(p), 0) << exalloc_last_error();
    std::set<void*> all;
    while (void* const block = ExAllocateFromZone(&zone_)) EXPECT_TRUE(all.insert(block).second);
    EXPECT_EQ(all.size(), blocks);
    exalloc_zone_delete(&zone_);
    EXPECT_EQ(exalloc_card_segment_delete(segment_), 0);
    EXPECT_EQ(errors_.errors(), 0U);
  }
  xrt::kernel loopback(const std::string& instances) {
    return {device_, id_, "loopback:{" + instances + "}"};
  }
  xrt::bo list(const xrt::kernel& k, unsigned tokens) {
    const std::size_t pages = tokens * sizeof(std::uint32_t) / 4096 + 1;  // XRT takes whole ones
    return {device_, pages * 4096, static_cast<xrt::memory_group>(k.group_id(2))};
  }
  static xrt::run prepared(const xrt::kernel& k, xrt::bo& seen, unsigned count) {
    xrt::run r(k);
    r.set_arg(2, seen);
    r.set_arg(3, count);
    return r;
  }
  // Tokens of the zone, all of them.
  void expect_tokens(xrt::bo& seen, unsigned count) {
    seen.sync(XCL_BO_SYNC_BO_FROM_DEVICE);
    exalloc_segment s{};
    ASSERT_EQ(exalloc_zone_segments(&zone_, &s, 1), 1U);
    const exalloc::kernel::segment k{s.device_address, s.first_token, s.blocks, s.block_size, 0};
    const auto* const tokens = seen.map<const std::uint32_t*>();
    for (unsigned i = 0; i < count; ++i)
      EXPECT_TRUE(exalloc::kernel::holds(k, tokens[i])) << i << ": " << tokens[i];
  }

  error_log errors_;
  void* segment_ = nullptr;
  ZONE_HEADER zone_{};
  xrt::device device_;
  xrt::uuid id_;
};

TEST_F(xrt_kernel, loopback_gives_every_token_back) {
  constexpr unsigned count = 1000;
  const xrt::kernel k = loopback("loopback_1");
  xrt::bo seen = list(k, count);
  xrt::run r = prepared(k, seen, count);
  for (unsigned i = 0; i < 2; ++i) {
    r.start();
    EXPECT_EQ(r.wait(), ERT_CMD_STATE_COMPLETED);
    expect_tokens(seen, count);
  }
}

TEST_F(xrt_kernel, each_instance_is_at_its_own_port) {
  for (unsigned n = 1; n <= ports; ++n) {
    const xrt::kernel k = loopback("loopback_" + std::to_string(n));
    xrt::bo seen = list(k, 10 * n);
    xrt::run r = prepared(k, seen, 10 * n);
    r.start();
    EXPECT_EQ(r.wait(), ERT_CMD_STATE_COMPLETED);
  }
  for (unsigned p = 0; p < ports; ++p) {
    EXPECT_EQ(exalloc_stream_detach(p), 0);  // what was pushed has been executed
    const std::uint32_t port = off::streams_base + p * off::streams_stride;
    EXPECT_EQ(exalloc::current_card().read(port + off::stream_popped), 10 * (p + 1)) << p;
    EXPECT_EQ(exalloc::current_card().read(port + off::stream_pushed), 10 * (p + 1)) << p;
  }
}

// Commands wait for an instance that has nothing to do.
TEST_F(xrt_kernel, all_instances_work_at_once) {
  constexpr unsigned count = 300, commands = 9;
  const xrt::kernel k = loopback("loopback_1,loopback_2,loopback_3,loopback_4");
  std::vector<xrt::bo> seen;
  std::vector<xrt::run> runs;
  for (unsigned i = 0; i < commands; ++i) {
    seen.push_back(list(k, count));
    runs.push_back(prepared(k, seen.back(), count));
  }
  for (xrt::run& r : runs) r.start();
  for (unsigned i = 0; i < commands; ++i) {
    EXPECT_EQ(runs[i].wait(), ERT_CMD_STATE_COMPLETED);
    expect_tokens(seen[i], count);
  }
}

// Two threads allocate and free while the kernels do.
TEST_F(xrt_kernel, what_threads_hold_no_kernel_sees) {
  constexpr unsigned count = 500, held = 150;
  exalloc_zone_lockfree(&zone_, 1);
  KSPIN_LOCK lock = 0;
  std::set<std::uint32_t> mine;
  std::vector<void*> holds;
  for (unsigned i = 0; i < held; ++i) {
    holds.push_back(ExInterlockedAllocateFromZone(&zone_, &lock));
    mine.insert(exalloc_token(&zone_, holds.back()));
  }
  const xrt::kernel k = loopback("loopback_1,loopback_2");
  xrt::bo seen[] = {list(k, count), list(k, count)};
  xrt::run runs[] = {prepared(k, seen[0], count), prepared(k, seen[1], count)};
  for (xrt::run& r : runs) r.start();
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 2; ++t) {
    threads.emplace_back([&] {
      for (unsigned i = 0; i < 2000; ++i) {
        if (void* const block = ExInterlockedAllocateFromZone(&zone_, &lock))
          ExInterlockedFreeToZone(&zone_, block, &lock);
      }
    });
  }
  for (xrt::run& r : runs) EXPECT_EQ(r.wait(), ERT_CMD_STATE_COMPLETED);
  for (std::thread& t : threads) t.join();
  for (xrt::bo& s : seen) {
    expect_tokens(s, count);
    const auto* const tokens = s.map<const std::uint32_t*>();
    for (unsigned i = 0; i < count; ++i) EXPECT_FALSE(mine.contains(tokens[i]));
  }
  for (void* const block : holds) ExInterlockedFreeToZone(&zone_, block, &lock);
}

TEST_F(xrt_kernel, an_address_without_memory_fails) {
  const xrt::kernel k = loopback("loopback_3");
  xrt::run r(k);
  r.set_arg(2, std::uint64_t{0x7000'0000'0000});
  r.set_arg(3, 1U);
  r.start();
  EXPECT_EQ(r.wait(), ERT_CMD_STATE_ERROR);
}

// As any kernel with ap_ctrl_chain, by hand.
TEST_F(xrt_kernel, its_registers_start_it_too) {
  constexpr std::uint32_t control = 0x00, seen_low = 0x10, seen_high = 0x14, count = 0x1c;
  xrt::ip ip(device_, id_, "loopback:{loopback_4}");
  xrt::bo seen(device_, 4096, 0);
  ip.write_register(seen_low, static_cast<std::uint32_t>(seen.address()));
  ip.write_register(seen_high, static_cast<std::uint32_t>(seen.address() >> 32));
  ip.write_register(count, 20);
  EXPECT_EQ(ip.read_register(control), 4U);  // idle
  ip.write_register(control, 1);
  std::uint32_t was = 0;
  while (((was = ip.read_register(control)) & 2) == 0) {
  }
  EXPECT_EQ(was & 8, 8U);
  expect_tokens(seen, 20);
}

TEST_F(xrt_kernel, an_instance_in_use_is_not_opened_alone) {
  const xrt::kernel shared = loopback("loopback_1");
  EXPECT_THROW(xrt::ip(device_, id_, "loopback:{loopback_1}"), std::exception);
  EXPECT_NO_THROW(xrt::ip(device_, id_, "loopback:{loopback_2}"));
}

}  // namespace
