#include "pool/pool_memory.hpp"

#include <fmt/format.h>

#include <exception>
#include <new>

#include "current.hpp"
#include "errors.hpp"
#include "fork_mutex.hpp"

namespace exalloc {
namespace {

fork_mutex open_mutex{lock_row::pool_opening};
std::atomic<pool_memory*> instance{nullptr};

}  // namespace

pool_memory* pool_memory::opened() noexcept { return instance.load(std::memory_order_acquire); }

pool_memory& pool_memory::get() {
  if (pool_memory* p = opened()) return *p;
  core& c = core::get();
  const std::lock_guard lock(open_mutex);
  if (pool_memory* p = opened()) return *p;
  alignas(pool_memory) static std::byte storage[sizeof(pool_memory)];
  pool_memory* p = ::new (storage) pool_memory(c);
  instance.store(p, std::memory_order_release);
  return *p;
}

size_class* pool_memory::make_class(pool_kind kind, std::size_t index) noexcept {
  try {
    const std::lock_guard lock(making_);
    auto& entry = classes_[static_cast<std::size_t>(kind)][index];
    size_class* list = entry.load(std::memory_order_relaxed);
    if (list == nullptr) {
      const size_classes::size& size = size_classes::sizes[index];
      auto name = core_.card_driver.open_list();
      if (!name) {
        if (!core_.card_driver.lost())
          post_error(
              {fmt::format(
                   "the card has no list left: pool blocks of {} bytes are kept in the host, under "
                   "a lock",
                   size.stride),
               "ok", nullptr, 0, block_list::host_number, -1});
        name = driver::list_name{block_list::host_number, 0};
      }
      // Lives as long as the pool: for ever.
      list = new size_class(core_, pages_, *this, *name, kind, index);
      entry.store(list, std::memory_order_release);
    }
    return list;
  } catch (const std::exception& e) {
    set_last_error(e.what());
    return nullptr;
  }
}

pool_block pool_memory::allocate_slow(pool_request request) noexcept {
  if (request.bytes > largest_small) return allocate_big(request);
  const std::size_t index = size_classes::of(request.bytes, request.cache_aligned);
  const auto& entry = classes_[static_cast<std::size_t>(request.kind)][index];
  if (entry.load(std::memory_order_acquire) == nullptr &&
      make_class(request.kind, index) != nullptr)
    return allocate(request);
  // A page of its own, for the sake of the reserve.
  if (request.must_succeed) return allocate_big(request);
  return {};
}

pool_block pool_memory::allocate_big(const pool_request& request) noexcept {
  // Rounding up must not wrap.
  if (request.bytes > PTRDIFF_MAX) {
    set_last_error(fmt::format("a request for {} bytes is more than there can be", request.bytes));
    return {};
  }
  std::byte* first = nullptr;
  const std::size_t pages = request.bytes == 0 ? 1 : (request.bytes + page_size - 1) / page_size;
  if (guarded([&] {
        first = pages_.take(request.kind, pages);
        if (first != nullptr) return;
        const processor_use self(core_);
        bool found = false;
        each_class([&](size_class& list) {
          if (list.kind() == request.kind && list.changed()) found |= list.trim(*self, true) != 0;
        });
        if (found) first = pages_.take(request.kind, pages);
        if (first == nullptr && request.must_succeed)
          first = pages_.take(request.kind, pages, true);
      }) != 0 ||
      first == nullptr)
    return {};
  pages_.describe_big(first, pages, request.bytes);
  return {first, &pages_.big(first).header, pages * page_size, true};
}

bool pool_memory::free_big(std::byte* first) noexcept {
  const std::size_t pages = pages_.claim_big(first);
  if (pages == 0) return false;
  guarded([&] { pages_.give_back(first, pages); });
  return true;
}

void pool_memory::set_limit(pool_kind kind, std::uint64_t bytes) noexcept {
  pages_.set_limit(kind, bytes);
}

pool_usage pool_memory::usage(pool_kind kind) const noexcept {
  const page_arena::usage u = pages_.usage_of(kind);
  return {u.held, u.locked, u.limit, u.reserve, u.big_blocks, u.big_pages};
}

std::size_t pool_memory::trim() noexcept {
  std::size_t bytes = 0;
  guarded([&] {
    const processor_use self(core_);
    each_class([&](size_class& list) { bytes += list.trim(*self, true); });
  });
  return bytes;
}

void pool_memory::before_growth(processor& self, const size_class& grower) {
  each_class([&](size_class& list) {
    if (&list != &grower && list.kind() == grower.kind() && list.worth_trimming(true))
      list.trim(self, false);
  });
}

bool pool_memory::relieve(processor& self, const size_class& grower, shortage of) {
  bool found = false;
  each_class([&](size_class& list) {
    if (&list == &grower) return;
    if (of == shortage::memory) {
      if (list.kind() == grower.kind() && list.changed()) found |= list.trim(self, true) != 0;
    } else {
      if (list.changed()) list.trim(self, true);
      found |= list.surrender_slabs(self) != 0;
    }
  });
  return found;
}

void pool_memory::each_chunk(
    const std::function<void(const pool_chunk_info&)>& tell) const noexcept {
  each_class([&](const size_class& list) {
    for (const chunk* c = list.chunks(); c != nullptr; c = c->next) {
      const std::byte* base = c->base.load(std::memory_order_relaxed);
      if (base == nullptr) continue;
      tell({base, c->pages() * page_size, c->shape.stride, c->shape.per_page, c->blocks,
            c->shape.first_data, c->headers, list.kind()});
    }
  });
}

void pool_memory::each_big(const std::function<void(const pool_big_info&)>& tell) const noexcept {
  pages_.each_big([&](const std::byte* first, std::size_t) {
    const page_arena::big_entry& entry = pages_.big(first);
    tell({first, entry.bytes.load(std::memory_order_relaxed), pages_.kind_of(first), entry.header});
  });
}

}  // namespace exalloc
