// All lookaside lists, found by their fields. They lie in one array, so that garbage in the fields
// is noticed instead of followed.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <vector>

#include "core.hpp"
#include "exalloc/wdm.h"
#include "fork_mutex.hpp"
#include "lookaside_list.hpp"
#include "mapped_array.hpp"

namespace exalloc {

class lookaside_table {
 public:
  // Never destroyed.
  static lookaside_table& get();

  // The list of these fields; null if ExInitialize...LookasideList did not set them up.
  static lookaside_list* find(const GENERAL_LOOKASIDE* fields) noexcept {
    const std::uintptr_t address = fields->ListHead.Alignment;
    if (address - begin_.load(std::memory_order_relaxed) >= max_lists * sizeof(slot)) [[unlikely]]
      return nullptr;
    auto* s = reinterpret_cast<slot*>(address);
    if (s->fields.load(std::memory_order_relaxed) != fields) [[unlikely]]
      return nullptr;
    return s->get();
  }

  // Calls visit(list, what its fields say in ListHead.Alignment) for each list, by address; none is
  // retired meanwhile.
  template <class Visit>
  void each(Visit&& visit) {
    const std::lock_guard lock(mutex_);
    for (const auto& [address, s] : by_fields_)
      visit(*s->get(), std::uint64_t{reinterpret_cast<std::uintptr_t>(s)});
  }

  // `self` is the calling thread's processor.

  // Makes a list whose fields are set to `fresh`; the card's if it can be as deep, else the host's.
  // Retires a former list of these fields, or one whose fields they overlap: that memory is used
  // for something else now, so the list's entries are lost, and reported. Throws std::bad_alloc.
  void add(core& c, processor& self, GENERAL_LOOKASIDE* fields, const GENERAL_LOOKASIDE& fresh,
           bool extended, std::uint32_t minimum);
  // Retires the list of these fields and returns its entries, newest first.
  std::vector<void*> remove(core& c, processor& self, GENERAL_LOOKASIDE* fields);

 private:
  static constexpr std::size_t max_lists = 1U << 16;
  struct slot {
    std::atomic<const GENERAL_LOOKASIDE*> fields;
    alignas(lookaside_list) std::byte storage[sizeof(lookaside_list)];
    lookaside_list* get() noexcept {
      return std::launder(reinterpret_cast<lookaside_list*>(storage));
    }
  };
  using by_fields = std::map<std::uintptr_t, slot*>;

  lookaside_table();
  std::vector<void*> remove_locked(core& c, processor& self, by_fields::iterator at);

  // Of slots_; 1 while there is none, so that no address is inside.
  static std::atomic<std::uintptr_t> begin_;
  fork_mutex mutex_{lock_row::table};
  mapped_array<slot> slots_;
  std::vector<slot*> unused_;
  std::size_t used_ = 0;
  by_fields by_fields_;
  bool told_of_host_lists_ = false;
};

}  // namespace exalloc
