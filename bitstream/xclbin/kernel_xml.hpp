// The XML that tells XRT of the kernels in an xclbin: their ports, arguments and instances.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace exalloc::xclbin {

enum class port_kind { registers, memory, stream_in, stream_out };

struct kernel_port {
  std::string name;
  port_kind kind = port_kind::registers;
  std::uint64_t range = 0;  // bytes that it reaches, or that it has; none for a stream
  unsigned width = 32;      // bits
};

// Of a memory port: an address. Of the registers: a value.
struct kernel_argument {
  std::string name, port;
  std::uint32_t id = 0;
  std::uint64_t offset = 0;  // of its register
  std::uint64_t size = 8;    // bytes
};

struct kernel_instance {
  std::string name;
  std::uint64_t base = 0;  // of its registers
};

struct kernel {
  std::string name;
  std::string control;  // "user_managed", "ap_ctrl_hs", "ap_ctrl_chain"
  std::vector<kernel_instance> instances;
  std::vector<kernel_port> ports;
  std::vector<kernel_argument> arguments;
};

struct project {
  std::string board, device;  // "u50", "virtexuplusHBM:xcu50:fsvh2104:-2:e"
  unsigned mhz = 300;
  std::vector<kernel> kernels;
};

// Throws format_error.
std::string project_xml(const project& p);

}  // namespace exalloc::xclbin
