// The bridge between a stream port's pins and TLM sockets, alone: tokens go through at one a cycle,
// and a kernel that breaks the rules of its sockets is told of with rule and clock edge.
#include "platform/stream_bridge.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "platform/kernel_side.hpp"

namespace exalloc::sim {
namespace {

// SystemC elaborates once a context: each test has its own, and is in it.
class in_a_context {
 public:
  in_a_context()
      : current_(sc_core::sc_curr_simcontext), default_(sc_core::sc_default_global_context) {
    sc_core::sc_curr_simcontext = sc_core::sc_default_global_context = &own_;
  }
  ~in_a_context() {
    sc_core::sc_curr_simcontext = current_;
    sc_core::sc_default_global_context = default_;
  }

 private:
  sc_core::sc_simcontext *current_, *default_;
  sc_core::sc_simcontext own_;
};

// A kernel in TLM that answers and pushes only when the test says so.
struct raw_kernel : sc_core::sc_module {
  explicit raw_kernel(sc_core::sc_module_name name) : sc_module(name) {
    pop.register_nb_transport_fw(this, &raw_kernel::offered);
    push.register_nb_transport_bw(this, &raw_kernel::taken);
  }
  tlm_utils::simple_target_socket<raw_kernel> pop{"pop"};
  tlm_utils::simple_initiator_socket<raw_kernel> push{"push"};
  transfer_pool pool;
  transfer* offer = nullptr;
  unsigned withdrawn = 0, pushed = 0;

  tlm::tlm_sync_enum offered(tlm::tlm_generic_payload& p, tlm::tlm_phase& phase,
                             sc_core::sc_time&) {
    if (phase == OFFER_WITHDRAWN) {
      ++withdrawn;
      offer = nullptr;
      return tlm::TLM_COMPLETED;
    }
    offer = &as_transfer(p);
    return sim::taken(phase);
  }
  tlm::tlm_sync_enum taken(tlm::tlm_generic_payload&, tlm::tlm_phase&, sc_core::sc_time&) {
    ++pushed;
    return tlm::TLM_COMPLETED;
  }
  transfer& write(std::uint32_t token) {
    transfer& t = pool.get(tlm::TLM_WRITE_COMMAND, 0, sizeof token);
    std::memcpy(t.data.data(), &token, sizeof token);
    return t;
  }
};

template <typename kernel>
class bridge_with : public ::testing::Test {
 protected:
  bridge_with() {
    kernel_.emplace("kernel");
    bridge_.emplace("bridge", 2u, checks_);
    bridge_->pop.bind(kernel_->pop);
    kernel_->push.bind(bridge_->push);
    sc_core::sc_report_handler::set_actions(sc_core::SC_ID_NO_SC_START_ACTIVITY_,
                                            sc_core::SC_DO_NOTHING);
    sc_core::sc_start(sc_core::SC_ZERO_TIME);
  }
  // Clock edges so far: the message tells of the next.
  void edge(std::optional<std::uint32_t> offered) {
    checks_.edge({});
    bridge_->after_edge(pins_);
    bridge_->before_edge(pins_, offered);
    pins_.pop_valid = offered.has_value();
    if (offered) pins_.pop_token = *offered;
  }

