// rtl/exalloc_pkg.sv: constants, offsets and packed structs.
#include <algorithm>
#include <set>

#include "names.hpp"
#include "outputs.hpp"
#include "writer.hpp"

namespace exalloc::regs_gen {
namespace {

class package_writer {
 public:
  explicit package_writer(const description& d) : d_(d) {}

  std::string run() {
    out_.line("// {}", generated_notice);
    out_.line("//");
    out_.prose("// ", d_.desc);
    out_.blank();
    out_.line("// No user needs every constant, and Verilator renames members that C++ knows too.");
    out_.line("// verilator lint_off UNUSEDPARAM");
    out_.line("// verilator lint_off SYMRSVDWORD");
    out_.line("package {}_pkg;", d_.name);
    out_.blank();
    identity();
    for (const enumeration& e : d_.enums) enumerators(e);
    for (const word& w : d_.structs) bits(w);
    for (const block& b : d_.blocks) registers(b);
    out_.line("endpackage");
    out_.line("// verilator lint_on UNUSEDPARAM");
    out_.line("// verilator lint_on SYMRSVDWORD");
    return out_.take();
  }

 private:
  /// Names come from several lists, so two of them may meet here.
  const std::string& claim(const std::string& name) {
    if (!names_.insert(name).second) {
      throw description_error(fmt::format("rtl package: two things are called \"{}\"", name));
    }
    return name;
  }

  void integer(const std::string& name, std::uint32_t value) {
    out_.line("  localparam int unsigned {} = {};", claim(name), value);
  }

  void vector(const std::string& name, unsigned width, std::uint32_t value) {
    out_.line("  localparam logic [{}:0] {} = {}'h{:0{}x};", width - 1, claim(name), width, value,
              (width + 3) / 4);
  }

  void identity() {
    out_.line("  // Hash of the description without its prose; the host compares it.");
    vector("LayoutHash", 32, d_.layout_hash);
    vector("VersionMajor", 16, d_.version_major);
    vector("VersionMinor", 16, d_.version_minor);
    out_.blank();
    for (const constant& c : d_.constants) {
      out_.prose("  // ", c.desc);
      integer(upper_camel(c.name), c.value);
    }
    out_.blank();
  }

  void enumerators(const enumeration& e) {
    const std::string prefix = upper_camel(e.name);
    out_.prose("  // ", e.desc);
    integer(prefix + "Width", e.width);
    for (const enum_value& v : e.values) {
      out_.line("  localparam logic [{}:0] {} = {}'d{};", e.width - 1,
                claim(prefix + upper_camel(v.name)), e.width, v.value);
    }
    out_.blank();
  }

  void member(unsigned msb, unsigned lsb, std::string_view name) {
    if (msb == lsb) {
      out_.line("    logic        {};", name);
    } else {
      out_.line("    logic [{:2}:0] {};", msb - lsb, name);
    }
  }

  /// The packed struct, most significant bit first, and the place of each field.
  void bits(const word& w) {
    out_.prose("  // ", w.desc);
    out_.line("  typedef struct packed {{");
    unsigned above = w.bits;
    for (auto f = w.fields.rbegin(); f != w.fields.rend(); ++f) {
      reserved(above, f->msb() + 1);
      member(f->msb(), f->lsb, f->name);
      above = f->lsb;
    }
    reserved(above, 0);
    out_.line("  }} {};", claim(w.name + "_t"));
    for (const field& f : w.fields) {
      if (f.width == w.bits) continue;  // The whole word needs no place.
      integer(upper_camel(w.name) + upper_camel(f.name) + "Lsb", f.lsb);
      if (f.width > 1) integer(upper_camel(w.name) + upper_camel(f.name) + "Width", f.width);
    }
    out_.blank();
  }

  void reserved(unsigned above, unsigned lsb) {
    if (above > lsb) member(above - 1, lsb, fmt::format("reserved_{}_{}", above - 1, lsb));
  }

  void registers(const block& b) {
    out_.line("  // ---- {} ----", b.name);
    out_.prose("  // ", b.desc);
    const std::string prefix = upper_camel(b.name);
    vector(prefix + "Base", address_bits, b.base);
    if (b.external) {
      vector(prefix + "Stride", address_bits, b.stride);
      integer(prefix + "Count", b.count);
      integer(prefix + "IndexWidth", b.index_bits());
      out_.line("  // Offsets in one window:");
    }
    // An external block's module compares offsets in its window, so they have that width.
    const unsigned width = b.external ? b.window_bits() : address_bits;
    const std::uint32_t base = b.external ? 0 : b.base;
    for (const reg& r : b.registers) {
      vector("Reg" + upper_camel(r.name) + "Offset", width, base + r.offset);
    }
    out_.blank();
    for (const reg& r : b.registers) bits(r);
  }

  const description& d_;
  writer out_;
  std::set<std::string> names_;
};

}  // namespace

std::string emit_sv_package(const description& d) { return package_writer(d).run(); }

}  // namespace exalloc::regs_gen
