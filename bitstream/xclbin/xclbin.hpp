// xclbin files: what XRT loads onto a card. Read with every check that the bytes allow, and
// written.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace exalloc::xclbin {

// A file that is not an xclbin, or a damaged one, or a description that cannot become one. The text
// says what is wrong and where.
struct format_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

using uuid = std::array<std::uint8_t, 16>;
std::string to_string(const uuid& id);
// Throws format_error.
uuid parse_uuid(std::string_view text);

struct memory_bank {
  std::string name;  // "HBM[0]", "HOST[0]"
  std::string type;  // "MEM_HBM", as <xclbin.h> has it
  bool used = true;
  std::uint64_t size_kb = 0, base = 0;
  // The stream between two kernels, which is told of in this list too.
  bool is_stream() const { return type.starts_with("MEM_STREAMING"); }
  bool operator==(const memory_bank&) const = default;
};

struct ip_block {
  std::string name;     // "kernel:instance"
  std::string control;  // "AP_CTRL_NONE", as <xclbin.h> has it
  std::uint64_t base = 0;
  bool interrupt = false;
  std::uint32_t interrupt_id = 0;
  bool operator==(const ip_block&) const = default;
};

// An argument of an IP reaches a memory bank; IP and bank are indices.
struct connection {
  std::int32_t argument = 0, ip = 0, memory = 0;
  bool operator==(const connection&) const = default;
};

struct clock {
  std::string name;
  std::string type;  // "DATA", "KERNEL", "SYSTEM"
  std::uint16_t mhz = 0;
  bool operator==(const clock&) const = default;
};

struct contents {
  std::string shell;  // vendor_board_name_version: what the card must have been set up with
  uuid id{}, interface_id{};
  std::uint64_t made = 0;  // seconds since 1970
  std::string mode = "hw";
  std::vector<memory_bank> memories;
  std::vector<ip_block> ips;
  std::vector<connection> connections;
  std::vector<clock> clocks;
  std::string xml;    // kernels, ports and arguments
  std::string build;  // JSON
  std::map<std::string, std::string> key_values;
  // Sections of other kinds that the file has; they are not kept.
  std::vector<std::string> others;
  bool operator==(const contents&) const = default;
};

// Throws format_error.
contents read(std::span<const std::byte> file);
contents read_file(const std::string& path);  // and std::runtime_error if it cannot be read
std::vector<std::byte> write(const contents& c);

// The description of docs/xrt.md. from_json throws format_error; unknown keys are refused.
std::string to_json(const contents& c);
contents from_json(std::string_view text);

}  // namespace exalloc::xclbin
