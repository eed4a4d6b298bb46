// Writes a core file of a live process, as the kernel does with coredump_filter 0x33: private
// memory that is no file's and has been touched, without what MADV_DONTDUMP leaves out.
#pragma once

#include <elf.h>
#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace exalloc::testing {

struct mapping {
  std::uint64_t begin = 0, end = 0;
  bool dumped = false;
};

inline std::vector<mapping> mappings_of(::pid_t process) {
  std::vector<mapping> all;
  std::ifstream lines("/proc/" + std::to_string(process) + "/smaps");
  for (std::string line; std::getline(lines, line);) {
    std::uint64_t begin = 0, end = 0;
    char access[5] = {};
    unsigned long long inode = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx %4s %*s %*s %llu", &begin, &end, access, &inode) == 4) {
      const bool special = line.find("[v") != std::string::npos;  // vdso, vvar, vsyscall
      all.push_back({begin, end, access[0] == 'r' && access[3] == 'p' && inode == 0 && !special});
    } else if (line.starts_with("VmFlags:") && !all.empty()) {
      std::istringstream flags(line);
      for (std::string flag; flags >> flag;)
        if (flag == "dd") all.back().dumped = false;
    }
  }
  // Where VmFlags are not told (some sandboxes), address space that is only reserved, such as the
  // sanitizers' shadow or a pool, is known by its size.
  constexpr std::uint64_t reserved = std::uint64_t{16} << 30;
  std::erase_if(all, [](const mapping& m) { return !m.dumped || m.end - m.begin > reserved; });
  return all;
}

// Tells which pages a process has touched; all of them where the kernel does not tell.
class touched_pages {
 public:
  explicit touched_pages(::pid_t process)
      : file_(::open(("/proc/" + std::to_string(process) + "/pagemap").c_str(), O_RDONLY)) {}
  ~touched_pages() {
    if (file_ >= 0) ::close(file_);
  }
  touched_pages(const touched_pages&) = delete;
  touched_pages& operator=(const touched_pages&) = delete;
  bool any(std::uint64_t begin, std::uint64_t bytes) {
    constexpr std::uint64_t page = 4096, present_or_swapped = std::uint64_t{3} << 62;
    entries_.resize(bytes / page);
    const std::size_t size = entries_.size() * sizeof entries_[0];
    const auto at = static_cast<::off_t>(begin / page * sizeof entries_[0]);
    if (::pread(file_, entries_.data(), size, at) != static_cast<::ssize_t>(size)) return true;
    return std::any_of(entries_.begin(), entries_.end(),
                       [](std::uint64_t e) { return (e & present_or_swapped) != 0; });
  }

 private:
  int file_;
  std::vector<std::uint64_t> entries_;
};

inline void write_core(::pid_t process, const std::string& path) {
  const std::vector<mapping> all = mappings_of(process);
  std::vector<Elf64_Phdr> program;
  std::uint64_t offset = 1 << 20;
  for (const mapping& m : all) {
    Elf64_Phdr p{};
    p.p_type = PT_LOAD;
    p.p_vaddr = m.begin;
    p.p_offset = offset;
    p.p_filesz = p.p_memsz = m.end - m.begin;
    offset += p.p_filesz;
    program.push_back(p);
  }
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_type = ET_CORE;
  header.e_phoff = sizeof header;
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phnum = static_cast<std::uint16_t>(program.size());

  const int in = ::open(("/proc/" + std::to_string(process) + "/mem").c_str(), O_RDONLY);
  const int out = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (in < 0 || out < 0) throw std::runtime_error("no memory or no core file");
  const auto put = [&](const void* bytes, std::size_t count, std::uint64_t at) {
    if (::pwrite(out, bytes, count, static_cast<::off_t>(at)) != static_cast<::ssize_t>(count))
      throw std::runtime_error("the core file cannot be written");
  };
  put(&header, sizeof header, 0);
  put(program.data(), program.size() * sizeof(Elf64_Phdr), sizeof header);
  touched_pages touched(process);
  std::vector<char> piece(1 << 16);
  for (const Elf64_Phdr& p : program) {
    for (std::uint64_t at = 0; at < p.p_filesz; at += piece.size()) {
      const auto count = std::min<std::uint64_t>(piece.size(), p.p_filesz - at);
      if (!touched.any(p.p_vaddr + at, count)) continue;
      const ::ssize_t got = ::pread(in, piece.data(), count, static_cast<::off_t>(p.p_vaddr + at));
      // Zeros are left as holes.
      if (got > 0 && std::any_of(piece.begin(), piece.begin() + got, [](char c) { return c != 0; }))
        put(piece.data(), static_cast<std::size_t>(got), p.p_offset + at);
    }
  }
  if (::ftruncate(out, static_cast<::off_t>(offset)) != 0)
    throw std::runtime_error("the core file cannot be made longer");
  ::close(in);
  ::close(out);
}

}  // namespace exalloc::testing
