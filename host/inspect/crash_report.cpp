#include "crash_report.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>

#include "bugcheck/names.hpp"
#include "pool/tag_text.hpp"

namespace exalloc::inspect {
namespace {

using json = nlohmann::ordered_json;
using place = address_finding::place;

std::vector<tag_row> tags_of(const crash_dump& dump, const tag_choice& choice) {
  std::vector<tag_row> rows;
  for (const dump::tag_row& t : dump.tags())
    rows.push_back({t.tag, static_cast<pool_kind>(t.kind), t.allocations, t.frees, t.bytes});
  return choose_tags(std::move(rows), choice);
}

std::vector<dump::big_row> big_of(const crash_dump& dump, const tag_choice& choice) {
  std::vector<dump::big_row> rows = dump.big();
  std::erase_if(
      rows, [&](const dump::big_row& row) { return !tag_matches(choice.pattern, row.header.tag); });
  return rows;
}

std::string time_text(std::int64_t seconds) {
  const std::time_t time = seconds;
  std::tm parts{};
  if (::gmtime_r(&time, &parts) == nullptr) return "?";
  return fmt::format("{:%Y-%m-%d %H:%M:%S} UTC", parts);
}

std::string_view program_of(const dump::dump_header& h) {
  const std::string_view all(h.program.data(), h.program.size());
  return all.substr(0, all.find('\0'));
}

const char* state_text(const address_finding& f) {
  if (!f.header_known) return "not known: the file does not hold the block's header";
  if (!f.header_intact && f.header.state != pool_state::none) return "not known: header damaged";
  switch (f.header.state) {
    case pool_state::none:
      return "never allocated";
    case pool_state::allocated:
      return "allocated";
    case pool_state::free:
      return "free";
  }
  return "not known: header damaged";
}

bool in_a_block(const address_finding& f) {
  return f.where == place::small || f.where == place::big;
}

std::string tag_with_note(std::uint32_t tag) {
  return fmt::format("\"{}\"{}", tag_text(tag).view(),
                     (tag & protected_tag_bit) != 0 ? " (protected)" : "");
}

std::string address_text(std::uint64_t address, const address_finding& f) {
  if (f.where == place::foreign) {
    return fmt::format(
        "{:#x}: not in the pool (a zone, a big block that was freed, or none of "
        "exalloc's)\n",
        address);
  }
  if (f.where == place::gap)
    return fmt::format("{:#x}: in the {} pool's pages, but in no block\n", address,
                       kind_name(f.kind));
  std::string text = fmt::format(
      "{:#x}: {}\n", address,
      f.offset == 0  ? "where a block begins"
      : f.offset < 0 ? fmt::format("in the header of the block at {:#x}", f.block)
                     : fmt::format("{} bytes into the block at {:#x}{}", f.offset, f.block,
                                   static_cast<std::uint64_t>(f.offset) >= f.size && f.header_intact
                                       ? ", beyond what the caller asked for"
                                       : ""));
  if (f.header_known) {
    text += fmt::format("  tag     {}\n  size    {} bytes asked for, room for {}\n",
                        tag_with_note(f.header.tag), f.size, f.room);
  }
  text += fmt::format("  state   {}\n  kind    {}, {}\n", state_text(f), kind_name(f.kind),
                      f.where == place::big ? "pages of its own" : "shares its page");
  return text;
}

json address_json(std::uint64_t address, const address_finding& f) {
  constexpr const char* places[] = {"foreign", "gap", "small", "big"};
  json j{{"address", hex(address)}, {"place", places[static_cast<std::size_t>(f.where)]}};
  if (f.where == place::foreign) return j;
  j["type"] = kind_name(f.kind);
  if (!in_a_block(f)) return j;
  j["block"] = hex(f.block);
  j["offset"] = f.offset;
  j["room"] = f.room;
  j["state"] = state_text(f);
  if (!f.header_known) return j;
  j["size"] = f.size;
  j["tag"] = tag_text(f.header.tag).view();
  j["tag_number"] = hex(f.header.tag);
  j["header_intact"] = f.header_intact;
  return j;
}

std::string totals_text(const dump::dump_header& h) {
  std::string text;
  for (std::size_t kind = 0; kind < pool_kinds; ++kind) {
    const dump::pool_totals& t = h.totals[kind];
    text += fmt::format("{:<5} {} bytes of pages held, {} bytes locked", kind_name(pool_kind(kind)),
                        t.held, t.locked);
    if (t.limit != UINT64_MAX) text += fmt::format(", limit {}", t.limit);
    if (t.reserve != 0) text += fmt::format(", {} in reserve", t.reserve);
    text += fmt::format("; {} big blocks of {} pages\n", t.big_blocks, t.big_pages);
  }
  return text;
}

std::string big_text(const std::vector<dump::big_row>& rows) {
  std::string text =
      fmt::format("{:<18} {:<4} {:<5} {:>14}\n", "Big block", "Tag", "Type", "Bytes");
  for (const dump::big_row& row : rows) {
    text += fmt::format("{:<#18x} {:<4} {:<5} {:>14}\n", row.base, tag_text(row.header.tag).view(),
                        kind_name(static_cast<pool_kind>(row.kind)), row.bytes);
  }
  return text;
}

std::uint64_t left_out(const dump::dump_header& h) {
  return std::uint64_t{h.tags.left_out} + h.big.left_out + h.chunks.left_out + h.headers.left_out;
}

json check_json(const crash_dump& dump) {
  const dump::dump_header& h = dump.header();
  json parameters = json::array();
  for (const std::uint64_t p : h.parameters) parameters.push_back(hex(p));
  json j{{"code", hex(h.code)},
         {"name", bug_check_name(h.code)},
         {"meaning", bug_check_meaning(h.code, h.parameters[0])},
         {"parameters", parameters},
         {"block", h.block != 0 ? json(hex(h.block)) : json()},
         {"tag", h.tag != 0 ? json(tag_text(h.tag).view()) : json()},
         {"token", h.token != 0 ? json(hex(h.token)) : json()},
         {"list", h.token != 0 ? json(h.list) : json()},
         {"processor", h.processor >= 0 ? json(h.processor) : json()},
         {"process", h.process},
         {"thread", h.thread},
         {"program", printable(program_of(h))},
         {"time", h.time}};
  j["signal"] =
      dump.core() != nullptr && dump.core()->signal() ? json(*dump.core()->signal()) : json();
  j["report"] = printable(dump.description());
  return j;
}

json totals_json(const dump::dump_header& h) {
  json totals = json::array();
  for (std::size_t kind = 0; kind < pool_kinds; ++kind) {
    const dump::pool_totals& t = h.totals[kind];
    totals.push_back({{"type", kind_name(pool_kind(kind))},
                      {"held", t.held},
                      {"locked", t.locked},
                      {"limit", t.limit != UINT64_MAX ? json(t.limit) : json()},
                      {"reserve", t.reserve},
                      {"big_blocks", t.big_blocks},
                      {"big_pages", t.big_pages}});
  }
  return totals;
}

}  // namespace

std::string crash_text(const crash_dump& dump, const crash_questions& questions) {
  std::string text;
  if (!questions.addresses.empty()) {
    for (const std::uint64_t a : questions.addresses) text += address_text(a, dump.find(a));
    return text;
  }
  const dump::dump_header& h = dump.header();
  text = fmt::format("Process {} ({}), {}{}", h.process, printable(program_of(h)),
                     time_text(h.time), printable(dump.description()));
  if (h.pool_in_use == 0) return text + "\nIt had not used the pool.\n";
  const std::vector<tag_row> rows = tags_of(dump, questions.tags);
  text += fmt::format("\n{}{}\n{}", tag_table_text(rows), tag_totals_text(rows), totals_text(h));
  if (questions.big) text += "\n" + big_text(big_of(dump, questions.tags));
  if (const std::uint64_t n = left_out(h); n > 0)
    text +=
        fmt::format("\n{} rows came up while the tables were copied, and are not in them.\n", n);
  return text;
}

nlohmann::ordered_json crash_json(const crash_dump& dump, const crash_questions& questions) {
  json j{{"bug_check", check_json(dump)}};
  if (!questions.addresses.empty()) {
    j["addresses"] = json::array();
    for (const std::uint64_t a : questions.addresses)
      j["addresses"].push_back(address_json(a, dump.find(a)));
    return j;
  }
  const dump::dump_header& h = dump.header();
  j["totals"] = totals_json(h);
  j["tags"] = tag_table_json(tags_of(dump, questions.tags));
  if (questions.big) {
    j["big_blocks"] = json::array();
    for (const dump::big_row& row : big_of(dump, questions.tags)) {
      j["big_blocks"].push_back({{"address", hex(row.base)},
                                 {"tag", tag_text(row.header.tag).view()},
                                 {"type", kind_name(static_cast<pool_kind>(row.kind))},
                                 {"bytes", row.bytes}});
    }
  }
  j["rows_left_out"] = left_out(h);
  return j;
}

}  // namespace exalloc::inspect
