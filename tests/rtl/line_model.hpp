// What a line does (docs/protocol.md), executable: on models of the banks, with plain containers.
// It shares nothing with the RTL but the encodings.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <vector>

#include "slab_bank_model.hpp"

namespace line_model {

using slab_bank::Model;
using slab_bank::Op;
using slab_bank::Request;
using slab_bank::Response;
using slab_bank::Status;

constexpr int kBanks = 4;
constexpr int kBankSlabs = 16384;
constexpr uint32_t kSlabs = kBanks * kBankSlabs;
constexpr int kWidth = 64;
constexpr int kLists = 255;
constexpr int kTokens = 14;

enum Opcode : unsigned { kGrant = 1, kRelease = 2, kRecall = 3, kSync = 4 };
constexpr unsigned kBadOpcode = 7, kBadCount = 8, kBadPhase = 9, kBadListStatus = 6, kRange = 4;

using Line = std::array<uint32_t, 16>;

struct Header {
  unsigned opcode = 0;
  unsigned count = 0;
  unsigned list = 0;
  unsigned cookie = 0;
  bool ack = false;
  uint64_t garbage = 0;  // or-ed in: phase and reserved bits
};

inline Line Submission(const Header& h, const std::vector<uint32_t>& tokens = {}) {
  Line line{};
  const uint64_t bits = static_cast<uint64_t>(h.opcode) << 1 | static_cast<uint64_t>(h.ack) << 5 |
                        static_cast<uint64_t>(h.count) << 8 | static_cast<uint64_t>(h.list) << 16 |
                        static_cast<uint64_t>(h.cookie) << 32 | h.garbage;
  line[0] = static_cast<uint32_t>(bits);
  line[1] = static_cast<uint32_t>(bits >> 32);
  std::copy(tokens.begin(), tokens.end(), line.begin() + 2);
  return line;
}

inline uint32_t Token(uint32_t slab, unsigned block) { return slab << 6 | block; }

struct Error {
  unsigned opcode, list, status;
  uint32_t token;
  bool operator==(const Error&) const = default;
};

struct Counts {
  unsigned grant_lines = 0, release_lines = 0, empties = 0, granted = 0, released = 0, surplus = 0,
           refusals = 0;
  bool operator==(const Counts&) const = default;
  void Add(const Counts& c) {
    grant_lines += c.grant_lines, release_lines += c.release_lines, empties += c.empties;
    granted += c.granted, released += c.released, surplus += c.surplus, refusals += c.refusals;
  }
};

struct Outcome {
  std::vector<Line> lines;
  std::vector<Error> errors;
  Counts counts;
  unsigned bank = 0;
};

class Card {
 public:
  Card() : banks(kBanks, Model(kBankSlabs, kWidth, kLists)) {}

  Outcome Execute(const Line& line, unsigned domain, unsigned bank, bool bad_phase) {
    line_ = line;
    opcode_ = line[0] >> 1 & 15;
    list_ = line[0] >> 16 & 1023;
    count_ = line[0] >> 8 & 255;
    domain_ = static_cast<int>(domain);
    out_ = {};
    out_.bank = bank;
    const unsigned status = Check(bad_phase);
    if (status != 0) {
      Refuse(status, 0);
      Answer({}, true, status);
    } else if (opcode_ == kGrant) {
      Grant();
    } else if (opcode_ == kRelease) {
      Release();
    } else {
      Answer({}, true, 0);
    }
    out_.counts.refusals = static_cast<unsigned>(out_.errors.size());
    return out_;
  }

  std::vector<Model> banks;

 private:
  unsigned Check(bool bad_phase) const {
    if (bad_phase) return kBadPhase;
    const bool reserved = (line_[0] & 0xFC0000C0) != 0 || (line_[1] & 0xFFFF0000) != 0;
    if (opcode_ < kGrant || opcode_ > kSync || reserved) return kBadOpcode;
    if (list_ >= kLists) return kBadListStatus;
    const unsigned low = opcode_ == kGrant || opcode_ == kRelease ? 1 : 0;
    const unsigned high = opcode_ == kGrant ? 112 : opcode_ == kRelease ? kTokens : 0;
    return count_ < low || count_ > high ? kBadCount : 0;
  }

  void Refuse(unsigned status, uint32_t token) {
    out_.errors.push_back({opcode_, list_, status, token});
  }

  void Answer(const std::vector<uint32_t>& tokens, bool last, unsigned status) {
    Line line{};
    line[0] = opcode_ << 1 | static_cast<unsigned>(last) << 5 |
              static_cast<unsigned>(tokens.size()) << 8 | list_ << 16 | status << 26;
    line[1] = (line_[1] & 0xFFFF) << 16;
    std::copy(tokens.begin(), tokens.end(), line.begin() + 2);
    out_.lines.push_back(line);
  }

  Response Ask(unsigned bank, Op op, int slab, uint64_t mask) {
    Request request;
    request.op = op;
    request.list = static_cast<int>(list_);
    request.domain = domain_;
    request.slab = slab;
    request.mask = mask;
    return banks[bank].Apply(request);
  }

