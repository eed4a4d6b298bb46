#include "kernel_xml.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "xclbin.hpp"

namespace exalloc::xclbin {
namespace {

std::string escaped(const std::string& from) {
  std::string out;
  for (const char c : from) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

void write_port(std::string& out, const kernel_port& p) {
  const auto to = std::back_inserter(out);
  if (p.kind == port_kind::registers || p.kind == port_kind::memory) {
    fmt::format_to(to,
                   "<port name=\"{}\" mode=\"{}\" range=\"{:#x}\" dataWidth=\"{}\" "
                   "portType=\"addressable\" base=\"0x0\"/>\n",
                   escaped(p.name), p.kind == port_kind::memory ? "master" : "slave", p.range,
                   p.width);
  } else {
    fmt::format_to(to, "<port name=\"{}\" mode=\"{}\" dataWidth=\"{}\" portType=\"stream\"/>\n",
                   escaped(p.name), p.kind == port_kind::stream_in ? "read_only" : "write_only",
                   p.width);
  }
}

// XRT's addressQualifier: a value, an address, a stream.
unsigned qualifier(port_kind of) {
  if (of == port_kind::registers) return 0;
  return of == port_kind::memory ? 1 : 4;
}

void write_kernel(std::string& out, const kernel& k) {
  const auto to = std::back_inserter(out);
  const auto registers = std::find_if(k.ports.begin(), k.ports.end(), [](const kernel_port& p) {
    return p.kind == port_kind::registers;
  });
  if (registers == k.ports.end())
    throw format_error(fmt::format("kernel {} has no slave port for its registers", k.name));
  fmt::format_to(to,
                 "<kernel name=\"{0}\" language=\"ip_c\" vlnv=\"exalloc:kernel:{0}:1.0\" "
                 "attributes=\"\" preferredWorkGroupSizeMultiple=\"0\" workGroupSize=\"1\" "
                 "interrupt=\"true\" hwControlProtocol=\"{1}\">\n",
                 escaped(k.name), escaped(k.control));
  for (const kernel_port& p : k.ports) write_port(out, p);
  for (const kernel_argument& a : k.arguments) {
    const auto port = std::find_if(k.ports.begin(), k.ports.end(),
                                   [&](const kernel_port& p) { return p.name == a.port; });
    if (port == k.ports.end())
      throw format_error(
          fmt::format("argument {} of kernel {} is of port {}, which it does not have", a.name,
                      k.name, a.port));
    const unsigned q = qualifier(port->kind);
    fmt::format_to(to,
                   "<arg name=\"{}\" addressQualifier=\"{}\" id=\"{}\" port=\"{}\" "
                   "size=\"{:#x}\" offset=\"{:#x}\" hostOffset=\"0x0\" hostSize=\"{:#x}\" "
                   "type=\"{}\" memSize=\"0\"/>\n",
                   escaped(a.name), q, a.id, escaped(a.port), a.size, a.offset, a.size,
                   q == 0   ? "uint"
                   : q == 1 ? "void*"
                            : "stream");
  }
  for (const kernel_instance& i : k.instances)
    fmt::format_to(to,
                   "<instance name=\"{}\"><addrRemap base=\"{:#x}\" range=\"{:#x}\" "
                   "port=\"{}\"/></instance>\n",
                   escaped(i.name), i.base, registers->range, escaped(registers->name));
  out += "</kernel>\n";
}

}  // namespace

std::string project_xml(const project& p) {
  if (p.kernels.empty()) throw format_error("the description: \"kernels\" is empty");
  std::size_t instances = 0;
  for (const kernel& k : p.kernels) instances += k.instances.size();
  std::string out = fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<project name=\"{}\"><platform vendor=\"exalloc\" boardid=\"{}\" "
      "name=\"simulated\" featureRomTime=\"0\">\n"
      "<version major=\"1\" minor=\"1\"/>\n"
      "<device name=\"fpga0\" fpgaDevice=\"{}\" addrWidth=\"0\">\n"
      "<core name=\"OCL_REGION_0\" target=\"bitstream\" type=\"clc_region\" "
      "clockFreq=\"0MHz\" numComputeUnits=\"{}\">\n"
      "<kernelClocks><clock port=\"KERNEL_CLK\" frequency=\"{}MHz\"/></kernelClocks>\n",
      escaped(p.kernels.front().name), escaped(p.board), escaped(p.device), instances, p.mhz);
  for (const kernel& k : p.kernels) write_kernel(out, k);
  return out + "</core></device></platform></project>\n";
}

}  // namespace exalloc::xclbin
