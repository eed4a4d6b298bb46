// The reader of core files and dumps, on any bytes: it reads them or refuses them.
#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <span>
#include <vector>

#include "crash_dump.hpp"
#include "crash_report.hpp"
#include "dump_maker.hpp"
#include "input_error.hpp"

namespace {

using exalloc::testing::bytes;
using exalloc::testing::dump_maker;

// Checksums cannot be guessed, so those of a dump in the bytes are made right.
void seal_dump(bytes& file) {
  namespace dump = exalloc::dump;
  constexpr std::size_t least = sizeof(dump::dump_header);
  for (std::size_t i = 0; i + least <= file.size(); i += 4) {
    dump::dump_header header;
    std::memcpy(&header, file.data() + i, least);
    if (header.magic != dump::magic) continue;
    if (header.bytes < least || header.bytes % 8 != 0 || header.bytes > file.size() - i) return;
    bytes part(file.begin() + static_cast<std::ptrdiff_t>(i),
               file.begin() + static_cast<std::ptrdiff_t>(i + header.bytes));
    dump_maker::seal(part);
    std::copy(part.begin(), part.end(), file.begin() + static_cast<std::ptrdiff_t>(i));
    return;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto raw = std::as_bytes(std::span(data, size));
  bytes file(raw.begin(), raw.end());
  seal_dump(file);
  const exalloc::inspect::span_source source("input", file);
  try {
    const exalloc::inspect::crash_dump dump(source);
    exalloc::inspect::crash_questions questions;
    questions.big = true;
    (void)crash_text(dump, questions);
    (void)crash_json(dump, questions);
    for (const auto& c : dump.chunks())
      questions.addresses.insert(questions.addresses.end(),
                                 {c.base, c.base + c.first_data, c.base + c.bytes - 1});
    for (const auto& b : dump.big()) questions.addresses.push_back(b.base + 1);
    (void)crash_text(dump, questions);
    (void)crash_json(dump, questions);
  } catch (const exalloc::input_error&) {
  }
  return 0;
}
