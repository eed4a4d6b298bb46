// Tells a mutated module which of its mutants it is to be; 0 is the original.
#include <cstdlib>

extern "C" int exalloc_mutant() {
  const char* text = std::getenv("EXALLOC_MUTANT");
  return text != nullptr ? std::atoi(text) : 0;
}
