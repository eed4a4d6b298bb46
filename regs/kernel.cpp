#include "kernel.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string_view>

#include "description.hpp"
#include "names.hpp"

namespace exalloc::regs_gen {
namespace {

using nlohmann::json;

std::uint32_t number(const json& value) {
  if (value.is_number_unsigned()) return value.get<std::uint32_t>();
  return static_cast<std::uint32_t>(std::stoul(value.get<std::string>(), nullptr, 0));
}

void check(bool good, std::string_view what) {
  if (!good) throw description_error(std::string(what));
}

bool has_register(const description& d, const std::string& name) {
  return std::ranges::any_of(d.blocks, [&](const block& b) {
    return std::ranges::any_of(b.registers, [&](const reg& r) { return r.name == name; });
  });
}

kernel parse(const json& j, const description& d) {
  kernel k;
  k.name = j.at("name");
  k.version = j.at("version");
  const json& control = j.at("control");
  k.control_port = control.at("port");
  k.control_width = number(control.at("width"));
  k.control_range = number(control.at("range"));
  const json& master = j.at("master");
  k.master_port = master.at("port");
  k.master_width = number(master.at("width"));
  k.master_memory = master.at("memory");
  master.at("pointers").get_to(k.pointers);
  for (const json& s : j.at("streams")) {
    k.streams.push_back({s.at("port"), s.at("mode"), number(s.at("width"))});
  }
  k.stream_ports = number(j.at("stream_ports"));
  k.clock_khz = number(j.at("clock_khz"));
  for (const auto& [name, value] : j.at("parameters").items()) k.parameters[name] = number(value);
  const json& user = j.at("on_card");
  k.on_card = user.at("kernel");
  k.on_card_pop = user.at("pop");
  k.on_card_push = user.at("push");
  k.on_card_memory = user.at("memory");
  for (const json& c : j.at("cards")) {
    k.cards.push_back({c.at("name"), c.at("platform"), c.at("memory"), c.at("title")});
  }

  check(is_snake_case(k.name), "the kernel's name must be lower-case words");
  check(k.control_range == 1U << address_bits,
        "the control port's range must be that of the registers");
  check(k.control_width == 32, "registers are 32 bits wide");
  check(k.streams.size() == 2 && k.streams[0].mode == "write_only" &&
            k.streams[1].mode == "read_only",
        "a stream port is a pop (write_only) and a push (read_only)");
  for (const std::string& p : k.pointers) {
    check(has_register(d, p + "_low") && has_register(d, p + "_high"),
          fmt::format("pointer {0}: there are no registers {0}_low and {0}_high", p));
  }
  return k;
}

}  // namespace

kernel load_kernel(const std::filesystem::path& input, const description& d) {
  std::ifstream file(input);
  if (!file) throw description_error(fmt::format("{}: cannot be read", input.string()));
  try {
    return parse(json::parse(file), d);
  } catch (const std::exception& e) {
    throw description_error(fmt::format("{}: {}", input.string(), e.what()));
  }
}

}  // namespace exalloc::regs_gen
