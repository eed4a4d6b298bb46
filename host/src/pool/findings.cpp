#include "pool/findings.hpp"

#include <deque>
#include <exception>
#include <mutex>
#include <new>
#include <optional>

#include "bugcheck/bug_check.hpp"
#include "errors.hpp"
#include "fork_mutex.hpp"
#include "pool/attention.hpp"
#include "pool/header_words.hpp"
#include "pool/pool_memory.hpp"

namespace exalloc {
namespace {

struct finding {
  const void* block;
  std::uint32_t token, list;
};
struct findings_state {
  fork_mutex mutex{lock_row::last};
  std::deque<finding> kept;
};
// Never destroyed.
findings_state& state() {
  alignas(findings_state) static std::byte storage[sizeof(findings_state)];
  static findings_state* const instance = ::new (storage) findings_state;
  return *instance;
}

bool take(const error_report& error) noexcept {
  const pool_memory* memory = pool_memory::opened();
  if (memory == nullptr || error.token == 0 || error.address == nullptr) return false;
  // A zone's block may lie in a pool block: the token tells.
  const pool_finding f = memory->find(error.address);
  if (f.place != pool_place::small || f.token != error.token) return false;
  try {
    findings_state& s = state();
    const std::lock_guard lock(s.mutex);
    s.kept.push_back({error.address, error.token, error.list});
    attention::set(attention::findings, true);
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

std::optional<finding> next() {
  findings_state& s = state();
  const std::lock_guard lock(s.mutex);
  if (s.kept.empty()) return std::nullopt;
  const finding f = s.kept.front();
  s.kept.pop_front();
  if (s.kept.empty()) attention::set(attention::findings, false);
  return f;
}

}  // namespace

void take_findings() noexcept { set_error_taker(&take); }

void raise_findings() {
  while (const auto found = next()) {
    const pool_finding f = pool_memory::get().find(found->block);
    header_words words;
    if (f.place == pool_place::small) words = header_words::load(f.block.header);
    bug_check(BAD_POOL_CALLER,
              {POOL_CALLER_FREED_TWICE, 0, words.low, reinterpret_cast<ULONG_PTR>(found->block)},
              {found->block, words.tag(), f.place == pool_place::small ? f.block.header : nullptr,
               "a pool block was freed twice: the card refused it when it came back a second time",
               found->token, found->list});
  }
}

}  // namespace exalloc
