// Writing an xclbin.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "layout.hpp"
#include "xclbin.hpp"

namespace exalloc::xclbin {
namespace {

class writer {
 public:
  explicit writer(std::size_t size = 0) : bytes_(size) {}

  template <class T>
  void put(std::size_t at, T value) {
    grow(at + sizeof(T));
    for (std::size_t i = 0; i < sizeof(T); ++i)
      bytes_[at + i] = static_cast<std::byte>(static_cast<std::uint64_t>(value) >> (8 * i));
  }
  void put(std::size_t at, std::string_view text) {
    grow(at + text.size());
    std::memcpy(&bytes_[at], text.data(), text.size());
  }
  void put(std::size_t at, const uuid& id) { std::memcpy(&bytes_[at], id.data(), id.size()); }
  // A text in a field of fixed size, with its NUL.
  void name(std::size_t at, std::string_view text, std::size_t size) {
    if (text.size() >= size)
      throw format_error(
          fmt::format("\"{}\" is too long: an xclbin has room for {} characters", text, size - 1));
    grow(at + size);
    put(at, text);
  }
  void fill(std::size_t first, std::size_t last) {
    std::fill(&bytes_[first], &bytes_[last - 1] + 1, std::byte{0xFF});
  }
  void append(const writer& other) {
    bytes_.insert(bytes_.end(), other.bytes_.begin(), other.bytes_.end());
  }
  void align(std::size_t to) { bytes_.resize((bytes_.size() + to - 1) / to * to); }
  std::size_t size() const { return bytes_.size(); }
  std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  void grow(std::size_t to) {
    if (bytes_.size() < to) bytes_.resize(to);
  }
  std::vector<std::byte> bytes_;
};

template <std::size_t N>
std::uint64_t index_of(const std::array<std::string_view, N>& names, std::string_view name,
                       std::string_view what) {
  const auto at = std::find(names.begin(), names.end(), name);
  if (at == names.end())
    throw format_error(fmt::format("there is no {} \"{}\"; known are {}", what, name,
                                   fmt::join(names.begin(), names.end(), ", ")));
  return static_cast<std::uint64_t>(at - names.begin());
}

// A table: the count, then `row(out, offset, item)` for each item.
template <class Items, class Row>
writer table_of(const layout::table& t, const Items& items, Row&& row) {
  writer out(t.first_row);
  if (t.count_bytes == 2)
    out.put(0, static_cast<std::uint16_t>(items.size()));
  else
    out.put(0, static_cast<std::uint32_t>(items.size()));
  std::size_t at = t.first_row;
  for (const auto& item : items) {
    row(out, at, item);
    at += t.row_bytes;
  }
  return out;
}

writer memories(const contents& c) {
  return table_of(layout::memory_table, c.memories,
                  [](writer& out, std::size_t at, const memory_bank& m) {
                    out.put(at, static_cast<std::uint8_t>(
                                    index_of(layout::memory_types, m.type, "type of memory")));
                    out.put(at + 1, static_cast<std::uint8_t>(m.used));
                    out.put(at + 8, m.size_kb);
                    out.put(at + 16, m.base);
                    out.name(at + 24, m.name, layout::memory_name_bytes);
                  });
}

writer ips(const contents& c) {
  return table_of(layout::ip_table, c.ips, [](writer& out, std::size_t at, const ip_block& p) {
    const std::uint64_t control = index_of(layout::controls, p.control, "control protocol");
    out.put(at, layout::ip_is_kernel);
    out.put(at + 4, static_cast<std::uint32_t>(p.interrupt ? 1U : 0U) |
                        (p.interrupt_id & 0x7FU) << 1 | static_cast<std::uint32_t>(control << 8));
    out.put(at + 8, p.base);
    out.name(at + 16, p.name, layout::ip_name_bytes);
  });
}

writer connections(const contents& c) {
  return table_of(layout::connection_table, c.connections,
                  [](writer& out, std::size_t at, const connection& n) {
                    out.put(at, static_cast<std::uint32_t>(n.argument));
                    out.put(at + 4, static_cast<std::uint32_t>(n.ip));
                    out.put(at + 8, static_cast<std::uint32_t>(n.memory));
                  });
}

writer clocks(const contents& c) {
  return table_of(layout::clock_table, c.clocks, [](writer& out, std::size_t at, const clock& k) {
    out.put(at, k.mhz);
    out.put(at + 2,
            static_cast<std::uint8_t>(index_of(layout::clock_types, k.type, "type of clock")));
    out.name(at + 8, k.name, layout::clock_name_bytes);
  });
}

writer text(std::string_view from) {
  writer out;
  out.put(0, from);
  return out;
}

std::string key_values(const contents& c) {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const auto& [key, value] : c.key_values) all.push_back({{"key", key}, {"value", value}});
  return nlohmann::ordered_json{{"keyvalue_metadata", {{"key_values", all}}}}.dump();
}

writer section_of(std::uint32_t kind, const contents& c) {
  switch (kind) {
    case layout::mem_topology:
    case layout::group_topology:
      return memories(c);
    case layout::ip_layout:
      return ips(c);
    case layout::connectivity:
    case layout::group_connectivity:
      return connections(c);
    case layout::clock_freq_topology:
      return clocks(c);
    case layout::embedded_metadata:
      return text(c.xml);
    case layout::build_metadata:
      return text(c.build.empty() ? "{}" : c.build);
    default:
      return text(key_values(c));
  }
}

}  // namespace

std::vector<std::byte> write(const contents& c) {
  const std::size_t count = layout::section_kinds.size();
  writer out(layout::header_end + count * layout::section_bytes);
  out.align(8);
  out.put(0, layout::magic);
  out.put(layout::signature_length, std::uint32_t{0xFFFF'FFFF});  // none
  out.fill(layout::signature_length + 4, layout::unique_id);
  out.put(layout::unique_id, c.made);
  out.put(layout::timestamp, c.made);
  out.put(layout::patch, std::uint16_t{466});  // the XRT whose format this is: 2.13.466
  out.put(layout::major, std::uint8_t{2});
  out.put(layout::minor, std::uint8_t{13});
  out.put(layout::mode, static_cast<std::uint16_t>(index_of(layout::modes, c.mode, "mode")));
  out.put(layout::interface_id, c.interface_id);
  out.name(layout::shell, c.shell, layout::shell_bytes);
  out.put(layout::id, c.id);
  out.put(layout::sections, static_cast<std::uint32_t>(count));
  std::size_t at = layout::header_end;
  for (const layout::section_kind& kind : layout::section_kinds) {
    const writer section = section_of(kind.number, c);
    out.align(8);
    out.put(at, kind.number);
    out.name(at + layout::section_name, kind.name.substr(0, layout::section_name_bytes - 1),
             layout::section_name_bytes);
    out.put(at + layout::section_offset, static_cast<std::uint64_t>(out.size()));
    out.put(at + layout::section_size, static_cast<std::uint64_t>(section.size()));
    out.append(section);
    at += layout::section_bytes;
  }
  out.put(layout::length, static_cast<std::uint64_t>(out.size()));
  std::vector<std::byte> file = out.take();
  read(file);  // what would be refused is not written
  return file;
}

}  // namespace exalloc::xclbin
