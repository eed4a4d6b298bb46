// The slab bank against its specification (slab_bank_model.hpp), operation by operation, and
// against its cycle budgets. Every response is compared: slab, mask, status, tag, order.
#include <gtest/gtest.h>
#include <verilated.h>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "Vslab_bank.h"
#include "slab_bank_model.hpp"

namespace slab_bank {
namespace {

constexpr int kSlabs = 16384;
constexpr int kBits = 64;
constexpr int kUsableLists = 255;
constexpr uint64_t kAll = ~uint64_t{0} >> (64 - kBits);

// Fixed, so that a run can be repeated; EXALLOC_TEST_SEED gives another.
uint64_t Seed() {
  const char* text = std::getenv("EXALLOC_TEST_SEED");
  return text != nullptr ? std::strtoull(text, nullptr, 0) : 20261123;
}

class SlabBank : public ::testing::Test {
 protected:
  struct Rates {
    double per_cycle = 0;
    uint64_t replays = 0;
    uint64_t longest = 0;
  };
  struct Pending {
    Request request;
    Response expected;
    unsigned tag;
    uint64_t accepted;
  };
  // What a caller holds, taken from the bank's own responses.
  struct Held {
    int slab;
    int bit;
  };
  using Generator = std::function<Request()>;

  SlabBank() : seed_(Seed()), rng_(seed_) {
    RecordProperty("seed", std::to_string(seed_));
    trace_ = std::make_unique<::testing::ScopedTrace>(__FILE__, __LINE__,
                                                      "EXALLOC_TEST_SEED=" + std::to_string(seed_));
    Reset();
  }
  ~SlabBank() override { bank_.final(); }

  int Random(int below) { return static_cast<int>(rng_() % static_cast<unsigned>(below)); }
  bool Chance(int percent) { return Random(100) < percent; }
  uint64_t Bit(int bit) { return uint64_t{1} << bit; }

  // One clock. Offers the request if there is one; true if it was accepted.
  bool Clock(const Request* request) {
    bank_.req_valid_i = request != nullptr;
    if (request != nullptr) {
      bank_.req_op_i = static_cast<unsigned>(request->op);
      bank_.req_list_i = static_cast<unsigned>(request->list);
      bank_.req_domain_i = static_cast<unsigned>(request->domain);
      bank_.req_slab_i = static_cast<unsigned>(request->slab);
      bank_.req_mask_i = request->mask;
      bank_.req_limit_i = static_cast<unsigned>(request->limit);
      bank_.req_tag_i = next_tag_ & 0xff;
    }
    bank_.clk_i = 0;
    bank_.eval();
    const bool accepted = request != nullptr && bank_.req_ready_o && !bank_.rst_i;
    if (accepted) {
      pending_.push_back({*request, model_.Apply(*request), next_tag_ & 0xff, cycle_});
      next_tag_++;
    }
    bank_.clk_i = 1;
    bank_.eval();
    cycle_++;
    replays_ += bank_.replay_o;
    if (bank_.rsp_valid_o) Check();
    return accepted;
  }

