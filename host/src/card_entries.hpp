// What the card has of a lookaside list, as this process knows it: all entries are its own.
#pragma once

#include <algorithm>
#include <cstddef>
#include <mutex>
#include <span>
#include <vector>

#include "fork_mutex.hpp"

namespace exalloc {

// An entry is here from before the line that pushes it until the answer that brings it back; who
// takes it out has it. So an entry is in one hand even when the card is lost in between, and then
// this takes the card's place. Thread-safe.
class card_entries {
 public:
  void add(std::span<void* const> entries) {
    const std::lock_guard lock(mutex_);
    all_.insert(all_.end(), entries.begin(), entries.end());
  }
  // Takes entries out that came in an answer; those that are here go to `into`.
  void remove(std::span<void* const> entries, std::vector<void*>& into) {
    const std::lock_guard lock(mutex_);
    for (void* const entry : entries) {
      // Newest first, as the card does.
      const auto at = std::find(all_.rbegin(), all_.rend(), entry);
      if (at == all_.rend()) continue;
      all_.erase(std::next(at).base());
      into.push_back(entry);
    }
  }
  // In place of the card. `use` gets the entries, oldest first, for as long as it runs.
  template <class Use>
  void with_all(Use&& use) {
    const std::lock_guard lock(mutex_);
    use(all_);
  }
  // Drops what there is; how many.
  std::size_t forget() {
    const std::lock_guard lock(mutex_);
    const std::size_t count = all_.size();
    all_.clear();
    return count;
  }

 private:
  fork_mutex mutex_{lock_row::card};
  std::vector<void*> all_;
};

}  // namespace exalloc
