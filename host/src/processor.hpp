// A processor: a portal and, for every list it has used, a magazine. It serves one thread at a
// time, its owner.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "block_list.hpp"
#include "driver.hpp"
#include "exalloc/stats.hpp"
#include "fork_mutex.hpp"
#include "lookaside_use.hpp"
#include "magazine.hpp"
#include "pool/pool_use.hpp"
#include "portal.hpp"
#include "presence.hpp"
#include "token_table.hpp"

namespace exalloc {

class processor {
 public:
  // `processors`: how many are in use, which bounds what each may hold.
  processor(driver& d, const token_table& tokens, const std::atomic<std::uint32_t>& processors,
            std::uint32_t portal_number);

  // The owner's; null before it used the list.
  magazine* find(const block_list& list) const noexcept { return magazines_[list.number()].get(); }
  lookaside_use* find(const lookaside_list& list) const noexcept {
    return lookasides_[list.number()].get();
  }

  // The owner's, of pool classes.
  pool_uses uses;
  exalloc_pool_front front;

  // Guards all that follows, and the owner's slow paths against recallers.
  fork_mutex mutex{lock_row::processor};

  // ---- The owner ----
  magazine& magazine_for(block_list& list);
  // What this processor may hold of a list, in the magazine and besides.
  const magazine::limits& limits_of(magazine& m, const block_list& list) const noexcept;
  // Makes a frozen magazine the owner's again. False while the list is in scarce mode.
  bool thaw(magazine& m, const block_list& list);
  // Sets the bounds to what the list's size allows now.
  void set_bounds(magazine& m, const block_list& list);
  // Moves blocks from the rings to the magazine, asking the card and waiting if need be. False: the
  // card has none.
  bool fetch(magazine& m, const block_list& list);
  // The short form of that, of an empty magazine: from bundles only.
  bool has_bundle(magazine& m, const block_list& list) noexcept;
  void open_bundle(magazine& m, const block_list& list) noexcept;
  // Asks for more, if few are on the way, without waiting.
  void ask_ahead(magazine& m, const block_list& list);
  // Puts a block on top, putting older ones to those that are on the way if the magazine is full;
  // what is too much of these goes back to the card.
  void push(magazine& m, const block_list& list, const block& b);
  // The short form of that, of a full magazine; false: nothing is done.
  bool push_quickly(magazine& m, const block_list& list, const block& b) noexcept;
  // Gives everything back to the card and waits for it.
  void flush();
  // What is not in a magazine: counts of slow paths.
  processor_stats slow;

  // ---- Any thread that holds the lock ----
  // Writes a RELEASE line for every 14 tokens. False: the card is lost and has not been given the
  // last of them.
  bool release(const block_list& list, const std::uint32_t* tokens, std::size_t count);
  // Lets the card start on whatever it has not yet executed, and be asked to say when that is done.
  void start_drain();
  // Waits until all lines are executed and consumed. False if the card is lost.
  bool drain();
  // Asks the card for blocks and waits; take_parked() gets them. False if the card is lost.
  bool grant_now(block_list& list, std::uint32_t count);
  template <class Take>
  std::size_t take_parked(magazine& m, Take&& take) {
    unpack(m);
    const std::size_t count = m.parked.size();
    for (const std::uint32_t token : m.parked) take(block{tokens_.pointer(token), token});
    m.parked.clear();
    return count;
  }
  // Takes what the card has answered to where it belongs, errors included.
  void poll() { consume(); }
  // Waits for the answer to a RECALL of the list.
  bool recall(const block_list& list);
  // After drain(), when the list is retired.
  void forget(const block_list& list);

  // ---- The same for lookaside lists ----
  lookaside_use& use_of(lookaside_list& list);
  // Writes a POP, PUSH or SHARE line, with the words behind its header; a PUSH gives back `give` of
  // the share.
  void submit(lookaside_use& u, regs::opcode opcode, std::uint32_t count, bool call,
              std::span<const std::uint64_t> words, std::uint32_t give = 0);
  // Has the card start on lines that nobody waits for.
  void ring();
  // Waits until all lines of the list are answered. False if the card is lost: it
  // may have executed some or none.
  bool wait_for_answers(lookaside_use& u);
  template <class Visit>
  void each_use(Visit&& visit) {
    for (const auto& u : lookasides_)
      if (u != nullptr) visit(*u);
  }
  void forget(const lookaside_list& list);

  processor_stats stats();
  bool card_lost() const noexcept { return driver_.lost(); }
  std::uint32_t portal_number() const noexcept { return portal_.number(); }

  // A thread's own, whose presence it is.
  std::atomic<bool> threads_own{false};
  presence owner;
  // In the child of a fork, the card lost: nobody is in a call, and nothing is in the magazines.
  void forget_thread();

  // Set while a thread uses it; guards against two owners.
  std::atomic<bool> in_use{false};

 private:
  struct list_use {
    block_list* list = nullptr;
    std::uint16_t generation = 0;
  };

  // The card lost, the list's user gone: its magazine keeps nothing.
  void forget_frozen(std::size_t number);
  void ask(magazine& m, const block_list& list, std::uint32_t count);
  // Adapts how many are to be on the way, of which `moved` have been used up or were too many.
  static void adapt(magazine& m, std::uint32_t moved) noexcept;
  void fill(magazine& m, const block_list& list);
  // The blocks of `tokens` on top of the magazine, which has room for them.
  void fill_with(magazine& m, const block_list& list,
                 std::span<const std::uint32_t> tokens) noexcept;
  // Takes bundles from the depot, as many as are allowed.
  void take_bundles(magazine& m, const block_list& list, bool surely) noexcept;
  // Puts the newest blocks of a full magazine into a bundle, and bundles to the depot. False:
  // nothing is done.
  bool spill_bundle(magazine& m, const block_list& list) noexcept;
  // Parks what is in bundles.
  static void unpack(magazine& m);
  // Parks the `count` newest blocks of the magazine.
  void spill(magazine& m, const block_list& list, std::int32_t count);
  // Gives the oldest parked ones back to the card.
  void release_parked(magazine& m, const block_list& list, std::size_t count);
  // Writes one line, waiting for room. False: none, the card is lost.
  bool submit(regs::opcode opcode, const block_list& list, std::uint32_t count,
              const std::uint32_t* tokens, std::size_t token_count);
  // Takes all completion lines there are to where they belong.
  void consume();
  // The same, until so many blocks are parked.
  void consume(magazine& m, std::size_t wanted);
  void take(const completion& c);
  void report_consumed();
  void refused(const completion& c);
  void take_answer(const completion& c);
  // Rings, then polls until done(). False if the card is lost.
  template <class Done>
  bool wait_for(Done&& done);

  driver& driver_;
  const token_table& tokens_;
  const std::atomic<std::uint32_t>& processors_;
  portal portal_;
  std::uint32_t lines_unanswered_ = 0;  // since the last line that will be answered for sure
  std::uint32_t recalls_pending_ = 0;
  std::array<std::unique_ptr<magazine>, block_list::host_number + 1> magazines_;
  // Of lists that are gone: threads may still compare with what they served.
  std::vector<std::unique_ptr<magazine>> spare_;
  std::array<list_use, block_list::host_number + 1> lists_;
  // The last one, of lists without a card list, stays null.
  std::array<std::unique_ptr<lookaside_use>, lookaside_list::host_number + 1> lookasides_;
  std::uint64_t retired_pops_ = 0, retired_pushes_ = 0;
};

}  // namespace exalloc
