#include "card/xrt_devices.hpp"

#include <fmt/format.h>
#include <xrt/xrt_device.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "exalloc/export.h"
#include "from_environment.hpp"
#include "xclbin.hpp"

namespace exalloc::xrt_card {
namespace {

namespace info = xrt::info;
using json = nlohmann::ordered_json;

constexpr unsigned most_devices = 16;

// XRT answers some questions only on some cards.
template <info::device what>
void tell(json& to, const char* key, const xrt::device& d) {
  try {
    const auto value = d.get_info<what>();
    if constexpr (std::is_same_v<std::decay_t<decltype(value)>, xrt::uuid>) {
      to[key] = value.to_string();
    } else {
      to[key] = value;
    }
  } catch (const std::exception&) {
  }
}

// The same for those that are answered in JSON.
template <info::device what>
json asked(const xrt::device& d) {
  try {
    return json::parse(d.get_info<what>(), nullptr, false);
  } catch (const std::exception&) {
    return {};
  }
}

std::string text(const json& from, const char* key) {
  if (!from.is_object() || !from.contains(key)) return {};
  return from[key].is_string() ? from[key].get<std::string>() : from[key].dump();
}

std::string link(const json& pcie, const char* generation, const char* lanes) {
  const std::string g = text(pcie, generation), l = text(pcie, lanes);
  return g.empty() || l.empty() ? std::string() : fmt::format("gen{}x{}", g, l);
}

json describe(const xrt::device& d, unsigned index) {
  json out{{"index", index}};
  tell<info::device::name>(out, "shell", d);
  tell<info::device::bdf>(out, "pcie_address", d);
  tell<info::device::interface_uuid>(out, "interface_uuid", d);
  try {
    const xrt::uuid loaded = d.get_xclbin_uuid();
    if (loaded) out["xclbin_uuid"] = loaded.to_string();
  } catch (const std::exception&) {
  }
  tell<info::device::max_clock_frequency_mhz>(out, "clock_mhz", d);
  const json pcie = asked<info::device::pcie_info>(d);
  // Despite its name that is the generation, as the link's status register has it.
  if (const std::string now = link(pcie, "link_speed_gbit_sec", "express_lane_width_count");
      !now.empty()) {
    out["link"] = now;
    const std::string most =
        link(pcie, "expected_link_speed_gbit_sec", "expected_express_lane_width_count");
    if (!most.empty() && most != now) out["link"] = fmt::format("{} of {}", now, most);
  }
  // What has been set aside; the driver counts it as enabled only while a program uses it.
  if (const std::string size = text(pcie, "shared_host_mem_size_bytes"); !size.empty())
    out["host_memory"] = size;
  const json memory = asked<info::device::memory>(d);
  if (memory.is_object() && memory.contains("board")) out["memory"] = memory["board"];
  const json heat = asked<info::device::thermal>(d);
  if (heat.is_object() && heat.contains("thermals")) {
    for (const json& sensor : heat["thermals"]) {
      const std::string degrees = text(sensor, "temp_C");
      if (!degrees.empty() && degrees != "0")
        out["temperature_celsius"][text(sensor, "description")] = degrees;
    }
  }
  const std::string watts = text(asked<info::device::electrical>(d), "power_consumption_watts");
  try {
    out["power_watts"] = std::stod(watts);
  } catch (const std::exception&) {  // "N/A"
  }
  return out;
}

// What the file that is to be loaded says.
json describe_file(const std::string& path) {
  json out{{"file", path}};
  try {
    const xclbin::contents c = xclbin::read_file(path);
    out["uuid"] = xclbin::to_string(c.id);
    out["for_shell"] = c.shell;
    if (const auto at = c.key_values.find("exalloc.layout_hash"); at != c.key_values.end())
      out["layout_hash"] = at->second;
    for (const xclbin::memory_bank& m : c.memories) {
      if (m.used && !m.is_stream())
        out["memories"].push_back(fmt::format("{} {} MiB", m.name, m.size_kb >> 10));
    }
    for (const xclbin::ip_block& p : c.ips)
      if (p.control != "none") out["kernels"].push_back(p.name);
    for (const xclbin::clock& k : c.clocks)
      out["clocks"].push_back(fmt::format("{} {} MHz", k.name, k.mhz));
  } catch (const std::exception& e) {
    out["problem"] = e.what();
  }
  return out;
}

}  // namespace

std::string xrt_problem() {
  const std::string_view root = text_from_environment("XILINX_XRT");
  if (root.empty())
    return "XILINX_XRT is not set: XRT is not set up in this shell; `source "
           "/opt/xilinx/xrt/setup.sh` does that where AMD's XRT is installed, docs/xrt.md tells "
           "how "
           "with Debian's, and `scripts/xrt-sim COMMAND` runs a command on a simulated card";
  const auto library = std::filesystem::path(root) / "lib" / "libxrt_core.so.2";
  std::error_code error;
  if (!std::filesystem::exists(library, error))
    return fmt::format(
        "XILINX_XRT={} is no XRT: there is no {}; with Debian's XRT it must name a folder in which "
        "`lib` is a link to where libxrt_core.so.2 is (docs/xrt.md)",
        root, library.string());
  return {};
}

}  // namespace exalloc::xrt_card

// An object with the lists "devices" and, if one is named, the object "xclbin"; or with the key
// "problem".
extern "C" EXALLOC_API void exalloc_xrt_devices(std::string* out) {
  using namespace exalloc::xrt_card;
  const std::string problem = xrt_problem();
  if (!problem.empty()) {
    *out = json{{"problem", problem}}.dump();
    return;
  }
  json all = json::array();
  for (unsigned i = 0; i < most_devices; ++i) {
    try {
      all.push_back(describe(xrt::device(i), i));
    } catch (const std::exception&) {
      break;  // there are no more
    }
  }
  json found{{"devices", all}};
  const std::string file(exalloc::text_from_environment("EXALLOC_XRT_XCLBIN"));
  if (!file.empty()) found["xclbin"] = describe_file(file);
  *out = found.dump();
}
