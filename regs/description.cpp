#include "description.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <fstream>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <set>

#include "names.hpp"

namespace exalloc::regs_gen {
namespace {

// Nothing here throws inside a braced initializer: GCC 12 then destroys its strings twice.

using nlohmann::json;

[[noreturn]] void fail(std::string_view where, std::string_view what) {
  throw description_error(fmt::format("{}: {}", where, what));
}

std::uint32_t parse_number(std::string_view text, std::string_view where) {
  const bool hex = text.starts_with("0x");
  const std::string_view digits = hex ? text.substr(2) : text;
  std::uint32_t value = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, hex ? 16 : 10);
  if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size()) {
    fail(where, fmt::format("\"{}\" is not a number of at most 32 bits", text));
  }
  return value;
}

/// One JSON object, its place in the description for messages, and the keys it may have.
class object {
 public:
  object(const json& value, std::string where, std::initializer_list<std::string_view> keys)
      : value_(value), where_(std::move(where)) {
    if (!value.is_object()) fail(where_, "must be an object");
    for (const auto& [key, unused] : value.items()) {
      if (std::ranges::find(keys, key) == keys.end()) {
        fail(where_, fmt::format("unknown key \"{}\"", key));
      }
    }
  }

  [[nodiscard]] const std::string& where() const { return where_; }
  [[nodiscard]] bool has(const char* key) const { return value_.contains(key); }

  [[nodiscard]] const json& at(const char* key) const {
    if (!has(key)) fail(where_, fmt::format("\"{}\" is missing", key));
    return value_.at(key);
  }

  [[nodiscard]] std::string text(const char* key) const {
    if (!at(key).is_string()) fail(where_, fmt::format("\"{}\" must be a string", key));
    return at(key).get<std::string>();
  }

  [[nodiscard]] std::string text_or_empty(const char* key) const {
    return has(key) ? text(key) : std::string{};
  }

  /// A JSON number, or a string as in "0x1C".
  [[nodiscard]] std::uint32_t number(const char* key) const {
    const json& value = at(key);
    const std::string place = fmt::format("{}: \"{}\"", where_, key);
    if (value.is_string()) return parse_number(value.get<std::string>(), place);
    if (!value.is_number_integer()) fail(place, "must be a whole number");
    return parse_number(value.dump(), place);
  }

  [[nodiscard]] bool flag(const char* key) const {
    if (!has(key)) return false;
    if (!at(key).is_boolean()) fail(where_, fmt::format("\"{}\" must be true or false", key));
    return at(key).get<bool>();
  }

  [[nodiscard]] const json& list(const char* key) const {
    if (!at(key).is_array()) fail(where_, fmt::format("\"{}\" must be an array", key));
    return at(key);
  }

 private:
  const json& value_;
  std::string where_;
};

/// "register "control"" if the entry has a name, else "register 3 of block "card"".
std::string place(std::string_view kind, const json& entry, std::size_t index,
                  std::string_view parent) {
  const std::string in = parent.empty() ? std::string{} : fmt::format("{}, ", parent);
  if (entry.is_object() && entry.contains("name") && entry.at("name").is_string()) {
    return fmt::format("{}{} \"{}\"", in, kind, entry.at("name").get<std::string>());
  }
  return fmt::format("{}{} number {}", in, kind, index + 1);
}

std::string checked_name(const object& entry) {
  std::string name = entry.text("name");
  if (!is_snake_case(name)) {
    fail(entry.where(), "the name must be lower-case words joined by single underscores");
  }
  if (is_keyword(name)) fail(entry.where(), "the name is a keyword of C++ or SystemVerilog");
  return name;
}

/// Notices the second use of a name.
class name_set {
 public:
  explicit name_set(std::string kind) : kind_(std::move(kind)) {}

  void add(const std::string& name, std::string_view where) {
    if (!names_.insert(name).second) {
      fail(where, fmt::format("another {} is named \"{}\"", kind_, name));
    }
  }

 private:
  std::string kind_;
  std::set<std::string> names_;
};

