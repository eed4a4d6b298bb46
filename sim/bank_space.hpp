// Which bytes of the simulated card's memory are given out.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>

#include "platform/card_memory_settings.hpp"

namespace exalloc::sim {

// Thread safe.
class bank_space {
 public:
  explicit bank_space(const card_memory_settings& settings) : settings_(settings) {}

  // The address of so many bytes in that bank, at the beginning of a page: the first that are free.
  // Throws std::runtime_error.
  std::uint64_t take(const std::string& bank_name, std::uint64_t bytes) {
    const unsigned bank = settings_.bank(bank_name);
    const std::uint64_t end = (bank + std::uint64_t{1}) * settings_.bank_bytes;
    std::uint64_t at = bank * settings_.bank_bytes;
    const std::lock_guard lock(mutex_);
    for (auto next = taken_.lower_bound(at); next != taken_.end() && next->first < end; ++next) {
      if (next->first - at >= bytes) break;
      at = (next->second + page - 1) / page * page;
    }
    if (at > end || end - at < bytes)
      throw std::runtime_error(
          fmt::format("sim card: {}[{}] has {} bytes, and no {} of them in one piece are free",
                      settings_.bank_name, bank, settings_.bank_bytes, bytes));
    taken_[at] = at + bytes;
    return card_memory_base + at;
  }
  void give_back(std::uint64_t address) {
    const std::lock_guard lock(mutex_);
    taken_.erase(address - card_memory_base);
  }

 private:
  static constexpr std::uint64_t page = 4096;
  const card_memory_settings settings_;
  std::mutex mutex_;
  std::map<std::uint64_t, std::uint64_t> taken_;  // first byte → behind the last
};

}  // namespace exalloc::sim
