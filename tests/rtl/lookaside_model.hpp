// What the lookaside engine and its lines do (docs/protocol.md), executable, with plain containers.
// It shares nothing with the RTL but the encodings.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

namespace lookaside {

enum class Op : unsigned { kPop, kPush, kAccount, kShare, kOpen, kClose, kGovern };
enum class Status : unsigned {
  kOk = 0,
  kEmpty = 1,
  kRange = 4,
  kDomain = 5,
  kBadList = 6,
  kBadOpcode = 7,
  kBadCount = 8,
  kBadPhase = 9,
  kFull = 15
};
enum Opcode : unsigned { kPop = 5, kPush = 6, kShare = 7 };

struct Request {
  Op op = Op::kPop;
  unsigned list = 0, domain = 0;
  std::uint64_t data = 0;
};

struct Answer {
  Status status = Status::kOk;
  std::uint64_t data = 0;  // of a pop, a push or a share
  unsigned depth = 0, held = 0, reserved = 0;
  bool operator==(const Answer&) const = default;
};

inline std::uint64_t Counts(unsigned allocates, unsigned allocate_misses, unsigned frees,
                            unsigned free_misses) {
  return allocates | std::uint64_t{allocate_misses} << 16 | std::uint64_t{frees} << 32 |
         std::uint64_t{free_misses} << 48;
}
inline std::uint64_t Share(unsigned take, unsigned give) {
  return take | std::uint64_t{give} << 16;
}
inline std::uint64_t Depths(unsigned depth, unsigned minimum, unsigned maximum) {
  return depth | std::uint64_t{minimum} << 10 | std::uint64_t{maximum} << 20;
}

class Engine {
 public:
  Engine(unsigned lists, unsigned depth) : lists_(lists), most_(depth) {}

  Answer Apply(const Request& r) {
    List& list = lists_[r.list];
    Answer answer = Execute(list, r);
    answer.depth = list.depth;
    answer.held = static_cast<unsigned>(list.entries.size());
    answer.reserved = list.reserved;
    return answer;
  }

  // A register of the list's window, by its offset.
  [[nodiscard]] std::uint32_t Register(unsigned index, unsigned offset) const {
    if (index >= lists_.size()) return 0;
    const List& list = lists_[index];
    const auto held = static_cast<unsigned>(list.entries.size());
    switch (offset) {
      case 0x00:
        return list.depth | list.minimum << 10 | list.maximum << 20 |
               static_cast<unsigned>(list.open) << 31;
      case 0x04:
        return held | list.reserved << 10 | list.high_water << 20;
      default:
        return list.counts[(offset - 8) / 4];
    }
  }

  [[nodiscard]] unsigned lists() const { return static_cast<unsigned>(lists_.size()); }
  [[nodiscard]] unsigned held(unsigned list) const {
    return static_cast<unsigned>(lists_[list].entries.size());
  }
  [[nodiscard]] unsigned depth(unsigned list) const { return lists_[list].depth; }
  [[nodiscard]] unsigned reserved(unsigned list) const { return lists_[list].reserved; }
  [[nodiscard]] bool open(unsigned list) const { return lists_[list].open; }

 private:
  struct List {
    bool open = false;
    unsigned domain = 0, depth = 0, minimum = 0, maximum = 0, reserved = 0, high_water = 0;
    std::vector<std::uint64_t> entries;
    std::array<std::uint32_t, 4> counts{};
    std::uint32_t last_allocates = 0, last_misses = 0;

    [[nodiscard]] unsigned room() const {
      const auto used = static_cast<unsigned>(entries.size()) + reserved;
      return used < depth ? depth - used : 0;
    }
  };

  Answer Execute(List& list, const Request& r) {
    const unsigned depth = r.data & 511, minimum = r.data >> 10 & 511, maximum = r.data >> 20 & 511;
    if (r.op == Op::kOpen) {
      if (minimum > depth || depth > maximum || maximum > most_) return {Status::kRange};
      if (list.open) return {Status::kBadList};
      list = {};
      list.open = true;
      list.domain = r.domain;
      list.depth = depth;
      list.minimum = minimum;
      list.maximum = maximum;
      return {};
    }
    if (!list.open) return {Status::kBadList, r.op == Op::kPush ? r.data : 0};
    if (r.op == Op::kClose) {
      list = {};
      return {};
    }
    if (r.op == Op::kGovern) {
      Govern(list);
      return {};
    }
    if (list.domain != r.domain) return {Status::kDomain, r.op == Op::kPush ? r.data : 0};
    switch (r.op) {
      case Op::kPop: {
        if (list.entries.empty()) return {Status::kEmpty};
        const std::uint64_t entry = list.entries.back();
        list.entries.pop_back();
        return {Status::kOk, entry};
      }
      case Op::kPush:
        if (list.room() == 0) return {Status::kFull, r.data};
        list.entries.push_back(r.data);
        list.high_water = std::max(list.high_water, static_cast<unsigned>(list.entries.size()));
        return {Status::kOk, r.data};
      case Op::kAccount:
        for (unsigned i = 0; i < 4; ++i) {
          list.counts[i] += static_cast<std::uint16_t>(r.data >> (16 * i));
        }
        return {};
      default: {
        const unsigned take = r.data & 0xFFFF, give = r.data >> 16 & 0xFFFF;
        if (give > list.reserved) return {Status::kRange};
        list.reserved -= give;
        const unsigned granted = std::min(take, list.room());
        list.reserved += granted;
        return {Status::kOk, granted};
      }
    }
  }