  in_a_context context_;
  axi_checks checks_;
  std::optional<kernel> kernel_;
  std::optional<stream_bridge> bridge_;
  stream_pins pins_;
};

using StreamBridge = bridge_with<raw_kernel>;

TEST_F(StreamBridge, AnAnswerIsReadyAtTheNextEdge) {
  edge(7);
  EXPECT_FALSE(pins_.pop_ready);
  edge(7);
  EXPECT_FALSE(pins_.pop_ready);
  std::uint32_t token;
  std::memcpy(&token, kernel_->offer->get_data_ptr(), sizeof token);
  EXPECT_EQ(token, 7u);
  answer(kernel_->pop, *kernel_->offer);
  edge(7);
  EXPECT_TRUE(pins_.popped());
  edge(8);
  EXPECT_FALSE(pins_.pop_ready);
  EXPECT_EQ(checks_.violation(), "");
}

TEST_F(StreamBridge, APortMayTakeItsTokenBack) {
  edge(7);
  edge(std::nullopt);
  EXPECT_EQ(kernel_->withdrawn, 1u);
  edge(9);
  edge(10);  // within one cycle
  EXPECT_EQ(kernel_->withdrawn, 2u);
  EXPECT_EQ(checks_.violation(), "");
}

TEST_F(StreamBridge, APushIsAnsweredWhenThePortHasTakenIt) {
  request(kernel_->push, kernel_->write(5));
  edge({});
  EXPECT_TRUE(pins_.push_valid);
  EXPECT_EQ(pins_.push_token, 5u);
  EXPECT_EQ(kernel_->pushed, 0u);
  pins_.push_ready = true;
  edge({});
  EXPECT_EQ(kernel_->pushed, 1u);
  EXPECT_FALSE(pins_.push_valid);
  EXPECT_EQ(checks_.violation(), "");
}

TEST_F(StreamBridge, ASecondTokenBeforeTheFirstWasTakenIsAViolation) {
  edge({});
  request(kernel_->push, kernel_->write(5));
  request(kernel_->push, kernel_->write(6));
  EXPECT_EQ(checks_.violation(),
            "kernel at stream port 2, clock edge 1: it offers a token before the last one was "
            "taken");
}

TEST_F(StreamBridge, ATokenTakenTwiceIsAViolation) {
  edge(7);
  answer(kernel_->pop, *kernel_->offer);
  answer(kernel_->pop, *kernel_->offer);
  EXPECT_EQ(checks_.violation(), "kernel at stream port 2, clock edge 1: it takes a token twice");
}

TEST_F(StreamBridge, ATokenThatIsNotOfferedCannotBeTaken) {
  edge({});
  edge({});
  answer(kernel_->pop, kernel_->write(7));
  EXPECT_EQ(checks_.violation(),
            "kernel at stream port 2, clock edge 2: it takes a token that it is not offered");
}

TEST_F(StreamBridge, WhatIsNoTokenIsAViolation) {
  edge({});
  request(kernel_->push, kernel_->pool.get(tlm::TLM_READ_COMMAND, 0, 4));
  EXPECT_EQ(checks_.violation(),
            "kernel at stream port 2, clock edge 1: what it pushes is no write of 4 bytes to "
            "address 0");
}

TEST_F(StreamBridge, UnknownPhasesAreViolations) {
  edge({});
  tlm::tlm_phase phase = tlm::END_RESP;
  sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
  kernel_->push->nb_transport_fw(kernel_->write(1), phase, delay);
  EXPECT_EQ(checks_.violation(),
            "kernel at stream port 2, clock edge 1: a request of an unknown phase");
}

TEST_F(StreamBridge, OnlyAnOfferCanBeWithdrawn) {
  edge({});
  tlm::tlm_phase phase = OFFER_WITHDRAWN;
  sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
  kernel_->push->nb_transport_fw(kernel_->write(1), phase, delay);
  EXPECT_EQ(checks_.violation(),
            "kernel at stream port 2, clock edge 1: it withdraws a token that it does not offer");
}

// A kernel on pins behind the sockets: always ready, pushes back what it has popped.
class echo final : public stream_kernel {
 public:
  void clock(stream_pins& pins) override {
    if (pins.pushed()) ++pushed;
    pins.pop_ready = true;
    pins.push_valid = pins.popped();
    if (pins.popped()) {
      popped.push_back(pins.pop_token);
      pins.push_token = pins.pop_token;
    }
  }
  bool busy() const override { return false; }
  std::vector<std::uint32_t> popped;
  unsigned pushed = 0;
};

using StreamKernelSide = bridge_with<kernel_side>;

TEST_F(StreamKernelSide, OneTokenACycleEachWay) {
  const auto kernel = std::make_shared<echo>();
  std::shared_ptr<stream_kernel> attached = kernel;
  kernel_->attach(attached);
  pins_.push_ready = true;
  constexpr unsigned tokens = 100;
  std::vector<std::uint32_t> sent;
  unsigned edges = 0;
  for (std::uint32_t next = 100; sent.size() < tokens; ++edges) {
    checks_.edge({});
    if (pins_.popped()) sent.push_back(next++);
    bridge_->after_edge(pins_);
    kernel_->clock();
    bridge_->before_edge(pins_, next);
    pins_.pop_valid = true;
    pins_.pop_token = next;
  }
  EXPECT_EQ(edges, tokens + 1);
  EXPECT_EQ(kernel->popped, sent);
  EXPECT_EQ(kernel->pushed, tokens - 1);
  EXPECT_EQ(checks_.violation(), "");
}

}  // namespace
}  // namespace exalloc::sim
