// The pool: a list for every size class, grown in chunks, and page runs for what is larger.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "block_list.hpp"
#include "core.hpp"
#include "page_arena.hpp"
#include "size_classes.hpp"

namespace exalloc {

class pool {
 public:
  // Opens the card if need be; never destroyed. Throws std::runtime_error.
  static pool& get();

  // Null when exhausted.
  void* allocate(std::size_t bytes, bool cache_aligned) noexcept;
  // An address that is not an allocated block's is reported, and nothing changes.
  void free(void* address) noexcept;

 private:
  class size_class;
  // Pages full of blocks of one class.
  struct chunk {
    size_class* list;
    block_layout layout;
    std::uint32_t blocks;
    std::uint32_t first_token;
    // The block at that address; token 0 if none begins there.
    block find(void* address) const noexcept;
  };

  class size_class final : public block_list {
   public:
    size_class(pool& owner, const driver::list_name& name, std::uint32_t block_size);
    bool grow(std::uint64_t total) override;

   private:
    pool& pool_;
    const std::uint32_t block_size_;
    std::mutex growth_;
    std::size_t next_pages_;
    std::vector<std::unique_ptr<const chunk>> chunks_;
  };

  explicit pool(core& c) : core_(c) {}
  size_class* make_class(std::size_t index) noexcept;
  void* allocate_big(std::size_t bytes) noexcept;

  core& core_;
  page_arena pages_;
  std::array<std::atomic<size_class*>, size_classes::count> classes_{};
  std::mutex making_;
  std::array<std::unique_ptr<size_class>, size_classes::count> owned_;
};

}  // namespace exalloc