  static void Govern(List& list) {
    const std::uint32_t a = list.counts[0] - list.last_allocates;
    const std::uint32_t m = list.counts[1] - list.last_misses;
    list.last_allocates = list.counts[0];
    list.last_misses = list.counts[1];
    if (a < 16) {
      list.depth = list.minimum + (list.depth - list.minimum) / 2;
    } else if (std::uint64_t{32} * m > a) {
      list.depth = std::min(list.maximum, std::max(1u, 2 * list.depth));
    }
  }

  std::vector<List> lists_;
  unsigned most_;
};

// ---- Lines ----

using Line = std::array<std::uint32_t, 16>;

struct Header {
  unsigned opcode = 0, count = 0, list = 0, cookie = 0;
  bool call = false, ack = false;
  std::uint64_t garbage = 0;  // or-ed in: phase and reserved bits
  unsigned give = 0;
};

inline Line Submission(const Header& h, std::uint64_t second = 0,
                       const std::vector<std::uint64_t>& more = {}) {
  Line line{};
  const auto put = [&](unsigned word, std::uint64_t value) {
    line[2 * word] = static_cast<std::uint32_t>(value);
    line[2 * word + 1] = static_cast<std::uint32_t>(value >> 32);
  };
  put(0, std::uint64_t{h.opcode} << 1 | std::uint64_t{h.ack} << 5 | std::uint64_t{h.call} << 6 |
             std::uint64_t{h.count} << 8 | std::uint64_t{h.list} << 16 |
             std::uint64_t{h.cookie} << 32 | std::uint64_t{h.give} << 48 | h.garbage);
  put(1, second);
  for (unsigned i = 0; i < more.size(); ++i) put(2 + i, more[i]);
  return line;
}

struct Error {
  unsigned opcode, list, status;
  bool operator==(const Error&) const = default;
};

struct Outcome {
  std::vector<Line> lines;
  std::vector<Error> errors;
  unsigned executed = 0, popped = 0, pushed = 0;  // counted
};

// Executes a line on the engine.
inline Outcome Execute(Engine& engine, const Line& line, unsigned domain, bool bad_phase) {
  const auto word = [&](unsigned i) { return line[2 * i] | std::uint64_t{line[2 * i + 1]} << 32; };
  const unsigned opcode = line[0] >> 1 & 15, count = line[0] >> 8 & 255,
                 list = line[0] >> 16 & 1023, give = line[1] >> 16;
  const bool call = line[0] >> 6 & 1;
  Outcome out;
  const auto answer = [&](const std::vector<std::uint64_t>& entries, bool last, Status status,
                          std::uint64_t state) {
    const Header head{opcode, static_cast<unsigned>(entries.size()), list};
    Line reply = Submission(head, state, entries);
    reply[0] |= static_cast<unsigned>(last) << 5 | static_cast<unsigned>(status) << 26;
    reply[1] = (line[1] & 0xFFFF) << 16;
    out.lines.push_back(reply);
  };
  const auto refuse = [&](Status status) {
    out.errors.push_back({opcode, list, static_cast<unsigned>(status)});
    answer({}, true, status, 0);
    return out;
  };
  const auto ask = [&](Op op, std::uint64_t data) {
    return engine.Apply({op, list, domain, data});
  };

  if (bad_phase) return refuse(Status::kBadPhase);
  if (opcode < kPop || opcode > kShare || (line[0] & 0xFC000080) != 0 ||
      (give != 0 && opcode != kPush) || (call && opcode == kShare)) {
    return refuse(Status::kBadOpcode);
  }
  if (list >= engine.lists()) return refuse(Status::kBadList);
  const unsigned low = opcode == kPop ? 1 : 0;
  const unsigned high = opcode == kPop ? 48 : opcode == kPush ? 6 : 0;
  if (count < low || count > high) return refuse(Status::kBadCount);

  // A line that is refused for the range of its shares must not count either.
  Status status = Status::kOk;
  unsigned granted = 0;
  std::vector<std::uint64_t> entries;
  if (opcode == kShare || give != 0) {
    const Answer a = ask(Op::kShare, opcode == kShare ? word(2) : Share(0, give));
    if (a.status != Status::kOk) return refuse(a.status);
    granted = static_cast<unsigned>(a.data);
  }
  Answer state = ask(Op::kAccount, word(1));
  if (state.status != Status::kOk) return refuse(state.status);
  if (opcode == kPop) {
    while (entries.size() < count && status == Status::kOk) {
      state = ask(Op::kPop, 0);
      status = state.status;
      if (status == Status::kOk) entries.push_back(state.data);
    }
    out.popped = static_cast<unsigned>(entries.size());
    if (entries.empty() && call) ask(Op::kAccount, Counts(0, 1, 0, 0));
  } else if (opcode == kPush) {
    for (unsigned i = 0; i < count; ++i) {
      state = ask(Op::kPush, word(2 + i));
      if (state.status == Status::kOk) {
        ++out.pushed;
      } else {
        status = state.status;
        entries.push_back(word(2 + i));
      }
    }
    if (out.pushed == 0 && count != 0 && call) ask(Op::kAccount, Counts(0, 0, 0, 1));
  }
  out.executed = 1;
  std::size_t at = 0;
  for (; entries.size() - at > 6; at += 6) {
    const auto from = entries.begin() + static_cast<long>(at);
    answer({from, from + 6}, false, Status::kOk, 0);
  }
  answer({entries.begin() + static_cast<long>(at), entries.end()}, true, status,
         state.depth | std::uint64_t{state.held} << 16 | std::uint64_t{state.reserved} << 32 |
             std::uint64_t{granted} << 48);
  return out;
}

}  // namespace lookaside
