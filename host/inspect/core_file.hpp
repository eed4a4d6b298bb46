// An ELF core file of a 64-bit Linux process: its memory by address, and how it ended.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "byte_source.hpp"

namespace exalloc::inspect {

class core_file {
 public:
  // Whether the bytes look like ELF at all.
  static bool is_elf(const byte_source& bytes);

  // Borrows the bytes. Throws input_error, also when it is ELF but no core.
  explicit core_file(const byte_source& bytes);

  // A stretch of the process's memory that the file holds.
  struct segment {
    std::uint64_t address, bytes;
    std::uint64_t offset;  // in the file
  };
  // By address.
  const std::vector<segment>& segments() const { return segments_; }

  // Memory of the process. False unless all of it is in the file.
  bool read(std::uint64_t address, std::span<std::byte> to) const;
  template <class T>
  requires std::is_trivially_copyable_v<T>
  bool read(std::uint64_t address, T& to) const {
    return read(address, std::as_writable_bytes(std::span(&to, 1)));
  }

  // The signal that ended the process, where the notes tell.
  std::optional<int> signal() const { return signal_; }
  // Bytes the file should have; more than it has if it was cut off.
  std::uint64_t expected_bytes() const { return expected_bytes_; }
  bool cut_off() const { return expected_bytes_ > bytes_.size(); }

 private:
  void add_segment(std::uint64_t number, std::uint64_t address, std::uint64_t offset,
                   std::uint64_t bytes);
  void read_notes(std::uint64_t offset, std::uint64_t bytes);

  const byte_source& bytes_;
  std::vector<segment> segments_;
  std::optional<int> signal_;
  std::uint64_t expected_bytes_ = 0;
};

}  // namespace exalloc::inspect
