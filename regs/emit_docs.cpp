// docs/registers.md: the reference page; docs/img/regs/*.json: its pictures, as WaveDrom source.
#include <algorithm>

#include "outputs.hpp"
#include "writer.hpp"

namespace exalloc::regs_gen {
namespace {

std::string bits(const field& f) {
  return f.width == 1 ? fmt::format("{}", f.lsb) : fmt::format("{}:{}", f.msb(), f.lsb);
}

/// Prose in a cell of a table.
std::string cell(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '|') result += '\\';
    result += c;
  }
  return result;
}

std::string_view explain(access a) {
  switch (a) {
    case access::ro:
      return "read only";
    case access::rw:
      return "read and write";
    case access::wo:
      return "write only";
    case access::rw1c:
      return "read; writing 1 clears";
  }
  return "";
}

class page_writer {
 public:
  explicit page_writer(const description& d) : d_(d) {}

  std::string run() {
    out_.line("<!-- {} -->", generated_notice);
    out_.line("# Registers, lines and codes");
    out_.blank();
    out_.prose("", d_.desc);
    out_.prose("", fmt::format("This is version {}.{}; its layout hash is `0x{:08x}`.",
                               d_.version_major, d_.version_minor, d_.layout_hash));
    out_.prose("",
               "All registers are 32 bits wide and are read and written whole. The card answers "
               "any other access with a bus error (SLVERR). Bits without a name are 0: write "
               "them so.");
    out_.blank();
    for (const block& b : d_.blocks) out_.line("- Registers: [{0}](#{0})", b.name);
    for (const word& w : d_.structs) out_.line("- Line layout: [{0}](#{0})", w.name);
    for (const enumeration& e : d_.enums) out_.line("- Codes: [{0}](#{0}-codes)", e.name);
    out_.line("- [Constants](#constants)");
    out_.blank();
    for (const block& b : d_.blocks) registers(b);
    out_.line("# Lines and tokens");
    out_.blank();
    for (const word& w : d_.structs) {
      out_.line("## {}", w.name);
      out_.blank();
      out_.prose("", w.desc);
      out_.blank();
      fields(w);
    }
    out_.line("# Codes");
    out_.blank();
    for (const enumeration& e : d_.enums) codes(e);
    constants();
    return out_.take();
  }

 private:
  void registers(const block& b) {
    out_.line("## {}", b.name);
    out_.blank();
    out_.prose("", b.desc);
    if (b.external) {
      out_.prose("", fmt::format("{} windows of {} bytes: window *i* starts at 0x{:04x} + *i* x "
                                 "0x{:x}.",
                                 b.count, b.stride, b.base, b.stride));
    }
    if (!b.index_enum.empty()) {
      out_.prose("", fmt::format("The windows are named under [{0}](#{0}-codes).", b.index_enum));
    }
    out_.blank();
    out_.line("| {} | register | access | |", b.external ? "offset" : "address");
    out_.line("|---|---|---|---|");
    for (const reg& r : b.registers) {
      out_.line("| 0x{:0{}x} | [{}](#{}) | {} | {} |", address(b, r), b.external ? 2 : 4, r.name,
                anchor(r), to_string(r.swaccess), cell(r.desc));
    }
    out_.blank();
    for (const reg& r : b.registers) {
      out_.line("### {} (register)", r.name);
      out_.blank();
      out_.prose("", fmt::format(
                         "{} At {}0x{:02x}, {}.{}", r.desc, b.external ? "+" : "", address(b, r),
                         explain(r.swaccess),
                         r.resval ? fmt::format(" {} 0x{:08x}.",
                                                r.swaccess == access::ro ? "Always" : "After reset",
                                                *r.resval)
                                  : std::string{}));
      out_.blank();
      fields(r);
    }
  }

  static std::uint32_t address(const block& b, const reg& r) {
    return (b.external ? 0 : b.base) + r.offset;
  }

  static std::string anchor(const reg& r) { return r.name + "-register"; }

  void fields(const word& w) {
    out_.line("![Bits of {0}](img/regs/{0}.svg)", w.name);
    out_.blank();
    out_.line("| bits | field | |");
    out_.line("|---|---|---|");
    for (const field& f : w.fields) {
      const std::string values =
          f.enum_name.empty() ? std::string{}
                              : fmt::format(" One of the [{0}](#{0}-codes) codes.", f.enum_name);
      out_.line("| {} | {} | {}{} |", bits(f), f.name, cell(f.desc), values);
    }
    out_.blank();
  }

  void codes(const enumeration& e) {
    out_.line("## {} (codes)", e.name);
    out_.blank();
    out_.prose("", fmt::format("{} {} bits.", e.desc, e.width));
    out_.blank();
    out_.line("| value | name | |");
    out_.line("|---|---|---|");
    for (const enum_value& v : e.values) {
      out_.line("| {} | {} | {} |", v.value, v.name, cell(v.desc));
    }
    out_.blank();
  }

  void constants() {
    out_.line("# Constants");
    out_.blank();
    out_.line("| name | value | |");
    out_.line("|---|---|---|");
    for (const constant& c : d_.constants) {
      out_.line("| {} | {} | {} |", c.name, c.value, cell(c.desc));
    }
  }

  const description& d_;
  writer out_;
};

}  // namespace

std::string emit_reference_page(const description& d) { return page_writer(d).run(); }

std::string emit_picture(const word& w) {
  constexpr unsigned lane_bits = 32;
  constexpr unsigned bit_pixels = 25;
  constexpr unsigned character_pixels = 8;

  // A name that is wider than its field is written upwards, and the lanes made high enough for it.
  std::size_t upright = 0;
  const auto turned = [&](const field& f) {
    return f.name.size() * character_pixels > f.width * bit_pixels;
  };
  for (const field& f : w.fields) {
    if (turned(f)) upright = std::max(upright, f.name.size());
  }

  writer out;
  out.line("{{\"generated\": \"{}\",", generated_notice);
  out.line(" \"reg\": [");
  unsigned next = 0;
  const auto gap = [&](unsigned end, std::string_view separator) {
    if (end > next) out.line("  {{\"bits\": {}}}{}", end - next, separator);
  };
  for (const field& f : w.fields) {
    gap(f.lsb, ",");
    next = f.msb() + 1;
    out.line("  {{\"bits\": {}, \"name\": \"{}\"{}}}{}", f.width, f.name,
             turned(f) ? ", \"rotate\": -90" : "", next == w.bits ? "" : ",");
  }
  gap(w.bits, "");
  out.line(" ],");
  out.line(
      " \"config\": {{\"bits\": {}, \"lanes\": {}, \"hspace\": {}, \"vspace\": {}, "
      "\"fontsize\": 13}}}}",
      w.bits, w.bits / lane_bits, lane_bits * bit_pixels + 40,
      std::max<std::size_t>(70, 52 + upright * character_pixels));
  return out.take();
}

}  // namespace exalloc::regs_gen
