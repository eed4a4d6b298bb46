#include "outputs.hpp"

#include <fmt/format.h>

#include <fstream>
#include <iterator>

namespace exalloc::regs_gen {
namespace {

std::string read_if_there(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

std::vector<output> generate(const description& d) {
  std::vector<output> outputs;
  outputs.push_back({"rtl/" + d.name + "_pkg.sv", emit_sv_package(d)});
  outputs.push_back({"rtl/" + d.name + "_regs.sv", emit_sv_decoder(d)});
  outputs.push_back({"host/include/" + d.name + "/regs.hpp", emit_cpp_header(d)});
  outputs.push_back({"docs/registers.md", emit_reference_page(d)});
  const auto picture = [&](const word& w) {
    outputs.push_back({"docs/img/regs/" + w.name + ".json", emit_picture(w)});
  };
  for (const word& w : d.structs) picture(w);
  for (const block& b : d.blocks) {
    for (const reg& r : b.registers) picture(r);
  }
  return outputs;
}

std::vector<output> generate(const description& d, const kernel& k) {
  std::vector<output> outputs;
  outputs.push_back({"bitstream/interface.tcl", emit_tcl(d, k)});
  outputs.push_back({"bitstream/kernel.xml", emit_kernel_xml(d, k)});
  for (const kernel_card& card : k.cards) {
    outputs.push_back({"bitstream/link/" + card.name + ".cfg", emit_link_configuration(k, card)});
  }
  return outputs;
}

std::vector<output> generate_all(const std::filesystem::path& input) {
  const description d = load(input);
  std::vector<output> outputs = generate(d);
  const kernel k = load_kernel(input.parent_path() / "kernel.json", d);
  for (output& o : generate(d, k)) outputs.push_back(std::move(o));
  return outputs;
}

void write(const std::vector<output>& outputs, const std::filesystem::path& root) {
  for (const output& o : outputs) {
    const std::filesystem::path path = root / o.path;
    // An unchanged file keeps its time, so nothing that includes it is built again.
    if (std::filesystem::exists(path) && read_if_there(path) == o.text) continue;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream file(path, std::ios::binary);
    file << o.text;
    if (!file.flush())
      throw std::runtime_error(fmt::format("{}: cannot be written", path.string()));
  }
}

}  // namespace exalloc::regs_gen
