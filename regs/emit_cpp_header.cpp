// host/include/exalloc/regs.hpp: the same names for C++17 and later.
#include <set>

#include "names.hpp"
#include "outputs.hpp"
#include "writer.hpp"

namespace exalloc::regs_gen {
namespace {

constexpr std::string_view field_type = R"(/// A range of bits in a word.
struct field {
  unsigned lsb, width;

  /// The field's bits, all 1, in their place.
  [[nodiscard]] constexpr std::uint64_t mask() const {
    return (~std::uint64_t{0} >> (64 - width)) << lsb;
  }
  /// The field's value in a word.
  [[nodiscard]] constexpr std::uint64_t get(std::uint64_t word) const {
    return (word & mask()) >> lsb;
  }
  /// The word with the field replaced; bits of the value that do not fit are dropped.
  [[nodiscard]] constexpr std::uint64_t set(std::uint64_t word, std::uint64_t value) const {
    return (word & ~mask()) | ((value << lsb) & mask());
  }
};
)";

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result;
}

class header_writer {
 public:
  explicit header_writer(const description& d) : d_(d) {}

  std::string run() {
    out_.line("// {}", generated_notice);
    out_.line("// clang-format off");
    out_.line("#pragma once");
    out_.blank();
    out_.line("#include <cstdint>");
    out_.blank();
    out_.prose("/// ", d_.desc);
    out_.line("namespace {}::regs {{", d_.name);
    out_.blank();
    out_.line("{}", field_type);
    identity();
    for (const enumeration& e : d_.enums) enumerators(e);
    offsets();
    for (const word& w : d_.structs) fields(w, {});
    for (const block& b : d_.blocks) {
      for (const reg& r : b.registers) fields(r, fmt::format(" ({})", to_string(r.swaccess)));
    }
    out_.line("}}  // namespace {}::regs", d_.name);
    return out_.take();
  }

 private:
  const std::string& claim(const std::string& name) {
    if (!names_.insert(name).second) {
      throw description_error(fmt::format("C++ header: two things are called \"{}\"", name));
    }
    return name;
  }

  void identity() {
    claim("field");
    claim("offset");
    out_.line("/// Hash of the description without its prose; a card with another one is refused.");
    out_.line("inline constexpr std::uint32_t {} = 0x{:08x};", claim("layout_hash"),
              d_.layout_hash);
    out_.line("inline constexpr std::uint16_t {} = {};", claim("version_major"), d_.version_major);
    out_.line("inline constexpr std::uint16_t {} = {};", claim("version_minor"), d_.version_minor);
    out_.blank();
    for (const constant& c : d_.constants) {
      out_.prose("/// ", c.desc);
      out_.line("inline constexpr std::uint32_t {} = {};", claim(c.name), c.value);
    }
    out_.blank();
  }

  void enumerators(const enumeration& e) {
    out_.prose("/// ", e.desc);
    out_.line("enum class {} : std::uint8_t {{", claim(e.name));
    for (const enum_value& v : e.values) {
      out_.prose("  /// ", v.desc);
      out_.line("  {} = {},", v.name, v.value);
    }
    out_.line("}};");
    out_.blank();
    lookup(e, "The name as in the description; \"unknown\" for any other number.", "to_string",
           &enum_value::name);
    lookup(e, "What it means, as a sentence.", "describe", &enum_value::desc);
  }

  void lookup(const enumeration& e, std::string_view desc, std::string_view function,
              std::string enum_value::*text) {
    out_.prose("/// ", desc);
    out_.line("[[nodiscard]] constexpr const char* {}({} value) {{", function, e.name);
    out_.line("  switch (value) {{");
    for (const enum_value& v : e.values) {
      out_.line("    case {}::{}:", e.name, v.name);
      out_.line("      return \"{}\";", escaped(v.*text));
    }
    out_.line("  }}");
    out_.line("  return \"unknown\";");
    out_.line("}}");
    out_.blank();
  }

  void offsets() {
    out_.line("/// Byte addresses of registers; those of an external block count from its window.");
    out_.line("namespace offset {{");
    for (const block& b : d_.blocks) {
      out_.blank();
      out_.prose("/// ", b.desc);
      out_.line("inline constexpr std::uint32_t {}_base = 0x{:x};", b.name, b.base);
      if (b.external) {
        out_.line("inline constexpr std::uint32_t {}_stride = 0x{:x};", b.name, b.stride);
        out_.line("inline constexpr std::uint32_t {}_count = {};", b.name, b.count);
      }
      const std::uint32_t base = b.external ? 0 : b.base;
      for (const reg& r : b.registers) {
        out_.prose("/// ", r.desc);
        out_.line("inline constexpr std::uint32_t {} = 0x{:02x};", r.name, base + r.offset);
      }
    }
    out_.blank();
    out_.line("}}  // namespace offset");
    out_.blank();
  }

  /// A register may be named as an enum or a constant is; its fields then live in <name>_register.
  std::string word_name(const word& w) {
    return claim(names_.contains(w.name) ? w.name + "_register" : w.name);
  }

  void fields(const word& w, std::string_view note) {
    const std::string name = word_name(w);
    out_.prose("/// ", w.desc + std::string(note));
    out_.line("namespace {} {{", name);
    for (const field& f : w.fields) {
      out_.prose("/// ", f.desc + (f.enum_name.empty()
                                       ? std::string{}
                                       : fmt::format(" Values: enum class {}.", f.enum_name)));
      out_.line("inline constexpr field {}{{{}, {}}};", f.name, f.lsb, f.width);
    }
    out_.line("}}  // namespace {}", name);
    out_.blank();
  }

  const description& d_;
  writer out_;
  std::set<std::string> names_;
};

}  // namespace

std::string emit_cpp_header(const description& d) { return header_writer(d).run(); }

}  // namespace exalloc::regs_gen
