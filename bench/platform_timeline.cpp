#include "platform_timeline.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "exalloc/regs.hpp"
#include "platform_host.hpp"

namespace exalloc::bench {
namespace {

using sim::transaction;
using sim::transaction_place;

constexpr unsigned processor_color = 9;

const char* short_name(transaction_place place) {
  switch (place) {
    case transaction_place::root_complex:
      return "root";
    case transaction_place::link_down:
      return "link down";
    case transaction_place::card_shell:
      return "shell";
    case transaction_place::card:
      return "card";
    case transaction_place::link_up:
      return "link up";
    case transaction_place::memory:
      return "memory";
    case transaction_place::kernel:
      return "kernel";
  }
  return "";
}

unsigned color_of(transaction_place place) { return 3 + static_cast<unsigned>(place); }

const char* title_of(sim::transaction_kind kind) {
  switch (kind) {
    case sim::transaction_kind::register_write:
      return "write";
    case sim::transaction_kind::register_read:
      return "read";
    case sim::transaction_kind::card_read:
      return "card reads";
    case sim::transaction_kind::card_write:
      return "card writes";
    case sim::transaction_kind::token_popped:
      return "pop";
    case sim::transaction_kind::token_pushed:
      return "push";
  }
  return "";
}

class tracks final : public sim::transaction_watcher {
 public:
  explicit tracks(picoseconds zero) : zero_(zero) {}
  void begins(const transaction& t, transaction_place place, picoseconds at) override {
    at_.emplace(t.number, rows.size());
    const bool doorbell =
        t.kind == sim::transaction_kind::register_write && t.address >= regs::offset::portals_base;
    rows.push_back({doorbell ? "doorbell" : title_of(t.kind), {}});
    add(t, place, at);
  }
  void moves(const transaction& t, transaction_place to, picoseconds at) override {
    close(t, at);
    add(t, to, at);
  }
  void ends(const transaction& t, picoseconds at) override { close(t, at); }

  std::vector<timeline_row> rows;

 private:
  void add(const transaction& t, transaction_place place, picoseconds at) {
    rows[at_.at(t.number)].parts.push_back(
        {short_name(place), color_of(place), at - zero_, at - zero_});
  }
  void close(const transaction& t, picoseconds at) {
    rows[at_.at(t.number)].parts.back().end_ps = at - zero_;
  }

  picoseconds zero_;
  std::map<std::uint64_t, std::size_t> at_;
};

// A processor and its portal on a platform where nothing else happens.
class scene {
 public:
  scene(const std::string& link, std::uint64_t seed, std::string name, std::string title)
      : device_(settings(link, seed)), portal_((prepare(device_), device_), 0) {
    portal_.enable();
    out.name = std::move(name);
    out.title = fmt::format("{} ({}, seed {})", title, link, seed);
    device_.read(regs::offset::id);
    device_.platform().run_what_is_under_way(device_.platform().now() + wait);
    zero_ = device_.platform().now();
    watched_ = std::make_shared<tracks>(zero_);
    device_.platform().watch(watched_);
  }

  void processor(const std::string& what, std::uint64_t ns) {
    const picoseconds now = device_.platform().now();
    doings_.push_back({what, processor_color, now - zero_, now - zero_ + ns * sim::ps_per_ns});
    device_.platform().run(now + ns * sim::ps_per_ns);
  }
  void grant(unsigned blocks) {
    processor("writes line", cost_.line_written_ns);
    portal_.submit(regs::opcode::grant, bench_processor::list, 0, blocks, {});
    processor("rings", cost_.doorbell_ns);
    portal_.ring();
  }
  // Waits for a line and reads it.
  void receive() {
    sim::platform& platform = device_.platform();
    platform.on_line([&](std::uint64_t) { platform.pause(); });
    const picoseconds began = platform.now();
    completion c;
    while (!portal_.receive(c)) {
      if (platform.now() > began + wait) throw std::runtime_error("bench timeline: no answer came");
      platform.run_what_is_under_way(began + 2 * wait);
    }
    platform.on_line({});
    processor("reads", cost_.line_read_ns + cost_.waited_line_ns + cost_.fast_allocation_ns);
  }
  void naive() {
    device_.read(regs::offset::id);
    processor("has it", cost_.fast_allocation_ns);
    processor("frees", cost_.doorbell_ns);
    device_.write(regs::offset::governor_period, 0);
  }
  timeline end() {
    device_.platform().run_what_is_under_way(device_.platform().now() + wait);
    device_.platform().watch(nullptr);
    out.rows.push_back({"processor", doings_});
    out.rows.insert(out.rows.end(), watched_->rows.begin(), watched_->rows.end());
    return std::move(out);
  }

  timeline out;

 private:
  static constexpr picoseconds wait = 50'000 * sim::ps_per_ns;

  static sim::link_settings settings(const std::string& link, std::uint64_t seed) {
    sim::link_settings s = sim::link_preset(link);
    s.seed = seed;
    return s;
  }

  const replay::cost_model cost_;
  platform_card device_;
  portal portal_;
  picoseconds zero_ = 0;
  std::shared_ptr<tracks> watched_;
  std::vector<timeline_row::part> doings_;
};

}  // namespace

std::vector<timeline> draw_timelines(const std::string& link, std::uint64_t seed) {
  std::vector<timeline> out;
  {
    scene miss(link, seed, "platform-miss", "An allocation that waits for the card");
    miss.grant(regs::tokens_per_line);
    miss.receive();
    out.push_back(miss.end());
  }
  {
    scene refill(link, seed, "platform-refill", "112 blocks in one line");
    refill.grant(bench_processor::most_granted);
    for (unsigned line = 0; line < bench_processor::most_granted / regs::tokens_per_line; ++line)
      refill.receive();
    out.push_back(refill.end());
  }
  {
    scene naive(link, seed, "platform-naive",
                "The naive design: a register read, a register write");
    naive.naive();
    out.push_back(naive.end());
  }
  return out;
}

std::string wavedrom(const timeline& drawing) {
  std::uint64_t end = 0;
  for (const timeline_row& row : drawing.rows)
    for (const auto& part : row.parts) end = std::max(end, part.end_ps);
  // At most so many columns, of a round number of ns each.
  constexpr std::uint64_t most_columns = 60;
  std::uint64_t column = 5'000;
  while (end / column > most_columns) column += 5'000;
  const auto at = [&](std::uint64_t ps) { return (ps + column / 2) / column; };

  nlohmann::ordered_json signals = nlohmann::ordered_json::array();
  for (const timeline_row& row : drawing.rows) {
    std::string wave(at(end) + 2, '.');
    std::vector<std::string> data;
    wave[0] = 'z';
    for (const auto& part : row.parts) {
      if (at(part.begin_ps) == at(part.end_ps)) continue;  // narrower than a column
      wave[at(part.begin_ps)] = static_cast<char>('0' + part.color);
      const bool room = at(part.end_ps) - at(part.begin_ps) > 1;
      data.push_back(room ? part.what : "");
      wave[at(part.end_ps)] = 'z';
    }
    signals.push_back({{"name", row.name}, {"wave", wave}, {"data", data}});
  }
  const nlohmann::ordered_json out{
      {"signal", signals},
      {"head", {{"text", fmt::format("{}: a column is {} ns", drawing.title, column / 1000)}}},
      {"config", {{"hscale", 1}}}};
  return out.dump(1) + "\n";
}

}  // namespace exalloc::bench
