// One file of counts for each model that was simulated: they are gone with the model.
#include <verilated.h>
#include <verilated_cov.h>

#include <cstdlib>
#include <string>

extern "C" void exalloc_coverage() {
  static int models = 0;
  const std::string folder = std::getenv("EXALLOC_COVERAGE");
  VerilatedCov::write((folder + "/" + std::to_string(models++) + ".dat").c_str());
  VerilatedCov::clear();
}
