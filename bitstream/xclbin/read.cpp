// Reading an xclbin: nothing in it is believed before it has been checked.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <type_traits>

#include "layout.hpp"
#include "xclbin.hpp"

namespace exalloc::xclbin {
namespace {

template <class... Arguments>
[[noreturn]] void refuse(fmt::format_string<Arguments...> text, Arguments&&... arguments) {
  throw format_error(fmt::format(text, std::forward<Arguments>(arguments)...));
}

using bytes = std::span<const std::byte>;

template <class T>
T number(bytes from, std::size_t at) {
  static_assert(std::is_unsigned_v<T>);
  T value = 0;
  for (std::size_t i = sizeof(T); i-- > 0;)
    value = static_cast<T>(value << 7 << 1 | std::to_integer<T>(from[at + i]));
  return value;
}

// A text in a field of fixed size, ended by a NUL.
std::string text(bytes from, std::size_t at, std::size_t size, std::string_view what) {
  const auto field = from.subspan(at, size);
  const auto end = std::find(field.begin(), field.end(), std::byte{0});
  if (end == field.end()) refuse("the name of {} does not end within its {} bytes", what, size);
  std::string out;
  for (auto c = field.begin(); c != end; ++c) out += std::to_integer<char>(*c);
  if (std::any_of(out.begin(), out.end(), [](unsigned char c) { return c < 0x20 || c > 0x7E; }))
    refuse("the name of {} has characters that cannot be printed", what);
  return out;
}

template <std::size_t N>
std::string name_of(const std::array<std::string_view, N>& names, std::size_t index,
                    std::string_view what) {
  if (index >= N) refuse("{} is {}; the last known is {} ({})", what, index, N - 1, names[N - 1]);
  return std::string(names[index]);
}

struct section {
  std::uint32_t kind;
  std::string name;  // for messages
  std::size_t offset, size;
};

std::string kind_name(std::uint32_t kind) {
  return kind < layout::kind_names.size() ? std::string(layout::kind_names[kind])
                                          : fmt::format("kind {}", kind);
}

std::vector<section> read_sections(bytes file) {
  const auto count = number<std::uint32_t>(file, layout::sections);
  if (count == 0) refuse("it has no sections");
  if (count > layout::most_sections ||
      count > (file.size() - layout::header_end) / layout::section_bytes)
    refuse("it says it has {} sections; {} bytes have no room for their headers", count,
           file.size());
  const std::size_t data = layout::header_end + count * layout::section_bytes;
  std::vector<section> out;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::size_t at = layout::header_end + i * layout::section_bytes;
    const auto kind = number<std::uint32_t>(file, at);
    const std::string name = fmt::format("section {} ({})", i, kind_name(kind));
    const auto offset = number<std::uint64_t>(file, at + layout::section_offset);
    const auto size = number<std::uint64_t>(file, at + layout::section_size);
    if (offset > file.size() || size > file.size() - offset)
      refuse("{}: bytes {:#x} to {:#x} lie beyond the file's end at {:#x}", name, offset,
             offset + size, file.size());
    if (size != 0 && offset < data)
      refuse("{}: begins at {:#x}, within the headers, which end at {:#x}", name, offset, data);
    if (offset % 8 != 0) refuse("{}: begins at {:#x}, which is no multiple of 8", name, offset);
    out.push_back({kind, name, offset, size});
  }
  std::vector<section> in_order = out;
  std::sort(in_order.begin(), in_order.end(),
            [](const section& a, const section& b) { return a.offset < b.offset; });
  for (std::size_t i = 1; i < in_order.size(); ++i) {
    const section &a = in_order[i - 1], &b = in_order[i];
    if (a.offset + a.size > b.offset) refuse("{} reaches into {}", a.name, b.name);
  }
  return out;
}

// The rows of a table, after a look at its count.
struct rows {
  rows(const section& s, bytes file, const layout::table& t)
      : data(file.subspan(s.offset, s.size)), shape(t) {
    if (s.size < t.first_row && s.size < t.count_bytes)
      refuse("{}: {} bytes are too few for a count", s.name, s.size);
    count = t.count_bytes == 2 ? number<std::uint16_t>(data, 0) : number<std::uint32_t>(data, 0);
    const std::size_t room = s.size < t.first_row ? 0 : (s.size - t.first_row) / t.row_bytes;
    if (count > room)
      refuse("{}: has a count of {}, but room for {} rows of {} bytes", s.name, count, room,
             t.row_bytes);
  }
  bytes row(std::size_t i) const {
    return data.subspan(shape.first_row + i * shape.row_bytes, shape.row_bytes);
  }
  bytes data;
  layout::table shape;
  std::size_t count;
};

std::vector<memory_bank> read_memories(const section& s, bytes file) {
  std::vector<memory_bank> out;
  const rows all(s, file, layout::memory_table);
  for (std::size_t i = 0; i < all.count; ++i) {
    const bytes r = all.row(i);
    const std::string what = fmt::format("{}, memory {}", s.name, i);
    memory_bank m;
    m.type = name_of(layout::memory_types, std::to_integer<std::size_t>(r[0]),
                     fmt::format("the type of {}", what));
    m.used = r[1] != std::byte{0};
    m.size_kb = number<std::uint64_t>(r, 8);
    m.base = number<std::uint64_t>(r, 16);
    m.name = text(r, 24, layout::memory_name_bytes, what);
    if (m.used && !m.is_stream() &&
        (m.size_kb > UINT64_MAX >> 10 || (m.size_kb << 10) > UINT64_MAX - m.base))
      refuse("{}: {} KiB from {:#x} reach beyond the last address", what, m.size_kb, m.base);
    out.push_back(std::move(m));
  }
  return out;
}

std::vector<ip_block> read_ips(const section& s, bytes file) {
  std::vector<ip_block> out;
  const rows all(s, file, layout::ip_table);
  for (std::size_t i = 0; i < all.count; ++i) {
    const bytes r = all.row(i);
    const std::string what = fmt::format("{}, IP {}", s.name, i);
    ip_block p;
    p.name = text(r, 16, layout::ip_name_bytes, what);
    p.base = number<std::uint64_t>(r, 8);
    if (number<std::uint32_t>(r, 0) != layout::ip_is_kernel) {
      p.control = "none";  // a memory controller or the like: it has other properties
    } else {
      const auto properties = number<std::uint32_t>(r, 4);
      p.interrupt = (properties & 1U) != 0;
      p.interrupt_id = properties >> 1 & 0x7FU;
      p.control = name_of(layout::controls, properties >> 8 & 0xFFU,
                          fmt::format("the control protocol of {}", what));
    }
    out.push_back(std::move(p));
  }
  return out;
}

std::vector<connection> read_connections(const section& s, bytes file, const contents& c) {
  std::vector<connection> out;
  const rows all(s, file, layout::connection_table);
  for (std::size_t i = 0; i < all.count; ++i) {
    const bytes r = all.row(i);
    const auto signed_at = [&](std::size_t at) {
      return static_cast<std::int32_t>(number<std::uint32_t>(r, at));
    };
    const connection n{signed_at(0), signed_at(4), signed_at(8)};
    const std::string what = fmt::format("{}, connection {}", s.name, i);
    if (n.ip < 0 || static_cast<std::size_t>(n.ip) >= c.ips.size())
      refuse("{}: names IP {}, and there are {}", what, n.ip, c.ips.size());
    if (n.memory < 0 || static_cast<std::size_t>(n.memory) >= c.memories.size())
      refuse("{}: names memory {}, and there are {}", what, n.memory, c.memories.size());
    if (!c.memories[static_cast<std::size_t>(n.memory)].used)
      refuse("{}: names memory {}, which is not used", what, n.memory);
    out.push_back(n);
  }
  return out;
}

std::vector<clock> read_clocks(const section& s, bytes file) {
  std::vector<clock> out;
  const rows all(s, file, layout::clock_table);
  for (std::size_t i = 0; i < all.count; ++i) {
    const bytes r = all.row(i);
    const std::string what = fmt::format("{}, clock {}", s.name, i);
    out.push_back({text(r, 8, layout::clock_name_bytes, what),
                   name_of(layout::clock_types, std::to_integer<std::size_t>(r[2]),
                           fmt::format("the type of {}", what)),
                   number<std::uint16_t>(r, 0)});
  }
  return out;
}

std::string whole_text(const section& s, bytes file) {
  const bytes data = file.subspan(s.offset, s.size);
  std::string out(data.size(), '\0');
  if (!data.empty()) std::memcpy(out.data(), data.data(), data.size());
  // v++ may end it with NULs.
  while (!out.empty() && out.back() == '\0') out.pop_back();
  if (out.find('\0') != std::string::npos) refuse("{}: has a NUL in its text", s.name);
  return out;
}

nlohmann::json json_of(const section& s, const std::string& from) {
  nlohmann::json out = nlohmann::json::parse(from, nullptr, false);
  if (out.is_discarded()) refuse("{}: is no JSON", s.name);
  return out;
}

void read_key_values(const section& s, bytes file, contents& c) {
  const nlohmann::json all = json_of(s, whole_text(s, file));
  const nlohmann::json::json_pointer list("/keyvalue_metadata/key_values");
  if (!all.is_object() || !all.contains(list) || !all[list].is_array())
    refuse("{}: has no list keyvalue_metadata.key_values", s.name);
  for (const auto& e : all[list]) {
    if (!e.is_object() || !e.contains("key") || !e["key"].is_string() || !e.contains("value") ||
        !e["value"].is_string())
      refuse("{}: has an entry without key and value", s.name);
    c.key_values[e["key"].get<std::string>()] = e["value"].get<std::string>();
  }
}

// Every kernel's IP is described in the XML, by the names that XRT looks for.
void check_xml(const section& s, const contents& c) {
  if (c.xml.find("<project") == std::string::npos || c.xml.find("</project>") == std::string::npos)
    refuse("{}: is no XML description of a project", s.name);
  for (const ip_block& p : c.ips) {
    const auto colon = p.name.find(':');
    if (p.control == "none" || colon == std::string::npos) continue;
    const std::string kernel = fmt::format("<kernel name=\"{}\"", p.name.substr(0, colon));
    const std::string instance = fmt::format("<instance name=\"{}\"", p.name.substr(colon + 1));
    if (c.xml.find(kernel) == std::string::npos || c.xml.find(instance) == std::string::npos)
      refuse("{}: does not describe {}, which IP_LAYOUT has", s.name, p.name);
  }
}

void check_length(bytes file) {
  const auto length = number<std::uint64_t>(file, layout::length);
  const auto signature =
      static_cast<std::int32_t>(number<std::uint32_t>(file, layout::signature_length));
  if (length > file.size())
    refuse("it is cut off: it should have {} bytes and has {}", length, file.size());
  const std::uint64_t whole = length + (signature > 0 ? static_cast<std::uint32_t>(signature) : 0U);
  if (length < layout::header_end || whole != file.size())
    refuse("it has {} bytes, and its header speaks of {}", file.size(), whole);
}

}  // namespace

