// What regs/kernel.json says: the card as Vitis sees it, and the cards it is linked for.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace exalloc::regs_gen {

struct description;

/// A kind of AXI-Stream port, there once for each stream port of the card: port_0, port_1, ...
struct kernel_stream {
  std::string port, mode;  ///< mode: read_only or write_only, seen from the kernel.
  unsigned width = 32;     ///< Bits.
};

/// An Alveo card and the platform it is linked for.
struct kernel_card {
  std::string name, platform, memory, title;
};

struct kernel {
  std::string name, version;
  std::string control_port;  ///< AXI4-Lite: the registers.
  unsigned control_width = 32;
  std::uint32_t control_range = 0;  ///< Bytes.
  std::string master_port, master_memory;
  unsigned master_width = 512;
  std::vector<std::string>
      pointers;  ///< Registers x_low and x_high that hold what the master is told.
  std::vector<kernel_stream> streams;
  unsigned stream_ports = 0;
  std::uint32_t clock_khz = 0;
  std::map<std::string, std::uint32_t> parameters;  ///< Of the RTL, where it is packaged.
  std::string on_card, on_card_pop, on_card_push, on_card_memory;  ///< The kernel behind the ports.
  std::vector<kernel_card> cards;
};

/// Reads and checks it against the registers; throws description_error.
[[nodiscard]] kernel load_kernel(const std::filesystem::path& input, const description& d);

}  // namespace exalloc::regs_gen
