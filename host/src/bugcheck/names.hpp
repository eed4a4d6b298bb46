// The bug checks in words.
#pragma once

#include <cstdint>
#include <string_view>

#include "exalloc/bugcheck.h"

namespace exalloc {

// Empty for a code that is the program's own.
constexpr std::string_view bug_check_name(std::uint32_t code) noexcept {
  switch (code) {
    case BAD_POOL_HEADER:
      return "BAD_POOL_HEADER";
    case MUST_SUCCEED_POOL_EMPTY:
      return "MUST_SUCCEED_POOL_EMPTY";
    case BAD_POOL_CALLER:
      return "BAD_POOL_CALLER";
    default:
      return {};
  }
}

// What the parameters stand for; empty where that is not known.
constexpr std::string_view bug_check_meaning(std::uint32_t code, std::uint64_t p1) noexcept {
  if (code == BAD_POOL_HEADER) {
    if (p1 == 0x20) return "the block's header was overwritten; P2: the block";
    if (p1 == 0x21) return "something was written beyond the block's end; P2: the block";
  }
  if (code == MUST_SUCCEED_POOL_EMPTY)
    return "P1: bytes asked for; P2: pages in use; P3: requests of a page or more; P4: pages left";
  if (code != BAD_POOL_CALLER) return {};
  switch (p1) {
    case POOL_CALLER_FREED_TWICE:
      return "freed twice; P3: the header's tag and size; P4: the block";
    case POOL_CALLER_WRONG_TAG:
      return "freed with another tag; P2: the block; P3: its tag; P4: the tag given";
    case POOL_CALLER_NOT_A_BLOCK:
      return "not where a pool block begins; P2: the address";
    case POOL_CALLER_NOT_POOL:
      return "NULL, or no address of the pool's; P2: the address";
    case POOL_CALLER_TAG_ZERO:
      return "the tag is 0; P2: pool type; P3: bytes; P4: the caller";
    case POOL_CALLER_TAG_BIG:
      return "the tag is 'BIG '; P2: pool type; P3: bytes; P4: the caller";
    case POOL_CALLER_TAG_NO_LETTER:
      return "the tag has no letter or digit; P2: the tag; P3: pool type; P4: the caller";
    default:
      return {};
  }
}

}  // namespace exalloc
