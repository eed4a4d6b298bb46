// The NT names for lookaside lists, and what exalloc adds to them.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <string_view>

#include "current.hpp"
#include "errors.hpp"
#include "exalloc/exalloc.h"
#include "exalloc/wdm.h"
#include "from_environment.hpp"
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
  return text_from_environment("EXALLOC_NT4_LOOKASIDE") == "1";
}

// The callbacks a list is initialised with, of either form.
struct callbacks {
  PALLOCATE_FUNCTION allocate = nullptr;
  PFREE_FUNCTION free = nullptr;
  PALLOCATE_FUNCTION_EX allocate_ex = nullptr;  // set: of a LOOKASIDE_LIST_EX
  PFREE_FUNCTION_EX free_ex = nullptr;
};

// False, and reported, when it could not be done.
bool initialize(const char* routine, GENERAL_LOOKASIDE* l, const callbacks& calls, ULONG type,
                SIZE_T size, ULONG tag, USHORT depth) {
  if (l == nullptr) {
    report_error({fmt::format("{}: the list is NULL", routine), "ok", nullptr, 0, 0, -1});
    return false;
  }
  bool done = false;
  try {
    core& c = core::get();
    const processor_use self(c);
    // The fields are filled in one by one: a retired list of theirs may still be counted into.
    const bool fixed = nt4() && depth != 0;
    GENERAL_LOOKASIDE fresh{};
    fresh.Depth = fixed ? depth : first_depth;
    fresh.MaximumDepth = fixed ? depth : maximum_depth;
    fresh.Type = static_cast<POOL_TYPE>(type);
    fresh.Tag = tag;
    fresh.Size = static_cast<ULONG>(std::max(size, sizeof(void*)));
    const bool extended = calls.allocate_ex != nullptr;
    if (extended) {
      fresh.AllocateEx = calls.allocate_ex;
      fresh.FreeEx = calls.free_ex;
    } else {
      fresh.Allocate = calls.allocate != nullptr ? calls.allocate : ExAllocatePoolWithTag;
      fresh.Free = calls.free != nullptr ? calls.free : ExFreePool;
    }
    lookaside_table::get().add(c, *self, l, fresh, extended, fixed ? depth : first_depth);
    done = true;
  } catch (const std::exception& e) {
    report_error({fmt::format("{}: {}", routine, e.what()), "ok", nullptr, 0, 0, -1});
  }
  deliver_errors();
  return done;
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

// Takes entries and gives them to Free.
template <class Take>
void give_back(const char* routine, const entry_free& free_entry, Take&& take) {
  std::vector<void*> entries;
  try {
    core& c = core::get();
    const processor_use self(c);
    entries = take(c, *self);
  } catch (const std::exception& e) {
    post_error({fmt::format("{}: {}", routine, e.what()), "ok", nullptr, 0, 0, -1});
  }
  for (void* entry : entries) free_entry(entry);
  deliver_errors();
}

void delete_list(const char* routine, GENERAL_LOOKASIDE* l) {
  const lookaside_list* list = list_of(routine, l);
  if (list == nullptr) return;
  const entry_free free_entry = list->free_entry();
  give_back(routine, free_entry,
            [&](core& c, processor& self) { return lookaside_table::get().remove(c, self, l); });
}

void flush_list(const char* routine, GENERAL_LOOKASIDE* l) {
  lookaside_list* list = list_of(routine, l);
  if (list == nullptr) return;
  give_back(routine, list->free_entry(),
            [&](core& c, processor& self) { return take_all(c, self, *list); });
}

// The default callbacks of a LOOKASIDE_LIST_EX.
PVOID allocate_entry_ex(POOL_TYPE type, SIZE_T size, ULONG tag, PLOOKASIDE_LIST_EX) {
  const bool quota = (static_cast<ULONG>(type) & POOL_QUOTA_FAIL_INSTEAD_OF_RAISE) != 0;
  return quota ? ExAllocatePoolWithQuotaTag(type, size, tag)
               : ExAllocatePoolWithTag(type, size, tag);
}
VOID free_entry_ex(PVOID entry, PLOOKASIDE_LIST_EX) { ExFreePool(entry); }

// What a card would have counted that is lost.
exalloc_lookaside_counts counts_in_host(const lookaside_list& list) {
  const GENERAL_LOOKASIDE& f = list.fields();
  exalloc_lookaside_counts counts{};
  counts.list = list.number();
  counts.depth = f.Depth;
  counts.maximum_depth = f.MaximumDepth;
  counts.held = static_cast<std::uint32_t>(std::max(0, list.held()));
  counts.reserved =
      static_cast<std::uint32_t>(std::max(0, list.depth() - list.held() - list.room()));
  counts.allocates = f.TotalAllocates;
  counts.allocate_misses = f.AllocateMisses;
  counts.frees = f.TotalFrees;
  counts.free_misses = f.FreeMisses;
  return counts;
}

}  // namespace
}  // namespace exalloc