  void Check() {
    if (pending_.empty()) {
      ADD_FAILURE() << "a response nobody asked for, cycle " << cycle_;
      failed_ = true;
      return;
    }
    const Pending expected = pending_.front();
    pending_.pop_front();
    answered_++;
    const uint64_t latency = cycle_ - expected.accepted;
    longest_ = std::max(longest_, latency);
    const auto status = static_cast<Status>(bank_.rsp_status_o);
    statuses_[static_cast<unsigned>(status)]++;
    bool same = bank_.rsp_op_o == static_cast<unsigned>(expected.request.op) &&
                bank_.rsp_tag_o == expected.tag && status == expected.expected.status;
    const bool granted = expected.request.op == Op::kGrant && status == Status::kOk;
    const bool trimmed = expected.request.op == Op::kTrim && status == Status::kOk;
    const bool has_slab = expected.request.op != Op::kGrant && expected.request.op != Op::kTrim;
    if (granted) same = same && bank_.rsp_mask_o == expected.expected.mask;
    if (granted || trimmed || has_slab) {
      same = same && static_cast<int>(bank_.rsp_slab_o) == expected.expected.slab;
    }
    last_ = {status, static_cast<int>(bank_.rsp_slab_o), bank_.rsp_mask_o};
    if (granted && holding_) {
      for (int bit = 0; bit < kBits; bit++) {
        if (bank_.rsp_mask_o >> bit & 1) {
          held_[expected.request.list].push_back({static_cast<int>(bank_.rsp_slab_o), bit});
        }
      }
    }
    if (!same) {
      failed_ = true;
      ADD_FAILURE() << std::hex << "op " << static_cast<int>(expected.request.op) << " list "
                    << expected.request.list << " slab " << expected.request.slab << " mask "
                    << expected.request.mask << ": expected status "
                    << static_cast<int>(expected.expected.status) << " slab "
                    << expected.expected.slab << " mask " << expected.expected.mask
                    << ", the bank says op " << static_cast<int>(bank_.rsp_op_o) << " status "
                    << static_cast<int>(bank_.rsp_status_o) << " slab " << bank_.rsp_slab_o
                    << " mask " << bank_.rsp_mask_o << std::dec << ", cycle " << cycle_;
    }
  }

  void Reset() {
    bank_.rst_i = 1;
    for (int i = 0; i < 3; i++) Clock(nullptr);
    pending_.clear();
    bank_.rst_i = 0;
    model_ = Model(kSlabs, kBits, kUsableLists);
    held_.assign(256, {});
    uint64_t start = cycle_;
    while (!bank_.ready_o && cycle_ - start < 20000) Clock(nullptr);
    ASSERT_LE(cycle_ - start, 16400u) << "the reset sweep";
  }

  void Settle() {
    const uint64_t start = cycle_;
    while (!pending_.empty() && !failed_) {
      Clock(nullptr);
      if (cycle_ - start > 1000) {
        failed_ = true;
        FAIL() << pending_.size() << " operations are never answered";
      }
    }
  }

  // One operation alone.
  Response Do(const Request& request) {
    Settle();
    longest_ = 0;
    for (int i = 0; i < 200 && !Clock(&request); i++) {
    }
    Settle();
    return last_;
  }

  // Offers `count` generated requests, each in every cycle unless `gap` percent of cycles are idle.
  Rates Run(uint64_t count, const Generator& generate, int gap = 0) {
    Settle();
    const uint64_t start = cycle_, replays = replays_;
    longest_ = 0;
    Request request = generate();
    for (uint64_t done = 0; done < count && !failed_;) {
      const bool idle = gap != 0 && Chance(gap);
      if (Clock(idle ? nullptr : &request) && ++done < count) request = generate();
      if (cycle_ - start > count * 60 + 1000) {
        failed_ = true;
        ADD_FAILURE() << "the bank no longer accepts";
      }
    }
    const uint64_t cycles = cycle_ - start;
    Settle();
    return {static_cast<double>(count) / static_cast<double>(cycles), replays_ - replays, longest_};
  }

  void Report(const std::string& name, const Rates& rates) {
    RecordProperty(name, std::to_string(rates.per_cycle));
    std::printf("  %-44s %.3f op/cycle, %6llu replays, longest %llu\n", name.c_str(),
                rates.per_cycle, static_cast<unsigned long long>(rates.replays),
                static_cast<unsigned long long>(rates.longest));
  }

  static Request Grant(int list, int domain = 1) { return {Op::kGrant, list, domain, 0, 0, 0}; }
  static Request Release(int list, int slab, uint64_t mask, int domain = 1) {
    return {Op::kRelease, list, domain, slab, mask, 0};
  }
  static Request Link(int list, int slab, int limit = kBits - 1) {
    return {Op::kLink, list, 0, slab, 0, limit};
  }
  static Request Admin(Op op, int list, int slab = 0, int domain = 1) {
    return {op, list, domain, slab, 0, 0};
  }

