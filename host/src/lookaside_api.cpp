// The NT names for lookaside lists, and what exalloc adds to them.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <exception>
#include <string_view>

#include "current.hpp"
#include "errors.hpp"
#include "exalloc/exalloc.h"
#include "exalloc/wdm.h"
#include "lookaside.hpp"
#include "lookaside_table.hpp"

namespace exalloc {
namespace {

constexpr USHORT first_depth = 4;
constexpr USHORT maximum_depth = 256;

// Whether the caller's Depth counts; -1: the environment decides.
std::atomic<int> nt4_switch{-1};

bool nt4() noexcept {
  const int chosen = nt4_switch.load(std::memory_order_relaxed);
  if (chosen >= 0) return chosen != 0;
  const char* text = std::getenv("EXALLOC_NT4_LOOKASIDE");
  return text != nullptr && std::string_view(text) == "1";
}

void initialize(const char* routine, GENERAL_LOOKASIDE* l, PALLOCATE_FUNCTION allocate,
                PFREE_FUNCTION free, POOL_TYPE pool, ULONG flags, SIZE_T size, ULONG tag,
                USHORT depth) {
  if (l == nullptr) {
    report_error({fmt::format("{}: the list is NULL", routine), "ok", nullptr, 0, 0, -1});
    return;
  }
  try {
    core& c = core::get();
    const processor_use self(c);
    // The fields are filled in one by one: a retired list of theirs may still be counted into.
    const bool fixed = nt4() && depth != 0;
    GENERAL_LOOKASIDE fresh{};
    fresh.Depth = fixed ? depth : first_depth;
    fresh.MaximumDepth = fixed ? depth : maximum_depth;
    fresh.Type = static_cast<POOL_TYPE>(static_cast<ULONG>(pool) | flags);
    fresh.Tag = tag;
    fresh.Size = static_cast<ULONG>(std::max(size, sizeof(void*)));
    fresh.Allocate = allocate != nullptr ? allocate : ExAllocatePoolWithTag;
    fresh.Free = free != nullptr ? free : ExFreePool;
    lookaside_table::get().add(c, *self, l, fresh, fixed ? depth : first_depth);
  } catch (const std::exception& e) {
    report_error({fmt::format("{}: {}", routine, e.what()), "ok", nullptr, 0, 0, -1});
  }
  deliver_errors();
}

[[gnu::cold, gnu::noinline]] void report_no_list(const char* routine, const void* list) noexcept {
  report_error({fmt::format("{}: the list at {} was not set up by ExInitialize...LookasideList",
                            routine, list),
                "bad_list", nullptr, 0, 0, -1});
}

// The list of its fields; null and a report if it has none.
[[gnu::always_inline]] inline lookaside_list* list_of(const char* routine,
                                                      const GENERAL_LOOKASIDE* l) noexcept {
  if (l != nullptr) [[likely]] {
    if (lookaside_list* list = lookaside_table::find(l)) [[likely]]
      return list;
  }
  report_no_list(routine, l);
  return nullptr;
}

[[gnu::always_inline]] inline void* allocate_from(const char* routine, GENERAL_LOOKASIDE* l) {
  lookaside_list* list = list_of(routine, l);
  return list != nullptr ? allocate(*list) : nullptr;
}

[[gnu::always_inline]] inline void free_to(const char* routine, GENERAL_LOOKASIDE* l, void* entry) {
  if (lookaside_list* list = list_of(routine, l)) free(*list, entry);
}

void delete_list(const char* routine, GENERAL_LOOKASIDE* l) {
  if (list_of(routine, l) == nullptr) return;
  const PFREE_FUNCTION free_entry = l->Free;
  std::vector<void*> entries;
  try {
    core& c = core::get();
    const processor_use self(c);
    entries = lookaside_table::get().remove(c, *self, l);
  } catch (const std::exception& e) {
    post_error({fmt::format("{}: {}", routine, e.what()), "ok", nullptr, 0, 0, -1});
  }
  for (void* entry : entries) free_entry(entry);
  deliver_errors();
}

}  // namespace
}  // namespace exalloc

using exalloc::core;
using exalloc::lookaside_list;

extern "C" {

VOID ExInitializeNPagedLookasideList(PNPAGED_LOOKASIDE_LIST Lookaside, PALLOCATE_FUNCTION Allocate,
                                     PFREE_FUNCTION Free, ULONG Flags, SIZE_T Size, ULONG Tag,
                                     USHORT Depth) {
  exalloc::initialize("ExInitializeNPagedLookasideList", &Lookaside->L, Allocate, Free,
                      NonPagedPool, Flags, Size, Tag, Depth);
}

PVOID ExAllocateFromNPagedLookasideList(PNPAGED_LOOKASIDE_LIST Lookaside) {
  return exalloc::allocate_from("ExAllocateFromNPagedLookasideList", &Lookaside->L);
}

VOID ExFreeToNPagedLookasideList(PNPAGED_LOOKASIDE_LIST Lookaside, PVOID Entry) {
  exalloc::free_to("ExFreeToNPagedLookasideList", &Lookaside->L, Entry);
}

VOID ExDeleteNPagedLookasideList(PNPAGED_LOOKASIDE_LIST Lookaside) {
  exalloc::delete_list("ExDeleteNPagedLookasideList", &Lookaside->L);
}

VOID ExInitializePagedLookasideList(PPAGED_LOOKASIDE_LIST Lookaside, PALLOCATE_FUNCTION Allocate,
                                    PFREE_FUNCTION Free, ULONG Flags, SIZE_T Size, ULONG Tag,
                                    USHORT Depth) {
  exalloc::initialize("ExInitializePagedLookasideList", &Lookaside->L, Allocate, Free, PagedPool,
                      Flags, Size, Tag, Depth);
}

PVOID ExAllocateFromPagedLookasideList(PPAGED_LOOKASIDE_LIST Lookaside) {
  return exalloc::allocate_from("ExAllocateFromPagedLookasideList", &Lookaside->L);
}

VOID ExFreeToPagedLookasideList(PPAGED_LOOKASIDE_LIST Lookaside, PVOID Entry) {
  exalloc::free_to("ExFreeToPagedLookasideList", &Lookaside->L, Entry);
}

VOID ExDeletePagedLookasideList(PPAGED_LOOKASIDE_LIST Lookaside) {
  exalloc::delete_list("ExDeletePagedLookasideList", &Lookaside->L);
}

void exalloc_lookaside_nt4(int on) {
  exalloc::nt4_switch.store(on != 0 ? 1 : 0, std::memory_order_relaxed);
}

int exalloc_lookaside_magazines(int on) {
  return exalloc::guarded([&] { exalloc::set_lookaside_magazines(core::get(), on != 0); });
}

int exalloc_set_governor_period_ms(uint32_t milliseconds) {
  return exalloc::guarded([&] { core::choose_governor_period(milliseconds); });
}

int exalloc_lookaside_card_counts(const GENERAL_LOOKASIDE* Lookaside,
                                  exalloc_lookaside_counts* counts) {
  const lookaside_list* list = exalloc::list_of("exalloc_lookaside_card_counts", Lookaside);
  if (list == nullptr) return -1;
  if (list->host_backed()) {
    exalloc::set_last_error("exalloc_lookaside_card_counts: this list is kept in the host");
    return -1;
  }
  return exalloc::guarded([&] {
    *counts = core::get().card_driver.lookaside_counts(list->number());
    counts->trimmed = list->trimmed.load(std::memory_order_relaxed);
  });
}

}  // extern "C"