enumeration parse_enum(const json& entry, const std::string& where) {
  const object o(entry, where, {"name", "desc", "width", "values"});
  enumeration result;
  result.name = checked_name(o);
  result.desc = o.text("desc");
  result.width = o.number("width");
  if (result.width < 1 || result.width > 8) fail(where, "the width must be 1 to 8 bits");

  name_set names("value of this enum");
  std::set<std::uint32_t> numbers;
  for (const json& item : o.list("values")) {
    const object v(item, place("value", item, result.values.size(), where),
                   {"name", "desc", "value"});
    // An enum value may be a keyword of SystemVerilog, where its name is always prefixed.
    const std::string name = v.text("name");
    if (!is_snake_case(name) || is_cpp_keyword(name)) fail(v.where(), "not a usable name");
    names.add(name, v.where());
    const std::uint32_t number = v.number("value");
    if (number >> result.width != 0) {
      fail(v.where(), fmt::format("{} does not fit in {} bits", number, result.width));
    }
    if (!numbers.insert(number).second) {
      fail(v.where(), fmt::format("another value is {} too", number));
    }
    enum_value value;
    value.name = name;
    value.desc = v.text("desc");
    value.value = number;
    result.values.push_back(std::move(value));
  }
  if (result.values.empty()) fail(where, "has no values");
  return result;
}

/// Parses "hi:lo" or "n" into lsb and width.
void parse_bits(const object& entry, unsigned word_bits, field& result) {
  const std::string text = entry.text("bits");
  const std::size_t colon = text.find(':');
  const std::string place = fmt::format("{}: bits \"{}\"", entry.where(), text);
  const std::uint32_t high = parse_number(std::string_view(text).substr(0, colon), place);
  const std::uint32_t low = colon == std::string::npos
                                ? high
                                : parse_number(std::string_view(text).substr(colon + 1), place);
  if (high < low) fail(place, "the higher bit comes first");
  if (high >= word_bits)
    fail(place, fmt::format("out of range, the last bit is {}", word_bits - 1));
  result.lsb = low;
  result.width = high - low + 1;
}

std::vector<field> parse_fields(const object& owner, unsigned word_bits,
                                const std::vector<enumeration>& enums) {
  std::vector<field> fields;
  name_set names("field");
  for (const json& item : owner.list("fields")) {
    const object o(item, place("field", item, fields.size(), owner.where()),
                   {"name", "desc", "bits", "enum"});
    field f;
    f.name = checked_name(o);
    f.desc = o.text("desc");
    f.enum_name = o.text_or_empty("enum");
    names.add(f.name, o.where());
    parse_bits(o, word_bits, f);
    for (const field& other : fields) {
      if (f.lsb <= other.msb() && other.lsb <= f.msb()) {
        fail(o.where(), fmt::format("overlaps field \"{}\"", other.name));
      }
    }
    if (!f.enum_name.empty()) {
      const auto e = std::ranges::find(enums, f.enum_name, &enumeration::name);
      if (e == enums.end()) fail(o.where(), fmt::format("unknown enum \"{}\"", f.enum_name));
      if (e->width != f.width) {
        fail(o.where(),
             fmt::format("has {} bits, but enum \"{}\" has {}", f.width, e->name, e->width));
      }
    }
    fields.push_back(std::move(f));
  }
  if (fields.empty()) fail(owner.where(), "has no fields");
  std::ranges::sort(fields, {}, &field::lsb);
  return fields;
}

access parse_access(const object& entry) {
  const std::string text = entry.text("swaccess");
  for (const access a : {access::ro, access::rw, access::wo, access::rw1c}) {
    if (text == to_string(a)) return a;
  }
  fail(entry.where(), fmt::format("unknown swaccess \"{}\" (ro, rw, wo, rw1c)", text));
}

/// What the decoder answers by itself must look as it expects.
void check_built_in(const reg& r, std::string_view where) {
  if (r.name == "layout_hash" && (r.fields.size() != 1 || r.fields[0].width != 32)) {
    fail(where, "must be one field of 32 bits");
  }
  if (r.name == "version" &&
      (r.fields.size() != 2 || r.fields[0].name != "minor" || r.fields[0].msb() != 15 ||
       r.fields[1].name != "major" || r.fields[1].msb() != 31)) {
    fail(where, "must be major in bits 31:16 and minor in bits 15:0");
  }
  if ((r.name == "version" || r.name == "layout_hash") &&
      (r.swaccess != access::ro || r.resval.has_value())) {
    fail(where, "must be ro without a resval: the generator knows its value");
  }
}