std::string to_string(const uuid& id) {
  std::string out;
  for (std::size_t i = 0; i < id.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
    out += fmt::format("{:02x}", id[i]);
  }
  return out;
}

uuid parse_uuid(std::string_view from) {
  uuid out{};
  std::size_t digits = 0;
  for (const char c : from) {
    if (c == '-') continue;
    const auto value = std::string_view("0123456789abcdef").find(static_cast<char>(c | 0x20));
    if (value == std::string_view::npos || digits == 32) refuse("\"{}\" is no UUID", from);
    out[digits / 2] = static_cast<std::uint8_t>(out[digits / 2] << 4 | value);
    ++digits;
  }
  if (digits != 32) refuse("\"{}\" is no UUID", from);
  return out;
}

contents read(bytes file) {
  if (file.size() < layout::header_end)
    refuse("it has {} bytes; an xclbin has at least {}", file.size(), layout::header_end);
  if (std::memcmp(file.data(), layout::magic.data(), layout::magic.size()) != 0)
    refuse("it does not begin with \"xclbin2\"");
  check_length(file);

  contents c;
  c.mode = name_of(layout::modes, number<std::uint16_t>(file, layout::mode), "its mode");
  c.shell = text(file, layout::shell, layout::shell_bytes, "its platform");
  if (c.shell.empty()) refuse("it does not say for which platform it is");
  std::memcpy(c.id.data(), &file[layout::id], c.id.size());
  std::memcpy(c.interface_id.data(), &file[layout::interface_id], c.interface_id.size());
  if (c.id == uuid{}) refuse("its UUID is all zeros");
  c.made = number<std::uint64_t>(file, layout::timestamp);

  const std::vector<section> sections = read_sections(file);
  const auto find = [&](std::uint32_t kind) -> const section* {
    const auto at = std::find_if(sections.begin(), sections.end(),
                                 [&](const section& s) { return s.kind == kind; });
    return at == sections.end() ? nullptr : &*at;
  };
  for (const layout::section_kind& k : layout::section_kinds) {
    const auto found = std::count_if(sections.begin(), sections.end(),
                                     [&](const section& s) { return s.kind == k.number; });
    if (found == 0 && k.required) refuse("it has no section {}", k.name);
    if (found > 1 && k.once) refuse("it has {} sections {}", found, k.name);
  }
  for (const section& s : sections) {
    const bool known =
        std::any_of(layout::section_kinds.begin(), layout::section_kinds.end(),
                    [&](const layout::section_kind& k) { return k.number == s.kind; });
    if (!known) c.others.push_back(kind_name(s.kind));
  }

  c.memories = read_memories(*find(layout::mem_topology), file);
  c.ips = read_ips(*find(layout::ip_layout), file);
  if (const section* s = find(layout::connectivity); s != nullptr)
    c.connections = read_connections(*s, file, c);
  if (const section* s = find(layout::group_topology); s != nullptr) read_memories(*s, file);
  if (const section* s = find(layout::clock_freq_topology); s != nullptr)
    c.clocks = read_clocks(*s, file);
  const section& xml = *find(layout::embedded_metadata);
  c.xml = whole_text(xml, file);
  check_xml(xml, c);
  if (const section* s = find(layout::build_metadata); s != nullptr) {
    c.build = whole_text(*s, file);
    json_of(*s, c.build);
  }
  if (const section* s = find(layout::keyvalue_metadata); s != nullptr)
    read_key_values(*s, file, c);
  return c;
}

contents read_file(const std::string& path) {
  std::ifstream from(path, std::ios::binary);
  const std::string all{std::istreambuf_iterator<char>(from), {}};
  if (!from) throw std::runtime_error(fmt::format("{}: cannot be read", path));
  try {
    return read(std::as_bytes(std::span(all)));
  } catch (const format_error& e) {
    throw format_error(fmt::format("{}: {}", path, e.what()));
  }
}

}  // namespace exalloc::xclbin
