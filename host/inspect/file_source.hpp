// A file as a byte source. Core files are large and full of holes: nothing is read that is not
// asked for.
#pragma once

#include "byte_source.hpp"

namespace exalloc::inspect {

class file_source final : public byte_source {
 public:
  // Throws input_error when it is no file that can be read.
  explicit file_source(std::string path);
  ~file_source() override;
  std::uint64_t size() const override { return size_; }
  const std::string& name() const override { return path_; }

 private:
  void read_some(std::uint64_t offset, std::span<std::byte> to) const override;

  std::string path_;
  int file_ = -1;
  std::uint64_t size_ = 0;
};

}  // namespace exalloc::inspect
