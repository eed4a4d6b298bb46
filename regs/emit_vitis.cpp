// bitstream/: the registers and ports as Vitis wants to be told of them, and a link configuration
// for each card.
#include <algorithm>

#include "kernel.hpp"
#include "outputs.hpp"
#include "writer.hpp"

namespace exalloc::regs_gen {
namespace {

std::string_view tcl_access(access a) {
  switch (a) {
    case access::ro:
      return "read-only";
    case access::wo:
      return "write-only";
    default:
      return "read-write";
  }
}

/// A 32-bit register, or the low and high halves of a pointer together.
struct row {
  std::string name, desc;
  std::uint32_t address = 0;
  unsigned bits = 32;
  access swaccess = access::ro;
};

std::vector<row> rows(const description& d, const kernel& k) {
  std::vector<row> result;
  for (const block& b : d.blocks) {
    for (const reg& r : b.registers) {
      row next{r.name, r.desc, b.base + r.offset, 32, r.swaccess};
      for (const std::string& p : k.pointers) {
        if (r.name == p + "_low") next.name = p, next.bits = 64;
        if (r.name == p + "_high") next.bits = 0;
      }
      if (b.external)
        next.desc += fmt::format(" (First of {}, every {:#x} bytes.)", b.count, b.stride);
      if (next.bits != 0) result.push_back(std::move(next));
    }
  }
  return result;
}

/// Text between braces of Tcl: it must not have any of its own.
std::string braced(std::string_view text) {
  std::string result = "{";
  for (const char c : text) {
    if (c != '{' && c != '}' && c != '\\') result += c;
  }
  return result + "}";
}

std::string xml(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '&') {
      result += "&amp;";
    } else if (c == '<') {
      result += "&lt;";
    } else if (c == '"') {
      result += "&quot;";
    } else {
      result += c;
    }
  }
  return result;
}

}  // namespace

std::string emit_tcl(const description& d, const kernel& k) {
  writer out;
  out.line("# {}", generated_notice);
  out.line("# And from regs/kernel.json. Read by package_kernel.tcl.");
  out.line("set kernel_name {}", k.name);
  out.line("set kernel_version {}", k.version);
  out.line("set control_port {}", k.control_port);
  out.line("set control_range {:#x}", k.control_range);
  out.line("set master_port {}", k.master_port);
  out.line("set master_width {}", k.master_width);
  out.blank();
  out.line("set stream_ports {{");
  for (const kernel_stream& s : k.streams) {
    for (unsigned i = 0; i < k.stream_ports; ++i) out.line("  {}_{}", s.port, i);
  }
  out.line("}}");
  out.blank();
  out.line("# Of the RTL; what is not here keeps its default.");
  out.line("set parameters {{");
  out.line("  ClockKhz {}", k.clock_khz);
  for (const auto& [name, value] : k.parameters) out.line("  {} {}", name, value);
  out.line("}}");
  out.blank();
  out.line("# name, address, bits, access, description; of a block with windows the first one");
  out.line("set registers {{");
  for (const row& r : rows(d, k)) {
    out.line("  {{{} {:#06x} {} {} {}}}", r.name, r.address, r.bits, tcl_access(r.swaccess),
             braced(r.desc));
  }
  out.line("}}");
  out.blank();
  out.line("# Registers that hold addresses for the master port.");
  out.line("set pointers {{");
  for (const std::string& p : k.pointers) out.line("  {}", p);
  out.line("}}");
  return out.take();
}

std::string emit_kernel_xml(const description& d, const kernel& k) {
  writer out;
  out.line("<!-- {} -->", generated_notice);
  out.line(
      "<!-- And from regs/kernel.json. Read by gen_xo.tcl, and by the packer of xclbin files. -->");
  out.line(R"(<root versionMajor="1" versionMinor="6">)");
  out.line(R"(  <kernel name="{0}" language="ip_c" vlnv="exalloc:kernel:{0}:{1}" attributes="" )"
           R"(preferredWorkGroupSizeMultiple="0" workGroupSize="1" interrupt="true" )"
           R"(hwControlProtocol="user_managed">)",
           k.name, k.version);
  out.line("    <ports>");
  out.line(R"(      <port name="{}" mode="slave" range="{:#x}" dataWidth="{}" )"
           R"(portType="addressable" base="0x0"/>)",
           k.control_port, k.control_range, k.control_width);
  out.line(R"(      <port name="{}" mode="master" range="0xffffffffffffffff" dataWidth="{}" )"
           R"(portType="addressable" base="0x0"/>)",
           k.master_port, k.master_width);
  for (const kernel_stream& s : k.streams) {
    for (unsigned i = 0; i < k.stream_ports; ++i) {
      out.line(R"(      <port name="{}_{}" mode="{}" dataWidth="{}" portType="stream"/>)", s.port,
               i, s.mode, s.width);
    }
  }
  out.line("    </ports>");
  out.line("    <args>");
  unsigned id = 0;
  const std::vector<row> all = rows(d, k);
  for (const std::string& p : k.pointers) {
    const row& r = *std::ranges::find(all, p, &row::name);
    out.line(R"(      <arg name="{}" addressQualifier="1" id="{}" port="{}" size="0x8" )"
             R"(offset="{:#x}" hostOffset="0x0" hostSize="0x8" type="void*"/>)",
             xml(p), id++, k.master_port, r.address);
  }
  for (const kernel_stream& s : k.streams) {
    for (unsigned i = 0; i < k.stream_ports; ++i) {
      out.line(R"(      <arg name="{0}_{1}" addressQualifier="4" id="{2}" port="{0}_{1}" )"
               R"(size="{3:#x}" offset="0x0" hostOffset="0x0" hostSize="{3:#x}" type="stream"/>)",
               s.port, i, id++, s.width / 8);
    }
  }
  out.line("    </args>");
  out.line("  </kernel>");
  out.line("</root>");
  return out.take();
}

std::string emit_link_configuration(const kernel& k, const kernel_card& card) {
  writer out;
  out.line("# {}", generated_notice);
  out.line("# And from regs/kernel.json. v++ --link for the {}: `make xclbin CARD={}`.", card.title,
           card.name);
  out.line("platform={}", card.platform);
  out.line("kernel_frequency={}", k.clock_khz / 1000);
  out.line("debug=1");
  out.line("save-temps=1");
  out.blank();
  out.line("[connectivity]");
  out.line("nk={0}:1:{0}_1", k.name);
  std::string instances;
  for (unsigned i = 1; i <= k.stream_ports; ++i) {
    if (i > 1) instances += '.';
    instances += fmt::format("{}_{}", k.on_card, i);
  }
  out.line("nk={}:{}:{}", k.on_card, k.stream_ports, instances);
  out.line("# The rings lie in host memory; blocks for kernels on the card in its own.");
  out.line("sp={}_1.{}:{}", k.name, k.master_port, k.master_memory);
  for (unsigned i = 1; i <= k.stream_ports; ++i) {
    out.line("sp={}_{}.{}:{}", k.on_card, i, k.on_card_memory, card.memory);
  }
  out.line("# Put your own kernels behind the stream ports here.");
  for (unsigned i = 0; i < k.stream_ports; ++i) {
    out.line("sc={}_1.{}_{}:{}_{}.{}", k.name, k.streams[0].port, i, k.on_card, i + 1,
             k.on_card_pop);
    out.line("sc={}_{}.{}:{}_1.{}_{}", k.on_card, i + 1, k.on_card_push, k.name, k.streams[1].port,
             i);
  }
  return out.take();
}

}  // namespace exalloc::regs_gen
