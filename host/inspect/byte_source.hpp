// Bytes that a reader works on: a file's, or memory's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <type_traits>

namespace exalloc::inspect {

class byte_source {
 public:
  byte_source() = default;
  byte_source(const byte_source&) = delete;
  byte_source& operator=(const byte_source&) = delete;
  virtual ~byte_source() = default;

  virtual std::uint64_t size() const = 0;
  // What error messages call it.
  virtual const std::string& name() const = 0;
  // False unless all of the bytes are there. Throws input_error when they cannot be read.
  bool read(std::uint64_t offset, std::span<std::byte> to) const {
    if (offset > size() || size() - offset < to.size()) return false;
    if (!to.empty()) read_some(offset, to);
    return true;
  }
  template <class T>
  requires std::is_trivially_copyable_v<T>
  bool read(std::uint64_t offset, T& to) const {
    return read(offset, std::as_writable_bytes(std::span(&to, 1)));
  }

 private:
  // The bytes lie within size().
  virtual void read_some(std::uint64_t offset, std::span<std::byte> to) const = 0;
};

// Borrows the bytes.
class span_source final : public byte_source {
 public:
  span_source(std::string name, std::span<const std::byte> bytes)
      : name_(std::move(name)), bytes_(bytes) {}
  std::uint64_t size() const override { return bytes_.size(); }
  const std::string& name() const override { return name_; }

 private:
  void read_some(std::uint64_t offset, std::span<std::byte> to) const override {
    std::memcpy(to.data(), bytes_.data() + offset, to.size());
  }

  std::string name_;
  std::span<const std::byte> bytes_;
};

}  // namespace exalloc::inspect
