#include "pool/size_class.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <bit>
#include <exception>
#include <memory>

#include "errors.hpp"
#include "pool/pool_use.hpp"
#include "processor.hpp"
#include "stock.hpp"

namespace exalloc {
namespace {

// Chunks begin small, so that a class used once costs little, and double, so that a busy one grows
// seldom.
constexpr std::uint32_t first_chunk_pages = 16;
constexpr std::uint32_t largest_chunk_pages = 256;
// What each processor may hold of a class, in its magazine and as much again on the way.
constexpr std::uint32_t least_share_bytes = 64 << 10;
// How often slow frees look whether a trim pays. Each stands for a spilled magazine; in the host
// every free is slow.
constexpr std::uint64_t frees_per_check = 32, host_frees_per_check = 1024;
constexpr std::uint64_t few_frees = 8;

chunk& chunk_of(const page_arena::page_info& page) {
  return *reinterpret_cast<chunk*>(page.value << 3);
}
bool is_chunk(const page_arena::page_info& page) {
  return page.use == page_arena::page_use::chunk || page.use == page_arena::page_use::draining;
}

}  // namespace

size_class::size_class(core& c, page_arena& pages, memory_source& source,
                       const driver::list_name& name, pool_kind kind, std::size_t index)
    : block_list(name.number, name.generation, c.tokens.states()),
      core_(c),
      pages_(pages),
      source_(source),
      kind_(kind),
      shape_(size_classes::sizes[index]),
      use_number_(pool_use_numbers::of(kind, index)),
      least_share_(least_share_bytes / shape_.stride),
      next_pages_(first_chunk_pages) {}

void size_class::describe(const chunk& c, std::uint32_t page, std::uint32_t pages, bool draining) {
  page_arena::front_words front{};
  // What is freed in a draining page goes the long way.
  if (use_number_ != pool_use_numbers::none && !draining) {
    const std::uint32_t token = c.first_token.load(std::memory_order_relaxed) + c.first_of(page);
    front = {std::uint64_t{token} << front_token_lsb | use_number_ * sizeof(pool_use),
             std::uint64_t{shape_.per_page} << front_token_lsb};
  }
  pages_.describe(c.base.load(std::memory_order_relaxed) + page * page_size, pages,
                  {draining ? page_arena::page_use::draining : page_arena::page_use::chunk,
                   reinterpret_cast<std::uintptr_t>(&c) >> 3},
                  front);
}

// ---- Growing ----

bool size_class::grow(processor& self, std::uint64_t seen) {
  try {
    if (draining_pages_.load(std::memory_order_relaxed) == 0) source_.before_growth(self, *this);
    for (bool again = false;; again = true) {
      memory_source::shortage why{};
      {
        std::unique_lock lock(growth_, std::try_to_lock);
        if (!lock.owns_lock()) {
          // Whoever grows or trims the list now leaves free blocks in the card.
          lock.lock();
          return true;
        }
        if (total() > seen || grow_by(self, why)) return true;
      }
      if (again || !source_.relieve(self, *this, why)) return false;
    }
  } catch (const std::exception& e) {
    set_last_error(e.what());
    return false;
  }
}

bool size_class::grow_by(processor& self, memory_source::shortage& why) {
  why = memory_source::shortage::memory;
  if (draining_pages_.load(std::memory_order_relaxed) != 0) {
    std::vector<std::uint32_t> tokens;
    choose_pages(cushion(total()), false, tokens);
    if (!tokens.empty()) {
      give(self, tokens);
      return true;
    }
  }
  if (parked_pages_.load(std::memory_order_relaxed) != 0) return unpark(self);
  if (spare_chunks_.load(std::memory_order_relaxed) != 0) {
    for (chunk* c = chunks_.load(std::memory_order_relaxed); c != nullptr; c = c->next)
      if (c->base.load(std::memory_order_relaxed) == nullptr &&
          c->first_token.load(std::memory_order_relaxed) != 0 && back(self, *c))
        return true;
  }
  const std::uint32_t least = (slab_width + shape_.per_page - 1) / shape_.per_page;
  for (std::uint32_t pages = std::max(next_pages_, least);; pages = std::max(pages / 2, least)) {
    if (new_chunk(pages, why) != nullptr) {
      next_pages_ = std::clamp(pages * 2, first_chunk_pages, largest_chunk_pages);
      return true;
    }
    if (pages == least) return false;
  }
}

bool size_class::unpark(processor& self) {
  std::vector<std::uint32_t> tokens;
  // No more than would stay after a trim.
  const std::uint64_t wanted = cushion(total());
  for (auto left = static_cast<std::uint32_t>((wanted + shape_.per_page - 1) / shape_.per_page);
       left != 0;) {
    // The chunk with most in use first.
    chunk* densest = nullptr;
    for (chunk* c = chunks_.load(std::memory_order_relaxed); c != nullptr; c = c->next)
      if (c->parked_pages != 0 && (densest == nullptr || c->parked_pages < densest->parked_pages))
        densest = c;
    if (densest == nullptr) break;
    chunk& c = *densest;
    std::byte* const base = c.base.load(std::memory_order_relaxed);
    for (std::uint32_t page = 0; page < c.pages() && left != 0; ++page) {
      if (c.states[page] != chunk::page_state::parked) continue;
      if (!pages_.unpark(base + page * page_size, 1)) {
        left = 0;
        break;
      }
      --c.parked_pages;
      parked_pages_.fetch_sub(1, std::memory_order_relaxed);
      --left;
      for (std::uint32_t i = c.first_of(page); i < c.end_of(page); ++i)
        c.withheld[i / slab_width] |= std::uint64_t{1} << i % slab_width;
      activate(c, page, tokens);
    }
  }
  if (tokens.empty()) return false;
  give(self, tokens);
  return true;
}

// Gives a chunk pages again.
bool size_class::back(processor& self, chunk& c) {
  std::byte* base = pages_.take(kind_, c.pages());
  if (base == nullptr) return false;
  const std::uint32_t first = c.first_token.load(std::memory_order_relaxed);
  c.base.store(base, std::memory_order_relaxed);
  spare_chunks_.fetch_sub(1, std::memory_order_relaxed);
  core_.tokens.describe(slab_of(first), c.slabs(), c.layout());
  describe(c, 0, c.pages(), false);
  std::vector<std::uint32_t> tokens(c.blocks);
  for (std::uint32_t i = 0; i < c.blocks; ++i) tokens[i] = first + i;
  give(self, tokens);
  return true;
}

// Lets everybody have blocks that were away.
void size_class::give(processor& self, std::vector<std::uint32_t>& tokens) {
  settled_at_.store(slow_frees_.load(std::memory_order_relaxed), std::memory_order_relaxed);
  for (const std::uint32_t t : tokens) state(t).store(block_state::free, std::memory_order_relaxed);
  if (host_backed()) {
    for (std::size_t i = tokens.size(); i-- > 0;)
      store.push_back({core_.tokens.pointer(tokens[i]), tokens[i]});
  } else {
    const std::lock_guard lock(self.mutex);
    self.release(*this, tokens.data(), tokens.size());
    self.drain();
  }
  if (card_lost()) set_rescued(false);
  add_total(static_cast<std::int64_t>(tokens.size()));
}

chunk* size_class::new_chunk(std::uint32_t pages, memory_source::shortage& why) {
  // Whole slabs only, for the card takes back no others.
  const std::uint32_t slabs = pages * shape_.per_page / slab_width;
  const std::uint32_t blocks = slabs * slab_width;
  chunk* c = chunks_.load(std::memory_order_relaxed);
  while (c != nullptr &&
         (c->first_token.load(std::memory_order_relaxed) != 0 || c->blocks != blocks))
    c = c->next;
  if (c == nullptr) {
    // Never destroyed, see chunk.
    c = new chunk(*this, shape_, blocks);
    c->next = chunks_.load(std::memory_order_relaxed);
    chunks_.store(c, std::memory_order_release);
  }
  driver& d = core_.card_driver;
  const std::optional<std::uint32_t> first =
      host_backed() ? core_.take_host_slabs(slabs) : d.take_slabs(slabs);
  if (!first) {
    set_last_error("the card has no slabs left for the pool");
    why = memory_source::shortage::slabs;
    return nullptr;
  }
  std::byte* base = pages_.take(kind_, c->pages());
  if (base == nullptr) {
    why = memory_source::shortage::memory;
    if (host_backed()) {
      core_.return_host_slabs(*first, slabs);
    } else {
      d.return_slabs(*first, slabs);
    }
    return nullptr;
  }
  c->base.store(base, std::memory_order_relaxed);
  c->first_token.store(token_of(*first, 0), std::memory_order_relaxed);
  // Everything must be in place before the card hands out the first block.
  core_.tokens.describe(*first, slabs, c->layout());
  describe(*c, 0, c->pages(), false);
  if (host_backed()) {
    for (std::uint32_t i = blocks; i-- > 0;)
      store.push_back({c->layout().address(i), token_of(*first, i)});
  } else {
    d.link(number(), *first, slabs, slab_width - 1);
  }
  if (card_lost()) set_rescued(false);
  add_total(blocks);
  settled_at_.store(slow_frees_.load(std::memory_order_relaxed), std::memory_order_relaxed);
  return c;
}

void size_class::each_extent(const std::function<void(std::uint32_t, std::uint32_t)>& visit) {
  const std::lock_guard lock(growth_);
  for (chunk* c = chunks_.load(std::memory_order_relaxed); c != nullptr; c = c->next)
    if (c->base.load(std::memory_order_relaxed) != nullptr)
      visit(c->first_token.load(std::memory_order_relaxed), c->blocks);
}

// ---- Trimming ----

void size_class::freed_slowly(processor& self) {
  const std::uint64_t n = slow_frees_.fetch_add(1, std::memory_order_relaxed) + 1;
  if (n % (host_backed() ? host_frees_per_check : frees_per_check) != 0) return;
  try {
    if (worth_trimming(false)) trim(self, false);
  } catch (const std::exception& e) {
    set_last_error(e.what());  // the free itself is done; another one tries again
  }
}

std::uint64_t size_class::idle_blocks() {
  if (!host_backed()) return shared() ? 0 : core_.card_driver.idle_blocks(number());
  const std::unique_lock lock(mutex, std::try_to_lock);
  return lock.owns_lock() ? store.size() : 0;
}

// The free blocks that a class with so many in use is left with, besides those in magazines.
std::uint64_t size_class::cushion(std::uint64_t in_use) const noexcept {
  return std::max<std::uint64_t>(in_use / 16, 8 * shape_.per_page);
}

bool size_class::worth_trimming(bool pressing) {
  const std::uint64_t idle = idle_blocks(), all = total();
  const std::uint64_t in_use = all > idle ? all - idle : 0;
  // What a class has just got is not taken from it again.
  if (pressing && slow_frees_.load(std::memory_order_relaxed) <
                      settled_at_.load(std::memory_order_relaxed) + few_frees)
    return false;
  // What a trim costs is little beside the frees that have made so many blocks idle.
  return idle * shape_.stride >= (pressing ? 32 : 64) * page_size &&
         idle >= in_use / (pressing ? 6 : 4);
}

// A lost card cannot tell which blocks are free, so then no memory is given back.
std::size_t size_class::trim(processor& self, bool all) {
  if (card_lost()) return 0;
  const std::unique_lock lock(mutex, std::try_to_lock);
  if (!lock.owns_lock()) return 0;
  const std::lock_guard growing(growth_);
  return trim_locked(self, all);
}

std::size_t size_class::trim_locked(processor& self, bool all) {
  if (!host_backed() && !all && shared()) return 0;
  std::int64_t count = 0;
  if (all) {
    trimmed_at_.store(slow_frees_.load(std::memory_order_relaxed), std::memory_order_relaxed);
    gather(core_, self, *this);
  } else if (!host_backed()) {
    withdraw(self, *this, [&](std::uint32_t token) { count += withhold(token) ? 1 : 0; });
  }
  if (shared()) {
    for (const block& b : store) count += withhold(b.token) ? 1 : 0;
    store.clear();
  }
  add_total(-count);
  std::vector<std::uint32_t> tokens;
  const std::size_t bytes = choose_pages(all ? 0 : cushion(total()), true, tokens);
  give(self, tokens);
  if (all) end_gathering(self, *this);
  return bytes;
}

// Puts a free block into the class's hands. False if it was free twice or is in use: of two threads
// that freed it at the same moment.
bool size_class::withhold(std::uint32_t token) {
  void* const address = core_.tokens.pointer(token);
  const page_arena::page_info page = pages_.find(address);
  if (!is_chunk(page)) return false;
  if (state(token).load(std::memory_order_relaxed) != block_state::free) {
    post_error({"a block was freed twice at the same moment; the second one is dropped",
                regs::to_string(regs::status::double_free), address, token, number(), -1});
    count_slow(1);
    return false;
  }
  state(token).store(block_state::away, std::memory_order_relaxed);
  chunk& c = chunk_of(page);
  const std::uint32_t i = token - c.first_token.load(std::memory_order_relaxed);
  c.withheld[i / slab_width] |= std::uint64_t{1} << i % slab_width;
  return true;
}

std::optional<bool> size_class::free_draining(const void* address, std::uint32_t token) {
  const std::unique_lock lock(growth_, std::try_to_lock);
  if (!lock.owns_lock()) return std::nullopt;
  const page_arena::page_info info = pages_.find(address);
  if (info.use != page_arena::page_use::draining) return std::nullopt;
  chunk& c = chunk_of(info);
  state_byte& s = state(token);
  if (s.load(std::memory_order_relaxed) != block_state::allocated) return false;
  s.store(block_state::away, std::memory_order_relaxed);
  const std::uint32_t i = token - c.first_token.load(std::memory_order_relaxed);
  c.withheld[i / slab_width] |= std::uint64_t{1} << i % slab_width;
  add_total(-1);
  count_slow(-1);
  const std::uint32_t page = i / shape_.per_page;
  if (c.empty(page)) park(c, page, 1);
  return true;
}

namespace {

bool takes_part(const chunk& c, std::uint32_t page, bool all_pages) {
  const chunk::page_state s = c.states[page];
  return s == chunk::page_state::draining || (all_pages && s == chunk::page_state::active);
}

}  // namespace

std::size_t size_class::choose_pages(std::uint64_t wanted, bool all_pages,
                                     std::vector<std::uint32_t>& tokens) {
  // visit(chunk, page) tells how many pages it has dealt with.
  const auto each_page = [&](auto&& visit) {
    for (chunk* c = chunks_.load(std::memory_order_relaxed); c != nullptr; c = c->next) {
      // A chunk whose last page is given back has no base any more.
      for (std::uint32_t page = 0;
           page < c->pages() && c->base.load(std::memory_order_relaxed) != nullptr;)
        page += takes_part(*c, page, all_pages) ? visit(*c, page) : 1;
    }
  };
  const auto in_use = [](const chunk& c, std::uint32_t page, std::uint32_t withheld) {
    return c.end_of(page) - c.first_of(page) - withheld;
  };
  // Withheld blocks in pages with so many in use.
  std::array<std::uint64_t, page_size / size_classes::sizes[0].stride + 1> sums{};
  each_page([&](const chunk& c, std::uint32_t page) {
    const std::uint32_t withheld = c.withheld_in(page);
    sums[in_use(c, page, withheld)] += withheld;
    return 1U;
  });
  // Pages with more in use than `edge` are wanted, and some of those with as many.
  std::size_t edge = sums.size() - 1;
  while (edge != 0 && sums[edge] < wanted) wanted -= sums[edge--];
  std::size_t parked = 0;
  each_page([&](chunk& c, std::uint32_t page) {
    const std::uint32_t withheld = c.withheld_in(page);
    const std::uint32_t used = in_use(c, page, withheld);
    if (used > edge || withheld == 0 || (used == edge && wanted != 0)) {
      if (used == edge) wanted -= std::min<std::uint64_t>(wanted, withheld);
      activate(c, page, tokens);
    } else if (used != 0) {
      drain(c, page);
    } else {
      std::uint32_t end = page + 1;
      while (end < c.pages() && takes_part(c, end, all_pages) && c.empty(end)) ++end;
      parked += park(c, page, end - page);
      return end - page;
    }
    return 1U;
  });
  return parked;
}

void size_class::activate(chunk& c, std::uint32_t page, std::vector<std::uint32_t>& tokens) {
  const std::uint32_t first_token = c.first_token.load(std::memory_order_relaxed);
  c.take_page(page, [&](std::uint32_t i) { tokens.push_back(first_token + i); });
  if (c.states[page] == chunk::page_state::active) return;
  if (c.states[page] == chunk::page_state::draining) count_draining(-1);
  c.states[page] = chunk::page_state::active;
  describe(c, page, 1, false);
}

void size_class::count_draining(std::int32_t pages) {
  const auto before = draining_pages_.load(std::memory_order_relaxed);
  const std::uint32_t now = before + static_cast<std::uint32_t>(pages);
  draining_pages_.store(now, std::memory_order_relaxed);
  if ((before == 0) == (now == 0) || use_number_ == pool_use_numbers::none) return;
  // Who does not see it yet frees as usual, see free_draining().
  const std::lock_guard lock(core_.processors.mutex);
  core_.processors.each([&](processor& p) {
    __atomic_store_n(&p.uses[use_number_].draining, now != 0 ? 1U : 0U, __ATOMIC_RELAXED);
  });
}

void size_class::drain(chunk& c, std::uint32_t page) {
  if (c.states[page] == chunk::page_state::draining) return;
  count_draining(1);
  c.states[page] = chunk::page_state::draining;
  describe(c, page, 1, true);
}

// Gives the memory of empty pages back. If the system refuses they go on draining.
std::size_t size_class::park(chunk& c, std::uint32_t first, std::uint32_t pages) {
  if (!pages_.park(c.base.load(std::memory_order_relaxed) + first * page_size, pages)) {
    for (std::uint32_t page = first; page < first + pages; ++page) drain(c, page);
    return 0;
  }
  for (std::uint32_t page = first; page < first + pages; ++page) {
    c.take_page(page, [](std::uint32_t) {});
    if (c.states[page] == chunk::page_state::draining) count_draining(-1);
    c.states[page] = chunk::page_state::parked;
  }
  c.parked_pages += pages;
  parked_pages_.fetch_add(pages, std::memory_order_relaxed);
  if (c.parked_pages == c.pages()) give_back_chunk(c);
  return pages * page_size;
}

// Its slabs stay with the class.
void size_class::give_back_chunk(chunk& c) {
  std::byte* const base = c.base.load(std::memory_order_relaxed);
  parked_pages_.fetch_sub(c.parked_pages, std::memory_order_relaxed);
  spare_chunks_.fetch_add(1, std::memory_order_relaxed);
  c.parked_pages = 0;
  c.states.assign(c.states.size(), chunk::page_state::active);
  pages_.describe(base, c.pages(), {});
  c.base.store(nullptr, std::memory_order_relaxed);
  if (c.headers != nullptr) ::madvise(c.headers, c.blocks * sizeof(pool_header), MADV_DONTNEED);
  try {
    pages_.give_back_parked(base, c.pages());
  } catch (const std::exception& e) {
    // The memory went back already: only addresses are lost. A free must not fail for that.
    set_last_error(e.what());
  }
}

std::size_t size_class::surrender_slabs(processor& self) {
  if (spare_chunks_.load(std::memory_order_relaxed) == 0 || card_lost()) return 0;
  const std::unique_lock lock(mutex, std::try_to_lock);
  if (!lock.owns_lock()) return 0;
  const std::lock_guard growing(growth_);
  driver& d = core_.card_driver;
  std::size_t count = 0;
  // With every other free block in the store, a slab that is given back is the only one the card
  // can take.
  gather(core_, self, *this);
  for (chunk* c = chunks_.load(std::memory_order_relaxed); c != nullptr; c = c->next) {
    const std::uint32_t first = c->first_token.load(std::memory_order_relaxed);
    if (first == 0 || c->base.load(std::memory_order_relaxed) != nullptr) continue;
    c->first_token.store(0, std::memory_order_relaxed);
    spare_chunks_.fetch_sub(1, std::memory_order_relaxed);
    if (host_backed()) {
      core_.tokens.forget(slab_of(first), c->slabs());
      core_.return_host_slabs(slab_of(first), c->slabs());
      count += c->slabs();
      continue;
    }
    for (std::uint32_t s = 0; s < c->slabs(); ++s) {
      const std::uint32_t slab = slab_of(first) + s;
      std::array<std::uint32_t, slab_width> tokens;
      for (std::uint32_t i = 0; i < slab_width; ++i) tokens[i] = token_of(slab, i);
      {
        const std::lock_guard processor_lock(self.mutex);
        self.release(*this, tokens.data(), tokens.size());
        self.drain();
      }
      if (d.trim(number(), slab) != slab) {
        post_error({"the card did not give a slab of the pool back; it is lost",
                    regs::to_string(regs::status::empty), nullptr, token_of(slab, 0), number(),
                    -1});
        continue;
      }
      core_.tokens.forget(slab, 1);
      d.return_slabs(slab, 1);
      ++count;
    }
  }
  end_gathering(self, *this);
  return count;
}

// ---- A chunk ----

chunk::chunk(size_class& owner, const class_shape& s, std::uint32_t block_count)
    : shape(s),
      list(&owner),
      blocks(block_count),
      withheld(block_count / slab_width),
      states(pages()) {
  if (s.front) return;
  header_table = mapped_array<pool_header>(block_count);
  headers = header_table.data();
}

std::uint32_t chunk::withheld_in(std::uint32_t page) const noexcept {
  std::uint32_t count = 0;
  for (std::uint32_t i = first_of(page), end = end_of(page); i < end;) {
    const std::uint32_t bit = i % slab_width;
    const std::uint32_t n = std::min(end - i, slab_width - bit);
    const std::uint64_t mask = ~std::uint64_t{0} >> (slab_width - n) << bit;
    count += static_cast<std::uint32_t>(std::popcount(withheld[i / slab_width] & mask));
    i += n;
  }
  return count;
}

}  // namespace exalloc
