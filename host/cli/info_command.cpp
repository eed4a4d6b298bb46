// `exalloc info`: which cards there are, and what they are like.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "commands.hpp"
#include "exalloc/card.hpp"
#include "exalloc/regs.hpp"
#include "from_environment.hpp"

namespace exalloc::cli {
namespace {

using json = nlohmann::ordered_json;
namespace off = regs::offset;

constexpr const char* examples =
    "Cards: 'soft' works in this process, 'sim' is the Verilated card on a simulated PCIe link,\n"
    "'xrt' a card through XRT: a real one, or with scripts/xrt-sim a simulated one. Each is "
    "opened,\n"
    "which another process's 'xrt' card refuses; what XRT tells is printed all the same.\n\n"
    "Examples:\n"
    "  exalloc info                       all cards\n"
    "  exalloc info --card xrt            shell, xclbin, memory, link, temperature\n"
    "  exalloc info --json | jq '.cards[] | select(.card == \"soft\").slabs'\n"
    "  scripts/xrt-sim build/exalloc info --card xrt\n\n"
    "'exalloc doctor' says what keeps a card from working. Exit status: 0 all is well, 1 a card "
    "that\n"
    "--card names cannot be opened, 2 bad usage.";

std::string hex(std::uint32_t value) { return fmt::format("{:#010x}", value); }

// What the card says of itself.
json identity(card& c) {
  const auto field = [&](std::uint32_t offset, const regs::field& f) {
    return f.get(c.read(offset));
  };
  json out;
  const std::uint32_t id = c.read(off::id), hash = c.read(off::layout_hash);
  if (id != static_cast<std::uint32_t>(0x4C41'5845))
    out["problem"] = fmt::format("it is no exalloc card: its id register reads {}", hex(id));
  out["interface"] = fmt::format("{}.{}", field(off::version, regs::version::major),
                                 field(off::version, regs::version::minor));
  out["layout_hash"] = hex(hash);
  if (!out.contains("problem") && hash != regs::layout_hash)
    out["problem"] = fmt::format("this library needs the layout {}", hex(regs::layout_hash));
  if (out.contains("problem")) return out;
  const auto slabs = c.read(off::slabs),
             width = static_cast<std::uint32_t>(field(off::geometry, regs::geometry::slab_width));
  out["banks"] = field(off::geometry, regs::geometry::banks);
  out["slabs"] = slabs;
  out["slab_width"] = width;
  out["blocks"] = std::uint64_t{slabs} * width;
  out["lists"] = field(off::lists, regs::lists::count);
  out["lookaside_lists"] = field(off::engines, regs::engines::lookaside_lists);
  out["lookaside_depth"] = field(off::engines, regs::engines::lookaside_depth);
  out["portals"] = field(off::geometry, regs::geometry::portals);
  out["workers"] = field(off::geometry, regs::geometry::workers);
  out["stream_ports"] = field(off::engines, regs::engines::stream_ports);
  out["clock_khz"] = field(off::clock, regs::clock::khz);
  return out;
}

void add_surroundings(const std::string& name, json& to) {
  if (name == "sim") {
    to["link"] = fmt::format("simulated, {}", text_from_environment("EXALLOC_LINK", "gen3x16"));
    to["memory"] = "this process's";
  } else if (name != "xrt") {
    to["link"] = "none: it works in this process";
    to["memory"] = "this process's";
  } else {
    to["memory"] = "host-only buffers of XRT";
    try {
      const json found = json::parse(xrt_devices());
      for (const char* const key : {"xclbin", "devices"}) {
        if (found.contains(key)) to[key] = found[key];
      }
    } catch (const std::exception&) {
      // Opening the card says why.
    }
  }
}

json describe(const std::string& name) {
  json out{{"card", name}};
  add_surroundings(name, out);
  try {
    const std::unique_ptr<card> c = open_card(name);
    const json told = identity(*c);
    for (const auto& [key, value] : told.items()) out[key] = value;
  } catch (const std::exception& e) {
    std::string_view why = e.what();
    if (why.starts_with("exalloc: ")) why.remove_prefix(9);
    out["problem"] = std::string(why);
  }
  return out;
}

std::string text_of(const json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

void print_line(int indent, std::string_view what, std::string_view value) {
  if (!value.empty()) fmt::print("{:{}}{:<{}} {}\n", "", indent, what, 19 - indent, value);
}

// An object of XRT's, key by key.
void print_object(const json& object) {
  for (const auto& [key, value] : object.items()) {
    std::string name = key;
    for (char& c : name) c = c == '_' ? ' ' : c;
    if (value.is_structured()) {
      for (const auto& [inner, each] : value.items())
        print_line(4, name,
                   value.is_array() ? text_of(each) : fmt::format("{} ({})", text_of(each), inner));
    } else if (key != "index") {
      print_line(4, name, text_of(value));
    }
  }
}

void print_card(const json& c) {
  const auto get = [&](const char* key) { return c.contains(key) ? text_of(c[key]) : ""; };
  fmt::print("{}\n", get("card"));
  print_line(2, "problem", get("problem"));
  if (c.contains("interface"))
    print_line(2, "interface", fmt::format("{}, layout {}", get("interface"), get("layout_hash")));
  if (c.contains("slabs")) {
    print_line(2, "slab engine",
               fmt::format("{} banks, {} slabs of {} blocks = {} blocks, {} lists", get("banks"),
                           get("slabs"), get("slab_width"), get("blocks"), get("lists")));
    print_line(
        2, "lookaside",
        fmt::format("{} lists of {} entries", get("lookaside_lists"), get("lookaside_depth")));
    print_line(2, "portals", fmt::format("{}, {} workers", get("portals"), get("workers")));
    print_line(2, "stream ports", get("stream_ports"));
    print_line(2, "clock", fmt::format("{} MHz", c["clock_khz"].get<double>() / 1000));
  }
  print_line(2, "link", get("link"));
  print_line(2, "memory", get("memory"));
  if (c.contains("xclbin")) {
    fmt::print("  xclbin\n");
    print_object(c["xclbin"]);
  }
  if (c.contains("devices")) {
    for (const json& d : c["devices"]) {
      fmt::print("  device {}\n", text_of(d["index"]));
      print_object(d);
    }
  }
}

void info(const std::string& asked, bool as_json) {
  std::vector<std::string> names{asked};
  if (asked.empty()) names = {"soft", "sim", "xrt"};
  json all = json::array();
  for (const std::string& name : names) all.push_back(describe(name));
  if (as_json) {
    fmt::print("{}\n", json{{"cards", all}}.dump(2));
  } else {
    for (const json& c : all) print_card(c);
  }
  if (!asked.empty() && all[0].contains("problem")) throw exit_with{check_failed};
}

}  // namespace

void add_info(CLI::App& app) {
  CLI::App* const command =
      app.add_subcommand("info", "List the cards: shell, xclbin, engine sizes, memory, link.");
  const auto name = std::make_shared<std::string>();
  const auto as_json = std::make_shared<bool>(false);
  command->add_option("--card", *name, "Only this card")
      ->check(CLI::IsMember({"soft", "soft-core", "sim", "xrt"}));
  command->add_flag("--json", *as_json, "Print JSON");
  command->footer(examples);
  command->callback([name, as_json] { info(*name, *as_json); });
}

}  // namespace exalloc::cli
