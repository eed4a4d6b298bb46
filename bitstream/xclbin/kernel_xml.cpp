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

}  // namespace

std::string kernel_xml(const kernel& k) {
  const auto registers =
      std::find_if(k.ports.begin(), k.ports.end(), [](const kernel_port& p) { return !p.master; });
  if (registers == k.ports.end())
    throw format_error(fmt::format("kernel {} has no slave port for its registers", k.name));
  std::string out;
  const auto to = std::back_inserter(out);
  fmt::format_to(to,
                 "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                 "<project name=\"{0}\"><platform vendor=\"exalloc\" boardid=\"{1}\" "
                 "name=\"simulated\" featureRomTime=\"0\">\n"
                 "<version major=\"1\" minor=\"1\"/>\n"
                 "<device name=\"fpga0\" fpgaDevice=\"{2}\" addrWidth=\"0\">\n"
                 "<core name=\"OCL_REGION_0\" target=\"bitstream\" type=\"clc_region\" "
                 "clockFreq=\"0MHz\" numComputeUnits=\"1\">\n"
                 "<kernelClocks><clock port=\"KERNEL_CLK\" frequency=\"{3}MHz\"/></kernelClocks>\n"
                 "<kernel name=\"{0}\" language=\"ip_c\" vlnv=\"exalloc:kernel:{0}:1.0\" "
                 "attributes=\"\" preferredWorkGroupSizeMultiple=\"0\" workGroupSize=\"1\" "
                 "interrupt=\"true\" hwControlProtocol=\"user_managed\">\n",
                 escaped(k.name), escaped(k.board), escaped(k.device), k.mhz);
  for (const kernel_port& p : k.ports) {
    fmt::format_to(to,
                   "<port name=\"{}\" mode=\"{}\" range=\"{:#x}\" dataWidth=\"{}\" "
                   "portType=\"addressable\" base=\"0x0\"/>\n",
                   escaped(p.name), p.master ? "master" : "slave", p.range, p.width);
  }
  for (const kernel_argument& a : k.arguments) {
    const bool known = std::any_of(k.ports.begin(), k.ports.end(),
                                   [&](const kernel_port& p) { return p.name == a.port; });
    if (!known)
      throw format_error(
          fmt::format("argument {} of kernel {} is of port {}, which it does not have", a.name,
                      k.name, a.port));
    fmt::format_to(to,
                   "<arg name=\"{}\" addressQualifier=\"1\" id=\"{}\" port=\"{}\" size=\"0x8\" "
                   "offset=\"{:#x}\" hostOffset=\"0x0\" hostSize=\"0x8\" type=\"void*\" "
                   "memSize=\"0\"/>\n",
                   escaped(a.name), a.id, escaped(a.port), a.offset);
  }
  fmt::format_to(to,
                 "<instance name=\"{}\"><addrRemap base=\"{:#x}\" range=\"{:#x}\" "
                 "port=\"{}\"/></instance>\n"
                 "</kernel></core></device></platform></project>\n",
                 escaped(k.instance), k.base, registers->range, escaped(registers->name));
  return out;
}

}  // namespace exalloc::xclbin
