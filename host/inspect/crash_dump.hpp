// What a bug check left in a core file or a dump file: see docs/crash-dump.md.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bugcheck/dump_layout.hpp"
#include "byte_source.hpp"
#include "core_file.hpp"

namespace exalloc::inspect {

// What lies at an address.
struct address_finding {
  enum class place {
    foreign,  // nothing of the pool's
    gap,      // the pool's, but between blocks
    small,    // in a block that shares its page with others, or in the header in front of it
    big,      // in a run of pages
  };
  place where = place::foreign;
  std::uint64_t block = 0;  // of small and big: where it begins
  std::int64_t offset = 0;  // of the address from there; negative: in the header
  std::uint64_t size = 0;   // bytes the caller asked for
  std::uint64_t room = 0;   // bytes the block has
  pool_kind kind = pool_kind::nonpaged;
  bool header_known = false;  // false: neither the core file nor the dump has it
  bool header_intact = false;
  pool_header header{};
};

class crash_dump {
 public:
  // Borrows the bytes: of a core file or of a dump file. Throws input_error.
  explicit crash_dump(const byte_source& bytes);

  const dump::dump_header& header() const { return header_; }
  // What was printed at the bug check.
  const std::string& description() const { return description_; }
  const std::vector<dump::tag_row>& tags() const { return tags_; }
  // By address.
  const std::vector<dump::big_row>& big() const { return big_; }
  const std::vector<dump::chunk_row>& chunks() const { return chunks_; }
  address_finding find(std::uint64_t address) const;

  // Null for a dump file.
  const core_file* core() const { return core_.get(); }

 private:
  const std::string& name() const { return bytes_.name(); }
  // Bytes of the dump; false unless all of them are there.
  bool read_dump(std::uint64_t offset, std::span<std::byte> to) const;
  void find_in_core();
  void check_header() const;
  void check_body() const;
  void check_table(const dump::table& table, const char* what, std::size_t row_bytes) const;
  template <class Row>
  std::vector<Row> load(const dump::table& table) const;
  void check_rows() const;
  bool read_header_of(const dump::chunk_row& chunk, std::uint64_t block, std::uint64_t data,
                      pool_header& to) const;
  bool find_big(std::uint64_t address, address_finding& found) const;
  bool find_small(std::uint64_t address, address_finding& found) const;

  const byte_source& bytes_;
  std::unique_ptr<const core_file> core_;
  dump::dump_header header_{};
  std::string description_;
  std::vector<dump::tag_row> tags_;
  std::vector<dump::big_row> big_;
  std::vector<dump::chunk_row> chunks_;
};

}  // namespace exalloc::inspect
