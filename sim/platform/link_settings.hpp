// What a PCIe link and the host behind it are like: figures, and the presets that have names.
// docs/platform.md tells where each comes from.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "platform/latency.hpp"

namespace exalloc::sim {

// Bytes on the wire beside the payload: framing, sequence number, header with a 64-bit address,
// LCRC.
inline constexpr unsigned request_overhead = 24;
inline constexpr unsigned completion_overhead = 20;

struct link_settings {
  std::string_view name;
  unsigned generation = 0;  // 3 or 4; 0: no time passes on the link
  unsigned lanes = 0;
  unsigned max_payload = 256;  // of a write or a completion
  unsigned max_read_request = 512;
  unsigned tags = 64;                 // reads of the card under way
  unsigned posted_credits = 128;      // TLPs that the receiver has room for
  unsigned non_posted_credits = 128;  // completions always have room

  latency_table wire;                  // either way: PHY and data link of both ends
  latency_table register_issue;        // processor to link
  latency_table register_answer;       // link to processor
  latency_table host_read;             // root complex and memory, for the card's reads
  latency_table host_write;            // root complex, until processors see it
  std::uint32_t register_path_ns = 0;  // in the card's shell, either way
  std::uint32_t memory_path_ns = 0;    // the same for the card's own reads and writes

  std::uint64_t seed = 1;

  bool has_rate() const { return generation != 0; }
  // What is left for TLPs in one direction, after encoding and data link packets.
  std::uint64_t bytes_per_second() const;

  // Medians of what one piece of traffic takes on an idle link, from end to end without the card.
  std::uint64_t register_read_ns() const;
  std::uint64_t doorbell_ns() const;
  std::uint64_t memory_read_ns(unsigned bytes) const;
  std::uint64_t memory_write_ns(unsigned bytes) const;

 private:
  std::uint64_t wire_ns(unsigned bytes) const;
};

// TLPs that so many bytes are cut into.
constexpr unsigned pieces(unsigned bytes, unsigned most) { return (bytes + most - 1) / most; }

std::span<const link_settings> link_presets();
// Throws std::invalid_argument with the names there are.
link_settings link_preset(std::string_view name);

}  // namespace exalloc::sim