  void Grant() {
    ++out_.counts.grant_lines;
    struct Piece {
      unsigned bank;
      int slab;
      std::vector<unsigned> blocks;
    };
    std::vector<Piece> pieces;
    unsigned received = 0, yield = kWidth / 4;
    std::array<bool, kBanks> dry{};
    while (received < count_ && !std::all_of(dry.begin(), dry.end(), [](bool d) { return d; })) {
      const unsigned k = std::min((count_ - received + yield - 1) / yield, 15u);
      const auto dry_before = dry;
      Status refusal = Status::kOk;
      for (unsigned i = 0; i < k; ++i) {
        while (dry_before[out_.bank]) out_.bank = (out_.bank + 1) % kBanks;
        const unsigned bank = out_.bank;
        out_.bank = (out_.bank + 1) % kBanks;
        const Response r = Ask(bank, Op::kGrant, 0, 0);
        if (r.status == Status::kEmpty) {
          dry[bank] = true;
        } else if (r.status != Status::kOk) {
          if (refusal == Status::kOk) refusal = r.status;
        } else {
          Piece piece{bank, r.slab, {}};
          for (unsigned b = 0; b < kWidth; ++b) {
            if (r.mask >> b & 1) piece.blocks.push_back(b);
          }
          received += static_cast<unsigned>(piece.blocks.size());
          yield = std::bit_floor(static_cast<unsigned>(piece.blocks.size()));
          pieces.push_back(piece);
        }
      }
      if (refusal != Status::kOk) {
        Refuse(static_cast<unsigned>(refusal), 0);
        return Answer({}, true, static_cast<unsigned>(refusal));
      }
    }
    std::vector<uint32_t> tokens;
    for (const Piece& piece : pieces) {
      uint64_t surplus = 0;
      for (unsigned block : piece.blocks) {
        if (tokens.size() < count_) {
          tokens.push_back(Token(static_cast<uint32_t>(piece.slab) * kBanks + piece.bank, block));
        } else {
          surplus |= uint64_t{1} << block;
          ++out_.counts.surplus;
        }
      }
      if (surplus != 0) Ask(piece.bank, Op::kRelease, piece.slab, surplus);
    }
    const bool short_of = tokens.size() < count_;
    out_.counts.granted = static_cast<unsigned>(tokens.size());
    out_.counts.empties = short_of;
    std::size_t at = 0;
    for (; tokens.size() - at > kTokens; at += kTokens) {
      Answer({tokens.begin() + static_cast<long>(at), tokens.begin() + static_cast<long>(at) + 14},
             false, 0);
    }
    Answer({tokens.begin() + static_cast<long>(at), tokens.end()}, true, short_of ? 1 : 0);
  }

  unsigned Give(uint32_t slab, uint64_t mask) {
    return static_cast<unsigned>(
        Ask(slab % kBanks, Op::kRelease, static_cast<int>(slab / kBanks), mask).status);
  }

  void Release() {
    ++out_.counts.release_lines;
    // Gatherings as lists of positions.
    std::vector<std::vector<unsigned>> runs;
    std::vector<unsigned> status(count_, 0);
    bool open = false;
    for (unsigned i = 0; i < count_; ++i) {
      const uint32_t slab = line_[2 + i] >> 6, block = line_[2 + i] & 63;
      if (slab == 0 || slab >= kSlabs || block >= kWidth) {
        status[i] = kRange;
        open = false;
        continue;
      }
      if (open) {
        const auto clash = [&](unsigned j) {
          return line_[2 + j] >> 6 != slab || line_[2 + j] == line_[2 + i];
        };
        open = std::none_of(runs.back().begin(), runs.back().end(), clash);
      }
      if (!open) runs.emplace_back();
      runs.back().push_back(i);
      open = true;
    }
    std::vector<std::vector<unsigned>> again;
    for (const auto& run : runs) {
      uint64_t mask = 0;
      for (unsigned i : run) mask |= uint64_t{1} << (line_[2 + i] & 63);
      const unsigned s = Give(line_[2 + run[0]] >> 6, mask);
      if (s != 0 && run.size() > 1) {
        again.push_back(run);
      } else if (s != 0) {
        status[run[0]] = s;
      }
    }
    for (const auto& run : again) {
      for (unsigned i : run) {
        status[i] = Give(line_[2 + i] >> 6, uint64_t{1} << (line_[2 + i] & 63));
      }
    }
    std::vector<uint32_t> refused;
    unsigned cause = 0;
    for (unsigned i = 0; i < count_; ++i) {
      if (status[i] == 0) continue;
      if (cause == 0) cause = status[i];
      refused.push_back(line_[2 + i]);
      Refuse(status[i], line_[2 + i]);
    }
    out_.counts.released = count_ - static_cast<unsigned>(refused.size());
    if (!refused.empty() || (line_[0] >> 5 & 1) != 0) Answer(refused, true, cause);
  }

  Line line_{};
  unsigned opcode_ = 0, list_ = 0, count_ = 0;
  int domain_ = 0;
  Outcome out_;
};

}  // namespace line_model
