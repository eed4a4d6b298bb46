// The XML that tells XRT of a kernel: its ports, arguments and instances.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace exalloc::xclbin {

struct kernel_port {
  std::string name;
  bool master = false;
  std::uint64_t range = 0;  // bytes that it reaches, or that it has
  unsigned width = 32;      // bits
};

struct kernel_argument {
  std::string name, port;
  std::uint32_t id = 0;
  std::uint64_t offset = 0;  // of its register
};

struct kernel {
  std::string name, instance;
  std::string board, device;  // "u50", "virtexuplusHBM:xcu50:fsvh2104:-2:e"
  std::uint64_t base = 0;     // of the registers, which are behind the first slave port
  unsigned mhz = 300;
  std::vector<kernel_port> ports;
  std::vector<kernel_argument> arguments;
};

std::string kernel_xml(const kernel& k);

}  // namespace exalloc::xclbin
