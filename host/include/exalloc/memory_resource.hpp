// std::pmr over zones and pool: std::pmr::vector<int> v(&resource).
#pragma once

#include <cstddef>
#include <memory_resource>

#include "exalloc/pool.hpp"
#include "exalloc/zone.hpp"

namespace exalloc {
inline namespace front {

// Blocks of a zone for what fits into one; the upstream resource for what does not, and when no
// block is free. As thread-safe as the upstream resource is. The zone outlives it.
class zone_resource final : public std::pmr::memory_resource {
 public:
  explicit zone_resource(
      zone& from, std::pmr::memory_resource* upstream = std::pmr::get_default_resource()) noexcept
      : zone_(from), upstream_(upstream) {}

  std::pmr::memory_resource* upstream_resource() const noexcept { return upstream_; }

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    if (fits(bytes, alignment))
      if (void* block = zone_.try_allocate()) return block;
    return upstream_->allocate(bytes, alignment);
  }
  void do_deallocate(void* memory, std::size_t bytes, std::size_t alignment) override {
    if (fits(bytes, alignment) && zone_.owns(memory)) {
      zone_.deallocate(memory);
    } else {
      upstream_->deallocate(memory, bytes, alignment);
    }
  }
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
    const auto* o = dynamic_cast<const zone_resource*>(&other);
    return o != nullptr && &o->zone_ == &zone_ && o->upstream_->is_equal(*upstream_);
  }
  bool fits(std::size_t bytes, std::size_t alignment) const noexcept {
    return bytes <= zone_.block_size() && alignment <= zone_.alignment();
  }

  zone& zone_;
  std::pmr::memory_resource* upstream_;
};

// Pool, under a tag. Thread-safe. Throws std::bad_alloc when exhausted, and for alignments beyond a
// page.
class pool_resource final : public std::pmr::memory_resource {
 public:
  explicit pool_resource(pool from) noexcept : pool_(from) {}

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    return pool_.allocate(bytes, alignment);
  }
  void do_deallocate(void* memory, std::size_t, std::size_t) override { pool_.deallocate(memory); }
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
    const auto* o = dynamic_cast<const pool_resource*>(&other);
    return o != nullptr && o->pool_ == pool_;
  }

  pool pool_;
};

}  // namespace front
}  // namespace exalloc
