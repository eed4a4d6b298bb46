// Where an xclbin file keeps what; the structs of XRT's <xclbin.h>, little endian, in numbers.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace exalloc::xclbin::layout {

inline constexpr std::string_view magic{"xclbin2\0", 8};

// The file's start (axlf).
inline constexpr std::size_t signature_length = 8, unique_id = 296, header = 304;
// The header, by offsets in the file (axlf_header).
inline constexpr std::size_t length = header, timestamp = header + 8, patch = header + 24,
                             major = header + 26, minor = header + 27, mode = header + 28,
                             interface_id = header + 32, shell = header + 48, id = header + 112,
                             sections = header + 144, header_end = header + 152;
inline constexpr std::size_t shell_bytes = 64;
inline constexpr std::uint32_t most_sections = 0x10000;

// A section header (axlf_section_header).
inline constexpr std::size_t section_name = 4, section_offset = 24, section_size = 32,
                             section_bytes = 40, section_name_bytes = 16;

enum kind : std::uint32_t {
  embedded_metadata = 2,
  mem_topology = 6,
  connectivity = 7,
  ip_layout = 8,
  clock_freq_topology = 11,
  build_metadata = 14,
  keyvalue_metadata = 15,
  group_topology = 26,
  group_connectivity = 27,
};
struct section_kind {
  std::uint32_t number;
  std::string_view name;
  bool required, once;
};
inline constexpr std::array section_kinds{
    section_kind{mem_topology, "MEM_TOPOLOGY", true, true},
    section_kind{group_topology, "GROUP_TOPOLOGY", false, true},
    section_kind{ip_layout, "IP_LAYOUT", true, true},
    section_kind{connectivity, "CONNECTIVITY", false, true},
    section_kind{group_connectivity, "GROUP_CONNECTIVITY", false, true},
    section_kind{clock_freq_topology, "CLOCK_FREQ_TOPOLOGY", false, true},
    section_kind{embedded_metadata, "EMBEDDED_METADATA", true, true},
    section_kind{build_metadata, "BUILD_METADATA", false, true},
    section_kind{keyvalue_metadata, "KEYVALUE_METADATA", false, true},
};
// As <xclbin.h> numbers them, from 0.
inline constexpr std::array<std::string_view, 32> kind_names{
    "BITSTREAM",
    "CLEARING_BITSTREAM",
    "EMBEDDED_METADATA",
    "FIRMWARE",
    "DEBUG_DATA",
    "SCHED_FIRMWARE",
    "MEM_TOPOLOGY",
    "CONNECTIVITY",
    "IP_LAYOUT",
    "DEBUG_IP_LAYOUT",
    "DESIGN_CHECK_POINT",
    "CLOCK_FREQ_TOPOLOGY",
    "MCS",
    "BMC",
    "BUILD_METADATA",
    "KEYVALUE_METADATA",
    "USER_METADATA",
    "DNA_CERTIFICATE",
    "PDI",
    "BITSTREAM_PARTIAL_PDI",
    "PARTITION",
    "EMULATION_DATA",
    "SYSTEM_METADATA",
    "SOFT_KERNEL",
    "ASK_FLASH",
    "AIE_METADATA",
    "GROUP_TOPOLOGY",
    "GROUP_CONNECTIVITY",
    "SMARTNIC",
    "AIE_RESOURCES",
    "OVERLAY",
    "VENDER_METADATA",
};

inline constexpr std::array<std::string_view, 12> memory_types{
    "MEM_DDR3", "MEM_DDR4",     "MEM_DRAM", "MEM_STREAMING", "MEM_PREALLOCATED_GLOB",
    "MEM_ARE",  "MEM_HBM",      "MEM_BRAM", "MEM_URAM",      "MEM_STREAMING_CONNECTION",
    "MEM_HOST", "MEM_PS_KERNEL"};
inline constexpr std::array<std::string_view, 6> controls{
    "AP_CTRL_HS", "AP_CTRL_CHAIN", "AP_CTRL_NONE", "AP_CTRL_ME", "ACCEL_ADAPTER", "FAST_ADAPTER"};
inline constexpr std::array<std::string_view, 4> clock_types{"UNUSED", "DATA", "KERNEL", "SYSTEM"};
inline constexpr std::array<std::string_view, 7> modes{
    "flat", "hw", "tandem_stage2", "tandem_stage2_pr", "hw_emu", "sw_emu", "hw_emu_pr"};

// Tables: a count, then rows. The rows of some begin at the next multiple of 8.
struct table {
  std::size_t count_bytes, first_row, row_bytes;
};
inline constexpr table memory_table{4, 8, 40}, ip_table{4, 8, 80}, connection_table{4, 4, 12},
    clock_table{2, 2, 136};
inline constexpr std::size_t memory_name_bytes = 16, ip_name_bytes = 64, clock_name_bytes = 128;
inline constexpr std::uint32_t ip_is_kernel = 1;

}  // namespace exalloc::xclbin::layout
