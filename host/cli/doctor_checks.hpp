// What a machine must have for the cards, looked at item by item.
#pragma once

#include <string>
#include <vector>

namespace exalloc::cli {

enum class verdict { good, note, problem };

struct finding {
  std::string about;
  verdict is;
  std::string text;  // what was found
  std::string mend;  // what to do about it, or empty
};

// `card`: the card that is to be used; what others need is at most a note. `root`: where /proc,
// /sys and /dev are looked for, "" for this machine.
std::vector<finding> examine(const std::string& card, const std::string& root);

// EXALLOC_* in the environment of this process; each a finding only if something is wrong with it.
std::vector<finding> examine_environment(char** environment);

}  // namespace exalloc::cli
