// Calls on a lookaside list: the fast path here, everything else in lookaside.cpp and
// lookaside_share.cpp.
#pragma once

#include <utility>
#include <vector>

#include "current.hpp"
#include "lookaside_list.hpp"
#include "lookaside_use.hpp"
#include "stock.hpp"

namespace exalloc {

class core;

// Calls between two lines that tell the card what a processor counted: the governor must not take a
// list for idle whose calls the magazines serve.
inline constexpr std::uint64_t calls_per_report = 256;

// `slot` is what begin_pop() gave and could not keep, no_slot if nothing was popped. May throw what
// the list's Allocate throws.
void* allocate_slow(lookaside_list& list, std::int32_t slot);
void free_slow(lookaside_list& list, void* entry);
// Tells the card the counts of the calling thread's processor.
void report_counts(lookaside_list& list) noexcept;

// An entry of the list, or what its Allocate gives.
inline void* allocate(lookaside_list& list) {
  if (const processor* p = fast_processor; p != nullptr) [[likely]] {
    if (lookaside_use* u = p->find(list); u != nullptr) [[likely]] {
      u->begin();
      const std::int32_t slot = u->m.begin_pop();
      if (u->m.taken_for_sure(slot)) [[likely]] {
        void* entry = u->m.pointer(slot);
        list.count(lookaside_count::allocates);
        u->count_pop();
        u->end();
        if (u->pops() % calls_per_report == 0) [[unlikely]]
          report_counts(list);
        return entry;
      }
      u->end();
      return allocate_slow(list, slot);
    }
  }
  return allocate_slow(list, no_slot);
}

// Puts an entry in front, or gives it to the list's Free.
inline void free(lookaside_list& list, void* entry) {
  if (const processor* p = fast_processor; p != nullptr) [[likely]] {
    if (lookaside_use* u = p->find(list); u != nullptr) [[likely]] {
      u->begin();
      if (u->m.push({entry, 0})) [[likely]] {
        list.count(lookaside_count::frees);
        u->count_push();
        u->end();
        return;
      }
      u->end();
    }
  }
  free_slow(list, entry);
}

// Entries that found no room where they had to go, with the Free of their lists.
struct orphan {
  entry_free free;
  void* entry;
};
using orphans = std::vector<orphan>;
// To be called without locks.
void free_orphans(const orphans& entries);

// ---- Shares of Depth (lookaside_share.cpp) ----

// The next line's counts: what the card has not been told.
std::uint64_t counts_to_tell(lookaside_use& u) noexcept;
bool has_counts_to_tell(const lookaside_use& u) noexcept;
// All of the following: under the processor's lock.
// Pushes entries, the oldest first, and gives back `give` of the share, so that each entry takes
// the place of its own share. Returns how many the card accepted, the others are in u.refused.
std::int32_t push_to_card(processor& p, lookaside_use& u, const std::vector<void*>& entries,
                          std::int32_t give = 0);
// Takes up to `count` from the card into u.popped.
void pop_from_card(processor& p, lookaside_use& u, std::uint32_t count, std::int32_t take_share);
// Lets the owner of a magazine that is not frozen work without its lock as far as share and Depth
// allow.
void set_bounds(lookaside_use& u) noexcept;
void take_share(processor& p, lookaside_use& u, std::int32_t count);
void give_share(processor& p, lookaside_use& u, std::int32_t count);
// Everything the owner has, oldest first; its magazine is empty then, and not frozen.
std::vector<void*> take_entries(lookaside_use& u);
// Gives everything back to the card, and the share.
void flush(processor& p, lookaside_use& u, orphans& left);
void flush_lookasides(processor& p, orphans& left);

// The rest: without locks.
// From now on all processors may count in the list's fields.
void begin_sharing(core& c, lookaside_list& list);
// Cuts the shares of those that have more than is fair, and drops who has not called since the last
// time.
void balance(core& c, lookaside_list& list);
// Takes all entries there are now away from processors and card, newest first; the list goes on.
std::vector<void*> take_all(core& c, processor& self, lookaside_list& list);
// Takes the list away from all processors, `self` being the caller's; nobody may use it any more.
// Returns its entries, newest first.
std::vector<void*> retire(core& c, processor& self, lookaside_list& list);

// Whether calls use magazines; without, each one is a line and waits for the answer.
bool lookaside_magazines() noexcept;
void set_lookaside_magazines(core& c, bool on);

}  // namespace exalloc
