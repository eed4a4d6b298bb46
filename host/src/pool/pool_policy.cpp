#include "pool/pool_policy.hpp"

#include <array>
#include <atomic>
#include <exception>

#include "bugcheck/bug_check.hpp"
#include "errors.hpp"
#include "pool/findings.hpp"
#include "pool/pool_calls.hpp"
#include "pool/quota.hpp"
#include "pool/verifier.hpp"
#include "zone_table.hpp"

namespace exalloc {
namespace {

constexpr std::uint32_t tag_big = 'B' | 'I' << 8 | 'G' << 16 | ' ' << 24;

// Big blocks that were freed lately: their pages are nobody's, so that a second free would look
// like that of a foreign address.
class freed_blocks {
 public:
  void add(const void* block) noexcept {
    last_[next_.fetch_add(1, std::memory_order_relaxed) % last_.size()].store(
        block, std::memory_order_relaxed);
  }
  bool holds(const void* block) const noexcept {
    for (const auto& b : last_)
      if (b.load(std::memory_order_relaxed) == block) return block != nullptr;
    return false;
  }

 private:
  std::array<std::atomic<const void*>, 1024> last_{};
  std::atomic<std::uint32_t> next_{0};
};
constinit freed_blocks freed_big;

ULONG_PTR number(const void* address) noexcept { return reinterpret_cast<ULONG_PTR>(address); }

// What the caller asked for. A big block's header has the last page's.
std::size_t asked_for(const pool_block& b, const header_words& w) noexcept {
  return b.big ? (b.room - 1) / page_size * page_size + w.size() : w.size();
}

// The slot of a tag that is used for the first time, or that has none of its own; no_slot after a
// bug check.
[[gnu::cold, gnu::noinline]] std::uint32_t checked_slot(const pool_order& o) {
  const std::uint32_t name = o.tag & ~protected_tag_bit;
  if (name == 0) {
    bug_check(BAD_POOL_CALLER, {POOL_CALLER_TAG_ZERO, o.type, o.bytes, number(o.caller)},
              {.tag = o.tag, .what = "pool was asked for with the tag 0"});
    return tag_counters::no_slot;
  }
  if (name == tag_big) {
    bug_check(BAD_POOL_CALLER, {POOL_CALLER_TAG_BIG, o.type, o.bytes, number(o.caller)},
              {.tag = o.tag, .what = "pool was asked for with the tag 'BIG ', which is reserved"});
    return tag_counters::no_slot;
  }
  bool readable = false;
  for (int shift = 0; shift < 32; shift += 8) {
    const auto c = static_cast<unsigned char>(name >> shift & 0xFF);
    readable |= (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
  }
  if (!readable) {
    bug_check(BAD_POOL_CALLER, {POOL_CALLER_TAG_NO_LETTER, o.tag, o.type, number(o.caller)},
              {.tag = o.tag, .what = "pool was asked for with a tag without letter or digit"});
    return tag_counters::no_slot;
  }
  return tag_counters::find_or_make(o.tag);
}

void give_back(pool_memory& m, const pool_block& b) noexcept {
  guard_pool* g = verifier::guards();
  if (const pool_finding f = g != nullptr ? g->find(b.data) : pool_finding{}; f.owner != nullptr) {
    g->free(f);
  } else {
    m.free(m.find(b.data));
  }
}

[[gnu::cold, gnu::noinline]] void freed_at_once(const pool_finding& f, const header_words& w) {
  bug_check(BAD_POOL_CALLER, {POOL_CALLER_FREED_TWICE, 0, w.low, number(f.block.data)},
            {f.block.data, w.tag(), f.block.header,
             "two threads freed a pool block at the same moment", f.token, 0});
}

// The block of an address of which everything is known to be right.
void release(pool_memory& m, const pool_finding& f, const header_words& w) {
  const pool_block& b = f.block;
  const std::uint64_t bytes = detail::rounded(b);
  const std::uint32_t slot = tag_counters::slot_of(w.tag());
  // From the next line on the block may be another thread's.
  header_words::mark_free(b.header);
  guard_pool* g = verifier::guards();
  const bool done = g != nullptr && f.owner == g ? g->free(f) : m.free(f);
  if (!done) return freed_at_once(f, w);
  tag_counters::count_free(detail::kind_of_type(w.type()), slot, bytes);
  if (w.charged())
    requestor_table::get().release(w.requestor(), detail::kind_of_type(w.type()), bytes);
  if ((attention::reasons() & attention::findings) != 0) raise_findings();
}

// Turns a class's use to an order's tag and type. `slot`: the tag's.
void turn(pool_use& use, const processor& self, std::uint32_t tag, std::uint32_t type,
          std::uint32_t slot) noexcept {
  use.counts = reinterpret_cast<ULONG64*>(
      tag_counters::own_counts(status_page(), self.portal_number(), slot, use.kind));
  use.tag = tag;
  use.type = type;
  use.full = header_words::low_of(tag, static_cast<std::uint8_t>(type & pool_header::type_mask)) +
             (std::uint64_t{use.room} << 32);
}

// The same, where that may be all the short way needs to be taken.
bool turn_to(pool_use& use, const processor& self, std::uint32_t tag, std::uint32_t type) noexcept {
  if (use.ready == nullptr || (use.tag == tag && use.type == type)) return false;
  const std::uint32_t slot = tag_counters::find(tag);
  if (slot == tag_counters::no_slot) return false;
  turn(use, self, tag, type, slot);
  return true;
}

// Fills in the use of a class that has one.
void remember(const size_class& list, std::uint32_t tag, std::uint32_t type,
              std::uint32_t slot) noexcept {
  processor* const self = fast_processor;
  if (self == nullptr || self->portal_number() >= tag_counters::shared_writer) return;
  magazine* const ready = self->find(list);
  if (ready == nullptr) return;
  pool_use& use = self->uses[list.use_number()];
  if (use.ready == nullptr) {
    const class_shape& s = list.shape();
    use.reciprocal = static_cast<std::uint32_t>(s.reciprocal);
    use.stride = static_cast<std::uint16_t>(s.stride);
    use.room = static_cast<std::uint16_t>(s.room);
    use.kind = list.kind();
    use.ready = ready;
  }
  turn(use, *self, tag, type, slot);
}

bool in_a_zone(const void* data) noexcept {
  bool found = false;
  try {
    zone_table::get().with_all([&](const auto& zones) {
      for (const auto& entry : zones) found |= entry.z->contains(data);
    });
  } catch (const std::exception&) {
    // Without memory for the list of zones it stays a foreign address.
  }
  return found;
}

[[gnu::cold, gnu::noinline]] void not_a_block(const void* data, pool_place place) {
  if (place == pool_place::foreign && freed_big.holds(data)) {
    bug_check(BAD_POOL_CALLER, {POOL_CALLER_FREED_TWICE, 0, 0, number(data)},
              {.block = data, .what = "a large pool block was freed twice"});
  } else if (place == pool_place::inside) {
    bug_check(BAD_POOL_CALLER, {POOL_CALLER_NOT_A_BLOCK, number(data), 0, 0},
              {.block = data,
               .what = "an address inside a pool block was freed, or one between blocks: free the "
                       "address that the allocation returned"});
  } else if (in_a_zone(data)) {
    bug_check(BAD_POOL_CALLER, {POOL_CALLER_NOT_A_BLOCK, number(data), 0, 0},
              {.block = data,
               .what = "a zone's block was freed to the pool: it belongs to ExFreeToZone"});
  } else {
    bug_check(BAD_POOL_CALLER, {POOL_CALLER_NOT_POOL, number(data), 0, 0},
              {.block = data,
               .what = data == nullptr ? "NULL was freed"
                                       : "an address that is no pool block's was freed"});
  }
}

}  // namespace

pool_result detail::no_memory(const pool_order& o) {
  if (!request_of(o).must_succeed) return {nullptr, pool_failure::shortage};
  const pool_usage u = opened_memory.load(std::memory_order_acquire)->usage(pool_kind::nonpaged);
  bug_check(
      MUST_SUCCEED_POOL_EMPTY, {o.bytes, u.held / page_size, u.big_blocks, u.reserve / page_size},
      {.tag = o.tag,
       .what = "must-succeed pool is exhausted: allocate without it and handle NULL, or raise "
               "the limit of nonpaged pool"});
  return {nullptr, pool_failure::refused};
}

pool_result detail::allocate_carefully(const pool_order& o) {
  pool_memory* m = open_pool_or_report();
  if (m == nullptr) return {nullptr, pool_failure::shortage};
  const std::uint32_t reasons = attention::reasons();
  if ((reasons & attention::findings) != 0) raise_findings();
  std::uint32_t slot = tag_counters::find(o.tag);
  if (slot == tag_counters::no_slot) slot = checked_slot(o);
  if (slot == tag_counters::no_slot) return {nullptr, pool_failure::refused};
  if ((reasons & attention::injection) != 0 && !request_of(o).must_succeed &&
      verifier::failures().strikes(o.tag, o.caller)) {
    set_last_error("the allocation was made to fail (exalloc_pool_inject, EXALLOC_INJECT)");
    return {nullptr, pool_failure::shortage};
  }

  pool_block b;
  if ((reasons & attention::guard) != 0 && verifier::guarded(o.tag))
    b = verifier::guards()->allocate(o.bytes, (o.type & NonPagedPoolCacheAligned) != 0);
  if (b.data == nullptr) b = m->allocate(request_of(o));
  if (b.data == nullptr) return no_memory(o);

  std::uint8_t charged = 0;
  std::uint16_t requestor = requestor_table::system_number;
  if (o.quota && o.bytes < page_size) {
    requestor_table& requestors = requestor_table::get();
    requestor = requestors.current();
    if (requestor != requestor_table::system_number) {
      if (!requestors.charge(requestor, kind_of_type(o.type), rounded(b))) {
        give_back(*m, b);
        set_last_error("the allocation is over the requestor's quota");
        return {nullptr, pool_failure::over_quota};
      }
      charged = pool_header::charged_bit;
    }
  }
  stamp(o, b, slot, charged, requestor);
  return {b.data, pool_failure::none};
}

pool_result detail::allocate_otherwise(std::uint32_t type, std::size_t bytes, std::uint32_t tag,
                                       const void* caller, std::int32_t popped) {
  const pool_order o{type, bytes, tag, caller};
  processor* const self = fast_processor;
  const std::uint8_t number = bytes <= pool_use_numbers::largest_request
                                  ? pool_use_numbers::of_request(type, bytes)
                                  : pool_use_numbers::none;
  if (number != pool_use_numbers::none && popped == no_slot && self != nullptr &&
      turn_to(self->uses[number], *self, tag, type)) {
    if (void* data = allocate_pool_shortly(type, bytes, tag, popped))
      return {data, pool_failure::none};
  }
  std::uint32_t slot = tag_counters::find(tag);
  if (popped == no_slot) {
    if (attention::reasons() != 0 || slot == tag_counters::no_slot) return allocate_carefully(o);
  } else if (slot == tag_counters::no_slot) {
    slot = tag_counters::overflow_slot;
  }
  pool_memory* m = opened_memory.load(std::memory_order_acquire);
  const pool_request request = request_of(o);
  const pool_block b = m->allocate(request, popped);
  if (b.data == nullptr) return no_memory(o);
  stamp(o, b, slot, 0, 0);
  if (number != pool_use_numbers::none)
    remember(*m->class_of(request.kind, size_classes::of(bytes, request.cache_aligned)), tag, type,
             slot);
  return {b.data, pool_failure::none};
}

void detail::free_otherwise(void* data, std::uint32_t tag) {
  pool_memory* m = opened_memory.load(std::memory_order_acquire);
  if (m == nullptr) return free_carefully(data, tag);
  const pool_finding f = m->find(data);
  if (f.place != pool_place::small || !f.allocated) return free_carefully(data, tag);
  const pool_block& b = f.block;
  const header_words w = header_words::load(b.header);
  if (!w.plainly_allocated() || !w.sealed_as_allocated(data) || w.owner != b.token ||
      !trailing_intact(data, w.size(), b.room) || !same_tag(w.tag(), tag))
    return free_carefully(data, tag);
  const std::uint32_t slot = tag_counters::slot_of(w.tag());
  // From the next line on the block may be another thread's.
  header_words::mark_free(b.header);
  if (!m->free(f)) return freed_at_once(f, w);
  tag_counters::count_free(f.kind, slot, rounded(b));
  const size_class& list = *static_cast<const size_class*>(f.owner);
  if (!f.draining && list.use_number() != pool_use_numbers::none)
    remember(list, w.tag(), w.type(), slot);
  if ((attention::reasons() & attention::findings) != 0) raise_findings();
}

void detail::free_turned(void* data, std::uint32_t tag, pool_use& use) {
  const header_words w = header_words::load(static_cast<pool_header*>(data) - 1);
  if (!turn_to(use, *fast_processor, w.tag(), w.type())) return free_otherwise(data, tag);
  free_pool_here(data, tag);
}

void detail::free_marked(void* data, std::uint32_t token) {
  opened_memory.load(std::memory_order_acquire)->free_marked(data, token);
  if ((attention::reasons() & attention::findings) != 0) raise_findings();
}

void detail::free_carefully(void* data, std::uint32_t tag) {
  pool_memory* m = open_pool_or_report();
  if (m == nullptr) return;
  pool_finding f = m->find(data);
  const guard_pool* g = verifier::guards();
  if (f.place == pool_place::foreign && g != nullptr) f = g->find(data);
  const bool of_guard = g != nullptr && f.owner == g;
  if (f.place != pool_place::small && f.place != pool_place::big) return not_a_block(data, f.place);

  const pool_block& b = f.block;
  const header_words w = header_words::load(b.header);
  const bool intact = w.intact(data);
  const bool allocated =
      of_guard ? f.place == pool_place::big : f.place == pool_place::big || f.allocated;
  if (!allocated || (intact && w.state() == pool_state::free))
    return bug_check(BAD_POOL_CALLER, {POOL_CALLER_FREED_TWICE, 0, w.low, number(data)},
                     {data, w.tag(), b.header,
                      w.state() == pool_state::none
                          ? "a pool block was freed that was never allocated"
                          : "a pool block was freed twice; the tag is that of its last owner",
                      f.token, 0});
  const std::size_t bytes = asked_for(b, w);
  if (!intact || w.state() != pool_state::allocated || bytes > b.room || !w.names(b.token))
    return bug_check(BAD_POOL_HEADER, {0x20, number(data), w.low, w.high()},
                     {data, w.tag(), b.header,
                      "a pool block's header was overwritten: look for a write beyond the end of "
                      "the block before it",
                      f.token, 0});
  if (!trailing_intact(b.data, bytes, b.room))
    return bug_check(
        BAD_POOL_HEADER, {0x21, number(data), bytes, b.room},
        {data, w.tag(), b.header, "a pool block was written to beyond its end", f.token, 0});
  if (!same_tag(w.tag(), tag))
    return bug_check(
        BAD_POOL_CALLER, {POOL_CALLER_WRONG_TAG, number(data), w.tag(), tag},
        {data, w.tag(), b.header,
         tag == 0 ? "a block with a protected tag was freed without its tag"
                  : "a pool block was freed with another tag than it was allocated with",
         f.token, 0});
  if (b.big) freed_big.add(data);
  release(*m, f, w);
}

pool_result allocate_pool(const pool_order& o) { return allocate_pool_here(o); }

void free_pool(void* data, std::uint32_t tag) { free_pool_here(data, tag); }

}  // namespace exalloc
