// The banks behind stream ports: models that execute an operation when it is sent and answer in
// order for each bank after a delay, and the blocks that somebody has.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <vector>

#include "slab_bank_model.hpp"

namespace stream_banks {

using slab_bank::Model;
using slab_bank::Op;
using slab_bank::Request;
using slab_bank::Response;
using slab_bank::Status;

constexpr unsigned kBanks = 4, kWidth = 64, kSlabs = 65536;
constexpr int kList = 3, kDomain = 5;

// Slab n of a test: numbers from all over the card, each in the bank that n would be in.
constexpr std::uint32_t Far(std::uint32_t n) {
  return n / kBanks * 5003 % (kSlabs / kBanks) * kBanks + n % kBanks;
}

inline std::uint32_t Token(unsigned bank, unsigned slab, unsigned block) {
  return static_cast<std::uint32_t>((slab * kBanks + bank) << 6 | block);
}
// The tokens of a mask.
inline std::vector<std::uint32_t> Tokens(unsigned bank, unsigned slab, std::uint64_t mask) {
  std::vector<std::uint32_t> tokens;
  for (; mask != 0; mask &= mask - 1) {
    tokens.push_back(Token(bank, slab, static_cast<unsigned>(std::countr_zero(mask))));
  }
  return tokens;
}

struct Answer {
  unsigned port, slot;
  Request request;
  Response response;
};

class Banks {
 public:
  Banks() : banks_(kBanks, Model(kSlabs / kBanks, kWidth, 16)), queues_(kBanks) {}

  void Open(int list, int domain) {
    for (Model& bank : banks_) bank.Apply({Op::kOpen, list, domain, 0, 0, 0});
  }
  void Close(int list) {
    for (Model& bank : banks_) bank.Apply({Op::kClose, list, 0, 0, 0, 0});
  }
  // A slab with these blocks free; the others count as somebody's.
  void AddSlab(int list, int domain, std::uint32_t slab, std::uint64_t free) {
    Model& bank = banks_[slab % kBanks];
    const int local = static_cast<int>(slab / kBanks);
    bank.Apply({Op::kLink, list, domain, local, 0, kWidth - 1});
    for (int q = 0; q < 4; ++q) bank.Apply({Op::kGrant, list, domain, 0, 0, 0});
    if (free != 0) bank.Apply({Op::kRelease, list, domain, local, free, 0});
  }
  // Gives a block back at once, as another requester would.
  Status Release(int list, int domain, std::uint32_t token) {
    const std::uint32_t slab = token >> 6;
    return banks_[slab % kBanks]
        .Apply({Op::kRelease, list, domain, static_cast<int>(slab / kBanks),
                std::uint64_t{1} << (token & 63), 0})
        .status;
  }
  std::uint64_t FreeBlocks(int list) const {
    std::uint64_t count = 0;
    for (const Model& bank : banks_) count += bank.FreeBlocks(list);
    return count;
  }
  bool IsFree(std::uint32_t token) const {
    const std::uint32_t slab = token >> 6;
    return banks_[slab % kBanks].FreeMask(static_cast<int>(slab / kBanks)) >> (token & 63) & 1;
  }

  Response Send(std::uint64_t now, std::uint64_t delay, unsigned bank, unsigned port, unsigned slot,
                const Request& request) {
    const Response response = banks_[bank].Apply(request);
    auto& queue = queues_[bank];
    const std::uint64_t due = std::max(now + delay, queue.empty() ? 0 : queue.back().due + 1);
    queue.push_back({due, {port, slot, request, response}});
    return response;
  }
  // What a bank answers in this cycle.
  std::optional<Answer> Next(unsigned bank, std::uint64_t now) {
    auto& queue = queues_[bank];
    if (queue.empty() || queue.front().due > now) return std::nullopt;
    const Answer answer = queue.front().answer;
    queue.pop_front();
    return answer;
  }
  bool UnderWay() const {
    return std::any_of(queues_.begin(), queues_.end(), [](const auto& q) { return !q.empty(); });
  }

 private:
  struct Pending {
    std::uint64_t due;
    Answer answer;
  };
  std::vector<Model> banks_;
  std::vector<std::deque<Pending>> queues_;
};

}  // namespace stream_banks