reg parse_register(const json& entry, const std::string& where, const block& owner,
                   const std::vector<enumeration>& enums) {
  const object o(entry, where, {"name", "desc", "offset", "swaccess", "resval", "fields"});
  reg r;
  r.name = checked_name(o);
  r.desc = o.text("desc");
  r.offset = o.number("offset");
  r.swaccess = parse_access(o);
  r.fields = parse_fields(o, r.bits, enums);
  if (r.offset % 4 != 0) fail(where, fmt::format("offset 0x{:x} is not a multiple of 4", r.offset));
  if (owner.external && r.offset >= owner.stride) {
    fail(where, fmt::format("offset 0x{:x} lies beyond the stride", r.offset));
  }
  for (const reg& other : owner.registers) {
    if (other.offset == r.offset) {
      fail(where, fmt::format("offset 0x{:x} is that of register \"{}\"", r.offset, other.name));
    }
  }
  if (o.has("resval")) {
    r.resval = o.number("resval");
    if (owner.external || r.swaccess == access::wo || r.swaccess == access::rw1c) {
      fail(where,
           "only rw and constant ro registers of a block that is not external have a resval");
    }
    std::uint32_t outside = *r.resval;
    for (const field& f : r.fields) {
      outside &= static_cast<std::uint32_t>(~(((std::uint64_t{1} << f.width) - 1) << f.lsb));
    }
    if (outside != 0) fail(where, "the resval sets bits that belong to no field");
  }
  if (r.swaccess == access::rw1c) {
    for (const field& f : r.fields) {
      if (f.width != 1) fail(where, fmt::format("rw1c field \"{}\" must be one bit", f.name));
    }
  }
  check_built_in(r, where);
  return r;
}

void check_window(const block& b, std::string_view where) {
  if (!std::has_single_bit(b.stride) || b.stride < 8) {
    fail(where, "the stride must be a power of two, at least 8");
  }
  if (b.count < 2) fail(where, "the count must be at least 2");
  if (b.base % (b.stride * std::bit_ceil(b.count)) != 0) {
    fail(where,
         "the base must be a multiple of the size of the block, rounded up to a power of two");
  }
}

block parse_block(const json& entry, const std::string& where, const description& d,
                  name_set& words) {
  const object o(
      entry, where,
      {"name", "desc", "base", "stride", "count", "index_enum", "external", "registers"});
  block b;
  b.name = checked_name(o);
  b.desc = o.text("desc");
  b.base = o.number("base");
  b.external = o.flag("external");
  b.index_enum = o.text_or_empty("index_enum");
  if (b.base % 4 != 0) fail(where, fmt::format("base 0x{:x} is not a multiple of 4", b.base));
  if (b.external) {
    b.stride = o.number("stride");
    b.count = o.number("count");
    if (b.stride > 1U << address_bits || b.count > 1U << address_bits) {
      fail(where, "does not fit in the address space");
    }
    check_window(b, where);
  } else if (o.has("stride") || o.has("count") || o.has("index_enum")) {
    fail(where, "stride, count and index_enum are for external blocks");
  }
  if (!b.index_enum.empty()) {
    const auto e = std::ranges::find(d.enums, b.index_enum, &enumeration::name);
    if (e == d.enums.end()) fail(where, fmt::format("unknown enum \"{}\"", b.index_enum));
    for (const enum_value& v : e->values) {
      if (v.value >= b.count) {
        fail(where, fmt::format("value \"{}\" of its index_enum has no window", v.name));
      }
    }
  }
  for (const json& item : o.list("registers")) {
    const std::string at = place("register", item, b.registers.size(), where);
    b.registers.push_back(parse_register(item, at, b, d.enums));
    words.add(b.registers.back().name, at);
  }
  if (b.registers.empty()) fail(where, "has no registers");
  return b;
}

/// Bytes from the base to the end of the last register or window.
std::uint32_t block_size(const block& b) {
  if (b.external) return b.stride * b.count;
  return std::ranges::max(b.registers, {}, &reg::offset).offset + 4;
}

