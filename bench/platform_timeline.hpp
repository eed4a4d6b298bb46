// `exalloc bench timeline`: what travels between processor and card, as timing diagrams.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace exalloc::bench {

// One bar of a diagram: a transaction, or what the processor does.
struct timeline_row {
  std::string name;
  struct part {
    std::string what;
    unsigned color;  // WaveDrom's, 3 to 9
    std::uint64_t begin_ps, end_ps;
  };
  std::vector<part> parts;
};
struct timeline {
  std::string name;  // fit for a file
  std::string title;
  std::vector<timeline_row> rows;
};

// Each is a run of its own on the link. Throws like measure_platform.
std::vector<timeline> draw_timelines(const std::string& link, std::uint64_t seed);

// As the source of a WaveDrom diagram.
std::string wavedrom(const timeline& drawing);

}  // namespace exalloc::bench