  Rates OpenAndLink(int list, int first, int count) {
    Do(Admin(Op::kOpen, list));
    int slab = first;
    return Run(count, [&] { return Link(list, slab++); });
  }

  // Grants until the list is empty, then gives a block back to each slab, in random order, and for
  // each further bit another one to half of them: at 2, slabs with one and two free blocks mixed.
  void Fragment(int list, int first, int count, int bits) {
    while (model_.FreeBlocks(list) != 0 && !failed_) Run(64, [&] { return Grant(list); });
    std::vector<int> slabs(count);
    for (int i = 0; i < count; i++) slabs[i] = first + i;
    for (int pass = 0; pass < bits; pass++) {
      std::shuffle(slabs.begin(), slabs.end(), rng_);
      size_t next = 0;
      Run(pass == 0 ? count : count / 2,
          [&] { return Release(list, slabs[next++], Bit(Random(kBits))); });
    }
  }

  // Gives back some block of any slab of the list; most of them lie deep in the order.
  Request ReleaseAnywhere(int list, int first, int count) {
    const int slab = first + Random(count);
    int bit = Random(kBits);
    while (model_.FreeMask(slab) >> bit & 1) bit = (bit + 1) % kBits;
    return Release(list, slab, Bit(bit));
  }

  // free + out == total: takes out everything that is left and compares with the model.
  void ExpectConserved(int lists) {
    Settle();
    for (int list = 0; list < lists && !failed_; list++) {
      if (!model_.IsOpen(list)) continue;
      uint64_t total = 0, out = 0, free = model_.FreeBlocks(list);
      for (int slab = 0; slab < kSlabs; slab++) {
        if (model_.Owner(slab) != list) continue;
        total += static_cast<uint64_t>(model_.Limit(slab)) + 1;
        out += static_cast<uint64_t>(model_.Limit(slab)) + 1 -
               static_cast<uint64_t>(std::popcount(model_.FreeMask(slab)));
      }
      EXPECT_EQ(free + model_.StrandedBlocks(list) + out, total);
      uint64_t taken = 0;
      for (;;) {
        const Response response = Do(Grant(list, domain_of_[list]));
        if (response.status != Status::kOk || failed_) break;
        taken += static_cast<uint64_t>(std::popcount(response.mask));
      }
      EXPECT_EQ(taken, free);
      EXPECT_EQ(last_.status, Status::kEmpty);
    }
  }

  // A blind mix on few slabs: right and wrong lists, domains, slabs, masks, and all admin
  // operations.
  Request Blind(int lists, int slabs, int admin_per_mille) {
    const int list = Chance(97) ? Random(lists) : Chance(50) ? Random(256) : 255;
    const int domain = Chance(97) ? domain_of_[list] : Random(64);
    const int slab = Chance(99) ? Random(slabs) : Random(kSlabs);
    if (Random(1000) < admin_per_mille) {
      switch (Random(12)) {
        case 0:
          return Admin(Op::kClose, list);
        case 1:
        case 2:
          return Admin(Op::kOpen, list, 0, domain_of_[list]);
        case 3:
        case 4:
          return Admin(Op::kUnlink, list, slab);
        case 5:
        case 6:
          return Admin(Op::kTrim, list);
        case 7:
          return Admin(Op::kUndefined, list, slab);
        default:
          return Link(list, slab, Chance(60) ? kBits - 1 : Random(kBits));
      }
    }
    if (Chance(grant_percent_)) return Grant(list, domain);
    uint64_t mask = Bit(Random(kBits));
    if (Chance(30)) mask = rng_() & rng_() & kAll;
    // Mostly something that is out, so that masks of all densities occur.
    if (Chance(60)) mask &= ~model_.FreeMask(slab);
    if (Chance(10)) mask = ~model_.FreeMask(slab) & kAll;
    const int owner = model_.Owner(slab);
    const int to = owner != Model::kNoOwner && Chance(90) ? owner : list;
    return Release(to, slab, mask, to == list ? domain : domain_of_[to]);
  }

