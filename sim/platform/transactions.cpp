#include "platform/transactions.hpp"

#include <fmt/format.h>
#include <gtkwave/fstapi.h>

#include <array>
#include <fstream>
#include <map>
#include <stdexcept>
#include <vector>

#include "exalloc/regs.hpp"

namespace exalloc::sim {
namespace {

// The card has at most 128 reads and 128 writes under way, and one token each way at each of its
// four stream ports; processors have few accesses.
constexpr std::array<unsigned, transaction_kinds> lanes_of{64, 16, 128, 128, 4, 4};

std::string name_of_register(std::uint64_t offset) {
  namespace off = regs::offset;
  constexpr std::uint64_t portals_end = off::portals_base + 64 * off::portals_stride;
  if (offset < off::portals_base || offset >= portals_end)
    return fmt::format("register {:#06x}", offset);
  const std::uint64_t portal = (offset - off::portals_base) / off::portals_stride;
  const std::uint64_t within = (offset - off::portals_base) % off::portals_stride;
  if (within == off::doorbell) return fmt::format("doorbell of portal {}", portal);
  return fmt::format("register {:#04x} of portal {}", within, portal);
}

class fst_recorder final : public transaction_watcher {
 public:
  explicit fst_recorder(const std::string& file) {
    // The FST writer does not report a file it cannot open.
    if (!std::ofstream(file)) throw std::runtime_error("cannot write transactions to " + file);
    writer_.reset(fstWriterCreate(file.c_str(), 1));
    if (!writer_) throw std::runtime_error("cannot write transactions to " + file);
    fstWriterSetTimescale(writer_.get(), -12);  // ps
    fstWriterSetScope(writer_.get(), FST_ST_VCD_MODULE, "platform", nullptr);
    for (unsigned kind = 0; kind < transaction_kinds; ++kind) {
      const char* const scope = to_string(static_cast<transaction_kind>(kind));
      fstWriterSetScope(writer_.get(), FST_ST_VCD_MODULE, scope, nullptr);
      for (unsigned i = 0; i < lanes_of[kind]; ++i)
        lanes_[kind].push_back({row(fmt::format("what_{}", i)), row(fmt::format("where_{}", i))});
      fstWriterSetUpscope(writer_.get());
    }
    fstWriterSetUpscope(writer_.get());
  }

  void begins(const transaction& t, transaction_place place, picoseconds at) override {
    const auto kind = static_cast<unsigned>(t.kind);
    for (unsigned i = 0; i < lanes_[kind].size(); ++i) {
      if (lanes_[kind][i].used) continue;
      lanes_[kind][i].used = true;
      on_lane_[t.number] = i;
      time(at);
      emit(lanes_[kind][i].what, name_of(t));
      emit(lanes_[kind][i].where, to_string(place));
      return;
    }
  }
  void moves(const transaction& t, transaction_place to, picoseconds at) override {
    if (lane* const l = lane_of(t)) {
      time(at);
      emit(l->where, to_string(to));
    }
  }
  void ends(const transaction& t, picoseconds at) override {
    lane* const l = lane_of(t);
    if (l == nullptr) return;
    time(at);
    emit(l->what, "");
    emit(l->where, "");
    l->used = false;
    on_lane_.erase(t.number);
  }

 private:
  struct lane {
    fstHandle what, where;
    bool used = false;
  };
  struct closer {
    void operator()(void* writer) const { fstWriterClose(writer); }
  };

  fstHandle row(const std::string& name) {
    return fstWriterCreateVar(writer_.get(), FST_VT_GEN_STRING, FST_VD_IMPLICIT, 0, name.c_str(),
                              0);
  }
  lane* lane_of(const transaction& t) {
    const auto at = on_lane_.find(t.number);
    return at == on_lane_.end() ? nullptr : &lanes_[static_cast<unsigned>(t.kind)][at->second];
  }
  void time(picoseconds at) {
    if (at == last_) return;
    fstWriterEmitTimeChange(writer_.get(), at);
    last_ = at;
  }
  void emit(fstHandle row, const std::string& text) {
    fstWriterEmitVariableLengthValueChange(writer_.get(), row, text.data(),
                                           static_cast<std::uint32_t>(text.size()));
  }

  std::unique_ptr<void, closer> writer_;
  std::array<std::vector<lane>, transaction_kinds> lanes_;
  std::map<std::uint64_t, unsigned> on_lane_;
  picoseconds last_ = ~picoseconds{0};
};

}  // namespace

const char* to_string(transaction_kind kind) {
  constexpr std::array names{"register_write", "register_read", "card_read",
                             "card_write",     "token_popped",  "token_pushed"};
  return names[static_cast<unsigned>(kind)];
}
const char* to_string(transaction_place place) {
  constexpr std::array names{"root complex", "link to card", "card shell", "card",
                             "link to host", "host memory",  "kernel"};
  return names[static_cast<unsigned>(place)];
}

std::string name_of(const transaction& t) {
  const unsigned lines = t.bytes / regs::line_bytes;
  switch (t.kind) {
    case transaction_kind::register_write:
      return fmt::format("{} = {:#x}", name_of_register(t.address), t.value);
    case transaction_kind::register_read:
      return "read of " + name_of_register(t.address);
    case transaction_kind::card_read:
      return fmt::format("read of {} {} at {:#x}", lines, lines == 1 ? "line" : "lines", t.address);
    case transaction_kind::card_write:
      return fmt::format("line written at {:#x}", t.address);
    case transaction_kind::token_popped:
      return fmt::format("token {:#x} popped at stream port {}", t.value, t.port);
    case transaction_kind::token_pushed:
      return fmt::format("token {:#x} pushed at stream port {}", t.value, t.port);
  }
  return {};
}

std::unique_ptr<transaction_watcher> record_transactions(const std::string& file) {
  return std::make_unique<fst_recorder>(file);
}

}  // namespace exalloc::sim
