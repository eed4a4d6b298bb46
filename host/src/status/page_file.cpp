#include "status/page_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <exception>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>
#include <system_error>

#include "status/status_layout.hpp"

namespace exalloc::status {
namespace {

constexpr std::string_view prefix = "exalloc-";

bool same_file(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

}  // namespace

std::string path_of(std::uint64_t process) {
  return fmt::format("{}/{}{}", folder, prefix, process);
}

std::optional<std::uint64_t> start_of(std::uint64_t process) {
  std::ifstream file(fmt::format("/proc/{}/stat", process));
  // A process that ends between the opening and the reading is an error of the reading, which only
  // a stream's own functions turn into its state: an iterator over its buffer would throw.
  std::string text;
  std::getline(file, text, '\0');
  // The program's name, field 2, may contain anything: the fields after it begin behind its last
  // parenthesis.
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream fields(text.substr(name_end + 1));
  std::string skipped;
  for (int field = 3; field < 22; ++field) fields >> skipped;
  std::uint64_t start = 0;
  if (!(fields >> start)) return std::nullopt;
  return start;
}

std::optional<std::uint64_t> process_of(const std::string& file_name) {
  if (!file_name.starts_with(prefix)) return std::nullopt;
  std::uint64_t process = 0;
  const char* const end = file_name.data() + file_name.size();
  const auto [rest, error] = std::from_chars(file_name.data() + prefix.size(), end, process);
  if (error != std::errc{} || rest != end || process == 0) return std::nullopt;
  return process;
}

std::vector<std::uint64_t> processes_with_page() {
  std::vector<std::uint64_t> found;
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    if (const auto process = process_of(it->path().filename())) found.push_back(*process);
  }
  std::sort(found.begin(), found.end());
  return found;
}

void remove_leftover(std::uint64_t process, bool mine) noexcept {
  try {
    const std::string path = path_of(process);
    const int file = ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (file < 0) return;
    struct stat opened {
    }, named{};
    std::uint64_t word = 0;
    const bool ours = ::fstat(file, &opened) == 0 && opened.st_uid == ::geteuid();
    // Somebody else who removes leftovers holds it for a moment only.
    if (ours && ::flock(file, LOCK_EX | (mine ? 0 : LOCK_NB)) == 0) {
      // A page without contents is just being made, by a process that has not locked it yet.
      const bool complete = ::pread(file, &word, sizeof word, 0) == sizeof word && word != 0;
      const bool leftover = mine || complete || !start_of(process);
      // Under the lock, so that it is not removed twice, the second time being a new one.
      if (leftover && ::lstat(path.c_str(), &named) == 0 && same_file(opened, named))
        ::unlink(path.c_str());
    }
    ::close(file);
  } catch (const std::exception&) {
    // It stays; the next one who comes tries again.
  }
}

void remove_leftovers() noexcept {
  try {
    for (const std::uint64_t process : processes_with_page()) remove_leftover(process);
  } catch (const std::exception&) {
  }
}

}  // namespace exalloc::status
