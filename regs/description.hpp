// What regs/exalloc.json says, checked: every later step may trust it blindly.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace exalloc::regs_gen {

/// The description is wrong; the message names the register and field.
class description_error : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct constant {
  std::string name, desc;
  std::uint32_t value = 0;
};

struct enum_value {
  std::string name, desc;
  std::uint32_t value = 0;
};

struct enumeration {
  std::string name, desc;
  unsigned width = 0;
  std::vector<enum_value> values;
};

struct field {
  std::string name, desc;
  unsigned lsb = 0, width = 0;
  std::string enum_name;  ///< Empty if the field is a plain number.

  [[nodiscard]] unsigned msb() const { return lsb + width - 1; }
};

/// Named bits: a structure of a ring line, or the contents of a register.
struct word {
  std::string name, desc;
  unsigned bits = 32;
  std::vector<field> fields;  ///< Lowest bit first.
};

enum class access { ro, rw, wo, rw1c };

[[nodiscard]] std::string_view to_string(access a);

struct reg : word {
  std::uint32_t offset = 0;  ///< In its block; for an external block, in one window.
  access swaccess = access::ro;
  std::optional<std::uint32_t> resval;

  [[nodiscard]] bool readable() const { return swaccess != access::wo; }
  [[nodiscard]] bool writable() const { return swaccess != access::ro; }
};

struct block {
  std::string name, desc;
  std::uint32_t base = 0;
  bool external = false;     ///< Served by another module, through a window.
  std::uint32_t stride = 0;  ///< External: bytes of one window, a power of two.
  std::uint32_t count = 0;   ///< External: windows.
  std::string index_enum;    ///< External: the enumeration that names the windows, or empty.
  std::vector<reg> registers;

  [[nodiscard]] bool readable() const;
  [[nodiscard]] bool writable() const;
  [[nodiscard]] unsigned index_bits() const;
  [[nodiscard]] unsigned window_bits() const;
};

struct description {
  std::string name, desc;
  std::uint32_t version_major = 0, version_minor = 0;
  std::vector<constant> constants;
  std::vector<enumeration> enums;
  std::vector<word> structs;
  std::vector<block> blocks;
  std::uint32_t layout_hash = 0;
};

/// The registers' addresses have this many bits.
inline constexpr unsigned address_bits = 16;

/// FNV-1a of the canonical JSON (sorted keys, no spaces) without any "desc": prose may change, bits
/// may not.
[[nodiscard]] std::uint32_t layout_hash(const nlohmann::json& json);

[[nodiscard]] description parse(const nlohmann::json& json);

[[nodiscard]] description load(const std::filesystem::path& input);

}  // namespace exalloc::regs_gen
