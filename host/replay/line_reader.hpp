// The lines of a text file, whether it is plain or compressed by xz, gzip or zstd.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

struct archive;

namespace exalloc::replay {

class line_reader {
 public:
  // Throws input_error when there is no such file, or nothing in it.
  explicit line_reader(const std::string& path);

  // The next line without its line end ("\n" or "\r\n"); valid until the next call. False at the
  // end. Throws input_error when the file is damaged or is not text.
  bool next(std::string_view& line);

  // Number of the line that next() gave last; the first is 1.
  std::uint64_t line_number() const { return line_number_; }
  // Whether that line ended in "\n". Only the last line of a file can lack it.
  bool line_was_complete() const { return line_was_complete_; }
  // Share of the file that has been read, 0 to 1; 0 when the size is not known (a pipe).
  double fraction() const;
  const std::string& path() const { return path_; }

 private:
  struct archive_closer {
    void operator()(archive* a) const;
  };

  bool fill();
  void refuse_binary(std::string_view bytes) const;

  std::string path_;
  std::unique_ptr<archive, archive_closer> archive_;
  std::uint64_t file_size_ = 0;
  std::string buffer_;
  std::size_t begin_ = 0;  // of what next() has not given yet
  bool at_end_ = false;
  std::uint64_t line_number_ = 0;
  bool line_was_complete_ = true;
};

}  // namespace exalloc::replay
