#include "line_reader.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "input_error.hpp"

namespace exalloc::replay {
namespace {

constexpr std::size_t chunk_bytes = 256 * 1024;
// Far beyond any trace line: what has no line end for so long is no text.
constexpr std::size_t longest_line = 1024 * 1024;

// Bytes that no text holds; of the control characters only those that move the cursor or colour it
// are let through.
bool is_binary(unsigned char c) {
  return c < 0x20 && c != '\t' && c != '\n' && c != '\r' && c != '\f' && c != '\b' && c != 0x1b;
}

void refuse_missing(const std::string& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) {
    throw input_error(
        fmt::format("{}: there is no such file; check the path (docs/replay.md tells how to record "
                    "a trace)",
                    path));
  }
  if (std::filesystem::is_directory(status)) {
    throw input_error(fmt::format("{}: is a directory; name one trace file in it", path));
  }
  if (!std::ifstream(path)) {
    throw input_error(fmt::format("{}: cannot be opened ({}); check its permissions", path,
                                  std::strerror(errno)));
  }
}

}  // namespace

void line_reader::archive_closer::operator()(archive* a) const { archive_read_free(a); }

line_reader::line_reader(const std::string& path) : path_(path), archive_(archive_read_new()) {
  if (!archive_) throw std::bad_alloc();
  refuse_missing(path);
  std::error_code error;
  if (std::filesystem::is_regular_file(path, error)) {
    file_size_ = std::filesystem::file_size(path, error);
    if (file_size_ == 0) {
      throw input_error(fmt::format("{}: is empty; record the trace again", path));
    }
  }
  archive* const a = archive_.get();
  archive_read_support_filter_all(a);
  archive_read_support_format_raw(a);
  archive_read_support_format_empty(a);
  archive_entry* entry = nullptr;
  int status = archive_read_open_filename(a, path.c_str(), chunk_bytes);
  if (status >= ARCHIVE_WARN) status = archive_read_next_header(a, &entry);
  if (status < ARCHIVE_WARN) {
    throw input_error(
        fmt::format("{}: damaged or truncated at its very beginning ({}); copy the file again",
                    path, archive_error_string(a)));
  }
  if (status == ARCHIVE_EOF || !fill()) {
    throw input_error(fmt::format("{}: holds no data; record the trace again", path));
  }
}

void line_reader::refuse_binary(std::string_view bytes) const {
  const auto bad = std::find_if(bytes.begin(), bytes.end(),
                                [](char c) { return is_binary(static_cast<unsigned char>(c)); });
  if (bad == bytes.end()) return;
  std::string hint = "give the text that ftrace, trace-cmd report, perf script or mtrace printed";
  if (bytes.substr(0, 16).find("tracing") != std::string_view::npos) {
    hint = fmt::format("this is trace-cmd's own format: run 'trace-cmd report -i {}'", path_);
  } else if (bytes.starts_with("PERFILE")) {
    hint = fmt::format("this is perf's own format: run 'perf script -i {}'", path_);
  }
  throw input_error(fmt::format(
      "{}: not text (a byte 0x{:02x} after line {}); {}", path_,
      static_cast<unsigned>(static_cast<unsigned char>(*bad)),
      line_number_ + static_cast<std::uint64_t>(std::count(bytes.begin(), bad, '\n')), hint));
}

bool line_reader::fill() {
  if (at_end_) return false;
  buffer_.erase(0, begin_);
  begin_ = 0;
  const std::size_t kept = buffer_.size();
  buffer_.resize(kept + chunk_bytes);
  const auto got = archive_read_data(archive_.get(), buffer_.data() + kept, chunk_bytes);
  buffer_.resize(kept + (got > 0 ? static_cast<std::size_t>(got) : 0));
  if (got < 0) {
    throw input_error(
        fmt::format("{}: the compressed data is damaged or truncated after line {} ({}); copy the "
                    "file again, or use --limit to stop before it",
                    path_, line_number_, archive_error_string(archive_.get())));
  }
  if (got == 0) {
    at_end_ = true;
    return false;
  }
  refuse_binary(std::string_view(buffer_).substr(kept));
  return true;
}

bool line_reader::next(std::string_view& line) {
  std::size_t searched = begin_;
  std::size_t end;
  while ((end = buffer_.find('\n', searched)) == std::string::npos) {
    const std::size_t pending = buffer_.size() - begin_;
    if (pending > longest_line) {
      throw input_error(fmt::format("{}: line {} is over a mebibyte long; this is no trace", path_,
                                    line_number_ + 1));
    }
    if (fill()) {
      searched = begin_ + pending;
      continue;
    }
    if (pending == 0) return false;
    end = buffer_.size();
    break;
  }
  line_was_complete_ = end < buffer_.size();
  line = std::string_view(buffer_).substr(begin_, end - begin_);
  if (line.ends_with('\r')) line.remove_suffix(1);
  begin_ = std::min(end + 1, buffer_.size());
  ++line_number_;
  return true;
}

double line_reader::fraction() const {
  if (file_size_ == 0) return 0;
  const auto read = static_cast<double>(archive_filter_bytes(archive_.get(), -1));
  return std::min(1.0, read / static_cast<double>(file_size_));
}

}  // namespace exalloc::replay
