// `exalloc bench lines`: what this machine's processors pay for ring lines that another agent reads
// and writes. The cost model of simulated processors has its figures from here.
#pragma once

#include <string>
#include <vector>

namespace exalloc::bench {

struct line_case {
  std::string name;
  double ns = 0;  // median, a line
};

// Another core stands for the card; the library's own code reads and writes the lines. Times are
// real ones: they differ from run to run, and more so on a machine that has other work. Throws
// std::runtime_error where there are no two processors to run on.
std::vector<line_case> measure_lines(unsigned rounds);

}  // namespace exalloc::bench
