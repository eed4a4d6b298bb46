// Everything at once: programs of one to three threads with zones, one of which kernels on the card
// share, lookaside lists and the pool, on the simulated card, while late, lost, doubled and
// poisoned TLPs, bus errors, links that go down and resets come at random times. A checker that
// believes nothing the library says knows of each block who has it.
//
// Each run is a process of its own, as a card is. EXALLOC_FAULT_FUZZ=FIRST+COUNT runs other seeds
// than the few of the test suite, and tells of each.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "../child_process.hpp"
#include "../error_log.hpp"
#include "consumer.hpp"
#include "exalloc/card.hpp"
#include "exalloc/exalloc.h"
#include "exalloc/stats.hpp"
#include "exalloc/stream.h"
#include "exalloc/wdm.h"
#include "pattern.hpp"
#include "producer.hpp"

namespace {

using exalloc::current_card;
using exalloc::sim::consumer;
using exalloc::sim::producer;

// The same numbers on every machine, which the distributions of <random> do not promise.
class dice {
 public:
  explicit dice(std::uint64_t seed) : engine_(seed) {}
  // 0 to n - 1.
  unsigned operator()(unsigned n) { return static_cast<unsigned>(engine_() % n); }
  bool one_in(unsigned n) { return (*this)(n) == 0; }

