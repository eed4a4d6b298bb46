#include "core_file.hpp"

#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "input_error.hpp"

namespace exalloc::inspect {
namespace {

// The kernel's own limit is 65,535 mappings unless somebody raised it; beyond this it is damage.
constexpr std::uint64_t most_segments = 1U << 24;
// The first thread's status comes first; the rest is not looked at.
constexpr std::uint64_t most_note_bytes = 1U << 20;
// Where a PRSTATUS note has the signal, on every 64-bit Linux: after si_signo, si_code, si_errno.
constexpr std::size_t signal_at = 12;

[[noreturn]] void refuse(const byte_source& bytes, const std::string& what) {
  throw input_error(fmt::format("{}: {}", bytes.name(), what));
}

// The number of program headers; there is a field elsewhere for more than 65,534.
std::uint64_t count_program_headers(const byte_source& bytes, const Elf64_Ehdr& header) {
  if (header.e_phnum != PN_XNUM) return header.e_phnum;
  Elf64_Shdr first{};
  if (!bytes.read(header.e_shoff, first)) {
    refuse(bytes, fmt::format("the section header at byte {:#x} is beyond the file's end; copy the "
                              "core file again",
                              header.e_shoff));
  }
  return first.sh_info;
}

}  // namespace

bool core_file::is_elf(const byte_source& bytes) {
  std::array<unsigned char, SELFMAG> start{};
  return bytes.read(0, start) && std::memcmp(start.data(), ELFMAG, SELFMAG) == 0;
}

core_file::core_file(const byte_source& bytes) : bytes_(bytes) {
  Elf64_Ehdr header{};
  if (!bytes.read(0, header)) {
    refuse(bytes, fmt::format("an ELF file that ends after {} bytes, within its header; copy the "
                              "core file again",
                              bytes.size()));
  }
  constexpr unsigned char here =
      std::endian::native == std::endian::little ? ELFDATA2LSB : ELFDATA2MSB;
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != here) {
    refuse(bytes,
           "an ELF file of another kind of machine (not 64-bit, or of other byte order); "
           "read it on a machine like the one it is from");
  }
  if (header.e_type != ET_CORE) {
    refuse(bytes, fmt::format("an ELF file, but no core file (type {}); name the core, not the "
                              "program",
                              header.e_type));
  }
  const std::uint64_t count = count_program_headers(bytes, header);
  if (count == 0 || count > most_segments || header.e_phentsize != sizeof(Elf64_Phdr)) {
    refuse(bytes,
           fmt::format("{} program headers of {} bytes each: the ELF header is damaged; copy "
                       "the core file again",
                       count, header.e_phentsize));
  }
  const std::uint64_t table_bytes = count * sizeof(Elf64_Phdr);
  if (header.e_phoff > bytes.size() || bytes.size() - header.e_phoff < table_bytes) {
    refuse(bytes, fmt::format("its {} program headers at byte {:#x} reach beyond the file's end at "
                              "{:#x}; copy the core file again",
                              count, header.e_phoff, bytes.size()));
  }
  std::vector<Elf64_Phdr> program(count);
  bytes.read(header.e_phoff, std::as_writable_bytes(std::span(program)));
  for (std::uint64_t i = 0; i < count; ++i) {
    const Elf64_Phdr& p = program[i];
    if (p.p_type != PT_LOAD && p.p_type != PT_NOTE) continue;
    if (p.p_offset > UINT64_MAX - p.p_filesz) {
      refuse(bytes,
             fmt::format("program header {} speaks of {:#x} bytes at byte {:#x}, which no file "
                         "has; copy the core file again",
                         i, p.p_filesz, p.p_offset));
    }
    expected_bytes_ = std::max(expected_bytes_, p.p_offset + p.p_filesz);
    if (p.p_type == PT_LOAD) {
      add_segment(i, p.p_vaddr, p.p_offset, std::min(p.p_filesz, p.p_memsz));
    } else {
      read_notes(p.p_offset, p.p_filesz);
    }
  }
  std::sort(segments_.begin(), segments_.end(),
            [](const segment& a, const segment& b) { return a.address < b.address; });
  for (std::size_t i = 1; i < segments_.size(); ++i) {
    if (segments_[i].address - segments_[i - 1].address < segments_[i - 1].bytes) {
      refuse(bytes, fmt::format("two segments hold the memory at {:#x}: the program headers are "
                                "damaged; copy the core file again",
                                segments_[i].address));
    }
  }
}

void core_file::add_segment(std::uint64_t number, std::uint64_t address, std::uint64_t offset,
                            std::uint64_t bytes) {
  if (bytes > 0 && address > UINT64_MAX - (bytes - 1)) {
    refuse(bytes_,
           fmt::format("program header {} speaks of {:#x} bytes of memory at {:#x}, beyond the "
                       "last address; copy the core file again",
                       number, bytes, address));
  }
  // Of a file that was cut off, what is there.
  const std::uint64_t there = offset < bytes_.size() ? bytes_.size() - offset : 0;
  bytes = std::min(bytes, there);
  if (bytes > 0) segments_.push_back({address, bytes, offset});
}

void core_file::read_notes(std::uint64_t offset, std::uint64_t bytes) {
  const std::uint64_t end = std::min(offset + std::min(bytes, most_note_bytes), bytes_.size());
  const auto round_up = [](std::uint64_t n) { return (n + 3) / 4 * 4; };
  Elf64_Nhdr note{};
  while (!signal_ && offset < end && bytes_.read(offset, note)) {
    const std::uint64_t content = offset + sizeof note + round_up(note.n_namesz);
    std::int16_t signal = 0;
    // The first one is of the thread that was ended.
    if (note.n_type == NT_PRSTATUS && note.n_descsz >= signal_at + sizeof signal &&
        bytes_.read(content + signal_at, signal))
      signal_ = signal;
    offset = content + round_up(note.n_descsz);
  }
}

bool core_file::read(std::uint64_t address, std::span<std::byte> to) const {
  while (!to.empty()) {
    auto found = std::upper_bound(segments_.begin(), segments_.end(), address,
                                  [](std::uint64_t a, const segment& s) { return a < s.address; });
    if (found == segments_.begin()) return false;
    --found;
    const std::uint64_t skip = address - found->address;
    if (skip >= found->bytes) return false;
    const auto part =
        static_cast<std::size_t>(std::min<std::uint64_t>(to.size(), found->bytes - skip));
    if (!bytes_.read(found->offset + skip, to.first(part))) return false;
    to = to.subspan(part);
    if (!to.empty() && address > UINT64_MAX - part) return false;
    address += part;
  }
  return true;
}

}  // namespace exalloc::inspect
