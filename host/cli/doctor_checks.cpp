#include "doctor_checks.hpp"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <string_view>

#include "exalloc/card.hpp"

namespace exalloc::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t enough_locked = std::uint64_t{64} << 20;

std::string first_line(const fs::path& file) {
  std::ifstream from(file);
  std::string line;
  std::getline(from, line);
  return line;
}

std::string without_name(const std::exception& e) {
  std::string_view what = e.what();
  if (what.starts_with("exalloc: ")) what.remove_prefix(9);
  return std::string(what);
}

// Something that only `user` needs: nobody else has a problem without it.
verdict for_card(const std::string& card, const char* user) {
  return card == user ? verdict::problem : verdict::note;
}

// ---- PCIe cards and their driver

std::vector<fs::path> pci_cards(const std::string& root) {
  std::vector<fs::path> out;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(root + "/sys/bus/pci/devices", error)) {
    if (first_line(entry.path() / "vendor") == "0x10ee") out.push_back(entry.path());
  }
  std::sort(out.begin(), out.end());
  return out;
}

void examine_driver(const std::string& card, const std::string& root, std::vector<finding>& to) {
  const std::vector<fs::path> cards = pci_cards(root);
  if (cards.empty()) {
    to.push_back({"PCIe", verdict::note, "there is no AMD (Xilinx) card in this machine",
                  "scripts/xrt-sim COMMAND runs a command on a simulated one"});
    return;
  }
  std::string names;
  for (const fs::path& c : cards) names += (names.empty() ? "" : ", ") + c.filename().string();
  to.push_back({"PCIe", verdict::good, names, ""});
  if (fs::exists(root + "/sys/module/xocl")) {
    to.push_back({"driver", verdict::good, "xocl is loaded", ""});
  } else {
    to.push_back({"driver", for_card(card, "xrt"), "the driver xocl is not loaded",
                  "`sudo modprobe xocl xclmgmt`; if there is no such module, install XRT's driver "
                  "package for this kernel (AMD's `xrt`, with dkms)"});
  }
  std::error_code error;
  unsigned nodes = 0;
  for (const fs::path& c : cards) {
    for (const auto& entry : fs::directory_iterator(c / "drm", error)) {
      const std::string name = entry.path().filename();
      if (!name.starts_with("renderD")) continue;
      ++nodes;
      const fs::path node = root + "/dev/dri/" + name;
      if (::access(node.c_str(), R_OK | W_OK) == 0) {
        to.push_back({"permission", verdict::good, node.string() + " can be opened", ""});
      } else {
        to.push_back({"permission", for_card(card, "xrt"),
                      fmt::format("{} cannot be opened by this user", node.string()),
                      "`sudo usermod -aG render $USER`, then log in again"});
      }
    }
  }
  if (nodes == 0)
    to.push_back({"permission", for_card(card, "xrt"), "no card has a /dev/dri/renderD* node",
                  "load the driver; `xbutil examine` must list the card as ready"});
  const std::string huge =
      first_line(root + "/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages");
  if (huge.empty() || huge == "0") {
    to.push_back({"hugepages", verdict::note,
                  "no hugepages of 1 GiB are reserved: the card's host memory can be 1 GiB at most",
                  "for 4 GiB, boot with `hugepagesz=1G hugepages=4`"});
  } else {
    to.push_back({"hugepages", verdict::good, huge + " of 1 GiB are reserved", ""});
  }
}

// ---- The cards themselves

void examine_xrt(const std::string& card, std::vector<finding>& to) {
  const verdict bad = for_card(card, "xrt");
  try {
    const auto found = nlohmann::json::parse(xrt_devices());
    if (found.contains("problem")) {
      to.push_back({"XRT", bad, found["problem"].get<std::string>(), ""});
      return;
    }
    const auto& devices = found["devices"];
    if (devices.empty()) {
      to.push_back(
          {"XRT", bad, "XRT works, but has no device",
           "`xbutil examine` tells its state; is the shell flashed and the driver loaded?"});
      return;
    }
    to.push_back({"XRT", verdict::good, fmt::format("{} device(s)", devices.size()), ""});
  } catch (const std::exception& e) {
    to.push_back({"XRT", bad, without_name(e), "scripts/install-deps, then scripts/build"});
    return;
  }
  try {
    open_card("xrt");
    to.push_back({"xclbin", verdict::good, "it is loaded, and the card answers", ""});
    to.push_back({"host memory", verdict::good, "the card reaches it", ""});
  } catch (const std::exception& e) {
    to.push_back({"opening", bad, without_name(e), ""});
  }
}

void examine_sim(const std::string& card, std::vector<finding>& to) {
  try {
    open_card("sim");
    to.push_back({"sim", verdict::good, "the Verilated card starts", ""});
  } catch (const std::exception& e) {
    to.push_back({"sim", for_card(card, "sim"), without_name(e),
                  "build with -DEXALLOC_SIM=ON, which needs verilator and libsystemc-dev"});
  }
}

// ---- Memory