  void OpenLists(int lists) {
    for (int list = 0; list < 256; list++) domain_of_[list] = list < lists ? Random(64) : 0;
    for (int list = 0; list < lists; list++) {
      Do(Admin(Op::kOpen, list, 0, domain_of_[list]));
    }
  }

  const uint64_t seed_;
  std::mt19937_64 rng_;
  std::unique_ptr<::testing::ScopedTrace> trace_;
  Vslab_bank bank_;
  Model model_{kSlabs, kBits, kUsableLists};
  std::deque<Pending> pending_;
  std::vector<std::vector<Held>> held_;
  Response last_;
  std::vector<uint64_t> statuses_ = std::vector<uint64_t>(16);
  int domain_of_[256] = {};
  int grant_percent_ = 45;
  unsigned next_tag_ = 0;
  uint64_t cycle_ = 0, replays_ = 0, answered_ = 0, longest_ = 0;
  bool holding_ = false, failed_ = false;
};

TEST_F(SlabBank, EachStatusCode) {
  // Nothing is open after reset.
  EXPECT_EQ(Do(Grant(3)).status, Status::kBadList);
  EXPECT_EQ(Do(Release(3, 0, 1)).status, Status::kBadList);
  EXPECT_EQ(Do(Link(3, 0)).status, Status::kBadList);
  EXPECT_EQ(Do(Admin(Op::kTrim, 3)).status, Status::kBadList);
  EXPECT_EQ(Do(Admin(Op::kClose, 3)).status, Status::kBadList);
  EXPECT_EQ(Do(Admin(Op::kUnlink, 3)).status, Status::kForeign);
  EXPECT_EQ(Do(Admin(Op::kOpen, 255)).status, Status::kBadList);
  EXPECT_EQ(Do(Admin(Op::kUnlink, 255)).status, Status::kBadList);
  EXPECT_EQ(Do(Admin(Op::kUndefined, 3)).status, Status::kBadCommand);

  EXPECT_EQ(Do(Admin(Op::kOpen, 3, 0, 5)).status, Status::kOk);
  EXPECT_EQ(Do(Admin(Op::kOpen, 3, 0, 6)).status, Status::kBadList);
  EXPECT_EQ(Do(Grant(3, 6)).status, Status::kDomain);
  EXPECT_EQ(Do(Grant(3, 5)).status, Status::kEmpty);
  EXPECT_EQ(Do(Admin(Op::kTrim, 3)).status, Status::kEmpty);
  EXPECT_EQ(Do(Release(3, 7, 1, 5)).status, Status::kForeign);

  EXPECT_EQ(Do(Link(3, 7, 40)).status, Status::kOk);
  EXPECT_EQ(Do(Link(3, 7, 40)).status, Status::kSlabInUse);
  EXPECT_EQ(Do(Admin(Op::kTrim, 3)).status, Status::kEmpty) << "a short slab is never whole";
  EXPECT_EQ(Do(Release(3, 7, 0, 5)).status, Status::kRange);
  EXPECT_EQ(Do(Release(3, 7, Bit(41), 5)).status, Status::kRange);
  EXPECT_EQ(Do(Release(3, 7, Bit(63) | 1, 5)).status, Status::kRange);
  EXPECT_EQ(Do(Release(3, 7, Bit(40), 5)).status, Status::kDoubleFree);
  EXPECT_EQ(Do(Release(3, 7, Bit(40), 6)).status, Status::kDomain);
  const Response first = Do(Grant(3, 5));
  EXPECT_EQ(first.mask, 0xffffu);
  EXPECT_EQ(first.slab, 7);
  EXPECT_EQ(Do(Grant(3, 5)).mask, 0xffff0000u);
  EXPECT_EQ(Do(Grant(3, 5)).mask, 0x1ff00000000u);
  EXPECT_EQ(Do(Grant(3, 5)).status, Status::kEmpty);
  EXPECT_EQ(Do(Release(3, 7, 0x8001, 5)).status, Status::kOk);
  EXPECT_EQ(Do(Release(3, 7, 0x4001, 5)).status, Status::kDoubleFree);
  EXPECT_EQ(Do(Grant(3, 5)).mask, 0x8001u) << "a refused release changes nothing";

  EXPECT_EQ(Do(Link(3, 9)).status, Status::kOk);
  const Response trimmed = Do(Admin(Op::kTrim, 3));
  EXPECT_EQ(trimmed.status, Status::kOk);
  EXPECT_EQ(trimmed.slab, 9);
  EXPECT_EQ(Do(Release(3, 9, 1, 5)).status, Status::kForeign) << "trimmed";
  EXPECT_EQ(Do(Link(3, 9)).status, Status::kOk);

  EXPECT_EQ(Do(Admin(Op::kUnlink, 3, 9)).status, Status::kBadList) << "still open";
  EXPECT_EQ(Do(Admin(Op::kClose, 3)).status, Status::kOk);
  EXPECT_EQ(Do(Grant(3, 5)).status, Status::kBadList);
  EXPECT_EQ(Do(Admin(Op::kOpen, 4)).status, Status::kOk);
  EXPECT_EQ(Do(Link(4, 9)).status, Status::kSlabInUse) << "closed, not yet unlinked";
  EXPECT_EQ(Do(Admin(Op::kUnlink, 3, 9)).status, Status::kOk);
  EXPECT_EQ(Do(Admin(Op::kUnlink, 3, 9)).status, Status::kForeign);
  EXPECT_EQ(Do(Link(4, 9)).status, Status::kOk);
  EXPECT_EQ(Do(Admin(Op::kOpen, 3)).status, Status::kOk);
  EXPECT_EQ(Do(Grant(3)).status, Status::kEmpty) << "a reopened list is empty";
}

TEST_F(SlabBank, BackToBackLinkReleaseGrant) {
  // Everything about one slab inside the pipeline's length, in all orders.
  OpenLists(3);
  for (int round = 0; round < 20000 && !failed_; round++) {
    const int slab = Random(3);
    std::vector<Request> burst;
    for (int i = 0; i < 8; i++) {
      const int list = Random(3);
      switch (Random(5)) {
        case 0:
          burst.push_back(Link(list, slab, Random(kBits)));
          break;
        case 1:
        case 2:
          burst.push_back(Grant(list, domain_of_[list]));
          break;
        default:
          burst.push_back(
              Release(list, slab, Bit(Random(kBits / 3)) | Bit(Random(kBits)), domain_of_[list]));
      }
    }
    if (Chance(20)) {
      const int list = Random(3);
      burst.push_back(Admin(Op::kClose, list));
      for (int i = 0; i < 3; i++) burst.push_back(Admin(Op::kUnlink, list, i));
      burst.push_back(Admin(Op::kOpen, list, 0, domain_of_[list]));
    }
    size_t next = 0;
    Run(burst.size(), [&] { return burst[next++]; });
  }
}

// Of a slab just linked the memory still has the successors of its former life. They are believed
// of no slab that stands where the list had ended: it would be taken for a part of the order, which
// the assertions on the order and its masks tell.
TEST_F(SlabBank, SuccessorsOfAFormerLifeAreForgotten) {
  OpenLists(2);
  for (int round = 0; round < 2000 && !failed_; round++) {
    const int domain = domain_of_[0];
    const int depth = 6 + Random(6), top = depth - 1;
    const auto run = [&](std::vector<Request> requests) {
      size_t next = 0;
      Run(requests.size(), [&] { return requests[next++]; });
    };
    // A long list, whose uppermost slab remembers those below it.
    std::vector<Request> life;
    for (int slab = 0; slab < depth; slab++) life.push_back(Link(0, slab));
    if (Chance(50)) {
      for (int i = 0; i < 4; i++) life.push_back(Grant(0, domain));
      life.push_back(Release(0, top, Bit(Random(kBits)), domain));
    }
    run(life);
    Do(Admin(Op::kClose, 0));
    for (int slab = 0; slab < depth; slab++) Do(Admin(Op::kUnlink, 0, slab));
    Do(Admin(Op::kOpen, 0, 0, domain));
    // A short one of it: linked or given back, and named again within the pipeline's length.
    std::vector<Request> again;
    const int below = Random(3);
    for (int slab = 0; slab < below; slab++) again.push_back(Link(0, 20 + slab));
    again.push_back(Link(0, top, kBits / 4 - 1));
    if (Chance(50)) {
      again.push_back(Grant(0, domain));
      again.push_back(Release(0, top, Bit(Random(kBits / 4)), domain));
    }
    for (int i = Random(4); i > 0; i--) again.push_back(Grant(1, domain_of_[1]));
    again.push_back(Release(0, top, Bit(Random(kBits / 4)), domain));
    again.push_back(Grant(0, domain));
    run(again);
    // Each slab of the former life is named; none is in the order.
    for (int slab = 0; slab < depth; slab++) Do(Release(0, slab, 1, domain ^ 1));
    run({Grant(0, domain), Link(0, 30), Grant(0, domain)});
    // All of it goes, for the next round.
    Do(Admin(Op::kClose, 0));
    for (int slab : {top, 20, 21, 30}) Do(Admin(Op::kUnlink, 0, slab));
    Do(Admin(Op::kOpen, 0, 0, domain));
  }
  ExpectConserved(2);
}

TEST_F(SlabBank, StressFewSlabs) {
  OpenLists(4);
  for (int slabs : {2, 5, 12, 40}) {
    for (int grants : {30, 45, 60}) {
      for (int gap : {0, 40, 85}) {
        SCOPED_TRACE("slabs " + std::to_string(slabs) + " gap " + std::to_string(gap));
        grant_percent_ = grants;
        Run(
            30000, [&] { return Blind(4, slabs, 60); }, gap);
        if (failed_) return;
      }
    }
  }
  ExpectConserved(4);
  for (Status status :
       {Status::kOk, Status::kEmpty, Status::kDoubleFree, Status::kForeign, Status::kRange,
        Status::kDomain, Status::kBadList, Status::kSlabInUse, Status::kBadCommand}) {
    EXPECT_GT(statuses_[static_cast<unsigned>(status)], 100u) << static_cast<int>(status);
  }
}

TEST_F(SlabBank, StressManyAdminOperations) {
  OpenLists(3);
  Run(60000, [&] { return Blind(3, 6, 500); });
  Run(
      60000, [&] { return Blind(2, 3, 300); }, 30);
  ExpectConserved(3);
}

TEST_F(SlabBank, StressDeepOrder) {
  // Bursts that run deep into the order and back: prefetch, its misses, and replays.
  OpenLists(2);
  int slab = 0;
  Run(600, [&] {
    const int s = slab++;
    return Link(s & 1, s);
  });
  int mode = 0;
  int list = 0;
  Run(600000, [&] {
    if (Random(12) == 0) {
      mode = Random(3);
      list = Random(2);
    }
    if (mode == 0) return Grant(list, domain_of_[list]);
    const int s = 2 * Random(300) + list;
    uint64_t mask = Bit(Random(4) * (kBits / 4) + Random(2));
    if (mode == 2) mask |= Bit(Random(kBits));
    return Release(list, s, mask, domain_of_[list]);
  });
  ExpectConserved(2);
}

TEST_F(SlabBank, StressSparseLists) {
  // Many lists in turn, so that their states come from memory and not from the pipeline.
  const int lists = 200;
  OpenLists(lists);
  int slab = 0;
  Run(lists * 8, [&] {
    const int s = slab++;
    return Link(s % lists, s, Chance(80) ? kBits - 1 : Random(kBits));
  });
  int run = 0, list = 0;
  Run(400000, [&] {
    if (run-- == 0) {
      list = Random(lists);
      run = Random(9);
    }
    if (Chance(45)) return Grant(list, domain_of_[list]);
    return Release(list, list + lists * Random(8), Bit(Random(kBits)), domain_of_[list]);
  });
  ExpectConserved(lists);
}

TEST_F(SlabBank, ResetInTheMiddleOfWork) {
  for (int round = 0; round < 6 && !failed_; round++) {
    OpenLists(4);
    Run(500 + static_cast<uint64_t>(Random(200)), [&] { return Blind(4, 12, 200); });
    Request request = Blind(4, 12, 200);
    for (int i = 0; i < 20 + Random(20); i++) {
      if (Clock(&request)) request = Blind(4, 12, 200);
    }
    Reset();
    // No trace of the life before: no list is open, no slab has an owner.
    for (int slab = 0; slab < 12; slab++) {
      for (int list = 0; list < 4; list++) {
        EXPECT_EQ(Do(Admin(Op::kUnlink, list, slab)).status, Status::kForeign);
      }
    }
    EXPECT_EQ(Do(Grant(0)).status, Status::kBadList);
    const Response silent = last_;
    for (int i = 0; i < 50; i++) Clock(nullptr);
    EXPECT_EQ(silent.status, last_.status);
  }
}

TEST_F(SlabBank, LatencyBudget) {
  OpenAndLink(1, 0, 512);
  Fragment(1, 0, 512, 1);
  uint64_t without = 0, with = 0;
  for (int i = 0; i < 3000 && !failed_; i++) {
    const uint64_t before = replays_;
    Do(Chance(60) ? Grant(1) : Release(1, Random(512), Bit(Random(kBits))));
    (replays_ == before ? without : with) = std::max(replays_ == before ? without : with, longest_);
  }
  // A replay for certain: a release just behind the LINK of its slab, asking while nothing waits.
  for (int slab = 600; slab < 700; slab++) {
    const uint64_t before = replays_;
    int step = 0;
    const Rates rates = Run(2, [&] { return step++ == 0 ? Link(1, slab) : Release(1, slab, 1); });
    if (replays_ != before) with = std::max(with, rates.longest);
  }
  EXPECT_GT(with, 0u) << "no replay was seen";
  EXPECT_LE(without, 10u);
  EXPECT_LE(with, 18u);
  std::printf("  latency %llu, after a replay %llu\n", static_cast<unsigned long long>(without),
              static_cast<unsigned long long>(with));
}

TEST_F(SlabBank, RateOfDenseLists) {
  Rates rates = OpenAndLink(5, 0, kSlabs);
  Report("link", rates);
  EXPECT_GE(rates.per_cycle, 0.999);
  rates = Run(60000, [&] { return Grant(5); });
  Report("grants, one list", rates);
  EXPECT_GE(rates.per_cycle, 0.999);
  Run(20000, [&] { return Grant(5); });
  rates = Run(60000, [&] { return Release(5, Random(kSlabs), Bit(Random(kBits))); });
  Report("releases to random slabs", rates);
  EXPECT_GE(rates.per_cycle, 0.999);

  Reset();
  OpenAndLink(1, 0, 1);
  uint64_t step = 0;
  rates = Run(40000, [&] {
    const uint64_t now = step++;
    return now < 4 || (now & 1) ? Grant(1) : Release(1, 0, Bit(static_cast<int>(now % 64)));
  });
  Report("one slab, release and grant in turn", rates);
  EXPECT_GE(rates.per_cycle, 0.999);
  step = 0;
  rates = Run(68000, [&] {
    const uint64_t now = step++ % 68;
    return now < 4 ? Grant(1) : Release(1, 0, Bit(static_cast<int>(now - 4)));
  });
  Report("one slab, 4 grants then 64 releases", rates);
  EXPECT_GE(rates.per_cycle, 0.999);

  Reset();
  for (int list = 0; list < 16; list++) OpenAndLink(list, list * 1024, 1022);
  Run(100000, [&] { return Grant(Random(16)); });
  for (int grants : {50, 20}) {
    rates = Run(150000, [&] {
      const int list = Random(16);
      if (Chance(grants)) return Grant(list);
      return Release(list, list * 1024 + Random(1022), Bit(Random(kBits)));
    });
    Report("16 lists, " + std::to_string(grants) + "% grants", rates);
    EXPECT_GE(rates.per_cycle, 0.999);
  }
}

TEST_F(SlabBank, RateOfFragmentedLists) {
  holding_ = true;
  for (int lists : {1, 2}) {
    for (int bits : {1, 2}) {
      for (int pattern = 0; pattern < 4; pattern++) {
        Reset();
        for (int list = 0; list < lists; list++) {
          OpenAndLink(list, list * 2048, 2048);
          Fragment(list, list * 2048, 2048, bits);
        }
        held_.assign(256, {});
        for (int list = 0; list < lists; list++) Run(300, [&] { return Grant(list); });
        uint64_t step = 0;
        const Rates rates = Run(20000, [&] {
          const int list = Random(lists);
          const uint64_t now = step++;
          const bool grant = pattern == 0   ? (now & 1) != 0
                             : pattern == 2 ? (now >> 4 & 1) != 0
                                            : Chance(50);
          if (pattern == 3 && !grant) return ReleaseAnywhere(list, list * 2048, 2048);
          std::vector<Held>& held = held_[list];
          if (grant || held.empty()) return Grant(list);
          std::swap(held[static_cast<size_t>(Random(static_cast<int>(held.size())))], held.back());
          const Held back = held.back();
          held.pop_back();
          return Release(list, back.slab, Bit(back.bit));
        });
        Report(std::string(pattern == 0   ? "balanced, in turn"
                           : pattern == 1 ? "balanced, random"
                           : pattern == 2 ? "balanced, bursts of 16"
                                          : "balanced, random, scattered") +
                   ", lists " + std::to_string(lists) + ", bits " + std::to_string(bits),
               rates);
        EXPECT_GE(rates.per_cycle, 0.95);
      }
    }
  }
}

TEST_F(SlabBank, RateOfDrain) {
  for (int bits : {1, 2, 3, 5, 9}) {
    Reset();
    OpenAndLink(3, 0, 16000);
    Fragment(3, 0, 16000, bits);
    const Rates rates = Run(15000, [&] { return Grant(3); });
    Report("drain, bits " + std::to_string(bits), rates);
    EXPECT_GE(rates.per_cycle, 0.95);
  }
  for (bool in_turn : {true, false}) {
    Reset();
    for (int list = 0; list < 16; list++) {
      OpenAndLink(list, list * 1024, 1022);
      Fragment(list, list * 1024, 1022, 1);
    }
    int next = 0;
    const Rates rates = Run(15000, [&] { return Grant(in_turn ? next++ % 16 : Random(16)); });
    Report(in_turn ? "drain, 16 lists in turn" : "drain, 16 lists at random", rates);
    EXPECT_GE(rates.per_cycle, 0.95);
  }
}

TEST_F(SlabBank, AMillionBlocksReadyWithinBudget) {
  // 4 banks: 16 Ki slabs of 64 blocks make the million, 4 Ki of them here; no bank needs longer.
  const uint64_t start = cycle_;
  OpenAndLink(0, 0, 4096);
  EXPECT_LE(cycle_ - start, 20000u);
}

}  // namespace
}  // namespace slab_bank
