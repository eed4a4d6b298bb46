// Where the card finds memory that a program names by address.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

namespace exalloc {

// Of bytes in a segment on the card, or of host memory that the card reaches. Opens the card;
// throws what that throws.
std::optional<std::uint64_t> device_address(const void* at, std::size_t bytes);

}  // namespace exalloc
