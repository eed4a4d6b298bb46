// The status page of another process: asked for, copied and checked.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "status/status_layout.hpp"

namespace exalloc::inspect {

class live_process {
 public:
  // Throws input_error, with a sentence for the user, if there is no such process, it has no
  // page, or a page that cannot be read.
  explicit live_process(std::uint64_t process);
  ~live_process();
  live_process(const live_process&) = delete;
  live_process& operator=(const live_process&) = delete;

  enum class answer {
    fresh,   // all of it is up to date
    silent,  // the process does not answer (it may be stopped): rows are old, tag counts are not
    ended,   // these are its last values
  };
  // Asks the process for its rows and copies the page. Throws input_error if the page is
  // damaged.
  answer refresh(std::chrono::milliseconds patience);

  // The copy. Nothing in it leads out of it: numbers of rows fit, names end.
  const status::page& page() const noexcept { return *page_; }
  std::uint64_t process() const noexcept { return process_; }
  // As its file is called; may be printed.
  std::string program() const;

 private:
  void open();
  bool ended() const;
  bool ask(std::chrono::milliseconds patience) const;
  void copy_rows();
  void copy_counts();
  bool read_at(std::size_t offset, void* to, std::size_t bytes) const;
  [[noreturn]] void damaged(const std::string& how) const;

  std::uint64_t process_;
  int file_ = -1;
  std::byte* words_ = nullptr;  // mapped for futexes alone: never read here
  std::unique_ptr<status::page> page_;
  std::unique_ptr<status::page> earlier_;
};

// The calling user's processes that can be watched, without those whose pages cannot be read. Also
// removes what dead ones left.
struct watchable {
  std::uint64_t process;
  std::string program;
};
std::vector<watchable> watchable_processes();

// The process that the user means: the one named, else the only one there is. Throws
// input_error if there is none, or if there are several, which it lists.
std::uint64_t choose_process(std::optional<std::uint64_t> named);

}  // namespace exalloc::inspect