using exalloc::core;
using exalloc::lookaside_list;

extern "C" {

VOID ExInitializeNPagedLookasideList(PNPAGED_LOOKASIDE_LIST Lookaside, PALLOCATE_FUNCTION Allocate,
                                     PFREE_FUNCTION Free, ULONG Flags, SIZE_T Size, ULONG Tag,
                                     USHORT Depth) {
  exalloc::initialize("ExInitializeNPagedLookasideList", &Lookaside->L, {Allocate, Free},
                      NonPagedPool | Flags, Size, Tag, Depth);
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
  exalloc::initialize("ExInitializePagedLookasideList", &Lookaside->L, {Allocate, Free},
                      PagedPool | Flags, Size, Tag, Depth);
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

NTSTATUS ExInitializeLookasideListEx(PLOOKASIDE_LIST_EX Lookaside, PALLOCATE_FUNCTION_EX Allocate,
                                     PFREE_FUNCTION_EX Free, POOL_TYPE PoolType, ULONG Flags,
                                     SIZE_T Size, ULONG Tag, USHORT Depth) {
  constexpr ULONG raise = EX_LOOKASIDE_LIST_EX_FLAGS_RAISE_ON_FAIL;
  constexpr ULONG no_raise = EX_LOOKASIDE_LIST_EX_FLAGS_FAIL_NO_RAISE;
  const auto type = static_cast<ULONG>(PoolType);
  const ULONG base = type & MaxPoolType;
  if (base == DontUseThisType || base == MaxPoolType) return STATUS_INVALID_PARAMETER_4;
  if ((Flags & ~(raise | no_raise)) != 0 || Flags == (raise | no_raise))
    return STATUS_INVALID_PARAMETER_5;
  const ULONG more = (Flags == raise ? POOL_RAISE_IF_ALLOCATION_FAILURE : 0U) |
                     (Flags == no_raise ? POOL_QUOTA_FAIL_INSTEAD_OF_RAISE : 0U);
  exalloc::callbacks calls;
  calls.allocate_ex = Allocate != nullptr ? Allocate : exalloc::allocate_entry_ex;
  calls.free_ex = Free != nullptr ? Free : exalloc::free_entry_ex;
  GENERAL_LOOKASIDE* fields = Lookaside != nullptr ? &Lookaside->L : nullptr;
  return exalloc::initialize("ExInitializeLookasideListEx", fields, calls, type | more, Size, Tag,
                             Depth)
             ? STATUS_SUCCESS
             : STATUS_INSUFFICIENT_RESOURCES;
}

PVOID ExAllocateFromLookasideListEx(PLOOKASIDE_LIST_EX Lookaside) {
  return exalloc::allocate_from("ExAllocateFromLookasideListEx", &Lookaside->L);
}

VOID ExFreeToLookasideListEx(PLOOKASIDE_LIST_EX Lookaside, PVOID Entry) {
  exalloc::free_to("ExFreeToLookasideListEx", &Lookaside->L, Entry);
}

VOID ExFlushLookasideListEx(PLOOKASIDE_LIST_EX Lookaside) {
  exalloc::flush_list("ExFlushLookasideListEx", &Lookaside->L);
}

VOID ExDeleteLookasideListEx(PLOOKASIDE_LIST_EX Lookaside) {
  exalloc::delete_list("ExDeleteLookasideListEx", &Lookaside->L);
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
    exalloc::driver& d = core::get().card_driver;
    *counts = d.lookaside_counts(list->number());
    if (d.lost()) *counts = exalloc::counts_in_host(*list);
    counts->trimmed = list->trimmed.load(std::memory_order_relaxed);
  });
}

}  // extern "C"
