#include "pool.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <new>

#include "errors.hpp"
#include "stock.hpp"

namespace exalloc {
namespace {

// Chunks begin small, so that a class used once costs little, and double, so that a busy one grows
// seldom.
constexpr std::size_t first_chunk_pages = 16;
constexpr std::size_t largest_chunk_pages = 256;

std::mutex open_mutex;
std::atomic<pool*> instance{nullptr};

}  // namespace

pool& pool::get() {
  if (pool* p = instance.load(std::memory_order_acquire)) return *p;
  core& c = core::get();
  const std::lock_guard lock(open_mutex);
  if (pool* p = instance.load(std::memory_order_acquire)) return *p;
  alignas(pool) static std::byte storage[sizeof(pool)];
  pool* p = ::new (storage) pool(c);
  instance.store(p, std::memory_order_release);
  return *p;
}

block pool::chunk::find(void* address) const noexcept {
  const auto offset = static_cast<std::size_t>(static_cast<std::byte*>(address) - layout.base);
  const auto in_page = static_cast<std::uint32_t>(offset % page_size);
  const std::uint32_t place = in_page / layout.block_size;
  const auto index =
      static_cast<std::uint32_t>(offset / page_size) * layout.blocks_per_page + place;
  if (place * layout.block_size != in_page || place >= layout.blocks_per_page) return {};
  return {address, first_token + index};
}

pool::size_class::size_class(pool& owner, const driver::list_name& name, std::uint32_t block_size)
    : block_list(name.number, name.generation, owner.core_.tokens.states()),
      pool_(owner),
      block_size_(block_size),
      next_pages_(first_chunk_pages) {}

bool pool::size_class::grow(std::uint64_t seen) {
  const std::lock_guard lock(growth_);
  // Somebody else was faster.
  if (total() != seen) return true;
  try {
    core& c = pool_.core_;
    const auto per_page = static_cast<std::uint32_t>(page_size / block_size_);
    // At least one whole slab.
    const std::size_t pages =
        std::max<std::size_t>(next_pages_, (slab_width + per_page - 1) / per_page);
    const auto blocks = static_cast<std::uint32_t>(pages * per_page);
    const std::uint32_t slabs = (blocks + slab_width - 1) / slab_width;
    std::byte* base = pool_.pages_.take(pages);
    if (base == nullptr) return false;
    std::optional<std::uint32_t> first;
    if (host_backed()) {
      first = c.take_host_slabs(slabs);
    } else {
      first = c.card_driver.take_slabs(slabs);
    }
    if (!first) {
      pool_.pages_.give_back(base, pages);
      return false;
    }
    const block_layout layout{base, block_size_, per_page};
    chunks_.push_back(std::make_unique<chunk>(chunk{this, layout, blocks, token_of(*first, 0)}));
    c.tokens.describe(*first, slabs, layout);
    pool_.pages_.describe(
        base, pages,
        {page_arena::page_use::chunk, reinterpret_cast<std::uintptr_t>(chunks_.back().get())});
    if (host_backed()) {
      for (std::uint32_t i = blocks; i-- > 0;)
        store.push_back({layout.address(i), token_of(*first, i)});
    } else if (c.card_driver.link(number(), *first, slabs, (blocks - 1) % slab_width) !=
               regs::status::ok) {
      pool_.pages_.describe(base, pages, {});
      c.tokens.forget(*first, slabs);
      c.card_driver.return_slabs(*first, slabs);
      pool_.pages_.give_back(base, pages);
      return false;
    }
    add_total(blocks);
    next_pages_ = std::min(next_pages_ * 2, largest_chunk_pages);
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

pool::size_class* pool::make_class(std::size_t index) noexcept {
  try {
    const std::lock_guard lock(making_);
    auto& owned = owned_[index];
    if (owned == nullptr) {
      auto name = core_.card_driver.open_list();
      if (!name) {
        post_error(
            {fmt::format(
                 "the card has no list left: pool blocks of {} bytes are kept in the host, under "
                 "a lock",
                 size_classes::sizes[index]),
             "ok", nullptr, 0, block_list::host_number, -1});
        name = driver::list_name{block_list::host_number, 0};
      }
      owned = std::make_unique<size_class>(*this, *name, size_classes::sizes[index]);
      classes_[index].store(owned.get(), std::memory_order_release);
    }
    return owned.get();
  } catch (const std::exception& e) {
    set_last_error(e.what());
    return nullptr;
  }
}

void* pool::allocate(std::size_t bytes, bool cache_aligned) noexcept {
  if (bytes > largest_small) return allocate_big(bytes);
  const std::size_t index = size_classes::of(bytes, cache_aligned);
  size_class* list = classes_[index].load(std::memory_order_acquire);
  if (list == nullptr) {
    list = make_class(index);
    if (list == nullptr) return nullptr;
  }
  return exalloc::allocate(*list);
}

void* pool::allocate_big(std::size_t bytes) noexcept {
  // Rounding up must not wrap.
  if (bytes > PTRDIFF_MAX) return nullptr;
  try {
    const std::size_t pages = (bytes + page_size - 1) / page_size;
    std::byte* first = pages_.take(pages);
    if (first != nullptr) pages_.describe_big(first, pages);
    return first;
  } catch (const std::exception&) {
    return nullptr;
  }
}

void pool::free(void* address) noexcept {
  const auto refuse = [&](const char* what, const char* cause) {
    report_error({what, cause, address, 0, 0, -1});
  };
  const page_arena::page_info page = pages_.find(address);
  switch (page.use) {
    case page_arena::page_use::chunk: {
      const auto* c = reinterpret_cast<const chunk*>(page.value);
      const block b = c->find(address);
      if (b.token == 0)
        return refuse("ExFreePool: an address inside a block; nothing is changed", "range");
      exalloc::free(*c->list, b, false);
      return;
    }
    case page_arena::page_use::big: {
      auto* first = static_cast<std::byte*>(address);
      if (reinterpret_cast<std::uintptr_t>(address) % page_size != 0)
        return refuse("ExFreePool: an address inside a block; nothing is changed", "range");
      const std::size_t pages = pages_.claim_big(first);
      if (pages == 0) return refuse("ExFreePool: the block is free already", "double_free");
      try {
        pages_.give_back(first, pages);
      } catch (const std::exception& e) {
        refuse(e.what(), "ok");
      }
      return;
    }
    case page_arena::page_use::big_rest:
      return refuse("ExFreePool: an address inside a block; nothing is changed", "range");
    case page_arena::page_use::none:
      return refuse(
          address == nullptr
              ? "ExFreePool: the address is NULL"
              : "ExFreePool: not an allocated block of the pool, or a big one that is free "
                "already; nothing is changed",
          "foreign");
  }
}

}  // namespace exalloc
