#include "lookaside_table.hpp"

#include <fmt/format.h>

#include <cstring>
#include <new>

#include "errors.hpp"
#include "lookaside.hpp"

namespace exalloc {

namespace {

void set(GENERAL_LOOKASIDE& to, const GENERAL_LOOKASIDE& from) {
  std::memcpy(static_cast<void*>(&to), &from, sizeof from);
  // Nothing is linked to other lists: exalloc finds them by itself.
  to.ListEntry.Flink = to.ListEntry.Blink = &to.ListEntry;
}

}  // namespace

constinit std::atomic<std::uintptr_t> lookaside_table::begin_{1};

lookaside_table::lookaside_table() : slots_(max_lists) {
  begin_.store(reinterpret_cast<std::uintptr_t>(slots_.data()), std::memory_order_relaxed);
}

lookaside_table& lookaside_table::get() {
  alignas(lookaside_table) static std::byte storage[sizeof(lookaside_table)];
  static lookaside_table* const instance = ::new (storage) lookaside_table;
  return *instance;
}

void lookaside_table::add(core& c, processor& self, GENERAL_LOOKASIDE* fields,
                          const GENERAL_LOOKASIDE& fresh, bool extended, std::uint32_t minimum) {
  const std::lock_guard lock(mutex_);
  const auto address = reinterpret_cast<std::uintptr_t>(fields);
  for (auto it = by_fields_.lower_bound(address - sizeof(GENERAL_LOOKASIDE) + 1);
       it != by_fields_.end() && it->first < address + sizeof(GENERAL_LOOKASIDE);) {
    const auto old = it++;
    const std::size_t lost = remove_locked(c, self, old).size();
    if (lost != 0)
      post_error({fmt::format("a lookaside list was initialised again, or its memory used for "
                              "another, without ExDelete...LookasideList: its {} entries are lost",
                              lost),
                  "ok", fields, 0, 0, -1});
  }
  if (unused_.empty()) {
    if (used_ == max_lists) throw std::bad_alloc();
    unused_.reserve(max_lists / 64);
    unused_.push_back(&slots_[used_++]);
  }
  set(*fields, fresh);
  auto name = c.card_driver.open_lookaside(fresh.Depth, minimum, fresh.MaximumDepth);
  if (!name) {
    name = driver::list_name{lookaside_list::host_number, 0};
    if (!told_of_host_lists_ && !c.card_driver.lost()) {
      told_of_host_lists_ = true;
      post_error(
          {"the card has no lookaside list left, or none so deep: this one, and any other "
           "like it, is kept in the host, under a lock, and its Depth stays",
           "ok", fields, 0, lookaside_list::host_number, -1});
    }
  }
  slot* s = unused_.back();
  ::new (s->storage) lookaside_list(fields, extended, *name, fresh.Depth);
  by_fields_.emplace(address, s);
  unused_.pop_back();
  s->fields.store(fields, std::memory_order_release);
  fields->ListHead.Alignment = reinterpret_cast<std::uintptr_t>(s);
}

std::vector<void*> lookaside_table::remove(core& c, processor& self, GENERAL_LOOKASIDE* fields) {
  const std::lock_guard lock(mutex_);
  const auto at = by_fields_.find(reinterpret_cast<std::uintptr_t>(fields));
  if (at == by_fields_.end()) return {};
  std::vector<void*> entries = remove_locked(c, self, at);
  fields->ListHead.Alignment = 0;
  return entries;
}

std::vector<void*> lookaside_table::remove_locked(core& c, processor& self,
                                                  by_fields::iterator at) {
  slot* s = at->second;
  by_fields_.erase(at);
  lookaside_list* list = s->get();
  std::vector<void*> entries = retire(c, self, *list);
  if (!list->host_backed()) c.card_driver.close_lookaside(list->number());
  s->fields.store(nullptr, std::memory_order_relaxed);
  list->~lookaside_list();
  unused_.push_back(s);
  return entries;
}

}  // namespace exalloc