void check_addresses(const std::vector<block>& blocks) {
  for (const block& b : blocks) {
    const std::string where = fmt::format("block \"{}\"", b.name);
    const std::uint64_t end = std::uint64_t{b.base} + block_size(b);
    if (end > 1U << address_bits)
      fail(where, fmt::format("ends beyond {} address bits", address_bits));
    for (const block& other : blocks) {
      if (&other == &b) break;
      if (b.base < other.base + block_size(other) && other.base < end) {
        fail(where, fmt::format("its addresses collide with those of block \"{}\"", other.name));
      }
    }
  }
}

void remove_prose(json& value) {
  if (value.is_object()) value.erase("desc");
  for (json& child : value) {
    if (child.is_structured()) remove_prose(child);
  }
}

}  // namespace

std::string_view to_string(access a) {
  switch (a) {
    case access::ro:
      return "ro";
    case access::rw:
      return "rw";
    case access::wo:
      return "wo";
    case access::rw1c:
      return "rw1c";
  }
  return "?";
}

bool block::readable() const { return std::ranges::any_of(registers, &reg::readable); }

bool block::writable() const { return std::ranges::any_of(registers, &reg::writable); }

unsigned block::index_bits() const { return static_cast<unsigned>(std::bit_width(count - 1)); }

unsigned block::window_bits() const { return static_cast<unsigned>(std::bit_width(stride - 1)); }

std::uint32_t layout_hash(const json& json) {
  auto bare = json;
  remove_prose(bare);
  std::uint32_t hash = 0x811c9dc5;
  for (const char c : bare.dump()) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x01000193;
  }
  return hash;
}

description parse(const json& json) {
  const object top(json, "description",
                   {"name", "desc", "version", "constants", "enums", "structs", "blocks"});
  description d;
  d.name = checked_name(top);
  d.desc = top.text("desc");
  const object version(top.at("version"), "version", {"major", "minor"});
  d.version_major = version.number("major");
  d.version_minor = version.number("minor");
  if ((d.version_major | d.version_minor) >> 16 != 0) fail("version", "has more than 16 bits");

  name_set constants("constant");
  for (const auto& item : top.list("constants")) {
    const object o(item, place("constant", item, d.constants.size(), {}),
                   {"name", "desc", "value"});
    constant c;
    c.name = checked_name(o);
    c.desc = o.text("desc");
    c.value = o.number("value");
    constants.add(c.name, o.where());
    d.constants.push_back(std::move(c));
  }

  name_set enums("enum");
  for (const auto& item : top.list("enums")) {
    const std::string where = place("enum", item, d.enums.size(), {});
    d.enums.push_back(parse_enum(item, where));
    enums.add(d.enums.back().name, where);
  }

  // Structures and registers share one set of names, because they share it in the outputs.
  name_set words("register or struct");
  for (const auto& item : top.list("structs")) {
    const object o(item, place("struct", item, d.structs.size(), {}),
                   {"name", "desc", "bits", "fields"});
    word w;
    w.name = checked_name(o);
    w.desc = o.text("desc");
    w.bits = o.number("bits");
    if (w.bits != 32 && w.bits != 64) fail(o.where(), "must have 32 or 64 bits");
    w.fields = parse_fields(o, w.bits, d.enums);
    words.add(w.name, o.where());
    d.structs.push_back(std::move(w));
  }

  name_set blocks("block");
  for (const auto& item : top.list("blocks")) {
    const std::string where = place("block", item, d.blocks.size(), {});
    d.blocks.push_back(parse_block(item, where, d, words));
    blocks.add(d.blocks.back().name, where);
  }
  if (d.blocks.empty()) fail("description", "has no blocks");
  check_addresses(d.blocks);
  d.layout_hash = regs_gen::layout_hash(json);
  return d;
}

description load(const std::filesystem::path& input) {
  std::ifstream file(input);
  if (!file) throw description_error(fmt::format("{}: cannot be read", input.string()));
  try {
    return parse(json::parse(file));
  } catch (const json::exception& e) {
    throw description_error(fmt::format("{}: {}", input.string(), e.what()));
  } catch (const description_error& e) {
    throw description_error(fmt::format("{}: {}", input.string(), e.what()));
  }
}

}  // namespace exalloc::regs_gen
