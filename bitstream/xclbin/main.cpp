// exalloc-xclbin: packs, checks and shows xclbin files.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include "exalloc/regs.hpp"
#include "xclbin.hpp"

namespace {

namespace xclbin = exalloc::xclbin;

constexpr const char* layout_key = "exalloc.layout_hash";

void pack(const std::string& description, const std::string& out) {
  std::ifstream from(description);
  const std::string text{std::istreambuf_iterator<char>(from), {}};
  if (!from) throw std::runtime_error(fmt::format("{}: cannot be read", description));
  std::vector<std::byte> file;
  try {
    xclbin::contents c = xclbin::from_json(text);
    c.key_values.try_emplace(layout_key, fmt::format("{:#010x}", exalloc::regs::layout_hash));
    file = xclbin::write(c);
  } catch (const xclbin::format_error& e) {
    throw std::runtime_error(fmt::format("{}: {}", description, e.what()));
  }
  std::ofstream to(out, std::ios::binary);
  to.write(reinterpret_cast<const char*>(file.data()), static_cast<std::streamsize>(file.size()));
  to.close();
  if (!to) throw std::runtime_error(fmt::format("{}: cannot be written", out));
}

int check(const std::vector<std::string>& files) {
  int status = 0;
  for (const std::string& file : files) {
    try {
      const xclbin::contents c = xclbin::read_file(file);
      fmt::print("{}: good, for the shell {}, {} IPs\n", file, c.shell, c.ips.size());
    } catch (const std::exception& e) {
      fmt::print(stderr, "exalloc-xclbin: error: {}\n", e.what());
      status = 1;
    }
  }
  return status;
}

int run(int argc, char** argv) {
  CLI::App app("Packs, checks and shows xclbin files.", "exalloc-xclbin");
  app.footer(
      "Examples:\n"
      "  exalloc-xclbin pack bitstream/xclbin/sim_card.json card.xclbin   for the simulated card\n"
      "  exalloc-xclbin check card.xclbin                                 is it whole?\n"
      "  exalloc-xclbin show card.xclbin | jq .memories\n\n"
      "What `show` prints, `pack` takes. A bitstream is not packed: that comes from v++.\n"
      "docs/xrt.md describes the keys. Exit status: 0 all is well, 1 a file is not, 2 bad usage.");
  app.require_subcommand(1);
  std::string description, file;
  std::vector<std::string> files;
  int status = 0;
  CLI::App* const packs = app.add_subcommand("pack", "Make an xclbin from its description.");
  packs->add_option("DESCRIPTION", description, "JSON")->required();
  packs->add_option("XCLBIN", file, "The file to write")->required();
  packs->callback([&] { pack(description, file); });
  CLI::App* const checks = app.add_subcommand("check", "Say what is wrong with xclbin files.");
  checks->add_option("XCLBIN", files, "The files")->required();
  checks->callback([&] { status = check(files); });
  CLI::App* const shows = app.add_subcommand("show", "Print an xclbin's description as JSON.");
  shows->add_option("XCLBIN", file, "The file")->required();
  shows->callback([&] { fmt::print("{}", xclbin::to_json(xclbin::read_file(file))); });
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "exalloc-xclbin: error: {}\n", error.what());
    return 1;
  }
}
