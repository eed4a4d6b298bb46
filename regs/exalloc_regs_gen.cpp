// exalloc-regs-gen: writes everything that is derived from regs/exalloc.json.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <exception>

#include "outputs.hpp"

int main(int argc, char** argv) {
  CLI::App app("Writes the RTL package and decoder, the C++ header, the reference page and what Vitis is told.");
  std::string input;
  std::string root;
  app.add_option("--input", input, "The description, regs/exalloc.json; kernel.json lies beside it")->required();
  app.add_option("--root", root, "Source tree to write into")->required();
  CLI11_PARSE(app, argc, argv);

  namespace gen = exalloc::regs_gen;
  try {
    gen::write(gen::generate_all(input), root);
    return 0;
  } catch (const gen::description_error& e) {
    fmt::print(stderr, "exalloc-regs-gen: {}\n", e.what());
    return 2;
  } catch (const std::exception& e) {
    fmt::print(stderr, "exalloc-regs-gen: {}\n", e.what());
    return 1;
  }
}