 private:
  std::mt19937_64 engine_;
};

// ---- What goes wrong ----

std::string random_plan(dice& roll, unsigned seed) {
  const auto tlps = [&](bool with_data) {
    static constexpr const char* kinds[] = {"write", "completion", "read", "any"};
    static constexpr const char* ways[] = {"", ".up", ".down"};
    return fmt::format("{}{}", kinds[roll(with_data ? 2 : 4)], ways[roll(3)]);
  };
  const auto when = [&] { return fmt::format("{}us", 200 + roll(roll.one_in(2) ? 300 : 3000)); };
  // A share in thousandths of a percent, a number or a time.
  const auto which = [&](unsigned most) {
    const unsigned share = 1 + roll(roll.one_in(2) ? most : most / 10);
    if (roll.one_in(3)) return fmt::format("{}.{:03}%", share / 1000, share % 1000);
    const std::string first = roll.one_in(2) ? fmt::format("{}", 1 + roll(600)) : when();
    return roll.one_in(2) ? first : fmt::format("{}x{}", first, 1 + roll(4));
  };
  const auto one = [&]() -> std::string {
    switch (roll(12)) {
      case 0:
      case 1:
        return fmt::format("late:{}@{}+{}us", tlps(false), which(20'000), 1 + roll(90));
      case 2:
      case 3:
        return fmt::format("dup:{}@{}", tlps(false), which(30'000));
      case 4:
      case 5:
        return fmt::format("lost:{}@{}", tlps(false), which(300));
      case 6:
      case 7:
        return fmt::format("poison:{}@{}", tlps(true), which(300));
      case 8:
        return fmt::format("{}:{}@{}", roll.one_in(2) ? "slverr" : "decerr",
                           roll.one_in(2) ? "read" : "write", which(300));
      case 9:
        return fmt::format("retrain@{}+{}us", when(), 1 + roll(70));
      case 10:
        return roll.one_in(3) ? fmt::format("down@{}", when())
                              : fmt::format("down@{}+{}us", when(), 1 + roll(400));
      default:
        return fmt::format("reset@{}", when());
    }
  };
  std::string plan = fmt::format("seed={}", seed);
  if (roll.one_in(4)) plan += fmt::format(",timeout={}us", 20 + roll(300));
  if (roll.one_in(20)) plan += ",start=0ns";
  for (unsigned n = 1 + roll(5); n != 0; --n) plan += fmt::format(",{}", one());
  return plan;
}

// ---- Who has what ----

// A zone and who has its blocks. Kernels may share it; nothing else may change what lies in a block
// of a caller's.
class watched_zone {
 public:
  watched_zone(ULONG block_size, std::size_t blocks)
      : size_(block_size), memory_((16 + blocks * block_size) / 8 + 1), owner_(blocks) {
    // What a zone needs is at 8-byte boundaries.
    opened_ = ExInitializeZone(&header, block_size, memory_.data(),
                               static_cast<ULONG>(16 + blocks * block_size)) == STATUS_SUCCESS;
    if (opened_) exalloc_zone_lockfree(&header, 1);
  }
  bool opened() const { return opened_; }

  // A block that is the caller's from now on; null if there is none.
  std::uint64_t* allocate() {
    void* const p = ExInterlockedAllocateFromZone(&header, nullptr);
    return p != nullptr ? taken(p) : nullptr;
  }
  void free(std::uint64_t* p) {
    leaves(p, none);
    ExInterlockedFreeToZone(&header, p, nullptr);
  }
  // A kernel that allocates hands its block over.
  std::uint64_t* take(const producer::product& made) {
    void* const p = exalloc_block(&header, made.block);
    if (p == nullptr) {
      ADD_FAILURE() << "a kernel has token " << made.block << ", which is no block";
      return nullptr;
    }
    EXPECT_EQ(exalloc::sim::read_pattern(static_cast<std::byte*>(p)), made.pattern)
        << "a kernel's block was written to";
    return taken(p);
  }
  // The caller hands a block to the kernel that frees. The lock keeps numbers and jobs in order.
  void give(std::uint64_t* p, consumer& to) {
    const std::lock_guard lock(giving_);
    leaves(p, first_given + given_);
    const std::uint64_t pattern = exalloc::sim::pattern_of(token(p), ++given_ & 0xFFFF'FFFF);
    exalloc::sim::write_pattern(reinterpret_cast<std::byte*>(p), pattern);
    to.consume(token(p), pattern);
  }
  std::uint64_t given() const { return given_; }
  void frees_here(const consumer* kernel) { frees_here_ = kernel; }

  // Of a zone that nobody uses any more: every block can be had, or somebody has it. `held` are the
  // callers'.
  void account_for_all(const error_log& log, const std::vector<std::uint64_t*>& held) {
    std::vector<std::uint64_t*> rest;
    while (std::uint64_t* p = allocate()) rest.push_back(p);
    const auto lost = [&] { return log.count("card_lost") != 0; };
    const std::set<void*> away = quarantined();
    for (std::uint64_t* p : rest) EXPECT_FALSE(away.contains(p)) << "in quarantine, and handed out";
    EXPECT_TRUE(lost() || away.empty());
    unsigned missing = 0;
    for (std::size_t i = 0; i < owner_.size(); ++i) {
      const std::uint64_t now = owner_[i].load();
      if (now == caller || (lost() && now >= first_given) || away.contains(at(i))) continue;
      if (++missing <= 3)
        ADD_FAILURE() << "block " << i << (now >= first_given ? ", given to a kernel," : "")
                      << " is lost";
    }
    EXPECT_EQ(missing, 0u) << "of " << owner_.size() << " blocks of " << size_ << " bytes";
    for (std::uint64_t* p : rest) free(p);
    for (std::uint64_t* p : held) free(p);
    // Now that the kernels have stopped everything can come back, also if the card is lost only
    // while it does.
    std::size_t all = 0;
    for (int round = 0; round < 2; ++round) {
      const std::set<void*> kernels = quarantined();
      for (std::size_t i = 0; i < owner_.size() && lost(); ++i) {
        if (!kernels.contains(at(i)) && owner_[i].load() < first_given) continue;
        owner_[i] = none;
        ExFreeToZone(&header, at(i));
      }
      while (allocate() != nullptr) ++all;
    }
    EXPECT_EQ(all, owner_.size()) << "of " << size_ << " bytes, when the kernels have stopped";
    EXPECT_TRUE(quarantined().empty());
  }

  ZONE_HEADER header{};

 private:
  // In a block's owner: nobody that this class knows of, a caller, or the kernel that frees; then
  // which of the blocks given to it this is.
  static constexpr std::uint64_t none = 0, caller = 1, first_given = 2;

  std::uint64_t* at(std::size_t i) const {
    const auto begin = reinterpret_cast<std::uintptr_t>(memory_.data()) + 16;
    return reinterpret_cast<std::uint64_t*>(begin + i * size_);
  }
  std::set<void*> quarantined() {
    std::vector<void*> blocks(owner_.size());
    blocks.resize(
        exalloc_quarantined(&header, blocks.data(), static_cast<unsigned>(blocks.size())));
    return {blocks.begin(), blocks.end()};
  }
  exalloc::kernel::token token(void* p) { return exalloc_token(&header, p); }
  std::uint64_t* taken(void* p) {
    const auto offset =
        static_cast<std::size_t>(static_cast<std::byte*>(p) - reinterpret_cast<std::byte*>(at(0)));
    if (offset % size_ != 0 || offset / size_ >= owner_.size()) {
      ADD_FAILURE() << "no block of the zone";
      return nullptr;
    }
    const std::uint64_t before = owner_[offset / size_].exchange(caller);
    // One that was given to a kernel may come back when the port has taken it.
    const bool may_come = before == none || (before >= first_given && frees_here_ != nullptr &&
                                             before - first_given < frees_here_->consumed());
    if (!may_come) ADD_FAILURE() << "a block in two hands: " << offset / size_ << ", " << before;
    auto* const block = static_cast<std::uint64_t*>(p);
    std::atomic_ref(block[1]).store(stamp_of(offset / size_));
    return block;
  }
  void leaves(std::uint64_t* p, std::uint64_t to) {
    const auto i = static_cast<std::size_t>(reinterpret_cast<std::byte*>(p) -
                                            reinterpret_cast<std::byte*>(at(0))) /
                   size_;
    EXPECT_EQ(std::atomic_ref(p[1]).exchange(0), stamp_of(i)) << "a caller's block was written to";
    EXPECT_EQ(owner_[i].exchange(to), caller);
  }
  std::uint64_t stamp_of(std::size_t i) const { return (std::uint64_t{size_} << 32 | i) + 1; }

  const ULONG size_;
  std::vector<std::uint64_t> memory_;
  std::vector<std::atomic<std::uint64_t>> owner_;
  bool opened_ = false;
  std::mutex giving_;
  std::uint64_t given_ = 0;
  const consumer* frees_here_ = nullptr;
};

// The entries of lookaside lists, which come from here: 0 in a list, 1 a caller's.
class entries {
 public:
  static PVOID NTAPI make(POOL_TYPE, SIZE_T bytes, ULONG) {
    void* const p = std::malloc(bytes);
    const std::lock_guard lock(mutex_);
    EXPECT_TRUE(all_.emplace(p, 0).second);
    return p;
  }
  static VOID NTAPI drop(PVOID p) {
    {
      const std::lock_guard lock(mutex_);
      const auto found = all_.find(p);
      if (found == all_.end()) {
        ADD_FAILURE() << "Free of what was never allocated, or twice";
        return;
      }
      EXPECT_EQ(found->second, 0) << "Free of a caller's entry";
      all_.erase(found);
    }
    std::free(p);
  }
  static void move(void* p, int from, int to) {
    const std::lock_guard lock(mutex_);
    const auto found = all_.find(p);
    if (found == all_.end()) {
      ADD_FAILURE() << "an entry that does not exist";
      return;
    }
    EXPECT_EQ(found->second, from) << "an entry in two hands";
    found->second = to;
  }
  static std::size_t left() {
    const std::lock_guard lock(mutex_);
    return all_.size();
  }

 private:
  inline static std::mutex mutex_;
  inline static std::map<void*, int> all_;
};

// A block of the pool, filled to its last byte.
struct pool_block {
  unsigned char* data;
  std::size_t bytes;
  unsigned char fill;
  bool untouched() const {
    return std::all_of(data, data + bytes, [&](unsigned char c) { return c == fill; });
  }
};

// ---- The program ----

constexpr ULONG tag = 'F' | 'u' << 8 | 'z' << 16 | 'z' << 24;

// What the threads share.
struct world {
  explicit world(dice& roll)
      : plain(24 + 8 * roll(10), 300 + roll(3000)), shared(64, 200 + roll(2000)) {
    exalloc_lookaside_nt4(roll.one_in(2));
    ExInitializeNPagedLookasideList(&list, entries::make, entries::drop, 0, 64, tag,
                                    static_cast<USHORT>(4 + roll(200)));
  }
  // Kernels on the card, one that allocates and one that frees.
  void start_kernels() {
    std::vector<exalloc_segment> plain_segments(exalloc_zone_segments(&shared.header, nullptr, 0));
    exalloc_zone_segments(&shared.header, plain_segments.data(),
                          static_cast<unsigned>(plain_segments.size()));
    std::vector<exalloc::kernel::segment> where;
    for (const exalloc_segment& s : plain_segments)
      where.push_back({s.device_address, s.first_token, s.blocks, s.block_size, 0});
    makes = std::make_shared<producer>(current_card(), where);
    frees = std::make_shared<consumer>(current_card(), where);
    shared.frees_here(frees.get());
    current_card().attach(0, makes);
    current_card().attach(1, frees);
    exalloc_stream_attach(0, &shared.header, EXALLOC_STREAM_POP);
    exalloc_stream_attach(1, &shared.header, EXALLOC_STREAM_PUSH);
  }

  watched_zone plain, shared;
  NPAGED_LOOKASIDE_LIST list;
  std::shared_ptr<producer> makes;
  std::shared_ptr<consumer> frees;
};

class worker {
 public:
  worker(world& w, const error_log& log, std::uint64_t seed) : w_(w), log_(log), roll_(seed) {}
  void run(unsigned steps) {
    while (steps-- != 0) step();
  }
  // Gives everything back but what the zones' accounts are to know of.
  void end() {
    while (!pool_.empty()) free_pool();
    while (!entries_.empty()) free_entry();
  }
  const std::vector<std::uint64_t*>& plain() const { return plain_; }
  const std::vector<std::uint64_t*>& shared() const { return shared_; }

 private:
  // By tens and hundreds, so that much goes to the card and comes back.
  unsigned many() { return 1 + roll_(roll_.one_in(3) ? 400 : 30); }
  std::uint64_t* pick(std::vector<std::uint64_t*>& from) {
    std::swap(from[roll_(static_cast<unsigned>(from.size()))], from.back());
    std::uint64_t* const p = from.back();
    from.pop_back();
    return p;
  }
  void step() {
    switch (roll_(14)) {
      case 0:
      case 1:
        return allocate(w_.plain, plain_);
      case 2:
      case 3:
        return free(w_.plain, plain_);
      case 4:
      case 5:
        return allocate(w_.shared, shared_);
      case 6:
        return free(w_.shared, shared_);
      case 7:
        if (w_.makes != nullptr) w_.makes->produce(roll_(60));
        return;
      case 8:
        if (w_.makes == nullptr) return;
        for (unsigned n = many(); n != 0; --n) {
          const auto made = w_.makes->take();
          if (!made) return;
          if (std::uint64_t* p = w_.shared.take(*made)) shared_.push_back(p);
        }
        return;
      case 9:
        if (w_.frees == nullptr) return;
        for (unsigned n = roll_(60); n != 0 && !shared_.empty(); --n)
          w_.shared.give(pick(shared_), *w_.frees);
        return;
      case 10:
        for (unsigned n = many(); n != 0; --n) {
          void* const p = ExAllocateFromNPagedLookasideList(&w_.list);
          entries::move(p, 0, 1);
          entries_.push_back(p);
        }
        return;
      case 11:
        for (unsigned n = many(); n != 0 && !entries_.empty(); --n) free_entry();
        return;
      case 12:
        for (unsigned n = many() / 4; n != 0; --n) allocate_pool();
        for (unsigned n = many() / 4; n != 0 && !pool_.empty(); --n) free_pool();
        return;
      default:
        return seldom();
    }
  }
  void seldom() {
    switch (roll_(6)) {
      case 0:
        return exalloc_processor_flush();
      case 1:
        return current_card().advance_to(current_card().now_ns() + roll_(60'000));
      case 2:  // another processor, that of a thread which ends
        return std::thread([&] {
                 allocate(w_.plain, plain_);
                 free(w_.shared, shared_);
               })
            .join();
      case 3: {
        watched_zone own(16 + 8 * roll_(8), 1 + roll_(300));
        if (!own.opened()) return;
        std::vector<std::uint64_t*> mine;
        for (int i = 0; i < 4; ++i) {
          allocate(own, mine);
          free(own, mine);
        }
        own.account_for_all(log_, mine);
        exalloc_zone_delete(&own.header);
        return;
      }
      case 4: {
        NPAGED_LOOKASIDE_LIST own;
        ExInitializeNPagedLookasideList(&own, entries::make, entries::drop, 0, 32, tag, 0);
        void* p = ExAllocateFromNPagedLookasideList(&own);
        ExFreeToNPagedLookasideList(&own, p);
        return ExDeleteNPagedLookasideList(&own);
      }
      default:
        if (w_.makes == nullptr) return;
        exalloc_stream_detach(0);
        exalloc_stream_attach(0, &w_.shared.header, EXALLOC_STREAM_POP);
        return;
    }
  }
  void allocate(watched_zone& z, std::vector<std::uint64_t*>& into) {
    for (unsigned n = many(); n != 0; --n) {
      std::uint64_t* const p = z.allocate();
      if (p == nullptr) return;
      into.push_back(p);
    }
  }
  void free(watched_zone& z, std::vector<std::uint64_t*>& from) {
    for (unsigned n = many(); n != 0 && !from.empty(); --n) z.free(pick(from));
  }
  void free_entry() {
    std::swap(entries_[roll_(static_cast<unsigned>(entries_.size()))], entries_.back());
    entries::move(entries_.back(), 1, 0);
    ExFreeToNPagedLookasideList(&w_.list, entries_.back());
    entries_.pop_back();
  }
  void allocate_pool() {
    const std::size_t bytes = 1 + roll_(roll_.one_in(8) ? 6000 : 300);
    void* const p = ExAllocatePoolWithTag(roll_.one_in(2) ? NonPagedPool : PagedPool, bytes, tag);
    if (p == nullptr) {
      ADD_FAILURE() << "no block of " << bytes << " bytes: " << exalloc_last_error();
      return;
    }
    pool_.push_back(
        {static_cast<unsigned char*>(p), bytes, static_cast<unsigned char>(roll_(256))});
    std::memset(p, pool_.back().fill, bytes);
  }
  void free_pool() {
    std::swap(pool_[roll_(static_cast<unsigned>(pool_.size()))], pool_.back());
    EXPECT_TRUE(pool_.back().untouched()) << "a block of the pool in two hands";
    ExFreePoolWithTag(pool_.back().data, tag);
    pool_.pop_back();
  }

  world& w_;
  const error_log& log_;
  dice roll_;
  std::vector<std::uint64_t*> plain_, shared_;
  std::vector<void*> entries_;
  std::vector<pool_block> pool_;
};

// Everything back where it belongs, and nothing but the loss told.
void settle(world& w, std::vector<worker>& workers, const error_log& log) {
  for (worker& one : workers) one.end();
  std::vector<std::uint64_t*> plain, shared;
  for (worker& one : workers) {
    plain.insert(plain.end(), one.plain().begin(), one.plain().end());
    shared.insert(shared.end(), one.shared().begin(), one.shared().end());
  }
  if (w.makes != nullptr) {
    // If the card is not lost it takes what the kernel that frees has, and gets back what none
    // took.
    for (int i = 0; i < 20 && w.frees->consumed() < w.shared.given(); ++i)
      current_card().advance_to(current_card().now_ns() + 5'000);
    exalloc_stream_detach(0);
    exalloc_stream_detach(1);
    while (const auto made = w.makes->take())
      if (std::uint64_t* p = w.shared.take(*made)) shared.push_back(p);
    current_card().attach(0, nullptr);
    current_card().attach(1, nullptr);
    EXPECT_EQ(w.makes->strangers(), 0u);
    EXPECT_EQ(w.frees->spoiled(), 0u) << "a kernel's block was written to";
  }
  w.plain.account_for_all(log, plain);
  w.shared.account_for_all(log, shared);
  ExDeleteNPagedLookasideList(&w.list);
  EXPECT_EQ(entries::left(), 0u) << "entries that never went to Free";
  EXPECT_LE(log.count("card_lost"), 1u);
  for (const auto& e : log.entries())
    if (e.cause != "card_lost" && (e.cause != "ok" || e.what.find("fail") != std::string::npos))
      ADD_FAILURE() << e.what << " [" << e.cause << "]";
}

// Whether a seed's run went well; else it has told why.
bool goes_well(unsigned seed) {
  dice roll(seed);
  const std::string plan = random_plan(roll, seed);
  static constexpr const char* links[] = {"gen3x8", "gen3x16", "gen4x8", "gen4x16", "zero"};
  const char* const link = links[roll(5)];
  const unsigned threads = 1 + roll(3), steps = 20 + roll(80);
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(240);
    ::setenv("EXALLOC_CARD", "sim", 1);
    ::setenv("EXALLOC_FAULT", plan.c_str(), 1);
    ::setenv("EXALLOC_LINK", link, 1);
    ::setenv("EXALLOC_LINK_SEED", std::to_string(seed).c_str(), 1);
    exalloc::test::run_child([&] {
      const error_log log;
      // A fault while the card is opened, told with its cause, is no more than that.
      if (exalloc_card_name() == nullptr) {
        EXPECT_STRNE(exalloc_last_error(), "");
        EXPECT_NE(plan.find("start=0ns"), std::string::npos) << exalloc_last_error();
        return;
      }
      exalloc_set_governor_period_ms(1);
      world w(roll);
      ASSERT_TRUE(w.plain.opened() && w.shared.opened()) << exalloc_last_error();
      if (roll.one_in(2)) w.start_kernels();
      current_card().advance_to(190'000);
      std::vector<worker> workers;
      for (unsigned t = 0; t < threads; ++t) workers.emplace_back(w, log, seed * 8 + t + 1);
      std::vector<std::thread> running;
      for (unsigned t = 1; t < threads; ++t)
        running.emplace_back([&, t] { workers[t].run(steps); });
      workers[0].run(steps);
      for (std::thread& t : running) t.join();
      settle(w, workers, log);
    });
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return true;
  fmt::print(stderr, "seed {} ({}, {} threads, {} steps each, EXALLOC_FAULT={}): {}\n", seed, link,
             threads, steps, plan,
             WIFSIGNALED(status) ? fmt::format("signal {}", WTERMSIG(status)) : "see above");
  return false;
}

TEST(fault_fuzz, everything_at_once) {
  unsigned first = 6, count = 5;
  const char* const asked = std::getenv("EXALLOC_FAULT_FUZZ");
  if (asked != nullptr) {
    ASSERT_EQ(std::sscanf(asked, "%u+%u", &first, &count), 2)
        << "EXALLOC_FAULT_FUZZ is \"" << asked << "\", not as in 1000+500: first seed, how many";
  }
  for (unsigned seed = first; seed < first + count; ++seed) {
    // The next ones, forked from here, would have failed from the start.
    ASSERT_TRUE(goes_well(seed)) << "EXALLOC_FAULT_FUZZ=" << seed << "+1";
    if (asked != nullptr && (seed - first) % 20 == 19) {
      fmt::print("{} of {} seeds\n", seed - first + 1, count);
      std::fflush(stdout);
    }
  }
}

}  // namespace