void examine_memory(const std::string& root, std::vector<finding>& to) {
  std::uint64_t locked = RLIM_INFINITY;
  if (root.empty()) {
    rlimit limit{};
    if (::getrlimit(RLIMIT_MEMLOCK, &limit) == 0) locked = limit.rlim_cur;
    if (::geteuid() == 0) locked = RLIM_INFINITY;  // root is not limited
  } else {
    std::ifstream from(root + "/proc/self/limits");
    for (std::string line; std::getline(from, line);) {
      constexpr std::string_view name = "Max locked memory";
      if (!line.starts_with(name)) continue;
      std::istringstream rest(line.substr(name.size()));
      std::string soft;
      rest >> soft;
      if (soft != "unlimited") locked = std::stoull(soft);
    }
  }
  if (locked == RLIM_INFINITY) {
    to.push_back({"locked memory", verdict::good, "unlimited", ""});
  } else if (locked >= enough_locked) {
    to.push_back({"locked memory", verdict::good, fmt::format("{} KiB", locked >> 10), ""});
  } else {
    to.push_back({"locked memory", verdict::problem,
                  fmt::format("{} KiB: nonpaged pool cannot grow beyond that", locked >> 10),
                  "`ulimit -l unlimited`, for good in /etc/security/limits.conf: `* - memlock "
                  "unlimited`; or EXALLOC_LOCK=0 to go without locking"});
  }
}

// ---- Environment

struct variable {
  std::string_view name;
  std::vector<std::string_view> values;  // empty: a number or a text
  bool number = false;
};

const std::vector<variable>& variables() {
  static const std::vector<variable> all{
      {"EXALLOC_CARD", {"soft", "soft-core", "sim", "xrt"}},
      {"EXALLOC_TIMEOUT_MS", {}, true},
      {"EXALLOC_GOVERNOR_PERIOD_MS", {}, true},
      {"EXALLOC_LINK", {"gen3x8", "gen3x16", "gen4x8", "gen4x16", "zero"}},
      {"EXALLOC_LINK_SEED", {}, true},
      {"EXALLOC_CARD_MEMORY", {"hbm2", "ddr4"}},
      {"EXALLOC_FAULT", {}},
      {"EXALLOC_DEPOT", {}},
      {"EXALLOC_XRT_DEVICE", {}},
      {"EXALLOC_XRT_XCLBIN", {}},
      {"EXALLOC_XRT_SIM_CARDS", {}, true},
      {"EXALLOC_XRT_SIM_KERNELS", {}},
      {"EXALLOC_XRT_SIM_OWNER", {}},
      {"EXALLOC_XRT_SIM_VANISH", {}, true},
      {"EXALLOC_LOCK", {"0", "1"}},
      {"EXALLOC_LEAKS", {"0", "1"}},
      {"EXALLOC_SERVER", {"0", "1"}},
      {"EXALLOC_STATUS", {}},
      {"EXALLOC_NT4_LOOKASIDE", {}},
      {"EXALLOC_SYSTEM_SIZE", {"small", "medium", "large"}},
      {"EXALLOC_DUMP", {}},
      {"EXALLOC_GUARD", {}},
      {"EXALLOC_INJECT", {}},
      {"EXALLOC_MUST_SUCCEED_RESERVE", {}},
      {"EXALLOC_NONPAGED_LIMIT", {}},
      {"EXALLOC_PAGED_LIMIT", {}},
      {"EXALLOC_QUOTA_NONPAGED", {}},
      {"EXALLOC_QUOTA_PAGED", {}},
      {"EXALLOC_NO_MEMBARRIER", {}},
      // Of the build, its tests and scripts.
      {"EXALLOC_BUILD", {}},
      {"EXALLOC_PROVE", {}},
      {"EXALLOC_PROVE_KEEP", {}},
      {"EXALLOC_STRESS_MS", {}, true},
      {"EXALLOC_TEST_SEED", {}},
      {"EXALLOC_TEST_LENGTH", {}, true},
  };
  return all;
}

// How many letters must be changed, added or left out to make one word of the other.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({changed, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

std::optional<finding> examine_variable(const std::string& name, const std::string& value) {
  const auto& all = variables();
  const auto at =
      std::find_if(all.begin(), all.end(), [&](const variable& v) { return v.name == name; });
  if (at == all.end()) {
    const auto nearest =
        std::min_element(all.begin(), all.end(), [&](const variable& a, const variable& b) {
          return distance(a.name, name) < distance(b.name, name);
        });
    return finding{name, verdict::problem, "there is no such setting",
                   fmt::format("did you mean {}?", nearest->name)};
  }
  if (value.empty()) return std::nullopt;
  if (!at->values.empty() &&
      std::find(at->values.begin(), at->values.end(), value) == at->values.end())
    return finding{name, verdict::problem, fmt::format("\"{}\" is none of its values", value),
                   fmt::format("one of {}", fmt::join(at->values, ", "))};
  if (at->number && value.find_first_not_of("0123456789") != std::string::npos)
    return finding{name, verdict::problem, fmt::format("\"{}\" is no number", value), ""};
  if (name == "EXALLOC_XRT_XCLBIN" && ::access(value.c_str(), R_OK) != 0)
    return finding{name, verdict::problem, fmt::format("{} cannot be read", value), ""};
  return std::nullopt;
}

}  // namespace

std::vector<finding> examine(const std::string& card, const std::string& root) {
  std::vector<finding> out;
  examine_driver(card, root, out);
  examine_memory(root, out);
  if (root.empty()) {
    examine_sim(card, out);
    examine_xrt(card, out);
  }
  return out;
}

std::vector<finding> examine_environment(char** environment) {
  std::vector<finding> out;
  for (char** entry = environment; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const auto equals = text.find('=');
    if (!text.starts_with("EXALLOC_") || equals == std::string_view::npos) continue;
    if (auto f = examine_variable(std::string(text.substr(0, equals)),
                                  std::string(text.substr(equals + 1))))
      out.push_back(std::move(*f));
  }
  if (out.empty()) out.push_back({"environment", verdict::good, "every EXALLOC_* is known", ""});
  return out;
}

}  // namespace exalloc::cli
